//! POSIX' basic and extended regular expressions, over `regex-lite`.
//!
//! That library matches the first alternative where POSIX asks for the longest one, and has no back-references in
//! patterns; those are refused.

use regex_lite::{Regex, RegexBuilder};

/// Which of POSIX' two grammars a pattern is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    Basic,
    Extended,
}

/// Bytes a compiled pattern may take.
const SIZE_MAX: usize = 8 * 1024 * 1024;

pub fn compile(pattern: &str, grammar: Grammar, ignore_case: bool) -> Result<Regex, String> {
    let translated = translate(pattern, grammar)?;
    let mut builder = RegexBuilder::new(&translated);
    builder.case_insensitive(ignore_case).size_limit(SIZE_MAX);
    builder
        .build()
        .map_err(|error| format!("bad regex '{pattern}': {error}"))
}

/// A fixed string as a pattern of the library.
pub fn compile_fixed(text: &str, ignore_case: bool) -> Result<Regex, String> {
    let mut builder = RegexBuilder::new(&regex_lite::escape(text));
    builder.case_insensitive(ignore_case).size_limit(SIZE_MAX);
    builder
        .build()
        .map_err(|error| format!("bad regex '{text}': {error}"))
}

fn translate(pattern: &str, grammar: Grammar) -> Result<String, String> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut output = String::new();
    let mut at = 0;
    // Where `*` stands for itself, and `^` is an anchor.
    let mut at_start = true;
    let mut groups = 0_u32;
    while let Some(&c) = chars.get(at) {
        at += 1;
        let escaped = c == '\\';
        let c = if escaped {
            at += 1;
            *chars.get(at - 1).ok_or("Trailing backslash")?
        } else {
            c
        };
        let is_operator = escaped == (grammar == Grammar::Basic);
        let starts = at_start;
        at_start = false;
        match c {
            '(' if is_operator => {
                output.push('(');
                groups += 1;
                at_start = true;
            }
            ')' if is_operator && groups > 0 => {
                output.push(')');
                groups -= 1;
            }
            '|' if is_operator => {
                output.push('|');
                at_start = true;
            }
            '{' if is_operator && !starts => {
                let (bounds, length) = bounds(&chars[at..], grammar)?;
                output.push_str(&bounds);
                at += length;
            }
            '+' | '?' if is_operator && !starts => output.push(c),
            '*' if !escaped && !starts => output.push('*'),
            '[' if !escaped => {
                let (set, length) = set(&chars[at..])?;
                output.push_str(&set);
                at += length;
            }
            '.' if !escaped => output.push_str("(?s:.)"),
            '^' if !escaped && (starts || grammar == Grammar::Extended) => {
                output.push('^');
                at_start = true;
            }
            '$' if !escaped && (grammar == Grammar::Extended || ends(&chars[at..])) => {
                output.push('$');
            }
            '1'..='9' if escaped => {
                return Err("back-references in patterns are not supported".to_owned());
            }
            'n' if escaped => output.push('\n'),
            't' if escaped => output.push('\t'),
            '<' if escaped => output.push_str(r"\b{start}"),
            '>' if escaped => output.push_str(r"\b{end}"),
            'b' | 'B' | 'w' | 'W' | 's' | 'S' if escaped => output.extend(['\\', c]),
            c => output.push_str(&regex_lite::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    if groups > 0 {
        return Err(format!("bad regex '{pattern}': Unmatched ( or \\("));
    }
    Ok(output)
}

/// Whether a `$` before this rest of a basic expression is an anchor.
fn ends(rest: &[char]) -> bool {
    matches!(rest, [] | ['\\', ')' | '|', ..])
}

/// `{1,3}` after its brace, and the length of it.
fn bounds(rest: &[char], grammar: Grammar) -> Result<(String, usize), String> {
    let invalid = || "Invalid content of \\{\\}".to_owned();
    let close: &[char] = if grammar == Grammar::Basic {
        &['\\', '}']
    } else {
        &['}']
    };
    let length = rest
        .windows(close.len())
        .position(|window| window == close)
        .ok_or_else(invalid)?;
    let content: String = rest[..length].iter().collect();
    if !content.chars().all(|c| c.is_ascii_digit() || c == ',') || content.matches(',').count() > 1
    {
        return Err(invalid());
    }
    let content = if content.starts_with(',') {
        format!("0{content}")
    } else {
        content
    };
    Ok((format!("{{{content}}}"), length + close.len()))
}

/// A bracket expression after its `[`, and the length of it. Backslashes stand for themselves in POSIX.
fn set(rest: &[char]) -> Result<(String, usize), String> {
    let unmatched = || "Unmatched [, [^, [:, [., or [=".to_owned();
    let mut output = "[".to_owned();
    let mut at = 0;
    if rest.first() == Some(&'^') {
        output.push('^');
        at += 1;
    }
    let first = at;
    loop {
        let c = *rest.get(at).ok_or_else(unmatched)?;
        at += 1;
        match (c, rest.get(at)) {
            (']', _) if at - 1 > first => {
                output.push(']');
                return Ok((output, at));
            }
            ('[', Some(kind @ (':' | '.' | '='))) => {
                let end = rest[at + 1..]
                    .windows(2)
                    .position(|pair| pair == [*kind, ']'])
                    .ok_or_else(unmatched)?;
                let name: String = rest[at + 1..at + 1 + end].iter().collect();
                match kind {
                    ':' => output.push_str(&format!("[:{name}:]")),
                    _ => output.push_str(&regex_lite::escape(&name)),
                }
                at += end + 3;
            }
            ('-', _) if at - 1 > first && rest.get(at) != Some(&']') => output.push('-'),
            (c, _) if c.is_alphanumeric() => output.push(c),
            ('\\', Some('n')) => {
                output.push_str("\\n");
                at += 1;
            }
            ('\\', Some('t')) => {
                output.push_str("\\t");
                at += 1;
            }
            (c, _) if c.is_ascii() && !c.is_ascii_whitespace() => output.extend(['\\', c]),
            (c, _) => output.push(c),
        }
    }
}

/// Code points for bytes that are no UTF-8; Unicode keeps them for private use.
const BYTES: u32 = 0xf700;

/// Bytes as text, in a way [`encode`] takes back.
pub fn decode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(
            chunk
                .invalid()
                .iter()
                .filter_map(|byte| char::from_u32(BYTES + u32::from(*byte))),
        );
    }
    text
}

