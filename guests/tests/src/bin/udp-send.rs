//! Usage: udp-send ADDRESS [TEXT]. Sends one datagram and prints the answer.

use std::net::UdpSocket;
use test_guests::{argument, or_exit};

fn main() {
    let address: String = argument(1, "127.0.0.1:7003");
    let text: String = argument(2, "hello");
    let socket = or_exit("bind", UdpSocket::bind("0.0.0.0:0"));
    or_exit(
        &format!("send {address}"),
        socket.send_to(text.as_bytes(), &address),
    );
    let mut buffer = vec![0; 65_536];
    let (len, _) = or_exit("receive", socket.recv_from(&mut buffer));
    println!("{}", String::from_utf8_lossy(&buffer[..len]));
}
