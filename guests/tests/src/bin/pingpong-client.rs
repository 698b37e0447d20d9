//! Usage: pingpong-client [ADDRESS [ROUNDS]]. Prints how long 64 bytes take to a server and back.

use std::io::{Read, Write};
use std::time::Instant;
use test_guests::{PING_LEN, argument, connect, median, or_exit};

/// Rounds that are not measured.
const WARM_UP: usize = 100;

fn main() {
    let address: String = argument(1, "127.0.0.1:7000");
    let rounds: usize = argument(2, "10000");
    let mut stream = connect(&address);
    let mut ping = [0x5a; PING_LEN];
    let mut round_ns = Vec::with_capacity(rounds);
    let mut start = Instant::now();
    for round in 0..WARM_UP + rounds {
        if round == WARM_UP {
            start = Instant::now();
        }
        let before = Instant::now();
        or_exit("write", stream.write_all(&ping));
        or_exit("read", stream.read_exact(&mut ping));
        if round >= WARM_UP {
            round_ns.push(before.elapsed().as_nanos() as u64);
        }
    }
    let total_ns = start.elapsed().as_nanos();
    println!(
        "rounds={rounds} median_ns={} total_ns={total_ns}",
        median(&mut round_ns)
    );
}
