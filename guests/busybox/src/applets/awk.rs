//! `awk`.
//!
//! Text is bytes, as in busybox: a character is a byte, held as [`regex::bytes_as_text`](crate::regex::bytes_as_text)
//! holds it.

mod ast;
mod builtins;
mod evaluate;
mod fields;
mod grammar;
mod io;
mod lexer;
mod parser;
mod run;
mod value;

use crate::regex::bytes_as_text;
use crate::tool::{Options, Ran, Tool};
use run::Interpreter;

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "+F:v:f:e:", &[])?;
    let mut operands = options.operands.as_slice();
    let mut program = String::new();
    for (letter, value) in options.in_order(&['f', 'e']) {
        match letter {
            'f' => {
                let Some(mut input) = tool.open(value) else {
                    return Ok(1);
                };
                program += &bytes_as_text(&input.all(tool)?);
            }
            _ => program += &bytes_as_text(value.as_bytes()),
        }
        program.push('\n');
    }
    if program.is_empty() {
        let (first, rest) = operands
            .split_first()
            .ok_or("usage: awk [OPTIONS] [AWK_PROGRAM] [FILE]...")?;
        program = bytes_as_text(first.as_bytes());
        operands = rest;
    }
    let program = parser::parse(&program).map_err(|error| format!("cmd. line:{error}"))?;
    let mut interpreter = Interpreter::new(tool, program);
    if let Some(separator) = options.value('F') {
        let separator = lexer::unescape(&bytes_as_text(separator.as_bytes()));
        // As POSIX wants it.
        let separator = if separator == "t" { "\t" } else { &separator };
        interpreter.set_variable("FS", separator);
    }
    for assignment in options.values('v') {
        if !interpreter.assign(assignment) {
            return Err("usage: awk [-v VAR=VAL] ...".to_owned());
        }
    }
    interpreter.set_arguments(operands);
    interpreter
        .run()
        .map_err(|message| format!("cmd. line:{message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program of assignments leaves in `r`.
    fn result(program: &str) -> String {
        let mut tool = Tool::new("awk");
        let program = format!("BEGIN {{ {program} }}");
        let program = match parser::parse(&program) {
            Ok(program) => program,
            Err(error) => return error,
        };
        let index = program.globals.iter().position(|name| name == "r");
        let mut interpreter = Interpreter::new(&mut tool, program);
        match interpreter.run() {
            Ok(_) => index.map_or(String::new(), |index| {
                interpreter.special(index).to_string()
            }),
            Err(error) => error,
        }
    }

    /// What the busybox of Debian cannot show: it is built without this part.
    #[test]
    fn calculates() {
        let deep = format!("r = {}1{}", "(".repeat(1000), ")".repeat(1000));
        for (program, expected) in [
            ("r = 2 ^ 3 ^ 2", "512"),
            ("r = 2 ** 10 - -1", "1025"),
            ("r = -2 ^ 2", "-4"),
            ("x = 3; x ^= 2; r = x", "9"),
            ("r = sqrt(16) + int(exp(0)) + atan2(0, 1) + log(1)", "5"),
            ("r = 2 ^ -1", "0.5"),
            ("r = 1 ? 2 ? 3 : 4 : 5", "3"),
            (
                "srand(7); a = rand(); srand(7); r = (a == rand() && a < 1)",
                "1",
            ),
            ("r = x[1", "1: Unexpected token"),
            ("r = length(1, 2)", "1: Too many arguments"),
            ("\n\nr = 1 % 0", "3: Division by zero"),
            ("x = 1; x[1] = 2", "1: Attempt to use scalar as array"),
            ("r = $(-1)", "1: Access to negative field"),
            (deep.as_str(), "1: Too deeply nested"),
        ] {
            assert_eq!(result(program), expected, "{program}");
        }
    }

    /// In a thread of its own, because the frames of an unoptimized build are large.
    #[test]
    fn ends_endless_calls() {
        let run = || {
            let endless = "BEGIN { f(1) } function f(x) { return f(x + 1) }";
            let mut tool = Tool::new("awk");
            let program = parser::parse(endless).unwrap();
            let run = Interpreter::new(&mut tool, program).run();
            assert_eq!(run.unwrap_err(), "1: function calls are too deep");
        };
        let thread = std::thread::Builder::new().stack_size(64 << 20);
        thread.spawn(run).unwrap().join().unwrap();
    }
}
