//! The tools, and the table that names them.

pub mod cat;
pub mod date;
pub mod echo;
pub mod kill;
pub mod ls;
pub mod printf;
pub mod sleep;
pub mod test;

use crate::tool::{Ran, Tool};

type Applet = fn(&mut Tool, &[String]) -> Ran;

/// Names in order, as `busybox --list` prints them. The shell is not one of these functions.
const APPLETS: &[(&str, Applet)] = &[
    ("[", test::main),
    ("cat", cat::main),
    ("date", date::main),
    ("echo", echo::main),
    ("false", |_, _| Ok(1)),
    ("kill", kill::main),
    ("ls", ls::main),
    ("printf", printf::main),
    ("sleep", sleep::main),
    ("test", test::main),
    ("true", |_, _| Ok(0)),
];

/// Other names of the shell.
const SHELLS: [&str; 3] = ["ash", "bash", "sh"];

fn find(name: &str) -> Option<Applet> {
    APPLETS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, applet)| *applet)
}

/// Whether this program has a tool of that name.
pub fn is_applet(name: &str) -> bool {
    SHELLS.contains(&name) || find(name).is_some()
}

/// Runs the tool `name`; `arguments` begin with how it was called.
pub fn run(name: &str, arguments: &[String]) -> u8 {
    if SHELLS.contains(&name) {
        return crate::sh::main(arguments);
    }
    let mut tool = Tool::new(name);
    let Some(applet) = find(name) else {
        tool.write_error(format!("{name}: applet not found\n").as_bytes());
        return 127;
    };
    let status = applet(&mut tool, arguments).unwrap_or_else(|message| {
        tool.complain(message);
        1
    });
    tool.finish(status)
}

/// Runs the program under its own name: `busybox TOOL ARGUMENT…`, or `busybox --list`.
pub fn busybox(arguments: &[String]) -> u8 {
    let mut names: Vec<&str> = APPLETS
        .iter()
        .map(|(name, _)| *name)
        .chain(SHELLS)
        .collect();
    names.sort_unstable();
    match arguments.get(1).map(String::as_str) {
        Some("--list") => {
            let mut tool = Tool::new("busybox");
            names.iter().for_each(|name| tool.line(name));
            tool.finish(0)
        }
        None | Some("--help") => {
            let mut tool = Tool::new("busybox");
            tool.line("Usage: busybox [function [arguments]...]\n   or: busybox --list\n");
            tool.line(format_args!(
                "Currently defined functions:\n\t{}",
                names.join(", ")
            ));
            tool.finish(0)
        }
        Some(name) => run(crate::base_name(name), &arguments[1..]),
    }
}

/// The text of an error of the system, as busybox prints it.
pub fn reason(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "No such file or directory".to_owned(),
        ErrorKind::PermissionDenied => "Permission denied".to_owned(),
        ErrorKind::AlreadyExists => "File exists".to_owned(),
        ErrorKind::NotADirectory => "Not a directory".to_owned(),
        ErrorKind::IsADirectory => "Is a directory".to_owned(),
        ErrorKind::DirectoryNotEmpty => "Directory not empty".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "Read-only file system".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_owned()
        }
    }
}
