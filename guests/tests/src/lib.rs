//! What the test programs share: their arguments, a connection that waits for its server, and statistics.

use std::fmt::Display;
use std::net::TcpStream;
use std::process::exit;
use std::str::FromStr;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A client that starts before its server tries again this long.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
const CONNECT_PAUSE: Duration = Duration::from_millis(2);

/// Bytes of one ping.
pub const PING_LEN: usize = 64;
/// Bytes of one write of a bulk transfer.
pub const BULK_LEN: usize = 64 * 1024;

/// Returns argument `index`, or `default` where it was not given; ends the program where it does not parse.
pub fn argument<T>(index: usize, default: &str) -> T
where
    T: FromStr,
    T::Err: Display,
{
    let text = std::env::args()
        .nth(index)
        .unwrap_or_else(|| default.to_owned());
    or_exit(&format!("argument {index} {text:?}"), text.parse())
}

/// Unwraps, or prints `what: error` and ends the program with code 1.
pub fn or_exit<T, E: Display>(what: &str, result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| {
        eprintln!("{what}: {error}");
        exit(1)
    })
}

/// Connects to a server that may still be starting.
pub fn connect(address: &str) -> TcpStream {
    let start = Instant::now();
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => {
                or_exit("nodelay", stream.set_nodelay(true));
                return stream;
            }
            Err(_) if start.elapsed() < CONNECT_PATIENCE => sleep(CONNECT_PAUSE),
            Err(error) => or_exit(&format!("connect {address}"), Err(error)),
        }
    }
}

/// The median of `samples`, which it sorts; 0 for none.
pub fn median(samples: &mut [u64]) -> u64 {
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or(0)
}

#[cfg(target_os = "wasi")]
mod cli {
    wit_bindgen::generate!({
        inline: "
            package wasi:cli@0.2.12;
            interface exit {
                exit: func(status: result);
                exit-with-code: func(status-code: u8);
            }
            world exits { import exit; }
        ",
    });
}

/// Ends the program with a code of its own; `std::process::exit` knows only 0 and 1 on WASI 0.2.
pub fn exit_with_code(code: u8) {
    #[cfg(target_os = "wasi")]
    cli::wasi::cli::exit::exit_with_code(code);
    exit(i32::from(code))
}
