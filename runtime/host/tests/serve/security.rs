//! Who may, how much, and what others notice of it.

use crate::https::{Client, Connection, Reply};
use crate::served::{Served, command};
use serde_json::json;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;
use tempfile::TempDir;

fn serve(arguments: &[&str]) -> (TempDir, Served) {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [&["--listen", "127.0.0.1:0"], arguments].concat();
    let served = Served::start(&folder.path().join("state"), &arguments);
    (folder, served)
}

/// The same client with another token.
fn with_token(client: &Client, token: &str) -> Client {
    Client {
        token: token.to_owned(),
        ..client.clone()
    }
}

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn config_map(name: &str, text: &str) -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
        "data": {"text": text}})
    .to_string()
}

#[test]
fn nobody_gets_in_without_the_token() {
    let (_folder, served) = serve(&[]);
    let good = &served.client;
    assert_eq!(good.once("GET", "/version", "").status, 200);
    let half = &good.token[..good.token.len() / 2];
    let longer = format!("{}x", good.token);
    for token in [
        "",
        " ",
        "x",
        "a.b.c",
        half,
        &longer,
        &good.token.to_uppercase(),
    ] {
        for path in [
            "/",
            "/api",
            "/apis",
            "/version",
            "/healthz",
            "/livez",
            "/readyz",
            "/openapi/v3",
            "/api/v1/pods",
            "/api/v1/secrets?watch=true",
            "/nothing",
            "/metrics",
            "/api/v1/namespaces/default/pods/p/exec?command=sh",
        ] {
            let reply = with_token(good, token).once("GET", path, "");
            assert_eq!(reply.status, 401, "{token:?} {path}");
            let status = reply.json();
            assert_eq!(status["kind"], "Status");
            assert_eq!(status["reason"], "Unauthorized");
            assert_eq!(status["message"], "Unauthorized");
        }
        let reply = with_token(good, token).once("POST", CONFIG_MAPS, &config_map("a", "b"));
        assert_eq!(reply.status, 401);
    }
    let mut basic = good.connect().unwrap();
    let head = basic.head("GET", "/version", 0);
    basic
        .send(head.replace("Bearer", "Basic").as_bytes())
        .unwrap();
    assert_eq!(basic.reply().unwrap().status, 401);
    let created = good.once("GET", &format!("{CONFIG_MAPS}/a"), "");
    assert_eq!(created.status, 404);
}

#[test]
fn files_are_their_owners_alone() {
    let (folder, served) = serve(&[]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&served.state), 0o700);
    assert_eq!(mode(&served.state.join("run")), 0o700);
    for name in [
        "ca.crt",
        "ca.key",
        "kubeconfig",
        "port",
        "sa.key",
        "store.redb",
        "token",
    ] {
        assert_eq!(mode(&served.state.join(name)), 0o600, "{name}");
    }
    let state = served.state.clone();
    assert_eq!(served.end().0, Some(0));
    let token = state.join("token");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    let output = command(&state, &["--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "error: others may read {}: chmod 600 it, or remove it to have a new one made\n",
        token.display()
    );
    assert_eq!(error, expected);
    drop(folder);
}

