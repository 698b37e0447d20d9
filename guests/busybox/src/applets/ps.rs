//! `ps`: plain as in busybox, and with the letters of BSD or System V as in procps.

use super::names::user_name;
use crate::sys::{self, ProcessInfo};
use crate::time::Date;
use crate::tool::{Ran, Tool};

/// A column: its title, and the least width (negative: aligned to the left).
struct Column {
    name: String,
    title: String,
}

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let columns = columns(arguments)?;
    let now = Date::now();
    let processes = sys::list();
    let total: u64 = processes.iter().map(|process| process.memory).sum();
    let rows: Vec<Vec<String>> = processes
        .iter()
        .map(|process| {
            columns
                .iter()
                .map(|column| value(&column.name, process, &now, total))
                .collect()
        })
        .collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let least = KNOWN
                .iter()
                .find(|(name, ..)| *name == column.name)
                .map_or(0, |(_, _, width, _)| *width);
            rows.iter()
                .map(|row| row[index].chars().count())
                .chain([column.title.len(), least])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let titles: Vec<String> = columns.iter().map(|column| column.title.clone()).collect();
    for row in [titles].iter().chain(&rows) {
        let cells = row
            .iter()
            .zip(&widths)
            .zip(&columns)
            .map(|((cell, width), column)| {
                let right = KNOWN
                    .iter()
                    .any(|(name, _, _, right)| *name == column.name && *right);
                if right {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            });
        tool.line(cells.collect::<Vec<_>>().join(" ").trim_end());
    }
    Ok(0)
}

fn columns(arguments: &[String]) -> Result<Vec<Column>, String> {
    let mut columns: Vec<Column> = Vec::new();
    let (mut bsd, mut system_v) = (false, false);
    let mut rest = arguments[1..].iter();
    while let Some(argument) = rest.next() {
        if let Some(list) = argument
            .strip_prefix("-o")
            .or_else(|| (argument == "o").then_some(""))
        {
            let list = if list.is_empty() {
                rest.next().ok_or("option requires an argument -- 'o'")?
            } else {
                list
            };
            columns.extend(
                list.split([',', ' '])
                    .filter(|name| !name.is_empty())
                    .map(column),
            );
            continue;
        }
        let letters = argument.trim_start_matches('-');
        if argument.starts_with('-') {
            system_v |= letters.contains('f');
        }
        bsd |= letters.contains('u');
    }
    if let Some(unknown) = columns
        .iter()
        .find(|column| !KNOWN.iter().any(|(name, ..)| *name == column.name))
    {
        return Err(format!(
            "bad -o argument '{}', supported arguments: {}",
            unknown.name,
            KNOWN.map(|(name, ..)| name).join(",")
        ));
    }
    if columns.is_empty() {
        let names = match (bsd, system_v) {
            (true, _) => "user,pid,pcpu,pmem,vsz,rss,tty,stat,start,time,command",
            (false, true) => "uid,pid,ppid,c,stime,tty,time,cmd",
            (false, false) => "pid,user,time,args",
        };
        columns = names.split(',').map(column).collect();
        if !bsd && !system_v {
            "COMMAND".clone_into(&mut columns[3].title);
        }
    }
    Ok(columns)
}

/// Name, title, least width, and whether it is aligned to the right.
const KNOWN: [(&str, &str, usize, bool); 24] = [
    ("user", "USER", 8, false),
    ("uid", "UID", 8, false),
    ("ruser", "RUSER", 8, false),
    ("group", "GROUP", 8, false),
    ("pid", "PID", 5, true),
    ("ppid", "PPID", 5, true),
    ("pgid", "PGID", 5, true),
    ("pcpu", "%CPU", 4, true),
    ("pmem", "%MEM", 4, true),
    ("vsz", "VSZ", 6, true),
    ("rss", "RSS", 5, true),
    ("tty", "TTY", 8, false),
    ("stat", "STAT", 4, false),
    ("start", "START", 5, false),
    ("stime", "STIME", 5, false),
    ("etime", "ELAPSED", 7, true),
    ("time", "TIME", 5, true),
    ("c", "C", 1, true),
    ("nice", "NI", 2, true),
    ("comm", "COMMAND", 16, false),
    ("args", "COMMAND", 0, false),
    ("command", "COMMAND", 0, false),
    ("cmd", "CMD", 0, false),
    ("container", "CONTAINER", 9, false),
];

fn column(text: &str) -> Column {
    let (name, title) = text
        .split_once('=')
        .map_or((text, None), |(name, title)| (name, Some(title)));
    let name = match name {
        "%cpu" => "pcpu",
        "%mem" => "pmem",
        "vsize" => "vsz",
        "s" | "state" => "stat",
        "tt" | "tname" => "tty",
        "ucmd" => "comm",
        "cputime" => "time",
        name => name,
    };
    let known = KNOWN
        .iter()
        .find(|(known, ..)| *known == name)
        .map_or("", |(_, title, ..)| title);
    Column {
        name: name.to_owned(),
        title: title.unwrap_or(known).to_owned(),
    }
}

fn value(name: &str, process: &ProcessInfo, now: &Date, total: u64) -> String {
    let elapsed = (now.seconds - process.started_s as i64).max(0) as u64;
    let share = |part: u64, whole: u64| {
        format!(
            "{:.1}",
            if whole == 0 {
                0.0
            } else {
                part as f64 * 100.0 / whole as f64
            }
        )
    };
    let command = process.arguments.join(" ").replace(char::is_control, " ");
    match name {
        "user" | "uid" | "ruser" | "group" => user_name(process.user),
        "pid" | "pgid" => process.pid.to_string(),
        "ppid" => process.parent.to_string(),
        "pcpu" => share(process.cpu_ns / 1_000_000, elapsed * 1000),
        "c" => (process.cpu_ns / 10_000_000 / elapsed.max(1)).to_string(),
        "pmem" => share(process.memory, total),
        "vsz" | "rss" => (process.memory / 1024).to_string(),
        "tty" => "?".to_owned(),
        "stat" => process.state.clone(),
        "start" | "stime" => {
            let date = Date::new(process.started_s as i64, 0);
            date.format(if elapsed < 86_400 { "%H:%M" } else { "%b%d" })
        }
        "etime" => clock(elapsed, true),
        "time" => clock(process.cpu_ns / 1_000_000_000, false),
        "nice" => "0".to_owned(),
        "comm" => {
            let path = process.arguments.first().map_or("", String::as_str);
            path.rsplit('/').next().unwrap_or(path).to_owned()
        }
        "container" => process.container.clone(),
        _ => command,
    }
}

fn clock(seconds: u64, padded: bool) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, padded) {
        (0, true) => format!("{minutes:02}:{rest:02}"),
        (0, false) => format!("{minutes}:{rest:02}"),
        (hours, _) => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_times() {
        for (seconds, padded, expected) in [
            (5, true, "00:05"),
            (65, false, "1:05"),
            (3700, true, "1:01:40"),
        ] {
            assert_eq!(clock(seconds, padded), expected);
        }
    }
}
