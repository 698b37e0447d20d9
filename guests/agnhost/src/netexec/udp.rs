//! The server of datagrams.

use super::{State, hostname};
use crate::go;
use crate::system::{fatal, log};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use web::rt::UdpSocket;

/// Bytes of a datagram that are looked at.
const DATAGRAM_BYTES: usize = 2048;

/// Answers commands until the process ends.
pub(super) async fn serve(state: Rc<State>, address: Option<IpAddr>, port: u16) {
    let ip = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let shown = address
        .map(|address| address.to_string())
        .unwrap_or_default();
    let wrong = |detail: &str, error: &io::Error| -> ! {
        fatal(&format!("Error occurred: {detail}:{}", go::errno(error)))
    };
    let socket = match UdpSocket::bind(SocketAddr::new(ip, port)).await {
        Ok(socket) => socket,
        Err(error) => wrong(
            &format!("failed to create listener for UDP address {shown}:{port}"),
            &error,
        ),
    };
    log!("Started UDP server on port {shown} {port}");
    state.ready.set(true);
    loop {
        let (bytes, client) = match socket.receive().await {
            Ok(received) => received,
            Err(error) => wrong("failed accepting UDP connections", &error),
        };
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(DATAGRAM_BYTES)]);
        let text = text.trim().to_lowercase();
        let answer = if text == "hostname" {
            log!("Sending udp hostName response");
            hostname()
        } else if let Some(message) = text.strip_prefix("echo ") {
            log!("Echoing {message} to UDP client {client}");
            message.to_owned()
        } else if text == "clientip" {
            log!("Sending clientip back to UDP client {client}");
            client.to_string()
        } else {
            if !text.is_empty() {
                log!("Unknown UDP command received from {client}: {text}");
            }
            continue;
        };
        if let Err(error) = socket.send(answer.as_bytes(), Some(client)).await {
            wrong(&format!("failed to write to UDP client {client}"), &error);
        }
    }
}
