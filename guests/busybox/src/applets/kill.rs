//! `kill`.

use crate::sys::{self, SIGNALS, SIGTERM};
use crate::tool::{Ran, Tool};

/// What the operands of `kill` ask for.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// Names to print.
    List(String),
    Send {
        signal: u8,
        targets: Vec<i64>,
    },
}

pub fn request(operands: &[String]) -> Result<Request, String> {
    let bad = |name: &str| format!("bad signal name '{name}'");
    let (signal, targets) = match operands {
        [option, names @ ..] if option == "-l" || option == "-L" => return list(names),
        [option, name, rest @ ..] if option == "-s" || option == "-n" => {
            (sys::signal_number(name).ok_or_else(|| bad(name))?, rest)
        }
        [option, rest @ ..] if option == "--" => (SIGTERM, rest),
        [option, rest @ ..] if option.len() > 1 && option.starts_with('-') => (
            sys::signal_number(&option[1..]).ok_or_else(|| bad(&option[1..]))?,
            rest,
        ),
        rest => (SIGTERM, rest),
    };
    let targets = targets
        .strip_prefix(&["--".to_owned()][..])
        .unwrap_or(targets);
    if targets.is_empty() {
        return Err("you need to specify whom to kill".to_owned());
    }
    let target = |text: &String| text.parse().map_err(|_| format!("invalid number '{text}'"));
    Ok(Request::Send {
        signal,
        targets: targets.iter().map(target).collect::<Result<_, _>>()?,
    })
}

fn list(names: &[String]) -> Result<Request, String> {
    if names.is_empty() {
        let lines: String = SIGNALS
            .iter()
            .enumerate()
            .map(|(index, name)| format!("{:2}) {name}\n", index + 1))
            .collect();
        return Ok(Request::List(lines));
    }
    let mut lines = String::new();
    for name in names {
        // A status of a process that a signal has ended names that signal.
        let number = name
            .parse::<u8>()
            .map(|number| if number > 128 { number - 128 } else { number });
        match (number, sys::signal_number(name)) {
            (Ok(number @ 1..=31), _) => {
                lines.push_str(&format!("{}\n", SIGNALS[usize::from(number) - 1]));
            }
            (Err(_), Some(number)) => lines.push_str(&format!("{number}\n")),
            _ => return Err(format!("unknown signal '{name}'")),
        }
    }
    Ok(Request::List(lines))
}

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    match request(&arguments[1..])? {
        Request::List(text) => tool.print(text),
        Request::Send { signal, targets } => {
            let mut status = 0;
            for target in targets {
                if let Err(error) = sys::kill(target, signal) {
                    tool.complain(format_args!("can't kill pid {target}: {error}"));
                    status = 1;
                }
            }
            return Ok(status);
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_operands() {
        let send = |signal, targets: &[i64]| {
            Ok(Request::Send {
                signal,
                targets: targets.to_vec(),
            })
        };
        for (operands, expected) in [
            ("1 2", send(15, &[1, 2])),
            ("-9 7", send(9, &[7])),
            ("-KILL 7", send(9, &[7])),
            ("-s SIGUSR1 7", send(10, &[7])),
            ("-0 7", send(0, &[7])),
            ("-TERM -1", send(15, &[-1])),
            ("-l 143", Ok(Request::List("TERM\n".to_owned()))),
            ("-l TERM", Ok(Request::List("15\n".to_owned()))),
            ("-FOO 1", Err("bad signal name 'FOO'".to_owned())),
            ("x", Err("invalid number 'x'".to_owned())),
        ] {
            let operands: Vec<String> = operands.split(' ').map(str::to_owned).collect();
            assert_eq!(request(&operands), expected);
        }
    }
}
