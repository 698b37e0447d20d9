//! `netexec`: HTTP and UDP servers that answer, and that call others when they are asked to.

mod dial;
mod shell;
mod udp;
mod upload;

use crate::command::Command;
use crate::flags::{Flag, Parsed};
use crate::go;
use crate::http::{self, Answer, Answering, Exchange, Server, Tls, error, redirect, reply};
use crate::json;
use crate::system::{self, Event, SIGTERM, Signals, exit, fatal, log};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use web::rt;

pub(crate) const COMMAND: Command = Command {
    name: "netexec",
    short: "Creates HTTP(S), UDP, and (optionally) SCTP servers with various endpoints",
    long: "Starts HTTP and UDP servers with the endpoints /, /clientip, /dial, /echo, /exit, /header, /healthz, /hostname, /hostName, /readyz, /redirect, /shell, /shutdown and /upload, and the UDP commands hostname, echo <msg> and clientip.",
    flags: &[
        Flag::int("http-port", "8080", "HTTP Listen Port"),
        Flag::text(
            "tls-cert-file",
            "File containing an x509 certificate for HTTPS. (CA cert, if any, concatenated after server cert)",
        ),
        Flag::text(
            "tls-private-key-file",
            "File containing an x509 private key matching --tls-cert-file",
        ),
        Flag::int("udp-port", "8081", "UDP Listen Port"),
        Flag::int("sctp-port", "-1", "SCTP Listen Port"),
        Flag::text(
            "http-override",
            "Override the HTTP handler to always respond as if it were a GET with this path & params",
        ),
        Flag::text(
            "udp-listen-addresses",
            "A comma separated list of ip addresses the udp servers listen from",
        ),
        Flag::int(
            "delay-shutdown",
            "0",
            "Number of seconds to delay shutdown when receiving SIGTERM.",
        ),
    ],
    operands: false,
    run,
};

/// What the endpoints share.
struct State {
    /// Whether a server of datagrams runs.
    ready: Cell<bool>,
    terminating: Event,
    server: Cell<Option<Server>>,
}

fn run(flags: &Parsed) -> u8 {
    let port = system::port(flags.int("http-port"));
    if flags.int("sctp-port") != -1 {
        fatal("Error occurred: failed to create listener for SCTP address: protocol not supported");
    }
    let udp = match flags.int("udp-port") {
        -1 => None,
        number => Some((
            system::port(number),
            addresses(flags.text("udp-listen-addresses")),
        )),
    };
    let tls = match flags.text("tls-cert-file") {
        "" => None,
        certificate => Some(
            Tls::load(certificate, flags.text("tls-private-key-file"), "http/1.1")
                .unwrap_or_else(|error| fatal(&error)),
        ),
    };
    let delay = Duration::from_secs(u64::try_from(flags.int("delay-shutdown")).unwrap_or(0));
    let replaced = flags.text("http-override").to_owned();
    system::run(|signals| async move {
        let state = Rc::new(State {
            ready: Cell::new(false),
            terminating: signals.arrived.clone(),
            server: Cell::new(None),
        });
        rt::spawn(terminate(signals, delay));
        if let Some((port, addresses)) = udp {
            for address in addresses {
                rt::spawn(udp::serve(state.clone(), address, port));
            }
        }
        let shared = state.clone();
        let server = Server::new(move |exchange| -> Answering {
            let state = shared.clone();
            match replaced.as_str() {
                "" => Box::pin(answer(state, exchange)),
                path => match exchange.replaced(path) {
                    Some(exchange) => Box::pin(answer(state, exchange)),
                    None => Box::pin(async { Ok(error(500, "override request failed")) }),
                },
            }
        });
        let server = server.under(tls);
        state.server.set(Some(server.clone()));
        log!("Started HTTP server on port {port}");
        match server.listen_and_serve(port).await {
            // The handler that closed it ends the process.
            Ok(()) => std::future::pending().await,
            Err(error) => fatal(&error),
        }
    })
}

async fn terminate(signals: Signals, delay: Duration) {
    signals.catch(&[SIGTERM]);
    signals.arrived.happens().await;
    if !delay.is_zero() {
        log!("Sleeping {} seconds before terminating...", delay.as_secs());
        rt::sleep(delay).await;
    }
    exit(0)
}

/// Addresses to listen at; none means all of them.
fn addresses(list: &str) -> Vec<Option<IpAddr>> {
    if list.is_empty() {
        return vec![None];
    }
    let mut addresses: Vec<IpAddr> = list
        .split(',')
        .map(|address| {
            address
                .parse()
                .unwrap_or_else(|_| fatal(&format!("parseAddress: invalid address {address}")))
        })
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses.into_iter().map(Some).collect()
}

