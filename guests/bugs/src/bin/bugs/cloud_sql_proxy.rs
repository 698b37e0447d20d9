//! A proxy that ends when its pod does, and an application that needs it once more.
//!
//! Both get SIGTERM. The proxy serves the connections it has and ends, while the application is about to open one to write
//! its last result. The correction waits a while before it ends (`--min-sigterm-delay`). The proxy is a parent that waits
//! for signals, and a child that serves until it is told to quit; the database is a file of the child.

use crate::shared::{Code, Outcome, append, fail, unknown_role};
use seedpod_guest::process::processes::{self, Program, Which};
use seedpod_guest::process::signals::{self, Disposition};
use seedpod_guest::process::types;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

const ADDRESS: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 5432);
const ROWS: &str = "/data/rows";
const MIN_SIGTERM_DELAY: Duration = Duration::from_secs(2);
const SIGTERM: u8 = 15;

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "app" => app(),
        "proxy" => proxy(code),
        "serve" => Ok(serve()?),
        _ => unknown_role(role),
    }
}

fn app() -> Outcome {
    wait_for_sigterm()?;
    match send("12 sold") {
        Ok(answer) if answer == "INSERT 1\n" => Ok(()),
        Ok(_) => fail("the last row is lost: the proxy ended"),
        Err(error) => fail(format!("the last row is lost: {error}")),
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
    send("quit")?;
    processes::wait(Which::One(child)).map_err(named)?;
    Ok(())
}

fn serve() -> io::Result<()> {
    let listener = TcpListener::bind(ADDRESS)?;
    loop {
        let (mut client, _) = listener.accept()?;
        let mut request = String::new();
        BufReader::new(&client).read_line(&mut request)?;
        match request.trim_end() {
            "quit" => return client.write_all(b"BYE\n"),
            row => append(ROWS, row)?,
        }
        client.write_all(b"INSERT 1\n")?;
    }
}

/// Sends a line to the proxy, and returns its answer.
fn send(line: &str) -> io::Result<String> {
    let mut proxy = TcpStream::connect(ADDRESS)?;
    proxy.write_all(format!("{line}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(proxy).read_line(&mut answer)?;
    Ok(answer)
}

fn wait_for_sigterm() -> Outcome {
    signals::handle(SIGTERM, Disposition::Catch).map_err(named)?;
    signals::subscribe().block();
    Ok(())
}

fn named(error: types::Error) -> String {
    format!("{error:?}")
}
