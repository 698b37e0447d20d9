//! `echo`.

use crate::tool::{Ran, Tool};

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    tool.write(&text(&arguments[1..]));
    Ok(0)
}

/// What `echo` prints.
pub fn text(operands: &[String]) -> Vec<u8> {
    let (mut newline, mut escapes) = (true, false);
    let mut rest = operands;
    while let Some(option) = rest.first()
        && option.len() > 1
        && option.starts_with('-')
        && option[1..].chars().all(|c| "neE".contains(c))
    {
        for letter in option[1..].chars() {
            match letter {
                'n' => newline = false,
                letter => escapes = letter == 'e',
            }
        }
        rest = &rest[1..];
    }
    let mut output = rest.join(" ").into_bytes();
    if escapes {
        let (text, stopped) = unescape(&output, true);
        output = text;
        newline &= !stopped;
    }
    if newline {
        output.push(b'\n');
    }
    output
}

/// Replaces backslash sequences; true if `\c` ended the text. `echo` wants a zero before octal digits, `printf` does not.
pub fn unescape(text: &[u8], octal_needs_zero: bool) -> (Vec<u8>, bool) {
    let mut output = Vec::new();
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let Some((&letter, after)) = rest.split_first().filter(|_| *first == b'\\') else {
            output.push(*first);
            continue;
        };
        rest = after;
        let digits = |rest: &[u8], radix: u32, max: usize| {
            let count = rest
                .iter()
                .take(max)
                .take_while(|byte| (**byte as char).is_digit(radix))
                .count();
            let value = rest[..count].iter().fold(0_u32, |value, byte| {
                value * radix + (*byte as char).to_digit(radix).unwrap_or(0)
            });
            (value as u8, count)
        };
        match letter {
            b'a' => output.push(7),
            b'b' => output.push(8),
            b'c' => return (output, true),
            b'e' => output.push(27),
            b'f' => output.push(12),
            b'n' => output.push(b'\n'),
            b'r' => output.push(b'\r'),
            b't' => output.push(b'\t'),
            b'v' => output.push(11),
            b'\\' => output.push(b'\\'),
            b'0' if octal_needs_zero => {
                let (value, count) = digits(rest, 8, 3);
                output.push(value);
                rest = &rest[count..];
            }
            b'0'..=b'7' if !octal_needs_zero => {
                let from = &text[text.len() - rest.len() - 1..];
                let (value, count) = digits(from, 8, 3);
                output.push(value);
                rest = &from[count..];
            }
            b'x' if digits(rest, 16, 2).1 > 0 => {
                let (value, count) = digits(rest, 16, 2);
                output.push(value);
                rest = &rest[count..];
            }
            letter => output.extend([b'\\', letter]),
        }
    }
    (output, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_busybox() {
        for (operands, expected) in [
            ("a b", "a b\n"),
            ("-n a", "a"),
            ("-e a\\tb\\0101\\x41", "a\tbAA\n"),
            ("a\\tb", "a\\tb\n"),
            ("-ne a\\c b", "a"),
            ("-x a", "-x a\n"),
            ("- a", "- a\n"),
            ("-e \\q", "\\q\n"),
        ] {
            let operands: Vec<String> = operands.split(' ').map(str::to_owned).collect();
            assert_eq!(String::from_utf8_lossy(&text(&operands)), expected);
        }
    }
}
