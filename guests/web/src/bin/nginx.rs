//! The web server and reverse proxy `nginx`.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(target_os = "wasi")]
    let serve = web::nginx::serve::main;
    #[cfg(not(target_os = "wasi"))]
    let serve = |_| {
        eprintln!(
            "nginx: [emerg] it serves on wasm32-wasip2 only; elsewhere it tests configurations"
        );
        1
    };
    let args: Vec<String> = std::env::args().collect();
    ExitCode::from(web::nginx::cli::main(&args, serve))
}
