//! `stat`, `du`.

use super::ls::human;
use super::reason;
use crate::files::Stat;
use crate::time::Date;
use crate::tool::{Options, Ran, Tool};
use std::fs;

/// Directories inside each other that are visited.
pub(super) const DEPTH_MAX: u32 = 256;

pub fn stat(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "c:fLt", &[("format", 'c'), ("dereference", 'L')])?;
    if options.operands.is_empty() {
        return Err("missing operand".to_owned());
    }
    let mut status = 0;
    for path in &options.operands {
        match Stat::read(path, options.has('L')) {
            Ok(stat) => match options.value('c') {
                Some(format) => tool.line(formatted(format, path, &stat)),
                None => tool.print(description(path, &stat)),
            },
            Err(error) => {
                tool.complain(format_args!("can't stat '{path}': {}", reason(&error)));
                status = 1;
            }
        }
    }
    Ok(status)
}

fn shown_name(path: &str, stat: &Stat) -> String {
    match fs::read_link(path) {
        Ok(target) if stat.is_symlink() => format!("'{path}' -> '{}'", target.display()),
        _ => path.to_owned(),
    }
}

fn description(path: &str, stat: &Stat) -> String {
    let time = |seconds, nanoseconds| Date::new(seconds, nanoseconds).format("%F %T.%N %z");
    format!(
        "  File: {}\n  Size: {:<10}\tBlocks: {:<10} IO Block: 4096   {}\nDevice: {:x}h/{}d\tInode: {:<10}  Links: {}\n\
         Access: ({:04o}/{})  Uid: (    0/    root)   Gid: (    0/    root)\n\
         Access: {}\nModify: {}\nChange: {}\n",
        shown_name(path, stat),
        stat.size,
        stat.blocks,
        stat.kind_text(),
        stat.device,
        stat.device,
        stat.inode,
        stat.links,
        stat.mode & 0o7777,
        stat.mode_text(),
        time(stat.accessed_s, 0),
        time(stat.modified_s, stat.modified_ns),
        time(stat.changed_s, 0),
    )
}

fn formatted(format: &str, path: &str, stat: &Stat) -> String {
    let time = |seconds, nanoseconds| Date::new(seconds, nanoseconds).format("%F %T.%N %z");
    let mut output = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            output.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => output.push_str(path),
            Some('N') => output.push_str(&shown_name(path, stat)),
            Some('s') => output.push_str(&stat.size.to_string()),
            Some('b') => output.push_str(&stat.blocks.to_string()),
            Some('B') => output.push_str("512"),
            Some('o') => output.push_str("4096"),
            Some('a') => output.push_str(&format!("{:o}", stat.mode & 0o7777)),
            Some('A') => output.push_str(&stat.mode_text()),
            Some('f') => output.push_str(&format!("{:x}", stat.mode)),
            Some('F') => output.push_str(stat.kind_text()),
            Some('i') => output.push_str(&stat.inode.to_string()),
            Some('d') => output.push_str(&stat.device.to_string()),
            Some('D') => output.push_str(&format!("{:x}", stat.device)),
            Some('h') => output.push_str(&stat.links.to_string()),
            Some('u' | 'g') => output.push('0'),
            Some('U' | 'G') => output.push_str("root"),
            Some('x') => output.push_str(&time(stat.accessed_s, 0)),
            Some('X') => output.push_str(&stat.accessed_s.to_string()),
            Some('y') => output.push_str(&time(stat.modified_s, stat.modified_ns)),
            Some('Y') => output.push_str(&stat.modified_s.to_string()),
            Some('z') => output.push_str(&time(stat.changed_s, 0)),
            Some('Z') => output.push_str(&stat.changed_s.to_string()),
            Some('%') | None => output.push('%'),
            Some(other) => output.extend(['%', other]),
        }
    }
    output
}

pub fn du(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [
        ("summarize", 's'),
        ("all", 'a'),
        ("human-readable", 'h'),
        ("max-depth", 'd'),
        ("total", 'c'),
        ("bytes", 'b'),
    ];
    let options = Options::read(arguments, "aHLd:clsxhmkb", &long)?;
    let mut walk = Walk {
        all: options.has('a'),
        depth: if options.has('s') {
            0
        } else {
            options.number('d')?.unwrap_or(DEPTH_MAX)
        },
        status: 0,
    };
    let unit = |bytes: u64| match options.last_of("hmkb") {
        Some('h') => human(bytes),
        Some('m') => bytes.div_ceil(1 << 20).to_string(),
        Some('b') => bytes.to_string(),
        _ => bytes.div_ceil(1024).to_string(),
    };
    let here = [".".to_owned()];
    let operands = if options.operands.is_empty() {
        &here
    } else {
        options.operands.as_slice()
    };
    let mut total = 0;
    for path in operands {
        total += walk.visit(
            tool,
            path,
            0,
            &|tool, bytes, path| tool.line(format_args!("{}\t{path}", unit(bytes))),
            options.has('b'),
        );
    }
    if options.has('c') {
        tool.line(format_args!("{}\ttotal", unit(total)));
    }
    Ok(walk.status)
}

struct Walk {
    all: bool,
    depth: u32,
    status: u8,
}

impl Walk {
    fn visit(
        &mut self,
        tool: &mut Tool,
        path: &str,
        depth: u32,
        show: &dyn Fn(&mut Tool, u64, &str),
        exact: bool,
    ) -> u64 {
        let stat = match Stat::read(path, false) {
            Ok(stat) => stat,
            Err(error) => {
                tool.complain(format_args!("{path}: {}", reason(&error)));
                self.status = 1;
                return 0;
            }
        };
        let mut bytes = if exact { stat.size } else { stat.blocks * 512 };
        if stat.is_directory() && depth < DEPTH_MAX {
            match super::trees::names(path) {
                Ok(names) => {
                    for name in names {
                        bytes += self.visit(
                            tool,
                            &format!("{}/{name}", path.trim_end_matches('/')),
                            depth + 1,
                            show,
                            exact,
                        );
                    }
                }
                Err(error) => {
                    tool.complain(format_args!("can't open '{path}': {}", reason(&error)));
                    self.status = 1;
                }
            }
        }
        if depth <= self.depth && (stat.is_directory() || self.all || depth == 0) {
            show(tool, bytes, path);
        }
        bytes
    }
}
