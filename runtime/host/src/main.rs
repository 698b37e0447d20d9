//! The command line: reads its arguments and the manifests, then does what the library does.

mod cache;
mod check;
mod cli;
mod diff;
mod optimize;
mod print;
mod replay;
mod run;
mod server;
mod simulate;
mod sources;
mod stdin;
mod test;

use clap::Parser;
use cli::{Cli, Command};
use std::io::IsTerminal as _;
use std::process::ExitCode;

/// Wrong arguments, wrong manifests, ports that are taken: nothing has started.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    let result = match cli.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Serve(arguments) => server::serve(&arguments),
        Command::Test(arguments) => test::test(&arguments),
        Command::Replay(arguments) => replay::replay(&arguments),
        Command::Diff(arguments) => diff::diff(&arguments),
        Command::SimulateWorker(arguments) => test::work(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Optimize(arguments) => optimize::optimize(&arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(EXIT_USAGE)
    })
}

/// Our own warnings; `SEEDPOD_LOG=debug` shows more.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SEEDPOD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,seedpod::requests=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .init();
}
