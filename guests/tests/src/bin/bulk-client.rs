//! Usage: bulk-client [ADDRESS [MEBIBYTES]]. Sends that much, waits until it has arrived, and prints how long it took.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::exit;
use std::time::Instant;
use test_guests::{BULK_LEN, argument, connect, or_exit};

fn main() {
    let address: String = argument(1, "127.0.0.1:7001");
    let mebibytes: usize = argument(2, "64");
    let mut stream = connect(&address);
    let block = vec![0x5a; BULK_LEN];
    let bytes = mebibytes << 20;
    let start = Instant::now();
    for _ in 0..bytes / BULK_LEN {
        or_exit("write", stream.write_all(&block));
    }
    or_exit("shutdown", stream.shutdown(Shutdown::Write));
    let mut received = [0; 8];
    or_exit("read", stream.read_exact(&mut received));
    let total_ns = start.elapsed().as_nanos();
    if u64::from_be_bytes(received) != bytes as u64 {
        eprintln!(
            "sent {bytes} bytes, {} arrived",
            u64::from_be_bytes(received)
        );
        exit(1);
    }
    println!("sent={bytes} total_ns={total_ns}");
}
