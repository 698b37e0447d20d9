//! `pause`: waits for a signal and exits with a code that tells which.

use crate::command::Command;
use crate::flags::Parsed;
use crate::system::{self, SIGINT, SIGTERM};

pub(crate) const COMMAND: Command = Command {
    name: "pause",
    short: "Pauses the execution",
    long: "Pauses the execution. Useful for keeping the containers running, so other commands can be executed.",
    flags: &[],
    operands: false,
    run,
};

fn run(_: &Parsed) -> u8 {
    println!("Paused");
    system::run(|signals| async move {
        signals.catch(&[SIGINT, SIGTERM]);
        match signals.arrived.happens().await {
            SIGINT => 1,
            _ => 2,
        }
    })
}
