//! The program behind `sh`, `cat`, `ls` and the rest: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    busybox::main().into()
}
