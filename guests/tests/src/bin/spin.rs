//! Usage: spin [ROUNDS]. Computes without a single system call: forever, or that many rounds.

use std::hint::black_box;
use test_guests::argument;

fn main() {
    let rounds: u64 = argument(1, "18446744073709551615");
    let mut value = 1_u64;
    for round in 0..rounds {
        value = black_box(
            value
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(round),
        );
    }
    println!("{value:016x}");
}
