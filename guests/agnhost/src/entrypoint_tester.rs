//! `entrypoint-tester`: prints the command line.

use crate::command::Command;
use crate::flags::Parsed;

pub(crate) const COMMAND: Command = Command {
    name: "entrypoint-tester",
    short: "Prints the args it's passed and exits",
    long: "Prints the args it's passed and exits.",
    flags: &[],
    operands: true,
    run,
};

fn run(_: &Parsed) -> u8 {
    let arguments: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    println!("[{}]", arguments.join(" "));
    0
}
