//! Usage: bulk-server [ADDRESS]. Reads what one client sends, answers with its length as 8 bytes, and prints the rate.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Instant;
use test_guests::{BULK_LEN, argument, or_exit};

fn main() {
    let address: String = argument(1, "127.0.0.1:7001");
    let listener = or_exit(&format!("bind {address}"), TcpListener::bind(&address));
    let (mut stream, _) = or_exit("accept", listener.accept());
    let mut buffer = vec![0; BULK_LEN];
    let mut bytes = 0;
    let start = Instant::now();
    loop {
        match or_exit("read", stream.read(&mut buffer)) {
            0 => break,
            len => bytes += len as u64,
        }
    }
    let total_ns = start.elapsed().as_nanos();
    or_exit("write", stream.write_all(&bytes.to_be_bytes()));
    println!("received={bytes} total_ns={total_ns}");
}
