//! Usage: udp-echo [ADDRESS]. Sends every datagram back to its sender until it is killed.

use std::net::UdpSocket;
use test_guests::{argument, or_exit};

fn main() {
    let address: String = argument(1, "127.0.0.1:7003");
    let socket = or_exit(&format!("bind {address}"), UdpSocket::bind(&address));
    println!(
        "listening on {}",
        or_exit("local address", socket.local_addr())
    );
    let mut buffer = vec![0; 65_536];
    loop {
        let (len, peer) = or_exit("receive", socket.recv_from(&mut buffer));
        println!("{len} bytes from {}", peer.ip());
        or_exit("send", socket.send_to(&buffer[..len], peer));
    }
}
