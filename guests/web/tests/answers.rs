//! Answers byte for byte as a real nginx gave them: `nginx/record.py` asked it what `nginx/requests.txt` asks.

use std::cell::{Cell, RefCell};
use std::fs::{self, File};
use std::future::{Future, ready};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Command;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use web::nginx::connection;
use web::nginx::exchange::{Connection, State};
use web::nginx::load::{Defaults, load};
use web::nginx::log::Logs;
use web::nginx::upstream::Balancer;
use web::nginx::world::World;
use web::stream::{Read, Write};

const LISTEN: &str = "127.0.0.1:9001";
const UPSTREAM_PORT: u16 = 9100;
/// Of every document, as when the answers were recorded.
const MODIFIED: Duration = Duration::from_secs(1_700_000_000);

#[test]
fn answers_and_logs_are_those_of_nginx() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nginx");
    let root = documents(&here);
    let text = fs::read_to_string(here.join("nginx.conf")).expect("a configuration");
    let path = root.join("nginx.conf");
    fs::write(&path, text.replace("@ROOT@", &root.to_string_lossy())).expect("written");
    let state = state(&path.to_string_lossy());
    let recorded = fs::read_to_string(here.join("recorded.txt")).expect("answers");
    let mut lines = recorded.lines().peekable();
    let mut different = Vec::new();
    let mut asked = 0;
    while let Some(request) = lines.next_if(|line| !line.starts_with("= ")) {
        let request = unescape(request.strip_prefix("> ").expect("a request"));
        let expected = unescape(
            lines
                .next()
                .and_then(|line| line.strip_prefix("< "))
                .expect("an answer"),
        );
        asked += 1;
        let answer = without_time(&ask(&state, request.clone(), asked));
        if answer != String::from_utf8_lossy(&expected) {
            different.push(format!(
                "{}\n nginx: {}\n  ours: {}",
                show(&request),
                show(&expected),
                show(answer.as_bytes())
            ));
        }
    }
    assert!(
        asked > 150 && different.is_empty(),
        "{} of {asked} differ:\n{}",
        different.len(),
        different.join("\n")
    );
    let log = fs::read_to_string(root.join("access.log")).expect("a log");
    let expected: Vec<&str> = lines
        .map(|line| line.strip_prefix("= ").expect("a line of the log"))
        .collect();
    let differing: Vec<_> = log
        .lines()
        .zip(&expected)
        .filter(|(ours, nginx)| ours != *nginx)
        .collect();
    assert!(
        differing.is_empty(),
        "lines of the access log differ: {differing:#?}"
    );
    assert_eq!(log.lines().count(), expected.len());
    fs::remove_dir_all(root).expect("removed");
}

#[test]
fn complaints_about_configurations_are_those_of_nginx() {
    let recorded = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nginx/complaints.txt"),
    );
    let recorded = recorded.expect("complaints");
    let root = std::env::temp_dir().join(format!("nginx-complaints-{}", std::process::id()));
    fs::create_dir_all(&root).expect("a directory");
    fs::write(root.join("mime.types"), "types {\n    text/html html;\n}\n").expect("written");
    let path = root.join("nginx.conf");
    let path_text = path.to_string_lossy().into_owned();
    let mut lines = recorded.lines();
    let mut different = Vec::new();
    let mut tested = 0;
    while let Some(configuration) = lines.next() {
        let configuration = configuration.strip_prefix("> ").expect("a configuration");
        let expected = unescape(
            lines
                .next()
                .and_then(|line| line.strip_prefix("< "))
                .expect("a complaint"),
        );
        fs::write(&path, unescape(configuration)).expect("written");
        tested += 1;
        let said = String::from_utf8_lossy(&said(&path_text)).replace(&path_text, "@PATH@");
        if said.as_bytes() != expected {
            different.push(format!(
                "{configuration}\n nginx: {}\n  ours: {}",
                show(&expected),
                show(said.as_bytes())
            ));
        }
    }
    fs::remove_dir_all(root).expect("removed");
    assert!(
        tested > 100 && different.is_empty(),
        "{} of {tested} differ:\n{}",
        different.len(),
        different.join("\n")
    );
}

