//! How Go prints things.

use std::fmt::Write as _;

/// Bytes of a text from a server that are shown; the rest is cut off.
const SHOWN_BYTES: usize = 1024;

/// `%q`: in double quotes, with escapes.
pub(super) fn quote(bytes: &[u8]) -> String {
    let mut text = String::from('"');
    for chunk in bytes[..bytes.len().min(SHOWN_BYTES)].utf8_chunks() {
        for c in chunk.valid().chars() {
            quote_char(&mut text, c);
        }
        for byte in chunk.invalid() {
            let _infallible = write!(text, "\\x{byte:02x}");
        }
    }
    text.push('"');
    text
}

fn quote_char(text: &mut String, c: char) {
    let escape = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\x0c' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\x0b' => "\\v",
        _ if c.is_ascii_control() => {
            let _infallible = write!(text, "\\x{:02x}", u32::from(c));
            return;
        }
        _ if c.is_control() => {
            let _infallible = write!(text, "\\u{:04x}", u32::from(c));
            return;
        }
        _ => {
            text.push(c);
            return;
        }
    };
    text.push_str(escape);
}

/// The name of a header as Go's `textproto` writes it: `Content-Type`. What is no name stays as it is.
pub(super) fn canonical_header(name: &str) -> String {
    if !is_token(name) {
        return name.to_owned();
    }
    let mut upper = true;
    let canonical = |c: char| {
        let c = if upper {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        };
        upper = c == '-';
        c
    };
    name.chars().map(canonical).collect()
}

/// Whether a header can have this name (RFC 9110, `token`).
pub(super) fn is_token(name: &str) -> bool {
    let is_tchar = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    !name.is_empty() && name.bytes().all(is_tchar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_as_go_quotes_it() {
        let check = |bytes: &[u8], text: &str| assert_eq!(quote(bytes), text);
        check(b"http://10.244.0.2:80/", r#""http://10.244.0.2:80/""#);
        check(b"\x15\x03\x01\0\x02", r#""\x15\x03\x01\x00\x02""#);
        check(b"a\"b\\\r\n\t\xff", r#""a\"b\\\r\n\t\xff""#);
        check("grüße\u{85}".as_bytes(), r#""grüße\u0085""#);
        assert_eq!(quote(&[b'a'; 5000]).len(), 1026);
    }

    #[test]
    fn header_names_are_written_as_go_writes_them() {
        let check = |name: &str, canonical: &str| assert_eq!(canonical_header(name), canonical);
        check("content-TYPE", "Content-Type");
        check("x-foo--bar", "X-Foo--Bar");
        check("not a name", "not a name");
    }
}
