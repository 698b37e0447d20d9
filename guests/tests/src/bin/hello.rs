//! Prints one line and ends.

fn main() {
    println!("Hello, world!");
}
