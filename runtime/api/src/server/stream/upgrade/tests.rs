use super::*;
use crate::server::request::User;
use crate::server::stream::Streams;
use expect_test::{Expect, expect};
use http::{Method, Uri};

#[expect(clippy::needless_pass_by_value, reason = "reads best in the tests")]
fn check(kind: &StreamKind, headers: &str, expected: Expect) {
    let mut map = HeaderMap::new();
    for line in headers.lines() {
        let (name, value) = line.trim().split_once(": ").unwrap();
        map.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    let request = Request {
        method: Method::GET,
        uri: Uri::from_static("/"),
        headers: map,
        body: bytes::Bytes::new(),
        user: User {
            name: String::new(),
            groups: Vec::new(),
        },
    };
    let shown = match negotiate(&request, kind) {
        Ok(Upgrade::None) => "none".to_owned(),
        Ok(upgrade) => {
            let response = upgrade.response();
            format!("{upgrade:?}\n{} {:?}", response.status, response.headers)
        }
        Err(response) => format!(
            "{} {}",
            response.status,
            String::from_utf8_lossy(&response.body)
        ),
    };
    expected.assert_eq(&shown);
}

fn exec() -> StreamKind {
    StreamKind::Exec {
        container: String::new(),
        command: Vec::new(),
        streams: Streams::default(),
    }
}

fn log() -> StreamKind {
    StreamKind::Log {
        container: String::new(),
        restart: 0,
        options: super::super::log::LogOptions::default(),
    }
}

const FORWARD: StreamKind = StreamKind::PortForward { ports: Vec::new() };

const WEBSOCKET: &str =
    "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: abc";

#[test]
fn the_first_known_word_of_the_client_counts() {
    let with = |protocols: &str| format!("{WEBSOCKET}\nSec-WebSocket-Protocol: {protocols}");
    check(
        &exec(),
        &with("v5.channel.k8s.io"),
        expect![[r#"
            WebSocket { key: "abc", protocol: "v5.channel.k8s.io" }
            101 Switching Protocols {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-protocol": "v5.channel.k8s.io"}"#]],
    );
    check(
        &exec(),
        &with("v9.channel.k8s.io, v4.channel.k8s.io"),
        expect![[r#"
            WebSocket { key: "abc", protocol: "v4.channel.k8s.io" }
            101 Switching Protocols {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-protocol": "v4.channel.k8s.io"}"#]],
    );
    check(
        &exec(),
        &with("v9.channel.k8s.io"),
        expect!["403 Forbidden "],
    );
    check(
        &exec(),
        WEBSOCKET,
        expect![[r#"
            WebSocket { key: "abc", protocol: "" }
            101 Switching Protocols {"connection": "Upgrade", "upgrade": "websocket"}"#]],
    );
    check(
        &log(),
        &with("base64.binary.k8s.io"),
        expect![[r#"
            WebSocket { key: "abc", protocol: "base64.binary.k8s.io" }
            101 Switching Protocols {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-protocol": "base64.binary.k8s.io"}"#]],
    );
    check(
        &FORWARD,
        &with("SPDY/3.1+portforward.k8s.io"),
        expect![[r#"
            WebSocket { key: "abc", protocol: "SPDY/3.1+portforward.k8s.io" }
            101 Switching Protocols {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-protocol": "SPDY/3.1+portforward.k8s.io"}"#]],
    );
}

#[test]
fn spdy_has_versions_in_one_header_or_many() {
    let spdy = "Connection: keep-alive, Upgrade\nUpgrade: SPDY/3.1";
    let with = |versions: &str| format!("{spdy}\n{versions}");
    check(
        &exec(),
        &with(
            "X-Stream-Protocol-Version: v4.channel.k8s.io\nX-Stream-Protocol-Version: channel.k8s.io",
        ),
        expect![[r#"
            Spdy { version: "v4.channel.k8s.io" }
            101 Switching Protocols {"connection": "Upgrade", "upgrade": "SPDY/3.1", "x-stream-protocol-version": "v4.channel.k8s.io"}"#]],
    );
    check(
        &exec(),
        &with("X-Stream-Protocol-Version: x, v2.channel.k8s.io"),
        expect![[r#"
            Spdy { version: "v2.channel.k8s.io" }
            101 Switching Protocols {"connection": "Upgrade", "upgrade": "SPDY/3.1", "x-stream-protocol-version": "v2.channel.k8s.io"}"#]],
    );
    check(
        &exec(),
        &with("X-Stream-Protocol-Version: x"),
        expect![
            "403 Forbidden unable to upgrade: unable to negotiate protocol: client supports [x], server accepts [v5.channel.k8s.io v4.channel.k8s.io v3.channel.k8s.io v2.channel.k8s.io channel.k8s.io]"
        ],
    );
    check(
        &exec(),
        spdy,
        expect![[r#"
            Spdy { version: "" }
            101 Switching Protocols {"connection": "Upgrade", "upgrade": "SPDY/3.1"}"#]],
    );
    check(
        &FORWARD,
        &with("X-Stream-Protocol-Version: portforward.k8s.io"),
        expect![[r#"
            Spdy { version: "portforward.k8s.io" }
            101 Switching Protocols {"connection": "Upgrade", "upgrade": "SPDY/3.1", "x-stream-protocol-version": "portforward.k8s.io"}"#]],
    );
    check(
        &FORWARD,
        spdy,
        expect![
            "403 Forbidden unable to upgrade: unable to negotiate protocol: client supports [], server accepts [portforward.k8s.io]"
        ],
    );
}

#[test]
fn what_is_no_upgrade_stays() {
    check(&exec(), "Upgrade: websocket", expect!["none"]);
    check(
        &exec(),
        "Connection: Upgrade\nUpgrade: h2c",
        expect!["none"],
    );
    check(
        &log(),
        "Connection: Upgrade\nUpgrade: SPDY/3.1",
        expect!["none"],
    );
    check(
        &exec(),
        "Connection: Upgrade\nUpgrade: websocket",
        expect!["400 Bad Request expected Sec-WebSocket-Key and Sec-WebSocket-Version: 13"],
    );
}
