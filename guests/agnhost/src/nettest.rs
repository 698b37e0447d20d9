//! `nettest`: peers that call each other, and a server that remembers who called.

use crate::command::Command;
use crate::flags::{Flag, Parsed};
use crate::go;
use crate::http::client::Call;
use crate::http::{self, Answer, Exchange, listen_and_serve, reply};
use crate::json;
use crate::system::{self, SIGTERM, Signals, exit, fatal, log};
use hyper::Method;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::rc::Rc;
use std::time::Duration;
use web::rt;

pub(crate) const COMMAND: Command = Command {
    name: "nettest",
    short: "Starts a tiny web server for checking networking connectivity",
    long: "Starts a web server for checking networking connectivity on the given \"--port\".\n\nWill dial out to, and expect to hear from, every pod that is a member of the service\npassed in the flag \"--service\".\n\nThe web server will have the following endpoints:\n\n- \"/read\": to see the current state, or \"/quit\" to shut down.\n\n- \"/status\": to see \"pass/running/fail\" determination. (literally, it will return\none of those words.)\n\n- \"/write\": is used by other network test pods to register connectivity.",
    flags: &[
        Flag::int("port", "8080", "Port number to serve at."),
        Flag::int(
            "peers",
            "8",
            "Must find at least this many peers for the test to pass.",
        ),
        Flag {
            default: "nettest",
            ..Flag::text("service", "Service to find other network test pods in.")
        },
        Flag {
            default: "default",
            ..Flag::text("namespace", "Namespace of this pod.")
        },
        Flag::int(
            "delay-shutdown",
            "0",
            "Number of seconds to delay shutdown when receiving SIGTERM.",
        ),
    ],
    operands: false,
    run,
};

/// Lines of the log that are kept, as upstream keeps them; and errors, which it keeps without end.
const LOG_LINES_MAX: usize = 500;
/// Peers that are remembered.
const PEERS_MAX: usize = 10_000;
const ROUNDS: u32 = 15;
const PAUSE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(5 * 60);

struct Settings {
    port: u16,
    peers: usize,
    service: String,
    namespace: String,
}

#[derive(Default)]
struct State {
    sent: BTreeMap<String, u64>,
    received: BTreeMap<String, u64>,
    errors: VecDeque<String>,
    log: VecDeque<String>,
    still_contacting_peers: bool,
}

impl State {
    fn log(&mut self, line: String) {
        keep(&mut self.log, line);
    }

    fn json(&self) -> String {
        let lines = |lines: &VecDeque<String>| match lines.is_empty() {
            true => serde_json::Value::Null,
            false => lines.iter().cloned().collect::<Vec<_>>().into(),
        };
        let counts = |counts: &BTreeMap<String, u64>| match counts.is_empty() {
            true => serde_json::Value::Null,
            false => serde_json::json!(counts),
        };
        // Field by field: Go writes them in the order of the struct.
        let fields = [
            ("Hostname", serde_json::json!(system::hostname())),
            ("Sent", counts(&self.sent)),
            ("Received", counts(&self.received)),
            ("Errors", lines(&self.errors)),
            ("Log", lines(&self.log)),
            ("StillContactingPeers", self.still_contacting_peers.into()),
        ];
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("\t\"{name}\": {}", indented(value)))
            .collect();
        format!("{{\n{}\n}}", fields.join(",\n"))
    }
}

fn keep(lines: &mut VecDeque<String>, line: String) {
    lines.push_back(line);
    if lines.len() > LOG_LINES_MAX {
        lines.pop_front();
    }
}

fn count(counts: &mut BTreeMap<String, u64>, peer: String) {
    if counts.len() < PEERS_MAX || counts.contains_key(&peer) {
        *counts.entry(peer).or_default() += 1;
    }
}

/// A value one level deep, with tabs.
fn indented(value: &serde_json::Value) -> String {
    let join = |open: char, lines: Vec<String>, close: char| {
        format!("{open}\n\t\t{}\n\t{close}", lines.join(",\n\t\t"))
    };
    match value {
        serde_json::Value::Array(values) => join('[', values.iter().map(indented).collect(), ']'),
        serde_json::Value::Object(fields) => {
            let field = |(name, value): (&String, _)| {
                format!("{}: {}", json::string(name), indented(value))
            };
            join('{', fields.iter().map(field).collect(), '}')
        }
        serde_json::Value::String(text) => json::string(text),
        other => other.to_string(),
    }
}

fn run(flags: &Parsed) -> u8 {
    let settings = Rc::new(Settings {
        port: system::port(flags.int("port")),
        peers: usize::try_from(flags.int("peers")).unwrap_or(0),
        service: flags.text("service").to_owned(),
        namespace: flags.text("namespace").to_owned(),
    });
    if settings.service.is_empty() {
        fatal("Must provide -service flag.");
    }
    let delay = Duration::from_secs(u64::try_from(flags.int("delay-shutdown")).unwrap_or(0));
    system::run(|signals| async move {
        if !delay.is_zero() {
            signals.catch(&[SIGTERM]);
            rt::spawn(terminate(signals, delay));
        }
        let state = Rc::new(RefCell::new(State {
            still_contacting_peers: true,
            ..State::default()
        }));
        rt::spawn(contact_others(settings.clone(), state.clone()));
        let port = settings.port;
        listen_and_serve(port, move |exchange| {
            Box::pin(answer(settings.clone(), state.clone(), exchange))
        })
        .await
    })
}