async fn answer(state: Rc<State>, mut exchange: Exchange) -> Answer {
    Ok(match exchange.path() {
        "/clientip" => {
            log!("GET /clientip");
            reply(200, exchange.client.to_string())
        }
        "/header" => header(&mut exchange).await,
        "/dial" => dial::answer(&exchange).await,
        "/echo" => echo(&mut exchange).await,
        "/exit" => leave(&state, &mut exchange).await,
        "/healthz" => {
            log!("GET /healthz");
            reply(if state.ready.get() { 200 } else { 412 }, "")
        }
        "/readyz" => {
            log!("GET /readyz");
            match (state.terminating.has_happened(), state.ready.get()) {
                (true, _) => reply(503, "shutting down"),
                (false, true) => reply(200, "ok"),
                (false, false) => reply(412, ""),
            }
        }
        "/hostname" => {
            log!("GET /hostname");
            reply(200, hostname())
        }
        "/hostName" => {
            log!("GET /hostName");
            reply(200, hostname())
        }
        "/redirect" => forward(&mut exchange).await,
        "/shell" => shell::answer(&mut exchange).await,
        "/shutdown" => {
            log!("GET /shutdown");
            exit(0)
        }
        "/upload" => upload::answer(&mut exchange).await,
        _ => {
            log!("GET /");
            let now = go::time(SystemTime::now(), system::uptime());
            reply(200, format!("NOW: {now}"))
        }
    })
}

fn hostname() -> String {
    let name = system::hostname();
    log!("hostname: {name}");
    name
}

type Response = hyper::Response<http::Body>;

async fn header(exchange: &mut Exchange) -> Response {
    let form = exchange.form().await;
    let headers = &exchange.head.headers;
    let key = form.get("key");
    if !key.is_empty() {
        log!("GET /header?key={key}");
        let value = headers.get(key).map(hyper::header::HeaderValue::as_bytes);
        return reply(200, value.unwrap_or_default());
    }
    log!("GET /header");
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        all.entry(go::header_key(name.as_str()))
            .or_default()
            .push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    let all = all
        .into_iter()
        .map(|(name, values)| (name, json::list(&values)))
        .collect();
    reply(200, json::object(&all))
}

async fn echo(exchange: &mut Exchange) -> Response {
    let form = exchange.form().await;
    let (message, code) = (form.get("msg"), form.get("code"));
    log!("GET /echo?msg={message}&code={code}");
    match code {
        "" => reply(200, message),
        code => match code.parse() {
            Ok(code) => reply(code, message),
            Err(_) => not_an_integer(code, "an integer or empty"),
        },
    }
}

fn not_an_integer(code: &str, wanted: &str) -> Response {
    let code = go::quoted(code);
    reply(
        200,
        format!("argument 'code' must be {wanted}, got {code}\n"),
    )
}

async fn forward(exchange: &mut Exchange) -> Response {
    let form = exchange.form().await;
    let (location, code) = (form.get("location"), form.get("code"));
    let method = &exchange.head.method;
    log!("{method} /redirect?msg={location}&code={code}");
    match code {
        "" => redirect(exchange, location, 302),
        code => match code.parse() {
            Ok(code) => redirect(exchange, location, code),
            Err(_) => not_an_integer(code, "an integer or empty"),
        },
    }
}

/// Ends the process, at once or when its answers have been given.
async fn leave(state: &State, exchange: &mut Exchange) -> Response {
    let form = exchange.form().await;
    let (code, timeout, wait) = (form.get("code"), form.get("timeout"), form.get("wait"));
    log!("GET /exit?code={code}&timeout={timeout}&wait={wait}");
    let duration = |name: &str, text: &str| match (text, go::parse_duration(text)) {
        ("", _) => Ok(Duration::ZERO),
        (_, Some(nanos)) => Ok(Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))),
        (text, None) => {
            let text = go::quoted(text);
            Err(format!(
                "argument '{name}' must be a valid golang duration or empty, got {text}\n"
            ))
        }
    };
    let (timeout, wait) = match (duration("timeout", timeout), duration("wait", wait)) {
        (Ok(timeout), Ok(wait)) => (timeout, wait),
        (Err(text), _) | (_, Err(text)) => return reply(200, text),
    };
    let code = match code {
        "" => 0,
        text => match text.parse::<i32>() {
            Ok(code) => code,
            Err(_) => return not_an_integer(text, "an integer [0-127] or empty"),
        },
    };
    log!(
        "Will begin shutdown in {}, allowing {} for connections to close, then will exit with {code}",
        go::duration(wait),
        go::duration(timeout)
    );
    rt::sleep(wait).await;
    // Linux keeps the low byte.
    let code = code as u8;
    if timeout.is_zero() {
        exit(code);
    }
    if let Some(server) = state.server.take() {
        rt::spawn(async move {
            let error = match server.shutdown(timeout).await {
                true => "<nil>",
                false => "context deadline exceeded",
            };
            // The last answer is on its way; let it out.
            rt::yield_now().await;
            log!("Graceful shutdown completed with: {error}");
            exit(code)
        });
    }
    reply(200, "")
}
