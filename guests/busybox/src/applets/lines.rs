//! `head`, `wc`, `uniq`, `cut`, `tee`, `seq`, `yes`, `rev`, `tac`, `nl`.

use super::printf;
use crate::sys::How;
use crate::tool::{Options, Ran, Tool, size};

pub fn head(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        &count_option(arguments),
        "n:c:qv",
        &[("lines", 'n'), ("bytes", 'c')],
    )?;
    let many = options.operands.len() > 1;
    let bytes = options
        .value('c')
        .map(|count| from_end(count))
        .transpose()?;
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
    let options = Options::read(
        arguments,
        "clmwL",
        &[
            ("bytes", 'c'),
            ("lines", 'l'),
            ("words", 'w'),
            ("chars", 'm'),
        ],
    )?;
    let all = !"clmwL".chars().any(|letter| options.has(letter));
    let wanted: Vec<bool> = ['l', 'w', 'm', 'c', 'L']
        .iter()
        .map(|letter| options.has(*letter) || (all && "lwc".contains(*letter)))
        .collect();
    let mut total = [0_u64; 5];
    let mut rows: Vec<([u64; 5], String)> = Vec::new();
    let paths = if options.operands.is_empty() {
        vec!["-".to_owned()]
    } else {
        options.operands.clone()
    };
    let mut status = 0;
    for path in &paths {
        let Some(mut input) = tool.open_briefly(path) else {
            status = 1;
            continue;
        };
        let mut counts = [0_u64; 5];
        while let Some(line) = input.line(tool)? {
            let text = String::from_utf8_lossy(&line);
            counts[0] += u64::from(line.last() == Some(&b'\n'));
            counts[1] += text.split_whitespace().count() as u64;
            counts[2] += text.chars().count() as u64;
            counts[3] += line.len() as u64;
            counts[4] = counts[4].max(text.trim_end_matches('\n').chars().count() as u64);
        }
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
                String::new()
            } else {
                path.clone()
            },
        ));
    }
    if paths.len() > 1 {
        rows.push((total, "total".to_owned()));
    }
    let single = wanted.iter().filter(|wanted| **wanted).count() == 1 && paths.len() == 1;
    for (counts, name) in rows {
        let shown = counts.iter().zip(&wanted).filter(|(_, wanted)| **wanted);
        let columns: Vec<String> = shown
            .map(|(count, _)| {
                if single {
                    count.to_string()
                } else {
                    format!("{count:9}")
                }
            })
            .collect();
        tool.line(
            format_args!("{} {name}", columns.join(" "))
                .to_string()
                .trim_end(),
        );
    }
    Ok(status)
}

pub fn uniq(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        arguments,
        "cduf:s:w:i",
        &[("count", 'c'), ("repeated", 'd'), ("unique", 'u')],
    )?;
    let fields: usize = options.number('f')?.unwrap_or(0);
    let skip: usize = options.number('s')?.unwrap_or(0);
    let width: usize = options.number('w')?.unwrap_or(usize::MAX);
    let key = |line: &[u8]| {
        let text = String::from_utf8_lossy(line).into_owned();
        let mut rest = text.trim_end_matches('\n');
        for _ in 0..fields {
            rest = rest.trim_start_matches([' ', '\t']);
            rest = rest.find([' ', '\t']).map_or("", |at| &rest[at..]);
        }
        let key: String = rest.chars().skip(skip).take(width).collect();
        if options.has('i') {
            key.to_lowercase()
        } else {
            key
        }
    };
    let mut input = match options.operands.first() {
        Some(path) => tool.open_briefly(path),
        None => tool.open("-"),
    };
    let Some(input) = &mut input else {
        return Ok(1);
    };
    let mut output = Vec::new();
    let target = options
        .operands
        .get(1)
        .map(|path| tool.create(path, How::CREATE))
        .transpose()?;
    let mut emit = |tool: &mut Tool, count: u64, line: &[u8]| {
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
            output.extend(text)
        } else {
            tool.write(&text)
        }
    };
    let mut group: Option<(u64, Vec<u8>, String)> = None;
    while let Some(mut line) = input.line(tool)? {
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        let line_key = key(&line);
        match &mut group {
            Some((count, _, known)) if *known == line_key => *count += 1,
            _ => {
                if let Some((count, line, _)) = group.take() {
                    emit(tool, count, &line);
                }
                group = Some((1, line, line_key));
            }
        }
    }
    if let Some((count, line, _)) = group {
        emit(tool, count, &line);
    }
    if let Some(target) = target {
        target.write(&output).map_err(|error| error.to_string())?;
    }
    Ok(0)
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

