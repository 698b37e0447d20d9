//! Usage: exit-code [CODE [MILLISECONDS]]. Ends with that code, after that time.

use std::thread::sleep;
use std::time::Duration;
use test_guests::{argument, exit_with_code};

fn main() {
    let code = argument(1, "0");
    sleep(Duration::from_millis(argument(2, "0")));
    eprintln!("exit {code}");
    exit_with_code(code);
}
