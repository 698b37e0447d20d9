//! A proxy that ends when its pod does, and an application that needs it once more.
//!
//! Both get SIGTERM. The proxy sees no connection and ends, while the application is about to open one to write its last
//! result. The correction waits a while before it ends (`--min-sigterm-delay`). The proxy is a parent that waits for
//! signals and a child that serves; the database is a file of the child.

use crate::shared::{Code, Outcome, append, fail, unknown_role};
use seedpod_guest::process::processes::{self, Program};
use seedpod_guest::process::signals::{self, Disposition};
use seedpod_guest::process::types;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

const ADDRESS: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 5432);
const ROWS: &str = "/data/rows";
const MIN_SIGTERM_DELAY: Duration = Duration::from_secs(2);
const SIGKILL: u8 = 9;
const SIGTERM: u8 = 15;

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "app" => app(),
        "proxy" => proxy(code),
        "serve" => serve(),
        _ => unknown_role(role),
    }
}

fn app() -> Outcome {
    wait_for_sigterm()?;
    let proxy = TcpStream::connect(ADDRESS);
    let mut proxy = proxy.map_err(|error| format!("the last row is lost: {error}"))?;
    proxy.write_all(b"12 sold\n")?;
    let mut answer = String::new();
    BufReader::new(proxy).read_line(&mut answer)?;
    match answer.as_str() {
        "INSERT 1\n" => Ok(()),
        _ => fail("the last row is lost: the proxy ended"),
    }
}

fn proxy(code: Code) -> Outcome {
    let arguments = ["/proc/self/exe", "cloud-sql-proxy", "serve"];
    let child = processes::spawn(
        &Program {
            path: arguments[0].to_owned(),
            arguments: arguments.map(str::to_owned).to_vec(),
            environment: Vec::new(),
            directory: "/".to_owned(),
        },
        &[],
    );
    let child = child.map_err(named)?;
    wait_for_sigterm()?;
    if code == Code::Fixed {
        sleep(MIN_SIGTERM_DELAY);
    }
    Ok(processes::kill(child, SIGKILL).map_err(named)?)
}

fn serve() -> Outcome {
    let listener = TcpListener::bind(ADDRESS)?;
    loop {
        let (mut client, _) = listener.accept()?;
        let mut row = String::new();
        BufReader::new(&client).read_line(&mut row)?;
        append(ROWS, row.trim_end())?;
        client.write_all(b"INSERT 1\n")?;
    }
}

fn wait_for_sigterm() -> Outcome {
    signals::handle(SIGTERM, Disposition::Catch).map_err(named)?;
    signals::subscribe().block();
    Ok(())
}

fn named(error: types::Error) -> String {
    format!("{error:?}")
}
