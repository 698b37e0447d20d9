//! Usage: pingpong-server [ADDRESS]. Sends every ping of one client back, then ends.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use test_guests::{PING_LEN, argument, or_exit};

fn main() {
    let address: String = argument(1, "127.0.0.1:7000");
    let listener = or_exit(&format!("bind {address}"), TcpListener::bind(&address));
    let (mut stream, _) = or_exit("accept", listener.accept());
    or_exit("nodelay", stream.set_nodelay(true));
    let mut ping = [0; PING_LEN];
    loop {
        match stream.read_exact(&mut ping) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return,
            read => or_exit("read", read),
        }
        or_exit("write", stream.write_all(&ping));
    }
}
