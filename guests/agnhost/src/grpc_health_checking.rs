//! `grpc-health-checking`: a health service of gRPC that a request over HTTP turns sick.

use crate::command::Command;
use crate::flags::{Flag, Parsed};
use crate::go;
use crate::grpc::{framed, service, unframed};
use crate::http::{self, Answer, Body, Exchange, Protocol, Server, Tls, reply};
use crate::system::{self, fatal, log};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use web::rt;

pub(crate) const COMMAND: Command = Command {
    name: "grpc-health-checking",
    short: "Starts a simple grpc health checking endpoint",
    long: "Starts a simple grpc health checking endpoint with --port to serve on and --service to check status for. The endpoint returns SERVING for the first --delay-unhealthy-sec, and NOT_SERVING after this. NOT_FOUND will be returned for the requests for non-configured service name. Probe can be forced to be set NOT_SERVING by calling /make-not-serving http endpoint.",
    flags: &[
        Flag::int("port", "5000", "Port number."),
        Flag::int(
            "http-port",
            "8080",
            "Port number for the /make-serving and /make-not-serving.",
        ),
        Flag::int(
            "delay-unhealthy-sec",
            "-1",
            "Number of seconds to delay before start reporting NOT_SERVING, negative value indicates never.",
        ),
        Flag::text("service", "Service name to register the health check for."),
        Flag::text(
            "tls-cert-file",
            "File containing an x509 certificate for gRPC TLS. (CA cert, if any, concatenated after server cert).",
        ),
        Flag::text(
            "tls-private-key-file",
            "File containing an x509 private key matching --tls-cert-file.",
        ),
    ],
    operands: false,
    run,
};

/// Codes of gRPC.
const INVALID_ARGUMENT: u8 = 3;
const NOT_FOUND: u8 = 5;
const UNIMPLEMENTED: u8 = 12;

/// Values of `HealthCheckResponse.ServingStatus`.
const SERVING: u8 = 1;
const NOT_SERVING: u8 = 2;

struct Checker {
    service: String,
    healthy_for: Option<Duration>,
    forced_unhealthy: Cell<Option<bool>>,
    /// When it started, as Go prints it.
    started: String,
}

fn run(flags: &Parsed) -> u8 {
    let port = system::port(flags.int("port"));
    let http_port = system::port(flags.int("http-port"));
    let checker = Rc::new(Checker {
        service: flags.text("service").to_owned(),
        healthy_for: u64::try_from(flags.int("delay-unhealthy-sec"))
            .ok()
            .map(Duration::from_secs),
        forced_unhealthy: Cell::new(None),
        started: go::time(SystemTime::now(), system::uptime()),
    });
    let tls = match flags.text("tls-cert-file") {
        "" => None,
        certificate => Some(
            Tls::load(certificate, flags.text("tls-private-key-file"), "h2")
                .unwrap_or_else(|error| fatal(&format!("Failed to load TLS credentials: {error}"))),
        ),
    };
    system::run(|_| async move {
        let switch = {
            let checker = checker.clone();
            Server::new(move |exchange| {
                let answer = control(&checker, &exchange);
                Box::pin(async { Ok(answer) })
            })
        };
        rt::spawn(async move {
            log!("Http server starting to listen on :{http_port}");
            if let Err(error) = switch.listen_and_serve(http_port).await {
                fatal(&error);
            }
        });
        let health = Server::new(move |exchange| Box::pin(call(checker.clone(), exchange)));
        log!("gRPC server starting to listen on :{port}");
        match health
            .speaking(Protocol::Http2)
            .under(tls)
            .listen_and_serve(port)
            .await
        {
            Ok(()) => 0,
            Err(error) => fatal(&format!(
                "Error while starting the listening service {error}"
            )),
        }
    })
}

/// The switch over HTTP.
fn control(checker: &Checker, exchange: &Exchange) -> Response<Body> {
    let unhealthy = match exchange.path() {
        "/make-not-serving" => true,
        "/make-serving" => false,
        _ => return http::not_found(),
    };
    let word = if unhealthy { "unhealthy" } else { "healthy" };
    log!("Mark as {word}");
    checker.forced_unhealthy.set(Some(unhealthy));
    reply(200, go::duration(system::uptime()))
}

/// A call of gRPC.
async fn call(checker: Rc<Checker>, mut exchange: Exchange) -> Answer {
    let is_grpc = exchange.content_type().starts_with("application/grpc");
    if exchange.head.method != Method::POST || !is_grpc {
        let kind = go::quoted(exchange.content_type());
        return Ok(http::error(
            415,
            &format!("invalid gRPC request content-type {kind}"),
        ));
    }
    let path = exchange.path().to_owned();
    let called = match path.strip_prefix("/grpc.health.v1.Health/") {
        Some("Check") => check(&checker, &exchange.body().await.unwrap_or_default()),
        Some("Watch") => Err((UNIMPLEMENTED, "unimplemented".to_owned())),
        Some("List") => Err((UNIMPLEMENTED, "method List not implemented".to_owned())),
        Some(method) => Err((
            UNIMPLEMENTED,
            format!("unknown method {method} for service grpc.health.v1.Health"),
        )),
        None => {
            let name = path.trim_start_matches('/').rsplit_once('/');
            let name = name.map_or(path.as_str(), |(service, _)| service);
            Err((UNIMPLEMENTED, format!("unknown service {name}")))
        }
    };
    Ok(match called {
        Ok(message) => {
            let trailers = HeaderMap::from_iter(status(0, ""));
            response(Body::with_trailers(framed(&message), trailers))
        }
        Err((code, text)) => {
            let mut response = response(Vec::new().into());
            response.headers_mut().extend(status(code, &text));
            response
        }
    })
}

fn check(checker: &Checker, body: &[u8]) -> Result<Vec<u8>, (u8, String)> {
    let wanted = unframed(body).and_then(service).ok_or((
        INVALID_ARGUMENT,
        "grpc: error unmarshalling request".to_owned(),
    ))?;
    log!(
        "Serving the Check request for health check, started at {}",
        checker.started
    );
    if wanted != checker.service {
        return Err((NOT_FOUND, "unknown service".to_owned()));
    }
    let over = checker
        .healthy_for
        .is_some_and(|limit| system::uptime() >= limit);
    let unhealthy = checker.forced_unhealthy.get() == Some(true) || over;
    // Field 1, a number.
    Ok(vec![8, if unhealthy { NOT_SERVING } else { SERVING }])
}

fn response(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

fn status(code: u8, text: &str) -> Vec<(HeaderName, HeaderValue)> {
    let escaped: String = text
        .bytes()
        .map(|byte| match byte {
            b' '..=b'~' if byte != b'%' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let message = HeaderValue::from_str(&escaped).unwrap_or(HeaderValue::from_static(""));
    vec![
        (
            HeaderName::from_static("grpc-status"),
            HeaderValue::from(u16::from(code)),
        ),
        (HeaderName::from_static("grpc-message"), message),
    ]
}
