//! The Flask application of the image `training/webapp`: `GET /` says hello.

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
    use hyper::header::{ALLOW, HeaderValue, SERVER};
    use hyper::{Method, Request, Response, StatusCode};
    use std::net::{Ipv4Addr, SocketAddr};
    use std::process::ExitCode;
    use std::time::SystemTime;
    use web::app::{run, text};
    use web::date;

    const PORT: u16 = 5000;
    const HTML: &str = "text/html; charset=utf-8";

    pub(crate) fn main() -> ExitCode {
        let script = std::env::args().nth(1).unwrap_or_default();
        if script != "app.py" && !script.ends_with("/app.py") {
            eprintln!("python: can't open file '{script}': [Errno 2] No such file or directory");
            return ExitCode::from(2);
        }
        let port = std::env::var("PORT")
            .ok()
            .and_then(|port| port.parse().ok())
            .unwrap_or(PORT);
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let error = run(address, answer, |address| {
            eprintln!(" * Running on http://{address}/ (Press CTRL+C to quit)");
        });
        eprintln!("cannot listen on {address}: {error}");
        ExitCode::FAILURE
    }

    fn answer(request: &Request<Incoming>, client: SocketAddr) -> Response<Full<Bytes>> {
        let known = request.uri().path() == "/";
        let allowed = matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        );
        let mut response = match (known, allowed) {
            (true, true) if request.method() == Method::OPTIONS => {
                text(StatusCode::OK, HTML, String::new())
            }
            (true, true) => {
                let provider = std::env::var("PROVIDER").unwrap_or_else(|_| "world".to_owned());
                text(StatusCode::OK, HTML, format!("Hello {provider}!"))
            }
            (true, false) => text(
                StatusCode::METHOD_NOT_ALLOWED,
                "text/html",
                page(
                    "405 Method Not Allowed",
                    "Method Not Allowed",
                    "The method is not allowed for the requested URL.",
                ),
            ),
            (false, _) => text(
                StatusCode::NOT_FOUND,
                "text/html",
                page(
                    "404 Not Found",
                    "Not Found",
                    "The requested URL was not found on the server.  If you entered the URL manually please check your spelling and try again.",
                ),
            ),
        };
        response.headers_mut().insert(
            SERVER,
            HeaderValue::from_static("Werkzeug/0.8.3 Python/2.7.6"),
        );
        if known && (!allowed || request.method() == Method::OPTIONS) {
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("HEAD, OPTIONS, GET"));
        }
        let now = date::log(SystemTime::now());
        let (day, time) = now.split_once(':').unwrap_or_default();
        let time = time.split(' ').next().unwrap_or_default();
        let status = response.status().as_u16();
        eprintln!(
            "{} - - [{day} {time}] \"{} {} {:?}\" {status} -",
            client.ip(),
            request.method(),
            request.uri(),
            request.version()
        );
        response
    }

    fn page(title: &str, heading: &str, sentence: &str) -> String {
        format!(
            "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<title>{title}</title>\n<h1>{heading}</h1>\n<p>{sentence}</p>\n"
        )
    }
}
