//! Tools on bytes: `md5sum`, `sha1sum`, `sha256sum`, `sha512sum`, `cksum`, `base64`, `od`, `hexdump`, `xxd`, `dd`, `cmp`,
//! `gzip`, `gunzip`, `zcat`.

use super::reason;
use crate::sys::How;
use crate::tool::{CHUNK, Options, Ran, Tool, size};
use sha2::Digest;

pub fn md5sum(tool: &mut Tool, arguments: &[String]) -> Ran {
    sums::<md5::Md5>(tool, arguments)
}

pub fn sha1sum(tool: &mut Tool, arguments: &[String]) -> Ran {
    sums::<sha1::Sha1>(tool, arguments)
}

pub fn sha256sum(tool: &mut Tool, arguments: &[String]) -> Ran {
    sums::<sha2::Sha256>(tool, arguments)
}

pub fn sha512sum(tool: &mut Tool, arguments: &[String]) -> Ran {
    sums::<sha2::Sha512>(tool, arguments)
}

fn sums<D: Digest>(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        arguments,
        "cswb",
        &[("check", 'c'), ("status", 's'), ("warn", 'w')],
    )?;
    let paths = if options.operands.is_empty() {
        vec!["-".to_owned()]
    } else {
        options.operands.clone()
    };
    let mut status = 0;
    for path in &paths {
        if options.has('c') {
            status |= check_sums::<D>(tool, path, options.has('s'))?;
            continue;
        }
        match sum::<D>(tool, path)? {
            Some(sum) => tool.line(format_args!("{sum}  {path}")),
            None => status = 1,
        }
    }
    Ok(status)
}

fn sum<D: Digest>(tool: &mut Tool, path: &str) -> Result<Option<String>, String> {
    let Some(mut input) = tool.open(path) else {
        return Ok(None);
    };
    let mut digest = D::new();
    loop {
        let chunk = input
            .chunk(tool)
            .map_err(|error| format!("{path}: {error}"))?;
        if chunk.is_empty() {
            return Ok(Some(
                digest
                    .finalize()
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
            ));
        }
        digest.update(&chunk);
    }
}

fn check_sums<D: Digest>(tool: &mut Tool, list: &str, quiet: bool) -> Ran {
    let Some(mut input) = tool.open(list) else {
        return Ok(1);
    };
    let (mut count, mut failed) = (0, 0);
    while let Some(line) = input.line(tool)? {
        let line = String::from_utf8_lossy(&line).into_owned();
        let Some((expected, path)) = line.trim_end().split_once(' ') else {
            continue;
        };
        let path = path.trim_start_matches([' ', '*']);
        count += 1;
        let good = sum::<D>(tool, path)?.is_some_and(|sum| sum.eq_ignore_ascii_case(expected));
        failed += u32::from(!good);
        if !quiet {
            tool.line(format_args!(
                "{path}: {}",
                if good { "OK" } else { "FAILED" }
            ));
        }
    }
    if failed > 0 && !quiet {
        tool.complain(format_args!(
            "WARNING: {failed} of {count} computed checksums did NOT match"
        ));
    }
    Ok(u8::from(failed > 0))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub fn base64(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "dw:i", &[("decode", 'd'), ("wrap", 'w')])?;
    let width: usize = options.number('w')?.unwrap_or(76);
    let path = options.operands.first().map_or("-", String::as_str);
    let Some(mut input) = tool.open(path) else {
        return Ok(1);
    };
    let all = input.all(tool)?;
    if options.has('d') {
        let (bytes, complete) = decode(&all);
        tool.write(&bytes);
        return if complete {
            Ok(0)
        } else {
            Err("truncated input".to_owned())
        };
    }
    let text = encode(&all);
    if width == 0 {
        tool.print(text);
        return Ok(0);
    }
    for line in text.as_bytes().chunks(width) {
        tool.write(line);
        tool.write(b"\n");
    }
    Ok(0)
}

pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let value = group
            .iter()
            .fold(0_u32, |value, byte| value << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for index in 0..4 {
            let digit = value >> (18 - 6 * index) & 63;
            text.push(if index > group.len() {
                '='
            } else {
                ALPHABET[digit as usize] as char
            });
        }
    }
    text
}

/// The bytes, and whether the text was complete and without foreign characters.
fn decode(text: &[u8]) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let (mut value, mut bits) = (0_u32, 0);
    for byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        if *byte == b'=' {
            break;
        }
        let Some(digit) = ALPHABET.iter().position(|known| known == byte) else {
            return (bytes, false);
        };
        value = value << 6 | digit as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((value >> bits) as u8);
            value &= (1 << bits) - 1;
        }
    }
    (bytes, bits < 6)
}

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
    let (letter, digits) = kind.split_at(1);
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
    let cell = |group: &[u8]| {
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
    };
    for (index, row) in bytes.chunks(16).enumerate() {
        let cells: String = row.chunks(unit).map(cell).collect();
        tool.line(format_args!("{}{cells}", address(skip + index * 16)));
    }
    if options.value('A') != Some("n") {
        tool.line(address(skip + bytes.len()));
    }
    Ok(0)
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

