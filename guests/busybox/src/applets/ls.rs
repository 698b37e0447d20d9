//! `ls`.

use super::reason;
use crate::files::Stat;
use crate::time::Date;
use crate::tool::{Options, Ran, Tool};
use std::cmp::Reverse;

struct Entry {
    name: String,
    path: String,
    stat: Stat,
}

/// Columns of a terminal whose width is unknown.
const WIDTH: usize = 80;
/// Files older than this, in seconds, show their year: half a year, as in coreutils.
const RECENT_S: i64 = 15_778_476;

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [
        ("all", 'a'),
        ("almost-all", 'A'),
        ("recursive", 'R'),
        ("full-time", 'e'),
        ("color", 'q'),
        ("human-readable", 'h'),
    ];
    let options = Options::read(arguments, "1AaCxdLHRFplinshrSXvctueq", &long)?;
    let mut status = 0;
    let (mut files, mut directories) = (Vec::new(), Vec::new());
    let here = [".".to_owned()];
    let operands = if options.operands.is_empty() {
        &here
    } else {
        options.operands.as_slice()
    };
    for path in operands {
        let follow = options.has('L')
            || options.has('H')
            || !(options.has('l') || options.has('d') || options.has('F'));
        match Stat::read(path, follow).or_else(|_| Stat::read(path, false)) {
            Ok(stat) => {
                let entry = Entry {
                    name: path.clone(),
                    path: path.clone(),
                    stat,
                };
                if stat.is_directory() && !options.has('d') {
                    directories.push(entry);
                } else {
                    files.push(entry);
                }
            }
            Err(error) => {
                tool.complain(format_args!("{path}: {}", reason(&error)));
                status = 1;
            }
        }
    }
    let titled = operands.len() > 1 || options.has('R');
    let mut separate = !files.is_empty();
    sort(&mut files, &options);
    show(tool, &files, &options);
    sort(&mut directories, &options);
    directories.reverse();
    while let Some(directory) = directories.pop() {
        if std::mem::replace(&mut separate, true) {
            tool.line("");
        }
        if titled {
            tool.line(format_args!("{}:", directory.path));
        }
        match entries(&directory.path, &options) {
            Ok(entries) => directories.extend(show_directory(tool, entries, &options)),
            Err(error) => {
                let path = &directory.path;
                tool.complain(format_args!("can't open '{path}': {}", reason(&error)));
                status = 1;
            }
        }
    }
    Ok(status)
}

/// Shows what is in a directory; with `-R` returns the directories below, the first one last.
fn show_directory(tool: &mut Tool, mut entries: Vec<Entry>, options: &Options) -> Vec<Entry> {
    sort(&mut entries, options);
    if options.has('l') || options.has('s') {
        let blocks: u64 = entries.iter().map(|entry| entry.stat.blocks / 2).sum();
        tool.line(format_args!("total {blocks}"));
    }
    show(tool, &entries, options);
    let is_below = |entry: &Entry| {
        options.has('R') && entry.stat.is_directory() && entry.name != "." && entry.name != ".."
    };
    entries.into_iter().rev().filter(is_below).collect()
}

fn entries(directory: &str, options: &Options) -> std::io::Result<Vec<Entry>> {
    let mut names: Vec<String> = Vec::new();
    if options.has('a') {
        names.extend([".".to_owned(), "..".to_owned()]);
    }
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') || options.has('a') || options.has('A') {
            names.push(name);
        }
    }
    let below = |name: &str| {
        if directory.ends_with('/') {
            format!("{directory}{name}")
        } else {
            format!("{directory}/{name}")
        }
    };
    let entry = |name: String| {
        let path = below(&name);
        // The parent of a root may be out of sight; it is the root itself. What has just gone is left out.
        let stat = Stat::read(&path, options.has('L')).or_else(|_| Stat::read(&path, false));
        let stat = stat
            .or_else(|error| {
                if name == ".." {
                    Stat::read(directory, true)
                } else {
                    Err(error)
                }
            })
            .ok()?;
        Some(Entry { name, path, stat })
    };
    Ok(names.into_iter().filter_map(entry).collect())
}

