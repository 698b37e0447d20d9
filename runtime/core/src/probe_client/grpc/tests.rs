//! Calls to servers that speak HTTP/2, and to some that do not.

use super::frame::{self, write, write_header};
use super::health;
use crate::probe_client::Client;
use crate::probe_client::tests::{POD_IP, Server, play};
use bytes::BytesMut;
use expect_test::{Expect, expect};
use loona_hpack::Encoder;
use proptest::prelude::*;
use std::net::IpAddr;
use std::time::Duration;

fn client(service: &str) -> Client {
    let timeout = Duration::from_secs(2);
    Client::grpc(5000, service, timeout, IpAddr::from(POD_IP))
}

/// The verdict does not depend on how bytes come in.
#[expect(
    clippy::needless_pass_by_value,
    reason = "so that tests write expect![..] alone"
)]
fn check(servers: &[Server], expected: Expect) {
    let whole = play(client(""), servers, usize::MAX, false);
    assert_eq!(whole, play(client(""), servers, 1, false));
    expected.assert_eq(&whole.replace("-> 10.244.0.2:5000\n", ""));
}

/// What a server writes, frame by frame.
#[derive(Clone, Default)]
struct Script(BytesMut);

impl Script {
    /// Begins as every server does.
    fn server() -> Self {
        Self::default().frame([frame::SETTINGS, 0], 0, &[])
    }

    fn frame(mut self, kind: [u8; 2], stream: u32, payload: &[u8]) -> Self {
        write(&mut self.0, kind, stream, payload);
        self
    }

    /// HEADERS as a server with Huffman codes and a dynamic table writes them.
    fn headers(self, flags: u8, fields: &[(&str, &str)]) -> Self {
        let fields = fields
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let block = Encoder::new().encode(fields);
        self.frame([frame::HEADERS, frame::END_HEADERS | flags], 1, &block)
    }

    fn ok_headers(self) -> Self {
        self.headers(
            0,
            &[(":status", "200"), ("content-type", "application/grpc")],
        )
    }

    fn message(self, message: &[u8]) -> Self {
        let mut framed = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
        framed.extend_from_slice(message);
        self.frame([frame::DATA, 0], 1, &framed)
    }

    fn trailers(self, fields: &[(&str, &str)]) -> Self {
        self.headers(frame::END_STREAM, fields)
    }

    fn ok(self) -> Self {
        self.trailers(&[("grpc-status", "0"), ("grpc-message", "")])
    }

    fn waits(self) -> Server {
        Server::SaysAndWaits(self.0.to_vec())
    }

    fn closes(self) -> Server {
        Server::Says(self.0.to_vec())
    }
}

fn call() -> Script {
    Script::server().frame([frame::SETTINGS, frame::ACK], 0, &[])
}

/// Trailers alone, as a server answers that fails at once.
fn fails(status: &str, message: &str) -> Server {
    let fields = [
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-status", status),
        ("grpc-message", message),
    ];
    call().trailers(&fields).waits()
}