/// Where this server is stricter than nginx: what a client chose never ends a header, and an alias is never left.
#[test]
fn clients_cannot_leave_an_alias_or_add_headers() {
    let root = std::env::temp_dir().join(format!("nginx-strict-{}", std::process::id()));
    fs::create_dir_all(root.join("www")).expect("a directory");
    fs::write(root.join("secret"), "secret").expect("written");
    let path = root.join("nginx.conf");
    let text = "error_log @ROOT@/error.log; events {} http { access_log off; server { listen 127.0.0.1:9001;
        location /alias { alias @ROOT@/www/; }
        location /redirect { return 302 http://other$uri; }
        location /added { add_header X-Path $uri always; }
        location /proxied { proxy_pass http://127.0.0.1:9100$uri; proxy_set_header X-Path $uri; }
    } }";
    fs::write(&path, text.replace("@ROOT@", &root.to_string_lossy())).expect("written");
    let state = state(&path.to_string_lossy());
    let check = |path: &str, status: &str, absent: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = String::from_utf8_lossy(&ask(&state, request.into_bytes(), 1)).into_owned();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "to {path}: {answer}"
        );
        assert!(!answer.contains(absent), "to {path}: {answer}");
    };
    check("/alias../secret", "404", "secret");
    check("/redirect%0d%0aX-Evil:1", "302", "\nX-Evil");
    check("/added%0d%0aX-Evil:1", "404", "\nX-Evil");
    check("/proxied%0d%0aX-Evil:1", "200", "\nX-Evil");
    check("/proxied%20HTTP/1.0%0d%0aX-Evil:1", "200", "\nX-Evil");
    check(&format!("/{}", "a".repeat(9000)), "414", "secret");
    fs::remove_dir_all(root).expect("removed");
}

/// What `nginx -t` prints about a file.
fn said(path: &str) -> Vec<u8> {
    let out = Command::new(env!("CARGO_BIN_EXE_nginx"))
        .args(["-t", "-c", path])
        .output()
        .expect("a program that runs");
    out.stderr
}

/// A copy of the documents with the times they had.
fn documents(here: &Path) -> PathBuf {
    let root = std::env::temp_dir().join(format!("nginx-answers-{}", std::process::id()));
    copy(&here.join("www"), &root.join("www"));
    root
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from)
        .expect("a directory")
        .map(|entry| entry.expect("an entry"))
    {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("copied");
            File::options()
                .write(true)
                .open(&target)
                .and_then(|file| file.set_modified(UNIX_EPOCH + MODIFIED))
                .expect("dated");
        }
    }
    File::open(to)
        .and_then(|directory| directory.set_modified(UNIX_EPOCH + MODIFIED))
        .expect("dated");
}

fn state(path: &str) -> State<Memory> {
    let defaults = Defaults {
        path,
        globals: "",
        error_log: "/nonexistent",
        access_log: "/nonexistent",
        pid: "/nonexistent",
        prefix: "/nonexistent",
    };
    let mut config = load(&defaults).0.expect("a valid configuration");
    let http = config.http.take().expect("a server");
    State {
        balancers: http
            .upstreams
            .iter()
            .map(|upstream| RefCell::new(Balancer::new(upstream.clone())))
            .collect(),
        world: Memory,
        logs: Logs::open(&config, &http).expect("open logs"),
        config,
        http,
        hostname: "here".to_owned(),
        stopping: Cell::new(false),
    }
}

/// Sends all bytes on a new connection. Returns everything that comes back.
fn ask(state: &State<Memory>, request: Vec<u8>, number: u64) -> Vec<u8> {
    let answer = Rc::new(RefCell::new(Vec::new()));
    let connection = Connection {
        reader: Pipe(Rc::new(RefCell::new(PipeState {
            bytes: request,
            position: 0,
            closed: true,
        }))),
        writer: Output::Client(answer.clone()),
        buffer: Vec::new(),
        peer: "127.0.0.1:50000".parse().expect("an address"),
        local: LISTEN.parse().expect("an address"),
        number,
        requests: 0,
    };
    run(connection::serve(state, connection, 0, || ()));
    answer.take()
}

/// Runs a future that never has to wait.
fn run(future: impl Future<Output = ()>) {
    /// More polls than the largest answer takes.
    const POLLS_MAX: usize = 10_000;
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    let done = (0..POLLS_MAX).any(|_| future.as_mut().poll(&mut cx).is_ready());
    assert!(done, "the server waits for something that cannot come");
}

struct Memory;

/// Bytes to read: all of them, or what an upstream has answered by now.
#[derive(Clone, Default)]
struct Pipe(Rc<RefCell<PipeState>>);

#[derive(Default)]
struct PipeState {
    bytes: Vec<u8>,
    position: usize,
    closed: bool,
}

enum Output {
    Client(Rc<RefCell<Vec<u8>>>),
    Upstream { received: Vec<u8>, answer: Pipe },
}

