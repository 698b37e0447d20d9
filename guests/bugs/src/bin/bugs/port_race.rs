//! Port race: a free port is found by binding it, released, published, and bound again when it is needed.
//!
//! Between the two, the other container may find the same port free. The correction keeps the socket that found it.

use crate::shared::{Code, Outcome, fail, queue, receive, send, unknown_role};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

/// Where both containers look for a port.
const PORTS: std::ops::Range<u16> = 8000..8010;
/// Where the API publishes its port.
const QUEUE: &str = "/port-of-api";

/// A port to listen on later.
struct Reserved {
    port: u16,
    /// The socket that found it, if it was kept.
    listener: Option<TcpListener>,
}

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "api" => api(code),
        "sidecar" => sidecar(code),
        _ => unknown_role(role),
    }
}

fn api(code: Code) -> Outcome {
    let reserved = reserve(code)?;
    send(&queue(QUEUE)?, &reserved.port.to_string())?;
    let listener = reserved.listen()?;
    let (mut client, _) = listener.accept()?;
    client.write_all(b"up 1\n")?;
    Ok(())
}

/// Serves metrics on a port of its own, which nobody asks for here, and scrapes the API.
fn sidecar(code: Code) -> Outcome {
    let reserved = reserve(code)?;
    let port: u16 = receive(&queue(QUEUE)?)?.parse()?;
    let _metrics = reserved.listen()?;
    let mut scraped = String::new();
    TcpStream::connect((Ipv4Addr::LOCALHOST, port))?.read_to_string(&mut scraped)?;
    print!("{scraped}");
    Ok(())
}

fn reserve(code: Code) -> Outcome<Reserved> {
    for port in PORTS {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            let listener = (code == Code::Fixed).then_some(listener);
            return Ok(Reserved { port, listener });
        }
    }
    fail("no port is free")
}

impl Reserved {
    fn listen(self) -> Outcome<TcpListener> {
        if let Some(listener) = self.listener {
            return Ok(listener);
        }
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port));
        bound.map_err(|error| format!("bind port {}: {error}", self.port).into())
    }
}