#[test]
fn serving_is_success() {
    let check = |message: &[u8], expected| {
        check(
            &[call().ok_headers().message(message).ok().waits()],
            expected,
        );
    };
    check(
        &[8, 1],
        expect![[r#"
        Success
    "#]],
    );
    check(
        &[8, 2],
        expect![[r#"
        Failure("service unhealthy (responded with \"NOT_SERVING\")")
    "#]],
    );
    check(
        &[8, 3],
        expect![[r#"
        Failure("service unhealthy (responded with \"SERVICE_UNKNOWN\")")
    "#]],
    );
    check(
        &[],
        expect![[r#"
        Failure("service unhealthy (responded with \"UNKNOWN\")")
    "#]],
    );
    check(
        &[8, 200, 1],
        expect![[r#"
        Failure("service unhealthy (responded with \"200\")")
    "#]],
    );
    check(
        &[0x12, 2, b'h', b'i', 8, 2, 8, 1, 0x1d, 0, 0, 0, 0],
        expect![[r#"
            Success
        "#]],
    );
    check(
        &[8],
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Internal desc = grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data")
    "#]],
    );
    check(
        &[0x12, 9],
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Internal desc = grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data")
    "#]],
    );
    check(
        &[0x0b],
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Internal desc = grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data")
    "#]],
    );
}

#[test]
fn errors_of_the_call() {
    let check = |server, expected| check(&[server], expected);
    check(
        fails("12", "unknown service grpc.health.v1.Health"),
        expect![[r#"
            Failure("error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service grpc.health.v1.Health")
        "#]],
    );
    check(
        fails("5", "unknown service%3A 100%25"),
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = NotFound desc = unknown service: 100%")
    "#]],
    );
    check(
        fails("4", ""),
        expect![[r#"
        Failure("timeout: health rpc did not complete within 2s")
    "#]],
    );
    check(
        fails("99", "x"),
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Code(99) desc = x")
    "#]],
    );
    check(
        fails("many", "x"),
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Internal desc = transport: malformed grpc-status")
    "#]],
    );
    check(
        fails("0", ""),
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Internal desc = cardinality violation: received no response message from non-server-streaming RPC")
    "#]],
    );
    check(
        call().ok_headers().closes(),
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = error reading from server: EOF")
    "#]],
    );
    check(
        call().ok_headers().waits(),
        expect![[r#"
        Failure("timeout: health rpc did not complete within 2s")
    "#]],
    );
    check(
        call().waits(),
        expect![[r#"
        Failure("timeout: health rpc did not complete within 2s")
    "#]],
    );
    check(
        call()
            .frame([frame::RST_STREAM, 0], 1, &[0, 0, 0, 7])
            .waits(),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = stream terminated by RST_STREAM with error code: REFUSED_STREAM")
        "#]],
    );
    check(
        call()
            .frame([frame::RST_STREAM, 0], 1, &[1, 0, 0, 7])
            .waits(),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unknown desc = stream terminated by RST_STREAM with error code: unknown error code 0x1000007")
        "#]],
    );
    check(
        call().frame([frame::GOAWAY, 0], 0, &[0; 8]).waits(),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = error reading from server: EOF")
        "#]],
    );
    check(
        call().ok_headers().trailers(&[]).waits(),
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Unknown desc = ")
    "#]],
    );
    let data = [0, 0, 0, 0, 2, 8, 1];
    check(
        call()
            .ok_headers()
            .frame([frame::DATA, frame::END_STREAM], 1, &data)
            .waits(),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Internal desc = server closed the stream without sending trailers")
        "#]],
    );
    check(
        call()
            .ok_headers()
            .frame([frame::DATA, 0], 1, &[1, 0, 0, 0, 0])
            .ok()
            .waits(),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Internal desc = grpc: compressed flag set with identity or empty encoding")
        "#]],
    );
    let large = call().ok_headers().frame([frame::DATA, 0], 1, &[0; 16_000]);
    check(
        large.frame([frame::DATA, 0], 1, &[0; 16_000]).waits(),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = ResourceExhausted desc = grpc: received message larger than max (32000 vs. 16384)")
        "#]],
    );
}

#[test]
fn answers_that_are_not_grpc() {
    let check = |fields: &[(&str, &str)], expected| {
        check(&[call().headers(0, fields).waits()], expected);
    };
    check(
        &[
            (":status", "404"),
            ("content-type", "text/plain; charset=utf-8"),
        ],
        expect![[r#"
            Failure("error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unexpected HTTP status code received from server: 404 (Not Found); transport: received unexpected content-type \"text/plain; charset=utf-8\"")
        "#]],
    );
    check(
        &[(":status", "200"), ("content-type", "text/html")],
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unknown desc = transport: received unexpected content-type \"text/html\"")
        "#]],
    );
    check(
        &[(":status", "503")],
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = unexpected HTTP status code received from server: 503 (Service Unavailable); malformed header: missing HTTP content-type")
    "#]],
    );
    check(
        &[(":status", "302"), ("content-type", "application/grpc")],
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unknown desc = unexpected HTTP status code received from server: 302 ()")
        "#]],
    );
    check(
        &[("content-type", "application/grpc")],
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Internal desc = malformed header: missing HTTP status")
    "#]],
    );
    check(
        &[(":status", "200"), ("content-type", "application/grpcx")],
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unknown desc = transport: received unexpected content-type \"application/grpcx\"")
        "#]],
    );
}

#[test]
fn all_that_may_come_between() {
    let mut continued = BytesMut::new();
    write_header(&mut continued, ":status", "200");
    write_header(&mut continued, "content-type", "application/grpc+proto");
    let (first, second) = continued.split_at(20);
    let server = Script::server()
        .frame([frame::PING, 0], 0, b"12345678")
        .headers(0, &[(":status", "103")])
        .frame(
            [frame::HEADERS, 0x28],
            1,
            &[&[2, 0, 0, 0, 0, 9], first, &[0; 2]].concat(),
        )
        .frame([frame::CONTINUATION, frame::END_HEADERS], 1, second)
        .frame([frame::WINDOW_UPDATE, 0], 0, &[0, 0, 1, 0])
        .frame([0x42, 0], 7, b"later standard")
        .frame([frame::DATA, 8], 1, &[3, 0, 0, 0, 0, 2, 8, 0, 0, 0])
        .frame([frame::GOAWAY, 0], 0, &[0, 0, 0, 1, 0, 0, 0, 0])
        .frame([frame::DATA, 0], 1, &[1])
        .ok();
    check(
        &[server.waits()],
        expect![[r#"
        Success
    "#]],
    );
}

#[test]
fn a_server_that_is_not_there_is_dialled_again_until_the_timeout() {
    let serving = call().ok_headers().message(&[8, 1]).ok().waits();
    check(
        &[Server::Refuses, Server::Hangs],
        expect![[r#"
        waits 1s
        Failure("timeout: failed to connect service \"10.244.0.2:5000\" within 2s: context deadline exceeded")
    "#]],
    );
    check(
        &[Server::Refuses, Server::Refuses, serving.clone()],
        expect![[r#"
            waits 1s
            waits 1.6s
            Success
        "#]],
    );
    check(
        &[
            Server::Says(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
            serving.clone(),
        ],
        expect![[r#"
            waits 1s
            Success
        "#]],
    );
    check(
        &[Server::Says(Vec::new()), serving],
        expect![[r#"
        waits 1s
        Success
    "#]],
    );
    check(
        &[Server::SaysAndWaits(Vec::new())],
        expect![[r#"
        Failure("timeout: failed to connect service \"10.244.0.2:5000\" within 2s: context deadline exceeded")
    "#]],
    );
}

#[test]
fn frames_that_break_the_rules_break_the_connection() {
    let check = |script: Script, expected| check(&[script.waits()], expected);
    check(
        call().frame([frame::DATA, 0], 1, &[]),
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = http2: protocol error")
    "#]],
    );
    check(
        call().frame([frame::DATA, 0], 3, &[]),
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = http2: protocol error")
    "#]],
    );
    check(
        call().frame([frame::CONTINUATION, 0], 1, &[]),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = http2: protocol error")
        "#]],
    );
    check(
        call().frame([frame::HEADERS, 0], 1, &[]).ok_headers(),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = http2: protocol error")
        "#]],
    );
    check(
        call().frame([frame::HEADERS, frame::END_HEADERS], 1, &[0xff]),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = http2: protocol error")
        "#]],
    );
    check(
        call().frame([frame::HEADERS, 8], 1, &[9]),
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = http2: protocol error")
    "#]],
    );
    check(
        call().frame([frame::HEADERS, 0x20], 1, &[9]),
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = http2: protocol error")
    "#]],
    );
    check(
        call().frame([frame::SETTINGS, 0], 0, &[0]),
        expect![[r#"
        Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = http2: protocol error")
    "#]],
    );
    check(
        call().frame([frame::SETTINGS, 0], 0, &[0, 4, 255, 0, 0, 0]),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = http2: protocol error")
        "#]],
    );
    check(
        call().frame([frame::WINDOW_UPDATE, 0], 1, &[127, 255, 255, 255]),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = http2: protocol error")
        "#]],
    );
    check(
        call().frame([frame::PUSH_PROMISE, 0], 1, &[]),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = http2: protocol error")
        "#]],
    );
    check(
        call().frame([frame::DATA, 0], 1, &[0; 20_000]),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = http2: protocol error")
        "#]],
    );
    let block = call().frame([frame::HEADERS, 0], 1, &[0; 10_000]);
    check(
        block.frame([frame::CONTINUATION, 0], 1, &[0; 10_000]),
        expect![[r#"
            Failure("error: health rpc probe failed: rpc error: code = Unavailable desc = http2: protocol error")
        "#]],
    );
}

/// What a client sends, frame by frame.
fn sent(service: &str, server: &Server) -> Vec<frame::Frame> {
    let mut client = client(service);
    let Server::SaysAndWaits(answer) = server else {
        panic!("a server that waits");
    };
    let mut out = BytesMut::new();
    client.handle(crate::probe_client::Event::Connected);
    for bytes in [&answer[..], &[]] {
        while let crate::probe_client::Step::Send(bytes) = client.poll_step() {
            out.extend_from_slice(&bytes);
        }
        client.handle(crate::probe_client::Event::Received(bytes));
    }
    let mut frames = frame::Frames::default();
    frames.push(out.strip_prefix(frame::PREFACE).unwrap());
    std::iter::from_fn(|| frames.pop().unwrap()).collect()
}

#[test]
fn the_request_names_the_service() {
    let frames = sent("web", &Script::server().waits());
    let kinds: Vec<_> = frames
        .iter()
        .map(|frame| [frame.kind, frame.flags])
        .collect();
    assert_eq!(
        kinds,
        [
            [frame::SETTINGS, 0],
            [frame::SETTINGS, frame::ACK],
            [frame::HEADERS, frame::END_HEADERS],
            [frame::DATA, frame::END_STREAM],
        ]
    );
    let headers = loona_hpack::Decoder::new()
        .decode(&frames[2].payload)
        .unwrap();
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()))
        .collect();
    expect![[r#"
        :method: POST
        :scheme: http
        :path: /grpc.health.v1.Health/Check
        :authority: 10.244.0.2:5000
        content-type: application/grpc
        user-agent: kube-probe/1.36
        te: trailers
        grpc-timeout: 2000m"#]]
    .assert_eq(&headers.join("\n"));
    assert_eq!(&frames[3].payload[..], b"\0\0\0\0\x05\x0a\x03web");
}

#[test]
fn a_long_service_name_waits_for_room() {
    let service = "s".repeat(50_000);
    let lengths = |server: Script| -> Vec<usize> {
        let frames = sent(&service, &server.waits());
        let data = frames.iter().filter(|frame| frame.kind == frame::DATA);
        data.map(|frame| frame.payload.len()).collect()
    };
    let small_window = || Script::default().frame([frame::SETTINGS, 0], 0, &[0, 4, 0, 0, 0, 100]);
    assert_eq!(lengths(Script::server()), [16_384, 16_384, 16_384, 857]);
    assert_eq!(lengths(small_window()), [100]);
    let more = small_window().frame([frame::WINDOW_UPDATE, 0], 1, &[0, 0, 0, 50]);
    assert_eq!(lengths(more), [100, 50]);
    let larger = small_window().frame([frame::SETTINGS, 0], 0, &[0, 4, 0, 0, 0, 200]);
    assert_eq!(lengths(larger), [100, 100]);
}

fn frame_bytes() -> impl Strategy<Value = Vec<u8>> {
    let kind = (0_u8..11, any::<u8>(), 0_u32..3);
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        Just(health::request("x").to_vec()),
        Just(vec![0x88, 0x5f, 0x8b]),
    ];
    let frame = (kind, payload).prop_map(|((kind, flags, stream), payload)| {
        Script::default()
            .frame([kind, flags], stream, &payload)
            .0
            .to_vec()
    });
    prop_oneof![4 => frame, 1 => prop::collection::vec(any::<u8>(), 0..30)]
}

proptest! {
    #[test]
    fn no_answer_brings_a_client_down(
        frames in prop::collection::vec(frame_bytes(), 0..20),
        piece in 1_usize..100,
    ) {
        let server = Script(BytesMut::from(&[&Script::server().0[..], &frames.concat()].concat()[..]));
        let text = play(client(""), &[server.waits(), Server::Hangs], piece, false);
        prop_assert!(text.contains("Failure"), "{text}");
    }

    #[test]
    fn no_header_block_brings_a_client_down(block in prop::collection::vec(any::<u8>(), 0..200)) {
        let kind = [frame::HEADERS, frame::END_HEADERS | frame::END_STREAM];
        let server = call().frame(kind, 1, &block);
        let text = play(client(""), &[server.waits()], usize::MAX, false);
        prop_assert!(text.contains("Failure"), "{text}");
    }
}
