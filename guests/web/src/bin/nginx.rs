//! The web server and reverse proxy `nginx`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    ExitCode::from(web::nginx::cli::main(&args))
}
