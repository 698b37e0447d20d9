//! `md5sum`, `sha1sum`, `sha256sum`, `sha512sum`, `base64`.

use crate::tool::{Options, Ran, Tool};
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
}
