//! Prints how it was started: its arguments, working directory and environment.

use std::env::{args, current_dir, vars};
use test_guests::or_exit;

fn main() {
    for (index, argument) in args().enumerate() {
        println!("argv[{index}]={argument}");
    }
    println!(
        "cwd={}",
        or_exit("current directory", current_dir()).display()
    );
    for (name, value) in vars() {
        println!("env {name}={value}");
    }
}
