//! `od`, `hexdump`, `cmp`.

use crate::tool::{Options, Ran, Tool, size};

pub fn od(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "A:t:N:j:w:vbcxod", &[])?;
    let kind = match options.last_of("tbcxod") {
        Some('t') => options.value('t').unwrap_or("o2"),
        Some('b') => "o1",
        Some('c') => "c",
        Some('x') => "x2",
        Some('d') => "u2",
        _ => "o2",
    };
    let (letter, digits) = kind.split_at_checked(1).ok_or("invalid type string")?;
    let unit: usize = match digits.trim_end_matches('z') {
        "" if letter == "c" || letter == "a" => 1,
        "" => 4,
        digits => digits
            .parse()
            .ok()
            .filter(|unit| matches!(unit, 1 | 2 | 4 | 8))
            .ok_or("invalid type string")?,
    };
    let limit = options
        .value('N')
        .map(size)
        .transpose()?
        .map_or(usize::MAX, |limit| limit as usize);
    let skip = options.value('j').map(size).transpose()?.unwrap_or(0) as usize;
    let path = options.operands.first().map_or("-", String::as_str);
    let Some(mut input) = tool.open(path) else {
        return Ok(1);
    };
    let all = input.all(tool)?;
    let bytes = all.get(skip..).unwrap_or_default();
    let bytes = &bytes[..bytes.len().min(limit)];
    let address = |at: usize| match options.value('A') {
        Some("n") => String::new(),
        Some("d") => format!("{at:07}"),
        Some("x") => format!("{at:06x}"),
        _ => format!("{at:07o}"),
    };
    let cell = |group: &[u8]| cell(group, letter, unit);
    for (index, row) in bytes.chunks(16).enumerate() {
        let cells: String = row.chunks(unit).map(cell).collect();
        tool.line(format_args!("{}{cells}", address(skip + index * 16)));
    }
    if options.value('A') != Some("n") {
        tool.line(address(skip + bytes.len()));
    }
    Ok(0)
}

/// A number of `unit` bytes, as the format `letter` shows it.
fn cell(group: &[u8], letter: &str, unit: usize) -> String {
    let value = group
        .iter()
        .rev()
        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    match letter {
        "x" => format!(" {value:0width$x}", width = unit * 2),
        "u" => format!(
            " {value:width$}",
            width = [3, 5, 10, 20][unit.ilog2() as usize]
        ),
        "d" => {
            let shift = 64 - 8 * unit as u32;
            format!(
                " {:width$}",
                ((value << shift) as i64) >> shift,
                width = [4, 6, 11, 20][unit.ilog2() as usize]
            )
        }
        "c" | "a" => format!(" {:>3}", character(group[0])),
        _ => format!(
            " {value:0width$o}",
            width = [3, 6, 11, 22][unit.ilog2() as usize]
        ),
    }
}

fn character(byte: u8) -> String {
    match byte {
        0 => "\\0".to_owned(),
        7 => "\\a".to_owned(),
        8 => "\\b".to_owned(),
        9 => "\\t".to_owned(),
        10 => "\\n".to_owned(),
        11 => "\\v".to_owned(),
        12 => "\\f".to_owned(),
        13 => "\\r".to_owned(),
        32..=126 => (byte as char).to_string(),
        byte => format!("{byte:03o}"),
    }
}

pub fn hexdump(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "Cn:s:v", &[])?;
    let limit = options
        .value('n')
        .map(size)
        .transpose()?
        .map_or(usize::MAX, |limit| limit as usize);
    let skip = options.value('s').map(size).transpose()?.unwrap_or(0) as usize;
    let path = options.operands.first().map_or("-", String::as_str);
    let Some(mut input) = tool.open(path) else {
        return Ok(1);
    };
    let all = input.all(tool)?;
    let bytes = all.get(skip..).unwrap_or_default();
    let bytes = &bytes[..bytes.len().min(limit)];
    let canonical = options.has('C') || tool.name == "hd";
    for (index, row) in bytes.chunks(16).enumerate() {
        let at = skip + index * 16;
        if canonical {
            let cell = |(index, byte): (usize, &u8)| {
                format!("{byte:02x} {}", if index == 7 { " " } else { "" })
            };
            let cells: String = row.iter().enumerate().map(cell).collect();
            let text: String = row
                .iter()
                .map(|byte| {
                    if (32..127).contains(byte) {
                        *byte as char
                    } else {
                        '.'
                    }
                })
                .collect();
            tool.line(format_args!("{at:08x}  {cells:<49} |{text}|"));
        } else {
            let word = |pair: &[u8]| {
                format!(
                    " {:04x}",
                    pair.iter()
                        .rev()
                        .fold(0_u32, |value, byte| value << 8 | u32::from(*byte))
                )
            };
            let cells: String = row.chunks(2).map(word).collect();
            tool.line(format_args!("{at:07x}{cells}"));
        }
    }
    if !bytes.is_empty() {
        let end = skip + bytes.len();
        tool.line(if canonical {
            format!("{end:08x}")
        } else {
            format!("{end:07x}")
        });
    }
    Ok(0)
}

pub fn cmp(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "slqn:", &[("silent", 's'), ("quiet", 's')])?;
    let [left, right, ..] = options.operands.as_slice() else {
        return Err("missing operand".to_owned());
    };
    let (Some(mut a), Some(mut b)) = (tool.open(left), tool.open(right)) else {
        return Ok(2);
    };
    let (a, b) = (a.all(tool)?, b.all(tool)?);
    let Some(at) = a.iter().zip(&b).position(|(a, b)| a != b) else {
        if a.len() == b.len() {
            return Ok(0);
        }
        if !options.has('s') {
            tool.complain(format_args!(
                "EOF on {}",
                if a.len() < b.len() { left } else { right }
            ));
        }
        return Ok(1);
    };
    if !options.has('s') {
        let line = a[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        tool.line(format_args!(
            "{left} {right} differ: char {}, line {line}",
            at + 1
        ));
    }
    Ok(1)
}