pub fn tee(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "ai", &[("append", 'a')])?;
    let how = if options.has('a') {
        How::APPEND
    } else {
        How::CREATE
    };
    let mut status = 0;
    let mut files = Vec::new();
    for path in &options.operands {
        match tool.create(path, how) {
            Ok(desc) => files.push(desc),
            Err(error) => {
                tool.complain(error.replacen("can't open '", "", 1).replacen("':", ":", 1));
                status = 1;
            }
        }
    }
    let Some(mut input) = tool.open("-") else {
        return Ok(1);
    };
    loop {
        let chunk = input.chunk(tool)?;
        if chunk.is_empty() {
            return Ok(status);
        }
        tool.write(&chunk);
        for file in &files {
            if let Err(error) = file.write(&chunk) {
                tool.complain(error);
                status = 1;
            }
        }
    }
}

pub fn seq(tool: &mut Tool, arguments: &[String]) -> Ran {
    // A negative number is an operand here, not an option.
    let is_number = |argument: &String| argument.parse::<f64>().is_ok();
    let takes_value = |argument: &String| matches!(argument.as_str(), "-s" | "-f");
    let first = (1..arguments.len())
        .find(|&at| is_number(&arguments[at]) && !takes_value(&arguments[at - 1]));
    let (before, operands) = arguments.split_at(first.unwrap_or(arguments.len()));
    let mut options = Options::read(before, "ws:f:", &[])?;
    options.operands.extend_from_slice(operands);
    let number = |text: &String| {
        text.parse::<f64>()
            .map_err(|_| format!("invalid number '{text}'"))
    };
    let values = options
        .operands
        .iter()
        .map(number)
        .collect::<Result<Vec<f64>, _>>()?;
    let (first, step, last) = match values.as_slice() {
        [last] => (1.0, 1.0, *last),
        [first, last] => (*first, 1.0, *last),
        [first, step, last] => (*first, *step, *last),
        _ => return Err("expected one to three numbers".to_owned()),
    };
    if step == 0.0 {
        return Err("invalid number '0'".to_owned());
    }
    let fraction = |text: &String| text.split_once('.').map_or(0, |(_, digits)| digits.len());
    let precision = options
        .operands
        .iter()
        .take(2.max(options.operands.len() - 1))
        .map(fraction)
        .max()
        .unwrap_or(0);
    let separator = options.value('s').unwrap_or("\n").to_owned();
    let width = if options.has('w') {
        [first, last]
            .iter()
            .map(|value| format!("{value:.precision$}").len())
            .max()
            .unwrap_or(0)
    } else {
        0
    };
    let count = ((last - first) / step + 1e-9).floor();
    let mut index = 0.0;
    while index <= count {
        let value = first + index * step;
        let text = match options.value('f') {
            Some(format) => String::from_utf8_lossy(
                &printf::format(&[format.to_owned(), value.to_string()]).output,
            )
            .into_owned(),
            None => format!("{value:0width$.precision$}"),
        };
        tool.print(format_args!(
            "{}{text}",
            if index > 0.0 { separator.as_str() } else { "" }
        ));
        index += 1.0;
    }
    if count >= 0.0 {
        tool.write(b"\n");
    }
    Ok(0)
}

pub fn yes(tool: &mut Tool, arguments: &[String]) -> Ran {
    let text = if arguments.len() > 1 {
        arguments[1..].join(" ")
    } else {
        "y".to_owned()
    };
    loop {
        tool.line(&text);
    }
}

pub fn rev(tool: &mut Tool, arguments: &[String]) -> Ran {
    tool.inputs(&arguments[1..], |tool, input| {
        while let Some(line) = input.line(tool)? {
            let text = crate::regex::decode(&line);
            let (body, end) = text
                .strip_suffix('\n')
                .map_or((text.as_str(), ""), |body| (body, "\n"));
            tool.write(&crate::regex::encode(
                &body.chars().rev().collect::<String>(),
            ));
            tool.print(end);
        }
        Ok(())
    })
}

pub fn tac(tool: &mut Tool, arguments: &[String]) -> Ran {
    tool.inputs(&arguments[1..], |tool, input| {
        let all = input.all(tool)?;
        let lines: Vec<&[u8]> = all.split_inclusive(|byte| *byte == b'\n').collect();
        lines.iter().rev().for_each(|line| tool.write(line));
        Ok(())
    })
}

pub fn nl(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "b:w:s:v:i:", &[])?;
    let width: usize = options.number('w')?.unwrap_or(6).min(1000);
    let mut number: i64 = options.number('v')?.unwrap_or(1);
    let step: i64 = options.number('i')?.unwrap_or(1);
    let separator = options.value('s').unwrap_or("\t").to_owned();
    tool.inputs(&options.operands, |tool, input| {
        while let Some(line) = input.line(tool)? {
            if line == b"\n" && options.value('b') != Some("a") {
                tool.print(format_args!(
                    "{:width$}\n",
                    "",
                    width = width + separator.len()
                ));
                continue;
            }
            tool.print(format_args!("{number:width$}{separator}"));
            tool.write(&line);
            number = number.wrapping_add(step);
        }
        Ok(())
    })
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
