//! `head`, `wc`, `uniq`, `cut`.

use crate::sys::How;
use crate::tool::{Input, Options, Ran, Tool, size};

pub fn head(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        &count_option(arguments),
        "n:c:qv",
        &[("lines", 'n'), ("bytes", 'c')],
    )?;
    let many = options.operands.len() > 1;
    let bytes = options.value('c').map(from_end).transpose()?;
    let (all_but, count) = match bytes {
        Some(count) => count,
        None => from_end(options.value('n').unwrap_or("10"))?,
    };
    let mut paths = options.operands.clone();
    if paths.is_empty() {
        paths.push("-".to_owned());
    }
    let (mut status, mut shown) = (0, false);
    for path in &paths {
        let Some(mut input) = tool.open_briefly(path) else {
            status = 1;
            continue;
        };
        if (many && !options.has('q')) || options.has('v') {
            let name = if path == "-" { "standard input" } else { path };
            tool.print(format_args!(
                "{}==> {name} <==\n",
                if shown { "\n" } else { "" }
            ));
        }
        shown = true;
        if all_but {
            let all = input.all(tool)?;
            let keep = match bytes {
                Some(_) => all.len().saturating_sub(count as usize),
                None => {
                    let lines: Vec<&[u8]> = all.split_inclusive(|byte| *byte == b'\n').collect();
                    lines[..lines.len().saturating_sub(count as usize)]
                        .iter()
                        .map(|line| line.len())
                        .sum()
                }
            };
            tool.write(&all[..keep]);
            continue;
        }
        let mut left = count;
        while left > 0 {
            if bytes.is_some() {
                let chunk = input.chunk(tool)?;
                let taken = left.min(chunk.len() as u64);
                if taken == 0 {
                    break;
                }
                tool.write(&chunk[..taken as usize]);
                left -= taken;
            } else {
                let Some(line) = input.line(tool)? else { break };
                tool.write(&line);
                left -= 1;
            }
        }
    }
    Ok(status)
}

/// Whether a count is from the end, and the count.
fn from_end(text: &str) -> Result<(bool, u64), String> {
    match text.strip_prefix('-') {
        Some(count) => Ok((true, size(count)?)),
        None => Ok((false, size(text)?)),
    }
}

/// Turns `-5` into `-n 5`.
pub fn count_option(arguments: &[String]) -> Vec<String> {
    let mut arguments = arguments.to_vec();
    if let Some(first) = arguments.get(1)
        && let Some(count) = first.strip_prefix('-')
        && count.starts_with(|c: char| c.is_ascii_digit())
    {
        arguments[1] = format!("-n{count}");
    }
    arguments
}

pub fn wc(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [
        ("bytes", 'c'),
        ("lines", 'l'),
        ("words", 'w'),
        ("chars", 'm'),
    ];
    let options = Options::read(arguments, "clmwL", &long)?;
    let all = !"clmwL".chars().any(|letter| options.has(letter));
    let is_wanted = |letter: &char| options.has(*letter) || (all && "lwc".contains(*letter));
    let wanted: Vec<bool> = ['l', 'w', 'm', 'c', 'L'].iter().map(is_wanted).collect();
    let mut total = [0_u64; 5];
    let mut rows: Vec<([u64; 5], &str)> = Vec::new();
    let standard = ["-".to_owned()];
    let paths = if options.operands.is_empty() {
        &standard
    } else {
        options.operands.as_slice()
    };
    let mut status = 0;
    for path in paths {
        let Some(mut input) = tool.open_briefly(path) else {
            status = 1;
            continue;
        };
        let counts = count(tool, &mut input)?;
        for (index, count) in counts.iter().enumerate() {
            total[index] = if index == 4 {
                total[index].max(*count)
            } else {
                total[index] + count
            };
        }
        rows.push((
            counts,
            if options.operands.is_empty() {
                ""
            } else {
                path
            },
        ));
    }
    if paths.len() > 1 {
        rows.push((total, "total"));
    }
    let single = wanted.iter().filter(|wanted| **wanted).count() == 1 && paths.len() == 1;
    for (counts, name) in rows {
        let shown = counts.iter().zip(&wanted).filter(|(_, wanted)| **wanted);
        let width = if single { 0 } else { 9 };
        let columns: Vec<String> = shown.map(|(count, _)| format!("{count:width$}")).collect();
        tool.line(format!("{} {name}", columns.join(" ")).trim_end());
    }
    Ok(status)
}

/// Lines, words, characters, bytes, and the length of the longest line.
fn count(tool: &mut Tool, input: &mut Input) -> Result<[u64; 5], String> {
    let mut counts = [0_u64; 5];
    while let Some(line) = input.line(tool)? {
        let text = String::from_utf8_lossy(&line);
        counts[0] += u64::from(line.last() == Some(&b'\n'));
        counts[1] += text.split_whitespace().count() as u64;
        counts[2] += text.chars().count() as u64;
        counts[3] += line.len() as u64;
        counts[4] = counts[4].max(text.trim_end_matches('\n').chars().count() as u64);
    }
    Ok(counts)
}