async fn terminate(signals: Signals, delay: Duration) {
    signals.arrived.happens().await;
    log!("Sleeping {} seconds before exit ...", delay.as_secs());
    rt::sleep(delay).await;
    exit(0)
}

async fn answer(
    settings: Rc<Settings>,
    state: Rc<RefCell<State>>,
    mut exchange: Exchange,
) -> Answer {
    Ok(match exchange.path() {
        "/quit" => exit(0),
        "/read" => reply(200, state.borrow().json()),
        "/write" => {
            let body = exchange.body().await;
            write(&mut state.borrow_mut(), body)
        }
        "/status" => status(&settings, &mut state.borrow_mut()),
        _ => http::not_found(),
    })
}

fn write(state: &mut State, body: Result<Vec<u8>, String>) -> hyper::Response<http::Body> {
    let source = body.and_then(|body| {
        let post: serde_json::Value =
            serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let source = post.as_object().and_then(|fields| {
            // Go matches names of fields whatever their case.
            let named =
                |(name, _): &(&String, &serde_json::Value)| name.eq_ignore_ascii_case("source");
            fields.iter().find(named)?.1.as_str()
        });
        Ok(source.unwrap_or_default().to_owned())
    });
    let source = source.unwrap_or_else(|error| {
        keep(&mut state.errors, error);
        String::new()
    });
    let hostname = system::hostname();
    match source.as_str() {
        "" => keep(
            &mut state.errors,
            format!("{hostname}: Got request with no source"),
        ),
        _ => count(&mut state.received, source),
    }
    reply(
        200,
        format!("{{\"Hostname\":{}}}\n", json::string(&hostname)),
    )
}

fn status(settings: &Settings, state: &mut State) -> hyper::Response<http::Body> {
    let (sent, received) = (state.sent.len(), state.received.len());
    if sent >= settings.peers && received >= settings.peers {
        return reply(200, "pass");
    }
    if state.still_contacting_peers {
        return reply(200, "running");
    }
    state.log(format!(
        "Declaring failure for {}/{} with {sent} sent and {received} received and {} peers",
        settings.namespace, settings.service, settings.peers
    ));
    reply(200, "fail")
}

/// Calls every pod of the service. Upstream asks the API server for its endpoints; here the cluster's DNS names them.
async fn contact_others(settings: Rc<Settings>, state: Rc<RefCell<State>>) {
    let start = system::uptime();
    while system::uptime() - start < PATIENCE {
        let endpoints = endpoints(&settings);
        if endpoints.len() >= settings.peers {
            break;
        }
        let shown: Vec<String> = endpoints.iter().map(SocketAddr::to_string).collect();
        state.borrow_mut().log(format!(
            "{}/{} has {} endpoints ([{}]), which is less than {} as expected. Waiting for all endpoints to come up.",
            settings.namespace, settings.service, endpoints.len(), shown.join(" "), settings.peers
        ));
        rt::sleep(PAUSE).await;
    }
    for _ in 0..ROUNDS {
        for endpoint in endpoints(&settings) {
            let url = format!("http://{endpoint}");
            state
                .borrow_mut()
                .log(format!("Attempting to contact {url}"));
            if let Err(line) = contact(&url, &state).await {
                state.borrow_mut().log(line);
            }
        }
        rt::sleep(PAUSE).await;
    }
    state.borrow_mut().still_contacting_peers = false;
}

fn endpoints(settings: &Settings) -> BTreeSet<SocketAddr> {
    let name = format!("{}.{}.svc", settings.service, settings.namespace);
    (name.as_str(), settings.port)
        .to_socket_addrs()
        .map(Iterator::collect)
        .unwrap_or_default()
}

async fn contact(url: &str, state: &Rc<RefCell<State>>) -> Result<(), String> {
    let body = BTreeMap::from([
        ("Dest", json::string(url)),
        ("Source", json::string(&system::hostname())),
    ]);
    let target = format!("{url}/write");
    let call = Call {
        method: Method::POST,
        url: &target,
        content_type: Some("application/json"),
        body: json::object(&body).into_bytes(),
        limit: PATIENCE,
    };
    let body = call.run().await.map_err(|error| {
        format!(
            "Warning: unable to contact the endpoint {}: {error}",
            go::quoted(url)
        )
    })?;
    let answer: serde_json::Value = serde_json::from_slice(&body).map_err(|error| {
        let body = String::from_utf8_lossy(&body);
        format!("Warning: unable to unmarshal response ({body}) from '{url}': '{error}'")
    })?;
    let peer = answer["Hostname"].as_str().unwrap_or_default().to_owned();
    count(&mut state.borrow_mut().sent, peer);
    Ok(())
}
