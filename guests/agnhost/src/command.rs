//! The table of subcommands.

use crate::flags::{self, Flag, Parsed};
use crate::system::exit;
use crate::{
    dns, entrypoint_tester, grpc_health_checking, liveness, logs_generator, mounttest, netexec,
    nettest, pause, test_webserver,
};

const VERSION: &str = "2.63.0";

/// A subcommand.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    pub(crate) short: &'static str,
    pub(crate) long: &'static str,
    pub(crate) flags: &'static [Flag],
    /// Whether it takes arguments that are not flags.
    pub(crate) operands: bool,
    pub(crate) run: fn(&Parsed) -> u8,
}

const COMMANDS: &[&Command] = &[
    &dns::SERVER_LIST,
    &dns::SUFFIX,
    &entrypoint_tester::COMMAND,
    &dns::ETC_HOSTS,
    &grpc_health_checking::COMMAND,
    &liveness::COMMAND,
    &logs_generator::COMMAND,
    &mounttest::COMMAND,
    &netexec::COMMAND,
    &nettest::COMMAND,
    &pause::COMMAND,
    &test_webserver::COMMAND,
];

/// Runs the subcommand of the command line and ends the process.
pub fn main() -> ! {
    let arguments: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    exit(dispatch(arguments.get(1..).unwrap_or_default()))
}

fn dispatch(arguments: &[String]) -> u8 {
    let (first, rest) = match arguments.split_first() {
        None => return help(None),
        Some((first, rest)) => (first.as_str(), rest),
    };
    match first {
        "--version" => {
            println!("app version {VERSION}");
            return 0;
        }
        "--help" | "-h" => return help(None),
        "help" => return help(rest.first().and_then(|name| find(name))),
        _ => {}
    }
    let Some(command) = find(first) else {
        eprintln!(
            "Error: unknown command {} for \"app\"",
            crate::go::quoted(first)
        );
        eprintln!("Run 'app --help' for usage.");
        return 1;
    };
    let parsed = match flags::parse(command.flags, rest) {
        Ok(parsed) if parsed.help => return help(Some(command)),
        Ok(parsed) => parsed,
        Err(error) => return wrong(command, &error),
    };
    if !command.operands && !parsed.operands.is_empty() {
        let error = format!(
            "accepts at most 0 arg(s), received {}",
            parsed.operands.len()
        );
        return wrong(command, &error);
    }
    (command.run)(&parsed)
}

fn find(name: &str) -> Option<&'static Command> {
    COMMANDS
        .iter()
        .copied()
        .find(|command| command.name == name)
}

fn wrong(command: &Command, error: &str) -> u8 {
    eprintln!("Error: {error}");
    eprint!("{}", usage(command));
    1
}

fn usage(command: &Command) -> String {
    let flags = match command.flags {
        [] => String::new(),
        flags => format!("\nFlags:\n{}", flags::usages(flags)),
    };
    format!("Usage:\n  app {} [flags]\n{flags}\n", command.name)
}

fn help(command: Option<&Command>) -> u8 {
    if let Some(command) = command {
        print!("{}\n\n{}", command.long, usage(command));
        return 0;
    }
    println!("Usage:\n  app [command]\n\nAvailable Commands:");
    for command in COMMANDS {
        println!("  {:<21} {}", command.name, command.short);
    }
    println!("\nUse \"app [command] --help\" for more information about a command.");
    0
}