impl Read for Pipe {
    fn poll_read(&mut self, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut pipe = self.0.borrow_mut();
        let rest = &pipe.bytes[pipe.position..];
        if rest.is_empty() && !pipe.closed {
            return Poll::Pending;
        }
        let len = buffer.len().min(rest.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        pipe.position += len;
        Poll::Ready(Ok(len))
    }
}

impl Write for Output {
    fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Output::Client(answer) => answer.borrow_mut().extend_from_slice(bytes),
            Output::Upstream { received, answer } => {
                received.extend_from_slice(bytes);
                if let Some(bytes) = echo(received) {
                    let mut pipe = answer.0.borrow_mut();
                    pipe.bytes = bytes;
                    pipe.closed = true;
                }
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn shutdown(&mut self) {}
}

/// What the upstream of `record.py` answers to a complete request.
fn echo(received: &[u8]) -> Option<Vec<u8>> {
    let end = received
        .windows(4)
        .position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&received[..end]).into_owned();
    let body = &received[end + 4..];
    let header = |name: &str| {
        let lines = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
    };
    let length: usize = header("content-length").map_or(0, |text| text.parse().expect("a length"));
    if body.len() < length {
        return None;
    }
    let echoed = [head.as_bytes(), b"\n\n", body].concat();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (answer, body): (String, &[u8]) = if path.contains("redirect") {
        let host = header("host").unwrap_or_default();
        (
            format!("302 Found\r\nLocation: http://{host}{path}x\r\nContent-Length: 0\r\n\r\n"),
            b"",
        )
    } else if path.contains("status") {
        (
            "503 Custom\r\nX-Up: 1\r\nContent-Length: 3\r\n\r\n".to_owned(),
            b"abc",
        )
    } else if path.contains("chunked") {
        let chunk = [
            format!("{:x}\r\n", echoed.len()).as_bytes(),
            &echoed,
            b"\r\n0\r\n\r\n",
        ]
        .concat();
        return Some(
            [
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                chunk.as_slice(),
            ]
            .concat(),
        );
    } else if path.contains("drop") {
        return Some(Vec::new());
    } else if path.contains("close") {
        ("200 OK\r\nX-Up: 1\r\n\r\n".to_owned(), &echoed)
    } else {
        let length = echoed.len();
        let head_only = head.starts_with("HEAD");
        let headers = format!(
            "Server: echo\r\nX-Up: 1\r\nContent-Type: text/plain\r\nContent-Length: {length}"
        );
        (
            format!("200 OK\r\n{headers}\r\n\r\n"),
            if head_only { b"" } else { &echoed },
        )
    };
    Some([b"HTTP/1.1 ", answer.as_bytes(), body].concat())
}

/// Takes out what is never the same: dates, nginx' version, the boundary of several ranges.
fn without_time(answer: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(answer).replace(web::nginx::NAME, "nginx/-");
    let mut from = 0;
    while let Some(start) = text[from..]
        .find("Date: ")
        .map(|start| from + start + "Date: ".len())
    {
        let end = start + text[start..].find('\r').unwrap_or(0);
        text.replace_range(start..end, "-");
        from = start;
    }
    let mut out = String::new();
    let mut digits = String::new();
    for letter in text.chars().chain(['\0']) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        out += &if digits.len() == 20 {
            "-".repeat(20)
        } else {
            std::mem::take(&mut digits)
        };
        digits.clear();
        out.push(letter);
    }
    out.pop();
    out
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'r') => out.push(b'\r'),
            Some(b'n') => out.push(b'\n'),
            Some(b'x') => {
                let mut digit = || {
                    bytes
                        .next()
                        .and_then(|byte| char::from(byte).to_digit(16))
                        .expect("a digit")
                };
                out.push((digit() * 16 + digit()) as u8);
            }
            _ => out.push(b'\\'),
        }
    }
    out
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .take(700)
        .collect::<String>()
        .replace('\r', "\\r")
        .replace('\n', "\\n")
}

impl World for Memory {
    type Reader = Pipe;
    type Writer = Output;

    async fn connect(&self, address: SocketAddr) -> io::Result<(Pipe, Output)> {
        if address.port() != UPSTREAM_PORT {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let answer = Pipe::default();
        Ok((
            answer.clone(),
            Output::Upstream {
                received: Vec::new(),
                answer,
            },
        ))
    }

    fn sleep(&self, _: Duration) -> impl Future<Output = ()> {
        std::future::pending()
    }

    fn yield_now(&self) -> impl Future<Output = ()> {
        ready(())
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + MODIFIED
    }

    fn now_ns(&self) -> u64 {
        0
    }

    fn pid(&self) -> u32 {
        1
    }
}
