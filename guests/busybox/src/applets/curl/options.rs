//! The options of `curl`. Those without a letter of their own get a control character.

use super::{Trouble, reason};
use crate::tool::Options;

const LONG: [(&str, char); 53] = [
    ("url", '\u{1}'),
    ("retry", '\u{2}'),
    ("retry-delay", '\u{3}'),
    ("retry-connrefused", '\u{4}'),
    ("retry-all-errors", '\u{5}'),
    ("max-redirs", '\u{6}'),
    ("connect-timeout", '\u{7}'),
    ("fail-with-body", '\u{8}'),
    ("create-dirs", '\u{9}'),
    ("data-raw", '\u{b}'),
    ("data-binary", '\u{c}'),
    ("data-urlencode", '\u{e}'),
    ("json", '\u{f}'),
    ("retry-max-time", '\u{10}'),
    ("data-ascii", 'd'),
    ("data", 'd'),
    ("silent", 's'),
    ("show-error", 'S'),
    ("fail", 'f'),
    ("include", 'i'),
    ("head", 'I'),
    ("verbose", 'v'),
    ("output", 'o'),
    ("remote-name", 'O'),
    ("request", 'X'),
    ("header", 'H'),
    ("get", 'G'),
    ("write-out", 'w'),
    ("max-time", 'm'),
    ("location", 'L'),
    ("user-agent", 'A'),
    ("user", 'u'),
    ("referer", 'e'),
    ("cookie", 'b'),
    ("range", 'r'),
    ("upload-file", 'T'),
    ("dump-header", 'D'),
    ("ipv4", '4'),
    ("ipv6", '6'),
    ("insecure", 'k'),
    ("no-buffer", 'N'),
    ("http1.1", '\u{11}'),
    ("http1.0", '\u{11}'),
    ("http2", '\u{11}'),
    ("no-progress-meter", '\u{11}'),
    ("progress-bar", '#'),
    ("no-keepalive", '\u{11}'),
    ("tcp-nodelay", '\u{11}'),
    ("tcp-fastopen", '\u{11}'),
    ("globoff", 'g'),
    ("path-as-is", '\u{11}'),
    ("version", 'V'),
    ("disable", 'q'),
];

const LETTERS: &str = "\u{1}:\u{2}:\u{3}:\u{4}\u{5}\u{6}:\u{7}:\u{8}\u{9}\u{b}:\u{c}:\u{e}:\u{f}:\u{10}:\u{11}\
                       d:sSfiIvo:OX:H:Gw:m:LA:u:e:b:r:T:D:46kN#gVq";

/// The options that carry a body.
const DATA: [char; 5] = ['d', '\u{b}', '\u{c}', '\u{e}', '\u{f}'];

pub(super) fn read(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options::read(arguments, LETTERS, &LONG).map_err(|message| {
        let name = message.split('\'').nth(1).unwrap_or("").to_owned();
        let shown = if name.starts_with('-') {
            name
        } else {
            format!("-{name}")
        };
        match message.starts_with("option") {
            true => format!("option {shown}: requires parameter"),
            false => format!("option {shown}: is unknown"),
        }
    })?;
    if options.has('\u{f}') {
        options.add('J', "");
        if !options
            .values('H')
            .any(|header| header.to_ascii_lowercase().starts_with("accept:"))
        {
            options.add('H', "Accept: application/json");
        }
    }
    Ok(options)
}

/// The body that `-d` and its relatives make together.
pub(super) fn data(options: &Options) -> Result<Option<Vec<u8>>, Trouble> {
    let mut body: Option<Vec<u8>> = None;
    for (letter, value) in options.in_order(&DATA) {
        let piece = piece(letter, value)?;
        match &mut body {
            Some(body) => {
                if letter != '\u{f}' {
                    body.push(b'&');
                }
                body.extend(piece);
            }
            None => body = Some(piece),
        }
    }
    Ok(body)
}

fn piece(letter: char, value: &str) -> Result<Vec<u8>, Trouble> {
    if letter == '\u{e}' {
        let (name, text) = value
            .split_once('=')
            .map_or(("", value), |(name, text)| (name, text));
        let prefix = if name.is_empty() {
            String::new()
        } else {
            format!("{name}=")
        };
        return Ok(format!("{prefix}{}", escape(text)).into_bytes());
    }
    let path = value.strip_prefix('@').filter(|_| letter != '\u{b}');
    let Some(path) = path else {
        return Ok(value.as_bytes().to_vec());
    };
    let read = match path {
        "-" => {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes).map(|_| bytes)
        }
        path => std::fs::read(path),
    };
    let mut bytes = read
        .map_err(|error| Trouble::new(26, format!("Failed to open {path}: {}", reason(&error))))?;
    if letter == 'd' {
        bytes.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
    }
    Ok(bytes)
}

fn escape(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if is_plain(byte) {
                (byte as char).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_data() {
        for (arguments, expected) in [
            ("curl -d a=1 --data b=2 u", Some("a=1&b=2")),
            ("curl --data-urlencode x=a/b u", Some("x=a%2Fb")),
            ("curl --data-raw @x u", Some("@x")),
            ("curl u", None),
        ] {
            let arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
            let body = data(&read(&arguments).unwrap()).ok().unwrap();
            assert_eq!(
                body.map(|body| String::from_utf8(body).unwrap()).as_deref(),
                expected
            );
        }
    }

    #[test]
    fn names_unknown_options() {
        for (arguments, expected) in [
            ("curl --nope", "option --nope: is unknown"),
            ("curl -Z", "option -Z: is unknown"),
            ("curl -o", "option -o: requires parameter"),
        ] {
            let arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
            assert_eq!(read(&arguments).unwrap_err(), expected);
        }
    }
}
