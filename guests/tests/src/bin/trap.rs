//! Executes an instruction that traps.

fn main() {
    eprintln!("about to trap");
    std::process::abort();
}
