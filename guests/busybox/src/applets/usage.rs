//! `stat`, `df`, `du`.

use super::ls::human;
use super::reason;
use crate::files::Stat;
use crate::time::Date;
use crate::tool::{Options, Ran, Tool};
use std::fs;

/// Directories inside each other that are visited.
const DEPTH_MAX: u32 = 256;

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

/// The mounts of `/proc/mounts`. WASI tells no sizes of file systems; what files use is counted.
pub fn df(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "kmhPTai", &[("human-readable", 'h')])?;
    let mounts = fs::read_to_string("/proc/mounts")
        .map_err(|error| format!("/proc/mounts: {}", reason(&error)))?;
    let mut rows: Vec<(String, String, String)> = Vec::new();
    for line in mounts.lines() {
        let mut fields = line.split(' ');
        if let (Some(device), Some(directory), Some(kind)) =
            (fields.next(), fields.next(), fields.next())
        {
            rows.push((
                device.to_owned(),
                directory.replace("\\040", " "),
                kind.to_owned(),
            ));
        }
    }
    let wanted = |directory: &str| {
        options.operands.is_empty()
            || options
                .operands
                .iter()
                .any(|path| crate::tool::absolute(path).starts_with(directory))
    };
    let kind_title = if options.has('T') { " Type      " } else { "" };
    tool.line(format_args!(
        "Filesystem          {kind_title}1K-blocks      Used Available Use% Mounted on"
    ));
    for (device, directory, kind) in &rows {
        let is_virtual = matches!(
            kind.as_str(),
            "proc" | "sysfs" | "devpts" | "mqueue" | "devtmpfs"
        );
        if is_virtual && !options.has('a') && options.operands.is_empty() || !wanted(directory) {
            continue;
        }
        let others: Vec<&str> = rows
            .iter()
            .map(|(_, other, _)| other.as_str())
            .filter(|other| *other != directory)
            .collect();
        let used = Count { mounts: &others }.blocks(directory, 0) * 512;
        let used = if options.has('h') {
            human(used)
        } else {
            (used / 1024).to_string()
        };
        let kind = if options.has('T') {
            format!(" {kind:<10}")
        } else {
            String::new()
        };
        tool.line(format_args!(
            "{device:<20}{kind}{:>9} {used:>9} {:>9} {:>4} {directory}",
            "-", "-", "-"
        ));
    }
    Ok(0)
}

/// Adds up a tree without what is mounted in it.
struct Count<'a> {
    mounts: &'a [&'a str],
}

impl Count<'_> {
    fn blocks(&self, path: &str, depth: u32) -> u64 {
        let Ok(stat) = Stat::read(path, false) else {
            return 0;
        };
        if !stat.is_directory() || depth > DEPTH_MAX {
            return stat.blocks;
        }
        let names = super::trees::names(path).unwrap_or_default();
        let below = names
            .iter()
            .map(|name| format!("{}/{name}", path.trim_end_matches('/')));
        below
            .filter(|path| !self.mounts.contains(&path.as_str()))
            .map(|path| self.blocks(&path, depth + 1))
            .sum()
    }
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