/// Bytes as text in which every byte is one character, and which [`encode`] takes back.
pub fn bytes_as_text(bytes: &[u8]) -> String {
    let character = |byte: &u8| match byte {
        0..0x80 => Some(char::from(*byte)),
        byte => char::from_u32(BYTES + u32::from(*byte)),
    };
    bytes.iter().filter_map(character).collect()
}

pub fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c).checked_sub(BYTES) {
            Some(byte @ 0x80..=0xff) => bytes.push(byte as u8),
            _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use Grammar::{Basic, Extended};

    #[test]
    fn matches_as_posix_says() {
        for (grammar, pattern, text, expected) in [
            (Basic, "a*b", "xaab", Some("aab")),
            (Basic, "*a", "*a", Some("*a")),
            (Basic, "a+", "a+", Some("a+")),
            (Basic, r"a\+", "aa", Some("aa")),
            (Basic, r"\(ab\)\{2\}", "ababab", Some("abab")),
            (Basic, "(a)", "(a)", Some("(a)")),
            (Basic, "a|b", "a|b", Some("a|b")),
            (Basic, r"x\|b", "b", Some("b")),
            (Basic, "a^b$c", "a^b$c", Some("a^b$c")),
            (Basic, "^a.c$", "abc", Some("abc")),
            (Basic, r"a\.c", "abc", None),
            (Basic, "a{2}", "a{2}", Some("a{2}")),
            (Extended, "(a|b)+c?", "abab", Some("abab")),
            (Extended, "a{2,3}", "aaaa", Some("aaa")),
            (Extended, r"\(a\)", "(a)", Some("(a)")),
            (Extended, "[]a]+", "a]", Some("a]")),
            (Extended, "[^]a]", "]b", Some("b")),
            (Extended, r"[\.]", r"\", Some(r"\")),
            (Extended, "[[:digit:]-]+", "a1-2", Some("1-2")),
            (Extended, r"\<b\w*", "ab bc", Some("bc")),
            (Extended, "[a&&b]", "&", Some("&")),
            (Extended, "#x y", "#x y", Some("#x y")),
        ] {
            let regex = compile(pattern, grammar, false).unwrap();
            assert_eq!(
                regex.find(text).map(|found| found.as_str()),
                expected,
                "{pattern}"
            );
        }
        for (grammar, pattern) in [
            (Basic, r"\(a\)\1"),
            (Basic, r"\(a"),
            (Extended, "[a"),
            (Extended, "a{x}"),
        ] {
            assert!(compile(pattern, grammar, false).is_err(), "{pattern}");
        }
    }

    #[test]
    fn keeps_bytes_that_are_no_text() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(encode(&decode(&bytes)), bytes);
    }
}