pub fn uniq(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [("count", 'c'), ("repeated", 'd'), ("unique", 'u')];
    let options = Options::read(arguments, "cduf:s:w:i", &long)?;
    let key = UniqueKey {
        fields: options.number('f')?.unwrap_or(0),
        skip: options.number('s')?.unwrap_or(0),
        width: options.number('w')?.unwrap_or(usize::MAX),
        ignore_case: options.has('i'),
    };
    let opened = match options.operands.first() {
        Some(path) => tool.open_briefly(path),
        None => tool.open("-"),
    };
    let Some(mut input) = opened else {
        return Ok(1);
    };
    let target = options
        .operands
        .get(1)
        .map(|path| tool.create(path, How::CREATE))
        .transpose()?;
    let mut output = Vec::new();
    let mut emit = |tool: &mut Tool, group: Option<(u64, Vec<u8>, String)>| {
        let Some((count, line, _)) = group else {
            return;
        };
        if (options.has('d') && count < 2) || (options.has('u') && count > 1) {
            return;
        }
        let mut text = if options.has('c') {
            format!("{count:7} ").into_bytes()
        } else {
            Vec::new()
        };
        text.extend(line);
        if target.is_some() {
            output.extend(text);
        } else {
            tool.write(&text);
        }
    };
    let mut group: Option<(u64, Vec<u8>, String)> = None;
    while let Some(mut line) = input.line(tool)? {
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        let line_key = key.of(&line);
        match &mut group {
            Some((count, _, known)) if *known == line_key => *count += 1,
            _ => emit(tool, group.replace((1, line, line_key))),
        }
    }
    emit(tool, group);
    if let Some(target) = target {
        target.write(&output).map_err(|error| error.to_string())?;
    }
    Ok(0)
}

/// Which part of a line `uniq` compares.
struct UniqueKey {
    fields: usize,
    skip: usize,
    width: usize,
    ignore_case: bool,
}

impl UniqueKey {
    fn of(&self, line: &[u8]) -> String {
        let text = String::from_utf8_lossy(line).into_owned();
        let mut rest = text.trim_end_matches('\n');
        for _ in 0..self.fields {
            rest = rest.trim_start_matches([' ', '\t']);
            rest = rest.find([' ', '\t']).map_or("", |at| &rest[at..]);
        }
        let key: String = rest.chars().skip(self.skip).take(self.width).collect();
        if self.ignore_case {
            key.to_lowercase()
        } else {
            key
        }
    }
}

pub fn cut(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [
        ("delimiter", 'd'),
        ("fields", 'f'),
        ("characters", 'c'),
        ("bytes", 'b'),
        ("only-delimited", 's'),
    ];
    let options = Options::read(arguments, "b:c:f:d:sn", &long)?;
    let list = ['b', 'c', 'f']
        .into_iter()
        .find_map(|letter| Some((letter, options.value(letter)?)));
    let Some((letter, list)) = list else {
        return Err("expected a list of bytes, characters, or fields".to_owned());
    };
    let ranges = ranges(list)?;
    let picked = |index: usize| {
        ranges
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&index))
    };
    let delimiter = options.value('d').unwrap_or("\t").to_owned();
    tool.inputs_briefly(&options.operands, |tool, input| {
        while let Some(mut line) = input.line(tool)? {
            if line.last() == Some(&b'\n') {
                line.pop();
            }
            match letter {
                'b' => {
                    let bytes = line
                        .iter()
                        .enumerate()
                        .filter(|(index, _)| picked(index + 1))
                        .map(|(_, byte)| *byte);
                    tool.write(&bytes.collect::<Vec<u8>>());
                }
                'c' => {
                    let text = crate::regex::decode(&line);
                    let chars = text
                        .chars()
                        .enumerate()
                        .filter(|(index, _)| picked(index + 1))
                        .map(|(_, c)| c);
                    tool.write(&crate::regex::encode(&chars.collect::<String>()));
                }
                _ => {
                    let text = crate::regex::decode(&line);
                    if !text.contains(&delimiter) {
                        if options.has('s') {
                            continue;
                        }
                        tool.write(&line);
                    } else {
                        let fields = text
                            .split(&delimiter)
                            .enumerate()
                            .filter(|(index, _)| picked(index + 1));
                        let fields: Vec<&str> = fields.map(|(_, field)| field).collect();
                        tool.write(&crate::regex::encode(&fields.join(&delimiter)));
                    }
                }
            }
            tool.write(b"\n");
        }
        Ok(())
    })
}

/// `1,3-5,7-` as pairs of first and last.
fn ranges(list: &str) -> Result<Vec<(usize, usize)>, String> {
    let invalid = || format!("invalid range {list}");
    let number = |text: &str| {
        text.parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(invalid)
    };
    list.split(',')
        .map(|range| match range.split_once('-') {
            None => number(range).map(|number| (number, number)),
            Some(("", "")) => Err(invalid()),
            Some(("", high)) => Ok((1, number(high)?)),
            Some((low, "")) => Ok((number(low)?, usize::MAX)),
            Some((low, high)) => Ok((number(low)?, number(high)?)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges() {
        for (list, expected) in [
            ("1,3-5", Some(vec![(1, 1), (3, 5)])),
            ("-2,7-", Some(vec![(1, 2), (7, usize::MAX)])),
            ("0", None),
            ("-", None),
            ("a", None),
        ] {
            assert_eq!(ranges(list).ok(), expected, "{list}");
        }
    }
}
