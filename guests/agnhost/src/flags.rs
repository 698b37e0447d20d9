//! Flags as pflag reads them.

use crate::go;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Int,
    Bool,
    Duration,
}

/// A flag of a command.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Its long name. Dashes and underscores are one.
    pub name: &'static str,
    pub short: Option<char>,
    pub kind: Kind,
    pub default: &'static str,
    pub usage: &'static str,
}

impl Flag {
    pub const fn text(name: &'static str, usage: &'static str) -> Self {
        Flag {
            name,
            short: None,
            kind: Kind::Text,
            default: "",
            usage,
        }
    }

    pub const fn int(name: &'static str, default: &'static str, usage: &'static str) -> Self {
        Flag {
            name,
            short: None,
            kind: Kind::Int,
            default,
            usage,
        }
    }

    pub const fn bool(name: &'static str, default: &'static str, usage: &'static str) -> Self {
        Flag {
            name,
            short: None,
            kind: Kind::Bool,
            default,
            usage,
        }
    }
}

/// Flags of klog, which every command takes and no command heeds: everything is logged to standard error.
const LOGGING: [Flag; 13] = [
    Flag::bool("add-dir-header", "false", ""),
    Flag::bool("alsologtostderr", "false", ""),
    Flag::text("log-backtrace-at", ""),
    Flag::text("log-dir", ""),
    Flag::text("log-file", ""),
    Flag::int("log-file-max-size", "1800", ""),
    Flag::bool("logtostderr", "true", ""),
    Flag::bool("one-output", "false", ""),
    Flag::bool("skip-headers", "false", ""),
    Flag::bool("skip-log-headers", "false", ""),
    Flag::text("stderrthreshold", ""),
    Flag {
        name: "v",
        short: Some('v'),
        kind: Kind::Int,
        default: "0",
        usage: "number for the log level verbosity",
    },
    Flag::text("vmodule", ""),
];

/// What was given on the command line.
#[derive(Debug, Default)]
pub struct Parsed {
    values: BTreeMap<&'static str, String>,
    pub operands: Vec<String>,
    /// `--help` was among them.
    pub help: bool,
}

impl Parsed {
    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// The number of a flag of kind [`Kind::Int`].
    pub fn int(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or_default()
    }

    pub fn is(&self, name: &str) -> bool {
        parse_bool(self.text(name)) == Some(true)
    }

    /// Nanoseconds of a flag of kind [`Kind::Duration`].
    pub fn duration_ns(&self, name: &str) -> i64 {
        go::parse_duration(self.text(name)).unwrap_or_default()
    }
}

/// Reads arguments; an error has pflag's text.
pub fn parse(flags: &[Flag], arguments: &[String]) -> Result<Parsed, String> {
    let known: Vec<&Flag> = flags.iter().chain(&LOGGING).collect();
    let mut parsed = Parsed::default();
    for flag in &known {
        parsed.values.insert(flag.name, flag.default.to_owned());
    }
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            parsed.operands.extend(rest.cloned());
            break;
        }
        if let Some(long) = argument.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            if name == "help" {
                parsed.help = true;
                continue;
            }
            let name = name.replace('_', "-");
            let flag = known
                .iter()
                .find(|flag| flag.name == name)
                .ok_or_else(|| format!("unknown flag: --{name}"))?;
            let value = match (value, flag.kind) {
                (Some(value), _) => value,
                (None, Kind::Bool) => "true".to_owned(),
                (None, _) => rest
                    .next()
                    .cloned()
                    .ok_or_else(|| format!("flag needs an argument: --{name}"))?,
            };
            set(&mut parsed, flag, value)?;
        } else if argument.len() > 1 && argument.starts_with('-') {
            shorthands(&mut parsed, &known, &argument[1..], &mut rest)?;
        } else {
            parsed.operands.push(argument.clone());
        }
    }
    Ok(parsed)
}

fn shorthands(
    parsed: &mut Parsed,
    known: &[&Flag],
    letters: &str,
    rest: &mut std::slice::Iter<'_, String>,
) -> Result<(), String> {
    let mut left = letters;
    while let Some(letter) = left.chars().next() {
        left = &left[letter.len_utf8()..];
        if letter == 'h' {
            parsed.help = true;
            continue;
        }
        let flag = known
            .iter()
            .find(|flag| flag.short == Some(letter))
            .ok_or_else(|| format!("unknown shorthand flag: '{letter}' in -{letters}"))?;
        let value = if let Some(value) = left.strip_prefix('=') {
            value.to_owned()
        } else if flag.kind == Kind::Bool {
            set(parsed, flag, "true".to_owned())?;
            continue;
        } else if !left.is_empty() {
            left.to_owned()
        } else {
            rest.next()
                .cloned()
                .ok_or_else(|| format!("flag needs an argument: '{letter}' in -{letters}"))?
        };
        return set(parsed, flag, value);
    }
    Ok(())
}