pub fn dd(tool: &mut Tool, arguments: &[String]) -> Ran {
    let value = |name: &str| {
        arguments[1..]
            .iter()
            .rev()
            .find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
    };
    let known = [
        "if", "of", "bs", "ibs", "obs", "count", "skip", "seek", "conv", "status",
    ];
    for argument in &arguments[1..] {
        if !argument
            .split_once('=')
            .is_some_and(|(name, _)| known.contains(&name))
        {
            return Err(format!("invalid argument '{argument}'"));
        }
    }
    let number = |name: &str, default: u64| value(name).map_or(Ok(default), size);
    let block = number("bs", number("ibs", 512)?)?.clamp(1, 64 << 20) as usize;
    let (count, skip, seek) = (
        number("count", u64::MAX)?,
        number("skip", 0)?,
        number("seek", 0)?,
    );
    let Some(mut input) = tool.open(value("if").unwrap_or("-")) else {
        return Ok(1);
    };
    let append = value("conv").is_some_and(|conv| conv.split(',').any(|word| word == "notrunc"));
    let output = match value("of") {
        Some(path) if seek > 0 || append => {
            let path = path.to_owned();
            let mut existing = std::fs::read(&path).unwrap_or_default();
            let start = seek as usize * block;
            let tail = if append {
                existing.get(start..).unwrap_or_default().to_vec()
            } else {
                Vec::new()
            };
            existing.resize(start, 0);
            Some((tool.create(&path, How::CREATE)?, existing, tail))
        }
        Some(path) => Some((tool.create(path, How::CREATE)?, Vec::new(), Vec::new())),
        None => None,
    };
    if let Some((desc, before, _)) = &output {
        desc.write(before).map_err(|error| error.to_string())?;
    }
    let (mut full, mut partial, mut total) = (0_u64, 0_u64, 0_u64);
    let mut blocks = 0;
    let mut pending: Vec<u8> = Vec::new();
    while blocks < count.saturating_add(skip) {
        while pending.len() < block {
            let chunk = input.chunk(tool)?;
            if chunk.is_empty() {
                break;
            }
            pending.extend(chunk);
        }
        if pending.is_empty() {
            break;
        }
        let rest = pending.split_off(pending.len().min(block));
        let piece = std::mem::replace(&mut pending, rest);
        blocks += 1;
        if blocks <= skip {
            continue;
        }
        if piece.len() == block {
            full += 1
        } else {
            partial += 1
        }
        total += piece.len() as u64;
        match &output {
            Some((desc, ..)) => desc.write(&piece).map_err(|error| error.to_string())?,
            None => tool.write(&piece),
        }
    }
    if let Some((desc, _, tail)) = &output {
        desc.write(tail.get(total as usize..).unwrap_or_default())
            .map_err(|error| error.to_string())?;
    }
    tool.flush();
    if value("status") != Some("none") {
        tool.write_error(
            format!("{full}+{partial} records in\n{full}+{partial} records out\n").as_bytes(),
        );
        if value("status") != Some("noxfer") {
            tool.write_error(format!("{total} bytes copied\n").as_bytes());
        }
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

pub fn gzip(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        arguments,
        "cdfktnvq123456789",
        &[
            ("stdout", 'c'),
            ("decompress", 'd'),
            ("keep", 'k'),
            ("force", 'f'),
        ],
    )?;
    let decompress = options.has('d') || tool.name != "gzip";
    let to_output = options.has('c') || tool.name == "zcat" || options.operands.is_empty();
    let paths = if options.operands.is_empty() {
        vec!["-".to_owned()]
    } else {
        options.operands.clone()
    };
    let mut status = 0;
    for path in &paths {
        let Some(mut input) = tool.open(path) else {
            status = 1;
            continue;
        };
        let bytes = input.all(tool)?;
        let result = if decompress {
            unzip(&bytes)
        } else {
            Ok(zip(&bytes))
        };
        let bytes = result.map_err(|error| format!("{path}: {error}"))?;
        if to_output {
            tool.write(&bytes);
            continue;
        }
        let target = match (
            decompress,
            path.strip_suffix(".gz")
                .or_else(|| path.strip_suffix(".tgz")),
        ) {
            (false, _) => format!("{path}.gz"),
            (true, Some(stem)) if path.ends_with(".tgz") => format!("{stem}.tar"),
            (true, Some(stem)) => stem.to_owned(),
            (true, None) => return Err(format!("{path}: unknown suffix - ignored")),
        };
        tool.create(&target, How::CREATE)?
            .write(&bytes)
            .map_err(|error| format!("{target}: {error}"))?;
        if !options.has('k') {
            std::fs::remove_file(path).map_err(|error| format!("{path}: {}", reason(&error)))?;
        }
    }
    Ok(status)
}

pub fn zip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut output = Vec::new();
    let mut encoder = flate2::bufread::GzEncoder::new(bytes, flate2::Compression::default());
    // Reading from memory does not fail.
    let _ = encoder.read_to_end(&mut output);
    output
}

/// What a gzip file holds; [`UNZIPPED_MAX`] bytes at most.
pub fn unzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let mut output = Vec::new();
    let mut decoder = flate2::bufread::MultiGzDecoder::new(bytes);
    loop {
        let before = output.len();
        let read = decoder.by_ref().take(CHUNK as u64).read_to_end(&mut output);
        read.map_err(|_| "invalid magic or corrupted data".to_owned())?;
        if output.len() == before {
            return Ok(output);
        }
        if output.len() > UNZIPPED_MAX {
            return Err("too large".to_owned());
        }
    }
}

/// Bytes that are unpacked in memory.
const UNZIPPED_MAX: usize = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_goes_both_ways() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(plain.as_bytes()), text);
            assert_eq!(decode(text.as_bytes()), (plain.as_bytes().to_vec(), true));
        }
        assert!(!decode(b"Zm9v!").1);
    }

    #[test]
    fn gzip_goes_both_ways() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|at| (at / 7) as u8).collect();
        assert_eq!(unzip(&zip(&bytes)).as_ref(), Ok(&bytes));
        assert!(unzip(b"not gzip at all").is_err());
    }
}
