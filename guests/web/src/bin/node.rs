//! The Node.js application of the image `tiven/kube-tiven`: it tells which host was hit.

#[cfg(target_os = "wasi")]
fn main() -> std::process::ExitCode {
    application::main()
}

#[cfg(not(target_os = "wasi"))]
fn main() {}

#[cfg(target_os = "wasi")]
mod application {
    use http_body_util::Full;
    use hyper::body::{Bytes, Incoming};
    use hyper::{Request, Response, StatusCode};
    use std::net::{Ipv4Addr, SocketAddr};
    use std::process::ExitCode;
    use web::app::{run, text};

    const PORT: u16 = 8080;

    pub(crate) fn main() -> ExitCode {
        let script = std::env::args().nth(1).unwrap_or_default();
        if script != "app.js" && !script.ends_with("/app.js") {
            eprintln!("Error: Cannot find module '{script}'");
            return ExitCode::FAILURE;
        }
        println!("Kube server starting...");
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT));
        let error = run(address, answer, |_| ());
        eprintln!("Error: listen {address}: {error}");
        ExitCode::FAILURE
    }

    fn answer(_: &Request<Incoming>, client: SocketAddr) -> Response<Full<Bytes>> {
        println!("Received request from {}", client.ip());
        text(
            StatusCode::OK,
            "text/plain",
            format!("You've hit {}\n", hostname()),
        )
    }

    fn hostname() -> String {
        let file = std::fs::read_to_string("/etc/hostname").map(|name| name.trim().to_owned());
        match file {
            Ok(name) if !name.is_empty() => name,
            _ => std::env::var("HOSTNAME").unwrap_or_else(|_| "localhost".to_owned()),
        }
    }
}
