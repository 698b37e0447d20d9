//! Usage: resolve NAME... Prints the addresses of each name.

use std::env::args;
use std::net::ToSocketAddrs;
use std::process::exit;

fn main() {
    let mut failed = false;
    for name in args().skip(1) {
        match (name.as_str(), 0).to_socket_addrs() {
            Ok(addresses) => {
                let addresses: Vec<String> =
                    addresses.map(|address| address.ip().to_string()).collect();
                println!("{name} {}", addresses.join(" "));
            }
            Err(error) => {
                eprintln!("{name}: {error}");
                failed = true;
            }
        }
    }
    exit(i32::from(failed));
}
