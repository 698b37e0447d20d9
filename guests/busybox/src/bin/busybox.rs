//! The program behind `sh`, `cat`, `ls` and the rest: see the library.

fn main() {
    busybox::sys::exit_with(busybox::main());
}
