//! Usage: tcp-send ADDRESS [TEXT]. Connects once, sends the text, prints the answer. Does not wait for a server.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use test_guests::{argument, or_exit};

fn main() {
    let address: String = argument(1, "127.0.0.1:7002");
    let text: String = argument(2, "hello");
    let mut stream = or_exit(&format!("connect {address}"), TcpStream::connect(&address));
    or_exit("write", stream.write_all(text.as_bytes()));
    or_exit("shutdown", stream.shutdown(Shutdown::Write));
    let mut answer = String::new();
    or_exit("read", stream.read_to_string(&mut answer));
    println!("{answer}");
}