#[test]
fn one_server_has_a_state_folder() {
    let (_folder, served) = serve(&[]);
    let output = command(&served.state, &["--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "error: {}/store.redb is in use: another `seedpod serve` runs on this state folder; stop it, or take another \
         --state-dir\n",
        served.state.display()
    );
    assert_eq!(error, expected);
    assert_eq!(served.client.once("GET", "/healthz", "").status, 200);
}

#[test]
fn a_port_in_use_is_an_error_and_the_last_port_is_taken_again() {
    let (_folder, served) = serve(&[]);
    let address = served.client.address;
    let other = tempfile::tempdir().unwrap();
    let output = command(other.path(), &["--listen", &address.to_string()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    let begin = format!("error: cannot listen on {address}: ");
    assert!(error.starts_with(&begin), "{error}");
    let state = served.state.clone();
    let kubeconfig = fs::read(state.join("kubeconfig")).unwrap();
    assert_eq!(served.end().0, Some(0));
    let again = Served::start(&state, &[]);
    assert_eq!(again.client.address, address);
    assert_eq!(fs::read(state.join("kubeconfig")).unwrap(), kubeconfig);
}

#[test]
fn names_are_in_the_certificate_and_an_open_address_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "--listen",
        "0.0.0.0:0",
        "--tls-san",
        "pods.example,192.0.2.7",
    ];
    let served = Served::start(&folder.path().join("state"), &arguments);
    let mut client = served.client.clone();
    client.address.set_ip([127, 0, 0, 1].into());
    for name in [
        "127.0.0.1",
        "localhost",
        "pods.example",
        "192.0.2.7",
        "10.96.0.1",
        "kubernetes.default.svc.cluster.local",
    ] {
        client.name = name.to_owned();
        assert_eq!(client.once("GET", "/healthz", "").status, 200, "{name}");
    }
    client.name = "other.example".to_owned();
    assert!(client.connect().is_err());
    let (_, error) = served.end();
    assert!(
        error.contains("can be reached from other machines"),
        "{error}"
    );
}

#[test]
fn secrets_are_not_in_logs() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut command = command(&state, &["--listen", "127.0.0.1:0", "--log-requests"]);
    let child = command.env("SEEDPOD_LOG", "trace").spawn().unwrap();
    let mut served = Served::of(child, &state);
    let mut stderr = served.child.stderr.take().unwrap();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
        "data": {"key": "cGx1bS1qYW0tNDI="}});
    let path = "/api/v1/namespaces/default/secrets";
    let client = served.client.clone();
    assert_eq!(client.once("POST", path, &secret.to_string()).status, 201);
    assert_eq!(client.once("GET", &format!("{path}/s"), "").status, 200);
    let broken = secret
        .to_string()
        .replace("\"data\"", "\"data\": 7, \"data\"");
    client.once("PUT", &format!("{path}/s"), &broken);
    client.once("POST", path, "plum-jam-42");
    with_token(&client, "plum-jam-42").once("GET", path, "");
    let token = client.token.clone();
    let pid = served.child.id().to_string();
    std::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status()
        .unwrap();
    let log = reader.join().unwrap();
    assert!(log.contains("seedpod::requests"), "{log}");
    assert!(log.contains("status=201"), "{log}");
    for word in [token.as_str(), "cGx1bS1qYW0tNDI=", "plum-jam-42"] {
        assert!(!log.contains(word), "{word} is in the log");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let (_folder, served) = serve(&[]);
    let client = &served.client;
    let request = |head: String, body: &[u8]| -> u16 {
        let mut connection = client.connect().unwrap();
        // The server need not read all of it.
        let _ = connection.send(&[head.as_bytes(), body].concat());
        connection.reply().map_or(0, |reply| reply.status)
    };
    let connection = client.connect().unwrap();
    let large = vec![b' '; (3 << 20) + 1];
    let head = connection.head("POST", CONFIG_MAPS, large.len());
    assert_eq!(request(head, &large), 413);
    let head = connection.head("GET", "/version", 0);
    let many = "X-A: b\r\n".repeat(200);
    assert_eq!(
        request(head.replace("User-Agent: raw\r\n", &many), b""),
        431
    );
    let long = format!("X-A: {}\r\n", "b".repeat(200 << 10));
    assert_eq!(
        request(head.replace("User-Agent: raw\r\n", &long), b""),
        431
    );
    let path = format!("/{}", "p".repeat(70 << 10));
    assert_eq!(request(connection.head("GET", &path, 0), b""), 414);
    assert_eq!(client.once("GET", "/healthz", "").status, 200);
}

/// As many requests as may be at the same time, none of which ends.
fn hold(client: &Client, method: &str, count: usize) -> Vec<Connection> {
    let open = |_| {
        let mut connection = client.connect().unwrap();
        let head = connection.head(method, CONFIG_MAPS, 100);
        connection.send(head.as_bytes()).unwrap();
        connection
    };
    (0..count).map(open).collect()
}

/// Asks until there are too many requests, or no longer: held requests arrive and go one by one.
fn until(client: &Client, method: &str, is_too_many: bool) -> Reply {
    let mut connection = client.connect().unwrap();
    for _ in 0..100_000 {
        let reply = connection.request(method, CONFIG_MAPS, "{}").unwrap();
        if (reply.status == 429) == is_too_many {
            return reply;
        }
    }
    panic!("{method} stays as it was");
}

#[test]
fn too_many_requests_at_once_are_told_to_come_again() {
    let (_folder, served) = serve(&[]);
    let client = &served.client;
    let held = hold(client, "POST", 200);
    let reply = until(client, "POST", true);
    assert!(
        reply.headers.contains("retry-after: 1\n"),
        "{}",
        reply.headers
    );
    assert_eq!(reply.body, b"Too many requests, please try again later.\n");
    // Who only reads has another limit.
    assert_eq!(client.once("GET", CONFIG_MAPS, "").status, 200);
    drop(held);
    until(client, "POST", false);
    let held = hold(client, "GET", 400);
    until(client, "GET", true);
    drop(held);
    assert_eq!(until(client, "GET", false).status, 200);
}