fn set(parsed: &mut Parsed, flag: &Flag, value: String) -> Result<(), String> {
    let problem = match flag.kind {
        Kind::Text => None,
        Kind::Int => value.parse::<i64>().is_err().then(|| {
            format!(
                "strconv.ParseInt: parsing {}: invalid syntax",
                go::quoted(&value)
            )
        }),
        Kind::Bool => parse_bool(&value).is_none().then(|| {
            format!(
                "strconv.ParseBool: parsing {}: invalid syntax",
                go::quoted(&value)
            )
        }),
        Kind::Duration => go::parse_duration(&value)
            .is_none()
            .then(|| format!("time: invalid duration {}", go::quoted(&value))),
    };
    if let Some(problem) = problem {
        let shown = match flag.short {
            Some(short) => format!("-{short}, --{}", flag.name),
            None => format!("--{}", flag.name),
        };
        return Err(format!(
            "invalid argument {} for {} flag: {problem}",
            go::quoted(&value),
            go::quoted(&shown)
        ));
    }
    parsed.values.insert(flag.name, value);
    Ok(())
}

/// `strconv.ParseBool`
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The lines of `--help` about flags.
pub fn usages(flags: &[Flag]) -> String {
    let names: Vec<String> = flags
        .iter()
        .map(|flag| {
            let short = flag
                .short
                .map_or("    ".to_owned(), |short| format!("-{short}, "));
            let kind = match flag.kind {
                Kind::Text => " string",
                Kind::Int => " int",
                Kind::Duration => " duration",
                Kind::Bool => "",
            };
            format!("  {short}--{}{kind}", flag.name)
        })
        .collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for (flag, name) in flags.iter().zip(names) {
        let default = match flag.default {
            "" | "0" | "false" => String::new(),
            default => format!(" (default {default})"),
        };
        let _infallible = writeln!(text, "{name:<width$}   {}{default}", flag.usage);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: [Flag; 4] = [
        Flag::int("port", "80", "Port number."),
        Flag::text("file-mode", "Path to print the mode bits of"),
        Flag::bool("break-on-expected-content", "true", ""),
        Flag {
            name: "run-duration",
            short: Some('d'),
            kind: Kind::Duration,
            default: "0",
            usage: "",
        },
    ];

    fn check(line: &str) -> String {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match parse(&FLAGS, &arguments) {
            Ok(parsed) => format!(
                "{} {:?} {} {} {:?}",
                parsed.int("port"),
                parsed.text("file-mode"),
                parsed.is("break-on-expected-content"),
                parsed.duration_ns("run-duration"),
                parsed.operands
            ),
            Err(error) => error,
        }
    }

    #[test]
    fn reads_what_pflag_reads() {
        let cases = [
            ("", r#"80 "" true 0 []"#),
            ("--port 8080 x", r#"8080 "" true 0 ["x"]"#),
            (
                "--file_mode=/a=b --break_on_expected_content=false",
                r#"80 "/a=b" false 0 []"#,
            ),
            ("-d 2s -v=4 --logtostderr", r#"80 "" true 2000000000 []"#),
            (
                "-d1m -- --port 3",
                r#"80 "" true 60000000000 ["--port", "3"]"#,
            ),
            ("--nope", "unknown flag: --nope"),
            ("-x1", "unknown shorthand flag: 'x' in -x1"),
            ("--port", "flag needs an argument: --port"),
            (
                "--port=x",
                r#"invalid argument "x" for "--port" flag: strconv.ParseInt: parsing "x": invalid syntax"#,
            ),
            (
                "-d 2",
                r#"invalid argument "2" for "-d, --run-duration" flag: time: invalid duration "2""#,
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(check(line), expected, "{line}");
        }
    }

    #[test]
    fn tells_of_defaults() {
        assert_eq!(
            usages(&FLAGS[..2]),
            "      --port int           Port number. (default 80)\n      --file-mode string   Path to print the mode bits of\n"
        );
    }
}
