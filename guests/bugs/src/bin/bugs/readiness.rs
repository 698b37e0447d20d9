//! Readiness lies: a server says that it is ready, and then begins to listen.
//!
//! Its start-up probe believes it, the next container starts and finds nobody. The correction listens first.

use crate::shared::{Code, Outcome, fail, unknown_role};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;

const READY: &str = "/shared/ready";
const ADDRESS: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 9000);

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "server" => serve(code),
        "probe" if Path::new(READY).exists() => Ok(()),
        "probe" => fail("not ready"),
        "client" => ask(),
        _ => unknown_role(role),
    }
}

fn serve(code: Code) -> Outcome {
    let listener = match code {
        Code::Broken => {
            fs::write(READY, "")?;
            TcpListener::bind(ADDRESS)?
        }
        Code::Fixed => {
            let listener = TcpListener::bind(ADDRESS)?;
            fs::write(READY, "")?;
            listener
        }
    };
    loop {
        let (mut client, _) = listener.accept()?;
        client.write_all(b"welcome\n")?;
    }
}

fn ask() -> Outcome {
    let server = TcpStream::connect(ADDRESS);
    let mut server = server.map_err(|error| format!("the server is ready, but: {error}"))?;
    let mut greeting = String::new();
    server.read_to_string(&mut greeting)?;
    print!("{greeting}");
    Ok(())
}
