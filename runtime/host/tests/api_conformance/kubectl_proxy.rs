//! `kubectl/kubectl.go`: `kubectl proxy`.

use crate::framework::{Case, Framework};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;

pub(crate) const CASES: &[Case] = &[
    Case {
        line: 1870,
        name: "should support proxy with --port 0",
        adapted: "",
        run: |framework| Box::pin(port_zero(framework)),
    },
    Case {
        line: 1895,
        name: "should support --unix-socket=/path",
        adapted: "",
        run: |framework| Box::pin(unix_socket(framework)),
    },
];

/// Asks over a connection; the body of the answer.
fn get(mut stream: impl Read + Write, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200 "), "{answer}");
    body.to_owned()
}

async fn port_zero(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    let mut proxy = kubectl.start(&["proxy", "-p", "0", "--disable-filter"]);
    let line = proxy.line();
    let port = line
        .trim_end()
        .strip_prefix("Starting to serve on 127.0.0.1:");
    let port: u16 = port.unwrap_or_else(|| panic!("{line}")).parse().unwrap();
    let body = get(TcpStream::connect(("127.0.0.1", port)).unwrap(), "/api/");
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["kind"], "APIVersions");
    assert!(!answer["versions"].as_array().unwrap().is_empty(), "{body}");
}

#[cfg(unix)]
async fn unix_socket(framework: Framework) {
    let Some(kubectl) = framework.kubectl() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test");
    let argument = format!("--unix-socket={}", path.display());
    let mut proxy = kubectl.start(&["proxy", &argument]);
    assert_ne!(proxy.line(), "");
    let body = get(
        std::os::unix::net::UnixStream::connect(path).unwrap(),
        "/api",
    );
    assert!(body.contains("APIVersions"), "{body}");
}

#[cfg(not(unix))]
async fn unix_socket(_framework: Framework) {
    eprintln!("skipped: there are no such sockets");
}