fn sort(entries: &mut [Entry], options: &Options) {
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    match options.last_of("tSX") {
        Some('t') => {
            entries.sort_by_key(|entry| Reverse((entry.stat.modified_s, entry.stat.modified_ns)));
        }
        Some('S') => entries.sort_by_key(|entry| Reverse(entry.stat.size)),
        Some(_) => entries.sort_by(|a, b| extension(&a.name).cmp(extension(&b.name))),
        None => {}
    }
    if options.has('r') {
        entries.reverse();
    }
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn show(tool: &mut Tool, entries: &[Entry], options: &Options) {
    let name = |entry: &Entry| {
        let mark = match options.last_of("Fp") {
            Some(_) if entry.stat.is_directory() => "/",
            Some('F') if entry.stat.is_symlink() => "@",
            Some('F') if entry.stat.is_regular() && entry.stat.mode & 0o111 != 0 => "*",
            _ => "",
        };
        let inode = if options.has('i') {
            format!("{:7} ", entry.stat.inode)
        } else {
            String::new()
        };
        let blocks = if options.has('s') {
            format!("{:4} ", entry.stat.blocks / 2)
        } else {
            String::new()
        };
        (format!("{inode}{blocks}"), format!("{}{mark}", entry.name))
    };
    if options.has('l') || options.has('n') || options.has('e') {
        let now = Date::now().seconds;
        for entry in entries {
            let (before, name) = name(entry);
            let details = details(entry, options, now);
            tool.line(format_args!("{before}{details} {name}{}", target(entry)));
        }
        return;
    }
    let names: Vec<String> = entries
        .iter()
        .map(name)
        .map(|(before, name)| before + &name)
        .collect();
    let in_columns = match options.last_of("1C") {
        Some('1') => false,
        Some(_) => true,
        None => tool.is_terminal(),
    };
    if !in_columns {
        names.iter().for_each(|name| tool.line(name));
        return;
    }
    let width = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0)
        + 2;
    let columns = (WIDTH / width).max(1);
    let rows = names.len().div_ceil(columns);
    for row in 0..rows {
        let cells: String = names
            .iter()
            .skip(row)
            .step_by(rows)
            .map(|name| format!("{name:width$}"))
            .collect();
        tool.line(cells.trim_end());
    }
}

fn details(entry: &Entry, options: &Options, now: i64) -> String {
    let stat = &entry.stat;
    let owner = if options.has('n') {
        "0        0       "
    } else {
        "root     root    "
    };
    let size = if options.has('h') {
        human(stat.size)
    } else {
        stat.size.to_string()
    };
    let date = Date::new(stat.modified_s, stat.modified_ns);
    let is_recent = (now - RECENT_S..=now + 60).contains(&date.seconds);
    let format = match options.has('e') {
        true => "%a %b %e %H:%M:%S %Y",
        false if is_recent => "%b %e %H:%M",
        false => "%b %e  %Y",
    };
    format!(
        "{} {:4} {owner} {size:>9} {}",
        stat.mode_text(),
        stat.links,
        date.format(format)
    )
}

fn target(entry: &Entry) -> String {
    if !entry.stat.is_symlink() {
        return String::new();
    }
    std::fs::read_link(&entry.path)
        .map_or(String::new(), |target| format!(" -> {}", target.display()))
}

/// A size as `ls -h` shows it.
pub fn human(size: u64) -> String {
    let mut value = size as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit < 5 {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => size.to_string(),
        unit => format!("{value:.1}{}", ["", "K", "M", "G", "T", "P"][unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_sizes_for_people() {
        for (size, expected) in [(0, "0"), (1023, "1023"), (1536, "1.5K"), (3 << 20, "3.0M")] {
            assert_eq!(human(size), expected);
        }
    }
}
