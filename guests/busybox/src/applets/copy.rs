//! `cp`, `mv`, `ln`.

use super::reason;
use super::trees::{DEPTH_MAX, for_each, moment, names, remove_tree};
use crate::files::Stat;
use crate::tool::{Options, Ran, Tool};
use std::fs;
use std::io;
use std::path::PathBuf;

/// Where an operand goes: into the last one if that is a directory.
fn target(operand: &str, last: &str, into: bool) -> String {
    if !into {
        return last.to_owned();
    }
    let name = operand
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(operand);
    format!("{}/{name}", last.trim_end_matches('/'))
}

/// Operands and the last one, and whether that is a directory they go into.
fn sources(options: &Options) -> Result<(&[String], &str, bool), String> {
    if let Some(directory) = options.value('t') {
        return Ok((&options.operands, directory, true));
    }
    let (last, sources) = options.operands.split_last().ok_or("missing operand")?;
    if sources.is_empty() {
        return Err("missing operand".to_owned());
    }
    let is_directory =
        fs::metadata(last).is_ok_and(|metadata| metadata.is_dir()) && !options.has('T');
    if sources.len() > 1 && !is_directory {
        return Err(format!("target '{last}' is not a directory"));
    }
    Ok((sources, last, is_directory))
}

pub fn cp(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [
        ("recursive", 'r'),
        ("archive", 'a'),
        ("force", 'f'),
        ("no-clobber", 'n'),
        ("verbose", 'v'),
        ("target-directory", 't'),
    ];
    let options = Options::read(arguments, "adfiHLlsPpRrTunvt:", &long)?;
    let (operands, last, into) = sources(&options)?;
    let recursive = ['a', 'r', 'R']
        .into_iter()
        .any(|letter| options.has(letter));
    let follow = options.has('L') || !(recursive || options.has('d') || options.has('P'));
    let operands = operands.to_vec();
    for_each(tool, &operands, |tool, from| {
        let to = target(from, last, into);
        copy(
            tool,
            from,
            &to,
            &Copy {
                recursive,
                follow,
                options: &options,
            },
            0,
        )
    })
}

struct Copy<'a> {
    recursive: bool,
    follow: bool,
    options: &'a Options,
}

fn copy(tool: &mut Tool, from: &str, to: &str, how: &Copy<'_>, depth: u32) -> Result<(), String> {
    let stat = Stat::read(from, how.follow)
        .map_err(|error| format!("can't stat '{from}': {}", reason(&error)))?;
    let existing = Stat::read(to, true).ok();
    if existing.is_some_and(|known| {
        (known.device, known.inode) == (stat.device, stat.inode) && !stat.is_symlink()
    }) {
        return Err(format!("'{from}' and '{to}' are the same file"));
    }
    if stat.is_directory() {
        return copy_directory(tool, from, to, how, depth);
    }
    if how.options.has('n') && existing.is_some() {
        return Ok(());
    }
    if how.options.has('u') && existing.is_some_and(|known| known.modified_s >= stat.modified_s) {
        return Ok(());
    }
    if existing.is_some_and(|known| known.is_directory()) {
        return Err(format!("can't create '{to}': Is a directory"));
    }
    if stat.is_symlink() {
        let link = fs::read_link(from)
            .map_err(|error| format!("can't read link '{from}': {}", reason(&error)))?;
        // An existing file gives way to the link.
        let _ = fs::remove_file(to);
        symlink(&link.to_string_lossy(), to)
            .map_err(|error| format!("can't create symlink '{to}': {}", reason(&error)))?;
    } else {
        let mut source = fs::File::open(from)
            .map_err(|error| format!("can't open '{from}': {}", reason(&error)))?;
        let mut file = fs::File::create(to);
        if file.is_err() && how.options.has('f') {
            // The second attempt says why it fails.
            let _ = fs::remove_file(to);
            file = fs::File::create(to);
        }
        let mut file = file.map_err(|error| format!("can't create '{to}': {}", reason(&error)))?;
        io::copy(&mut source, &mut file)
            .map_err(|error| format!("error copying '{from}': {}", reason(&error)))?;
        if how.options.has('p') || how.options.has('a') {
            let modified = moment(stat.modified_s, stat.modified_ns);
            file.set_modified(modified)
                .map_err(|error| format!("can't preserve times of '{to}': {}", reason(&error)))?;
        }
    }
    if how.options.has('v') {
        tool.line(format_args!("'{from}' -> '{to}'"));
    }
    Ok(())
}

