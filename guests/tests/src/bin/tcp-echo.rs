//! Usage: tcp-echo [ADDRESS]. Sends back what each client sends, one client after another, until it is killed.

use std::io::{Read, Write};
use std::net::TcpListener;
use test_guests::{argument, or_exit};

fn main() {
    let address: String = argument(1, "127.0.0.1:7002");
    let listener = or_exit(&format!("bind {address}"), TcpListener::bind(&address));
    println!(
        "listening on {}",
        or_exit("local address", listener.local_addr())
    );
    let mut buffer = [0; 4096];
    loop {
        let (mut stream, peer) = or_exit("accept", listener.accept());
        let mut bytes = 0;
        let end = loop {
            let len = match stream.read(&mut buffer) {
                Ok(0) => break None,
                Ok(len) => len,
                Err(error) => break Some(error),
            };
            bytes += len;
            if let Err(error) = stream.write_all(&buffer[..len]) {
                break Some(error);
            }
        };
        let end = end.map_or(String::new(), |error| format!(", then {error}"));
        println!("{bytes} bytes from {}{end}", peer.ip());
    }
}
