//! `sed`.

use super::reason;
use crate::regex::Grammar;
use crate::sys::How;
use crate::tool::{Options, Ran, Tool};
use std::collections::VecDeque;

pub mod editor;
pub mod script;

use editor::Editor;

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [
        ("expression", 'e'),
        ("file", 'f'),
        ("quiet", 'n'),
        ("silent", 'n'),
        ("regexp-extended", 'r'),
        ("in-place", 'i'),
    ];
    let arguments = attach_suffix(arguments);
    let mut options = Options::read(&arguments, "nrEe:f:i:sz", &long)?;
    let mut text: Vec<String> = options.values('e').map(str::to_owned).collect();
    for path in options.values('f') {
        let script =
            std::fs::read_to_string(path).map_err(|error| format!("{path}: {}", reason(&error)))?;
        text.push(script.strip_suffix('\n').unwrap_or(&script).to_owned());
    }
    if text.is_empty() {
        if options.operands.is_empty() {
            return Err("no script".to_owned());
        }
        text.push(options.operands.remove(0));
    }
    let grammar = if options.has('r') || options.has('E') {
        Grammar::Extended
    } else {
        Grammar::Basic
    };
    let text = text.join("\n");
    let (commands, quiet) = script::parse(&text, grammar)?;
    let mut editor = Editor::new(commands, quiet || options.has('n'));
    let paths = if options.operands.is_empty() {
        vec!["-".to_owned()]
    } else {
        options.operands.clone()
    };
    if !options.has('i') {
        return editor.run(tool, paths.into());
    }
    edit_in_place(tool, &mut editor, &paths, options.value('i').unwrap_or(""))
}

/// Replaces each file by what the script makes of it; `suffix` names the copies that are kept.
fn edit_in_place(tool: &mut Tool, editor: &mut Editor, paths: &[String], suffix: &str) -> Ran {
    for path in paths {
        if std::fs::symlink_metadata(path).is_err() {
            tool.complain(format_args!("{path}: No such file or directory"));
            editor.status = 4;
            continue;
        }
        editor.begin_file();
        editor.run(tool, VecDeque::from([path.clone()]))?;
        if !suffix.is_empty() {
            std::fs::copy(path, format!("{path}{suffix}"))
                .map_err(|error| format!("{path}: {}", reason(&error)))?;
        }
        let output = editor.output.take().unwrap_or_default();
        tool.create(path, How::CREATE)?
            .write(&output)
            .map_err(|error| format!("{path}: {error}"))?;
    }
    Ok(editor.status)
}

/// `-i` takes its suffix only if it is attached: marks it as given, so that no operand is taken for it.
fn attach_suffix(arguments: &[String]) -> Vec<String> {
    let mut result = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "-i" | "--in-place" => result.push("--in-place=".to_owned()),
            "-ni" | "-ri" | "-Ei" => {
                result.push(argument[..2].to_owned());
                result.push("--in-place=".to_owned());
            }
            _ => result.push(argument.clone()),
        }
    }
    result
}