fn copy_directory(
    tool: &mut Tool,
    from: &str,
    to: &str,
    how: &Copy<'_>,
    depth: u32,
) -> Result<(), String> {
    if !how.recursive {
        return Err(format!("omitting directory '{from}'"));
    }
    if depth > DEPTH_MAX {
        return Err(format!("'{from}': nested too deeply"));
    }
    let inside = |path: &str| {
        fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(crate::tool::absolute(path)))
    };
    if depth == 0 && inside(to).starts_with(inside(from)) {
        return Err(format!("can't copy '{from}' into itself"));
    }
    if !fs::metadata(to).is_ok_and(|metadata| metadata.is_dir()) {
        fs::create_dir(to)
            .map_err(|error| format!("can't create directory '{to}': {}", reason(&error)))?;
    }
    let mut failed = None;
    for name in names(from).map_err(|error| format!("can't open '{from}': {}", reason(&error)))? {
        if let Err(message) = copy(
            tool,
            &format!("{from}/{name}"),
            &format!("{to}/{name}"),
            how,
            depth + 1,
        ) && let Some(earlier) = failed.replace(message)
        {
            tool.complain(earlier);
        }
    }
    failed.map_or(Ok(()), Err)
}

pub fn mv(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        arguments,
        "finTvt:",
        &[("force", 'f'), ("no-clobber", 'n'), ("verbose", 'v')],
    )?;
    let (operands, last, into) = sources(&options)?;
    let operands = operands.to_vec();
    for_each(tool, &operands, |tool, from| {
        let to = target(from, last, into);
        if options.has('n') && fs::symlink_metadata(&to).is_ok() {
            return Ok(());
        }
        match fs::rename(from, &to) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                let how = Copy {
                    recursive: true,
                    follow: false,
                    options: &Options::read(&["cp".to_owned(), "-p".to_owned()], "p", &[])?,
                };
                copy(tool, from, &to, &how, 0)?;
                match Stat::read(from, false).is_ok_and(|stat| stat.is_directory()) {
                    true => remove_tree(from, 0)?,
                    false => fs::remove_file(from)
                        .map_err(|error| format!("can't remove '{from}': {}", reason(&error)))?,
                }
            }
            Err(error) => return Err(format!("can't rename '{from}': {}", reason(&error))),
        }
        if options.has('v') {
            tool.line(format_args!("'{from}' -> '{to}'"));
        }
        Ok(())
    })
}

pub fn ln(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        arguments,
        "sfnbvTt:",
        &[("symbolic", 's'), ("force", 'f'), ("verbose", 'v')],
    )?;
    let single;
    let (operands, last, into) = match options.operands.as_slice() {
        [only] if !options.has('t') => {
            single = [only.clone()];
            (&single[..], ".", true)
        }
        _ => sources(&options)?,
    };
    let into =
        into && !(options.has('n') && Stat::read(last, false).is_ok_and(|stat| stat.is_symlink()));
    let operands = operands.to_vec();
    for_each(tool, &operands, |tool, from| {
        let to = target(from, last, into);
        if options.has('f') && fs::symlink_metadata(&to).is_ok() {
            // If it stays, linking says why.
            let _ = fs::remove_file(&to);
        }
        let linked = match options.has('s') {
            true => symlink(from, &to),
            false => fs::hard_link(from, &to),
        };
        linked.map_err(|error| format!("{to}: {}", reason(&error)))?;
        if options.has('v') {
            tool.line(format_args!("'{to}' -> '{from}'"));
        }
        Ok(())
    })
}

pub fn symlink(target: &str, path: &str) -> io::Result<()> {
    let terminated = |text: &str| {
        std::ffi::CString::new(text).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
    };
    let (target, path) = (terminated(target)?, terminated(path)?);
    // SAFETY: two terminated strings.
    let result = unsafe { libc::symlink(target.as_ptr(), path.as_ptr()) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
