//! Allocates and fills 1 MiB after another until it is killed.

const STEP: usize = 1 << 20;

fn main() {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![0x5a_u8; STEP]);
        println!("{} MiB", hoard.len());
    }
}