#[test]
fn who_says_nothing_is_sent_away_and_disturbs_nobody() {
    let (_folder, served) = serve(&[]);
    let client = &served.client;
    let silent: Vec<_> = (0..100).map(|_| client.tcp().unwrap()).collect();
    let mut garbage = client.tcp().unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut slow = client.connect().unwrap();
    slow.send(b"GET /version HTTP/1.1\r\nX-").unwrap();
    let mut strange = client.tls(b"h2").unwrap();
    strange
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    for _ in 0..10 {
        assert_eq!(client.once("GET", "/healthz", "").status, 200);
    }
    // Each of them ends, without a sleep: what comes is the end.
    let mut rest = Vec::new();
    let _ = garbage.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"HTTP"));
    for mut silent in silent {
        assert!(matches!(silent.read(&mut [0]), Ok(0) | Err(_)));
    }
    assert!(slow.reply().map_or(true, |reply| reply.status == 408));
    let _ = strange.read_to_end(&mut Vec::new());
    assert_eq!(client.once("GET", "/healthz", "").status, 200);
}

#[test]
fn who_does_not_read_a_watch_costs_little_and_disturbs_nobody() {
    let (_folder, served) = serve(&[]);
    let client = &served.client;
    let watch = |client: &Client| {
        let mut connection = client.connect().unwrap();
        let path = format!("{CONFIG_MAPS}?watch=true&fieldSelector=metadata.name%3Dlarge");
        let head = connection.head("GET", &path, 0);
        connection.send(head.as_bytes()).unwrap();
        assert_eq!(connection.head_of_reply().unwrap().0, 200);
        connection
    };
    let text = "0123456789abcdef".repeat(1 << 12);
    assert_eq!(
        client
            .once("POST", CONFIG_MAPS, &config_map("large", &text))
            .status,
        201
    );
    let mut lazy: Vec<_> = (0..20).map(|_| watch(client)).collect();
    let mut eager = watch(client);
    let mut writer = client.connect().unwrap();
    let before = served.resident_bytes();
    let mut seen = String::new();
    for round in 0..400 {
        let patch = json!({"data": {"round": format!("round {round}")}}).to_string();
        let path = format!("{CONFIG_MAPS}/large");
        assert_eq!(writer.request("PATCH", &path, &patch).unwrap().status, 200);
        while !seen.contains(&format!("\"round {round}\"")) {
            let chunk = eager.chunk().unwrap().expect("the watch goes on");
            seen = String::from_utf8(chunk).unwrap();
        }
    }
    // 25 MB have been written, which 20 clients have not read.
    let grown = served.resident_bytes().saturating_sub(before);
    assert!(grown < 20 << 20, "{grown} bytes more");
    // They learn that they came too late.
    for lazy in &mut lazy {
        let mut last = Vec::new();
        while let Ok(Some(chunk)) = lazy.chunk() {
            last = chunk;
        }
        let last = String::from_utf8(last).unwrap();
        assert!(
            last.contains("\"ERROR\"") && last.contains("410"),
            "{last:.300}"
        );
    }
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let stream = stream.to_be_bytes();
    [&length[1..], &[kind, flags], &stream, payload].concat()
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END: u8 = 0x1 | 0x4;
/// GET, `/`, https, `:authority: a`.
const REQUEST: &[u8] = b"\x82\x84\x87\x41\x01a";

/// Sends frames, and the kinds of all that come back until the server ends the connection.
fn http2(client: &Client, frames: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut stream = client.tls(b"h2").unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
    // The server may have had enough before the end.
    let _ = stream.write_all(frames);
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        let is_open = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!is_open, "the server goes on: {error}");
    }
    let mut found = Vec::new();
    let mut rest = &bytes[..];
    while let [a, b, c, kind, _, _, _, _, _, after @ ..] = rest {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let (payload, after) = after.split_at(length.min(after.len()));
        found.push((*kind, payload.to_vec()));
        rest = after;
    }
    found
}

#[test]
fn streams_that_are_opened_and_reset_end_the_connection() {
    let (_folder, served) = serve(&[]);
    let client = &served.client;
    let frames = (0..20_000).flat_map(|number| {
        let stream = 2 * number + 1;
        let reset = frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
        [frame(HEADERS, END, stream, REQUEST), reset].concat()
    });
    let found = http2(client, &frames.collect::<Vec<_>>());
    // What the server said last is lost where its system resets a connection with bytes that nobody has read.
    if let Some((_, payload)) = found.iter().find(|(kind, _)| *kind == GOAWAY) {
        // ENHANCE_YOUR_CALM
        assert_eq!(payload[4..8], [0, 0, 0, 11]);
    }
    assert_eq!(client.once("GET", "/healthz", "").status, 200);
}
