//! Conversations with servers, as text.

use super::{Client, DialError, Event, Purpose, ReadError, Step};
use crate::net::Error;
use crate::pod::ProbeResult;
use crate::spec::{Container, ContainerPort, HttpGet, Protocol, Scheme, TargetPort, TcpSocket};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

/// What a server does with one connection.
#[derive(Clone, Debug)]
pub(super) enum Server {
    Refuses,
    /// The name of it is unknown.
    Unknown,
    /// It never takes the connection.
    Hangs,
    /// It speaks HTTP where TLS is wanted.
    PlainHttp,
    /// It sends this and closes.
    Says(Vec<u8>),
    /// It sends this and nothing more.
    SaysAndWaits(Vec<u8>),
    /// It sends this and resets.
    SaysAndResets(Vec<u8>),
}

use Server::{Hangs, PlainHttp, Refuses, Unknown};

fn says(text: &str) -> Server {
    Server::Says(text.into())
}

fn waits(text: &str) -> Server {
    Server::SaysAndWaits(text.into())
}

fn resets(text: &str) -> Server {
    Server::SaysAndResets(text.into())
}

pub(super) const POD_IP: [u8; 4] = [10, 244, 0, 2];

fn container() -> Container {
    let port = |name: &str, container_port, protocol| ContainerPort {
        name: Some(name.to_owned()),
        container_port,
        host_port: None,
        host_ip: None,
        protocol,
    };
    Container {
        ports: vec![
            port("web", 8080, Protocol::Tcp),
            port("dns", 53, Protocol::Udp),
        ],
        ..Container::default()
    }
}

fn get(path: &str) -> HttpGet {
    HttpGet {
        scheme: Scheme::Http,
        host: None,
        port: TargetPort::Number(8080),
        path: path.to_owned(),
        headers: Vec::new(),
    }
}

/// Plays the servers one after the other, whose bytes come in pieces of `piece`. What was connected to, what was sent if
/// it is to be `shown`, and the verdict.
pub(super) fn play(mut client: Client, servers: &[Server], piece: usize, shown: bool) -> String {
    let mut servers = servers.iter();
    let mut server = None;
    let mut pieces: Vec<&[u8]> = Vec::new();
    let mut text = String::new();
    for _ in 0..1_000_000 {
        match client.poll_step() {
            Step::Connect(target) => {
                let secure = if target.secure { " with TLS" } else { "" };
                writeln!(text, "-> {}:{}{secure}", target.host, target.port).unwrap();
                server = Some(servers.next().expect("a connection more than was expected"));
                pieces.clear();
                let address = SocketAddr::from((POD_IP, target.port));
                match server.unwrap() {
                    Refuses => {
                        let error = DialError::Connect(address, Error::ConnectionRefused);
                        client.handle(Event::DialFailed(&error));
                    }
                    Unknown => {
                        let error = DialError::UnknownHost(target.host);
                        client.handle(Event::DialFailed(&error));
                    }
                    PlainHttp => client.handle(Event::DialFailed(&DialError::PlainHttp)),
                    Hangs => client.handle(Event::TimedOut),
                    Server::Says(bytes)
                    | Server::SaysAndWaits(bytes)
                    | Server::SaysAndResets(bytes) => {
                        pieces = bytes.chunks(piece).rev().collect();
                        client.handle(Event::Connected);
                    }
                }
            }
            Step::Send(bytes) if shown => {
                text += &String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            }
            Step::Send(_) => {}
            Step::Receive => match pieces.pop() {
                Some(bytes) => client.handle(Event::Received(bytes)),
                None => match server.unwrap() {
                    Server::SaysAndWaits(_) => client.handle(Event::TimedOut),
                    Server::SaysAndResets(_) => {
                        client.handle(Event::ReadFailed(&ReadError::Socket {
                            local: ([10, 244, 0, 1], 49152).into(),
                            remote: (POD_IP, 8080).into(),
                            error: Error::ConnectionReset,
                        }));
                    }
                    _ => client.handle(Event::Ended),
                },
            },
            Step::Wait(time) => {
                writeln!(text, "waits {time:?}").unwrap();
                client.handle(Event::Waited);
            }
            Step::Done(verdict) => {
                writeln!(text, "{verdict:?}").unwrap();
                return text;
            }
        }
    }
    panic!("no verdict: {text}");
}

fn client(purpose: Purpose, get: &HttpGet) -> Client {
    Client::http_get(purpose, get, &container(), IpAddr::from(POD_IP)).unwrap()
}

/// The verdict of a probe does not depend on how bytes come in.
fn check(get: &HttpGet, servers: &[Server], expected: Expect) {
    check_as(Purpose::Probe, get, servers, expected);
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "so that tests write expect![..] alone"
)]
fn check_as(purpose: Purpose, get: &HttpGet, servers: &[Server], expected: Expect) {
    let whole = play(client(purpose, get), servers, usize::MAX, false);
    let bytewise = play(client(purpose, get), servers, 1, false);
    assert_eq!(whole, bytewise);
    let verdict = whole.replace("-> 10.244.0.2:8080\n", "");
    expected.assert_eq(&verdict);
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "so that tests write expect![..] alone"
)]
fn check_request(get: &HttpGet, expected: Expect) {
    expected.assert_eq(&play(
        client(Purpose::Probe, get),
        &[says("HTTP/1.1 200 OK\n\n")],
        9,
        true,
    ));
}

fn answer(status: &str, headers: &str, body: &str) -> Server {
    waits(&format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    ))
}

fn redirect(status: u16, location: &str) -> Server {
    answer(
        &status.to_string(),
        &format!("Location: {location}\r\n"),
        "see there",
    )
}

#[test]
fn the_status_decides() {
    let check =
        |status: &str, expected| check(&get("/"), &[answer(status, "", "a body")], expected);
    check(
        "200 OK",
        expect![[r#"
        Success
    "#]],
    );
    check(
        "201",
        expect![[r#"
        Success
    "#]],
    );
    check(
        "299 Nobody Knows",
        expect![[r#"
        Success
    "#]],
    );
    check(
        "304 Not Modified",
        expect![[r#"
        Warning("Probe terminated redirects, Response body: ")
    "#]],
    );
    check(
        "399 ",
        expect![[r#"
        Warning("Probe terminated redirects, Response body: a body")
    "#]],
    );
    check(
        "400 Bad Request",
        expect![[r#"
        Failure("HTTP probe failed with statuscode: 400")
    "#]],
    );
    check(
        "404 Not Found",
        expect![[r#"
        Failure("HTTP probe failed with statuscode: 404")
    "#]],
    );
    check(
        "500 Internal Server Error",
        expect![[r#"
        Failure("HTTP probe failed with statuscode: 500")
    "#]],
    );
    check(
        "101 Switching Protocols",
        expect![[r#"
        Failure("HTTP probe failed with statuscode: 101")
    "#]],
    );
    check(
        "999 X",
        expect![[r#"
        Failure("HTTP probe failed with statuscode: 999")
    "#]],
    );
}

#[test]
fn a_body_ends_in_every_way_http_knows() {
    let check = |server, expected| check(&get("/"), &[server], expected);
    check(
        says("HTTP/1.0 200 OK\r\n\r\nuntil the end"),
        expect![[r#"
        Success
    "#]],
    );
    check(
        says("HTTP/1.1 200\n\nlines that end as on Unix"),
        expect![[r#"
            Success
        "#]],
    );
    check(
        waits("HTTP/1.1 204 No Content\r\n\r\n"),
        expect![[r#"
        Success
    "#]],
    );
    check(
        waits("HTTP/1.1 200 OK\r\ncontent-length:  3 \r\n\r\nabc"),
        expect![[r#"
            Success
        "#]],
    );
    check(
        waits(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\n\r\n",
        ),
        expect![[r#"
            Success
        "#]],
    );
    check(
        waits("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nExpires: now\r\n\r\n"),
        expect![[r#"
            Success
        "#]],
    );
    check(
        waits(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ),
        expect![[r#"
            Success
        "#]],
    );
}

#[test]
fn only_the_beginning_of_a_body_is_read() {
    let endless = |head: &str| waits(&format!("HTTP/1.1 {head}\r\n\r\n{}", "x".repeat(10 << 10)));
    let check = |server, expected| check(&get("/"), &[server], expected);
    check(
        endless("200 OK"),
        expect![[r#"
        Success
    "#]],
    );
    check(
        endless("500 No"),
        expect![[r#"
        Failure("HTTP probe failed with statuscode: 500")
    "#]],
    );
    check(
        endless("200 OK\r\nContent-Length: 999999999999"),
        expect![[r#"
            Success
        "#]],
    );
}

#[test]
fn a_server_that_does_not_answer() {
    let check = |server, expected| check(&get("/healthz"), &[server], expected);
    check(
        Refuses,
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/healthz\": dial tcp 10.244.0.2:8080: connect: connection refused")
    "#]],
    );
    check(
        Hangs,
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/healthz\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
    "#]],
    );
    check(
        says(""),
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/healthz\": EOF")
    "#]],
    );
    check(
        resets(""),
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/healthz\": read tcp 10.244.0.1:49152->10.244.0.2:8080: read: connection reset by peer")
    "#]],
    );
    check(
        waits(""),
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/healthz\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
    "#]],
    );
    check(
        waits("HTTP/1.1 200 OK\r\nServer: slow\r\n"),
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/healthz\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
    "#]],
    );
    check(
        says("HTTP/1.1 200 OK\r\nServer: dead\r\n"),
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/healthz\": net/http: HTTP/1.x transport connection broken: unexpected EOF")
    "#]],
    );
    check(
        resets("HTTP/1.1 200 OK\r\nServer: dead\r\n"),
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/healthz\": net/http: HTTP/1.x transport connection broken: read tcp 10.244.0.1:49152->10.244.0.2:8080: read: connection reset by peer")
    "#]],
    );
    check(
        says("\u{15}\u{3}\u{3}\0\u{2}\u{2}2"),
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/healthz\": net/http: HTTP/1.x transport connection broken: malformed HTTP response \"\\x15\\x03\\x03\\x00\\x02\\x022\"")
    "#]],
    );
    check(
        says("HTTP/1.1 200 OK"),
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/healthz\": net/http: HTTP/1.x transport connection broken: unexpected EOF")
    "#]],
    );
}

#[test]
fn an_answer_that_breaks_off_is_an_error_of_the_probe() {
    let check = |server, expected| check(&get("/"), &[server], expected);
    check(
        waits("HTTP/1.1 200 OK\r\n\r\nand then"),
        expect![[r#"
            Interrupted("context deadline exceeded (Client.Timeout or context cancellation while reading body)")
        "#]],
    );
    check(
        says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nand then"),
        expect![[r#"
            Interrupted("unexpected EOF")
        "#]],
    );
    check(
        resets("HTTP/1.1 500 No\r\n\r\nand then"),
        expect![[r#"
            Interrupted("read tcp 10.244.0.1:49152->10.244.0.2:8080: read: connection reset by peer")
        "#]],
    );
    check(
        says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nand"),
        expect![[r#"
            Interrupted("unexpected EOF")
        "#]],
    );
    check(
        says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nand\r\n"),
        expect![[r#"
            Interrupted("invalid byte in chunk length")
        "#]],
    );
    check(
        says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nand then"),
        expect![[r#"
            Interrupted("malformed chunked encoding")
        "#]],
    );
    check(
        says(&format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}",
            "x".repeat(5000)
        )),
        expect![[r#"
            Interrupted("header line too long")
        "#]],
    );
}

#[test]
fn what_is_no_http() {
    let check = |text: &str, expected| check(&get("/"), &[waits(text)], expected);
    check(
        "SSH-2.0-OpenSSH_9.9\r\n",
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/\": net/http: HTTP/1.x transport connection broken: malformed HTTP response \"SSH-2.0-OpenSSH_9.9\"")
    "#]],
    );
    check(
        "\u{15}\u{3}\u{1}\0\u{2}\u{2}\n",
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/\": net/http: HTTP/1.x transport connection broken: malformed HTTP response \"\\x15\\x03\\x01\\x00\\x02\\x02\"")
    "#]],
    );
    check(
        "\r\n",
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/\": net/http: HTTP/1.x transport connection broken: malformed HTTP response \"\"")
    "#]],
    );
    check(
        "HTTP/1.1 OK\r\n",
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/\": net/http: HTTP/1.x transport connection broken: malformed HTTP status code \"OK\"")
    "#]],
    );
    check(
        "HTTP/1.1 20x OK\r\n",
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/\": net/http: HTTP/1.x transport connection broken: malformed HTTP status code \"20x\"")
    "#]],
    );
    check(
        "HTTP/1.1 2000 OK\r\n",
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/\": net/http: HTTP/1.x transport connection broken: malformed HTTP status code \"2000\"")
    "#]],
    );
    check(
        "HTTP/one 200 OK\r\n",
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/\": net/http: HTTP/1.x transport connection broken: malformed HTTP version \"HTTP/one\"")
    "#]],
    );
    check(
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/\": net/http: HTTP/1.x transport connection broken: malformed MIME header line")
    "#]],
    );
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        expect![[r#"
            Failure("Get \"http://10.244.0.2:8080/\": net/http: HTTP/1.x transport connection broken: bad Content-Length \"many\"")
        "#]],
    );
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        expect![[r#"
            Failure("Get \"http://10.244.0.2:8080/\": net/http: HTTP/1.x transport connection broken: bad Content-Length \"2\"")
        "#]],
    );
    check(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        expect![[r#"
            Failure("Get \"http://10.244.0.2:8080/\": net/http: HTTP/1.x transport connection broken: unsupported transfer encoding: \"gzip\"")
        "#]],
    );
    check(
        &"HTTP/1.1 100 Continue\r\n\r\n".repeat(6),
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/\": net/http: HTTP/1.x transport connection broken: too many 1xx informational responses")
    "#]],
    );
    check(
        &format!("HTTP/1.1 200 OK\r\n{}", "A: b\r\n".repeat(20_000)),
        expect![[r#"
            Failure("Get \"http://10.244.0.2:8080/\": net/http: server response headers exceeded 65536 bytes; aborted")
        "#]],
    );
    check(
        &format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(300)),
        expect![[r#"
            Failure("Get \"http://10.244.0.2:8080/\": net/http: HTTP/1.x transport connection broken: malformed MIME header line")
        "#]],
    );
    check(
        &"x".repeat(100_000),
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/\": net/http: server response headers exceeded 65536 bytes; aborted")
    "#]],
    );
}

#[test]
fn requests_are_the_kubelets() {
    let headers = |pairs: &[(&str, &str)]| HttpGet {
        headers: pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..get("/healthz?full")
    };
    let check = |pairs: &[(&str, &str)], expected| check_request(&headers(pairs), expected);
    check(
        &[],
        expect![[r#"
        -> 10.244.0.2:8080
        GET /healthz?full HTTP/1.1
        Host: 10.244.0.2:8080
        User-Agent: kube-probe/1.36
        Accept: */*
        Connection: close

        Success
    "#]],
    );
    check(
        &[
            ("x-b", "2"),
            ("X-A", " 1 "),
            ("x-B", "3"),
            ("Content-Length", "7"),
        ],
        expect![[r#"
            -> 10.244.0.2:8080
            GET /healthz?full HTTP/1.1
            Host: 10.244.0.2:8080
            User-Agent: kube-probe/1.36
            Accept: */*
            X-A: 1
            X-B: 2
            X-B: 3
            Connection: close

            Success
        "#]],
    );
    check(
        &[
            ("host", "example.com"),
            ("user-agent", "me"),
            ("accept", "text/html"),
        ],
        expect![[r#"
            -> 10.244.0.2:8080
            GET /healthz?full HTTP/1.1
            Host: example.com
            User-Agent: me
            Accept: text/html
            Connection: close

            Success
        "#]],
    );
    check(
        &[("Accept", ""), ("User-Agent", "")],
        expect![[r#"
        -> 10.244.0.2:8080
        GET /healthz?full HTTP/1.1
        Host: 10.244.0.2:8080
        Connection: close

        Success
    "#]],
    );
    check(
        &[("Connection", "keep-alive, Close")],
        expect![[r#"
        -> 10.244.0.2:8080
        GET /healthz?full HTTP/1.1
        Host: 10.244.0.2:8080
        User-Agent: kube-probe/1.36
        Accept: */*
        Connection: keep-alive, Close

        Success
    "#]],
    );
    check(
        &[("Connection", "Upgrade"), ("Upgrade", "websocket")],
        expect![[r#"
            -> 10.244.0.2:8080
            GET /healthz?full HTTP/1.1
            Host: 10.244.0.2:8080
            User-Agent: kube-probe/1.36
            Accept: */*
            Connection: Upgrade
            Upgrade: websocket

            Success
        "#]],
    );
    check(
        &[("X-Bad", "a\nb")],
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/healthz?full\": net/http: invalid header field value for \"X-Bad\"")
    "#]],
    );
    check(
        &[("X Bad", "a")],
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/healthz?full\": net/http: invalid header field name \"X Bad\"")
    "#]],
    );
}

#[test]
fn redirects_on_the_same_host_are_followed() {
    let ok = || answer("200 OK", "", "");
    let check = |servers: &[Server], expected| check(&get("/a/b?c"), servers, expected);
    check(
        &[redirect(302, "/new"), ok()],
        expect![[r#"
        Success
    "#]],
    );
    check(
        &[redirect(308, "http://10.244.0.2:9090/new"), ok()],
        expect![[r#"
            -> 10.244.0.2:9090
            Success
        "#]],
    );
    check(
        &[redirect(301, "https://10.244.0.2/"), ok()],
        expect![[r#"
        -> 10.244.0.2:443 with TLS
        Success
    "#]],
    );
    check(
        &[redirect(301, "/new"), answer("500 No", "", "")],
        expect![[r#"
            Failure("HTTP probe failed with statuscode: 500")
        "#]],
    );
    check(
        &[redirect(301, "/new"), Refuses],
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/new\": dial tcp 10.244.0.2:8080: connect: connection refused")
    "#]],
    );
    check(
        &vec![redirect(307, "/loop"); 10],
        expect![[r#"
        Failure("Get \"/loop\": stopped after 10 redirects")
    "#]],
    );
    check(
        &[redirect(302, "http://[::1")],
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/a/b?c\": failed to parse Location header \"http://[::1\"")
    "#]],
    );
    check(
        &[redirect(302, "ftp://10.244.0.2/x")],
        expect![[r#"
        Failure("Get \"ftp://10.244.0.2/x\": unsupported protocol scheme \"ftp\"")
    "#]],
    );
    check(
        &[
            says("HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 9\r\n\r\n"),
            ok(),
        ],
        expect![[r#"
            Success
        "#]],
    );
    check(
        &[waits(
            "HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 9\r\n\r\n",
        )],
        expect![[r#"
            Failure("Get \"http://10.244.0.2:8080/a/b?c\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
        "#]],
    );
}

#[test]
fn redirects_elsewhere_are_a_success_with_a_warning() {
    let check = |server, expected| check(&get("/"), &[server], expected);
    check(
        redirect(302, "http://example.com/"),
        expect![[r#"
        Warning("Probe terminated redirects, Response body: see there")
    "#]],
    );
    check(
        redirect(302, "http:///nowhere"),
        expect![[r#"
        Warning("Probe terminated redirects, Response body: see there")
    "#]],
    );
    check(
        answer("308 Permanent Redirect", "", "no location"),
        expect![[r#"
            Warning("Probe terminated redirects, Response body: no location")
        "#]],
    );
    check(
        answer("300 Multiple Choices", "Location: /other\r\n", ""),
        expect![[r#"
            Warning("Probe terminated redirects, Response body: ")
        "#]],
    );
}

#[test]
fn redirected_requests_say_where_they_come_from() {
    let with_host = HttpGet {
        headers: vec![("Host".to_owned(), "example.com".to_owned())],
        ..get("/a")
    };
    let servers = [
        redirect(302, "/b"),
        redirect(302, "http://10.244.0.2:9090/c"),
        answer("200 OK", "", ""),
    ];
    let transcript = play(client(Purpose::Probe, &with_host), &servers, 100, true);
    expect![[r#"
        -> 10.244.0.2:8080
        GET /a HTTP/1.1
        Host: example.com
        User-Agent: kube-probe/1.36
        Accept: */*
        Connection: close

        -> 10.244.0.2:8080
        GET /b HTTP/1.1
        Host: example.com
        User-Agent: kube-probe/1.36
        Accept: */*
        Referer: http://10.244.0.2:8080/a
        Connection: close

        -> 10.244.0.2:9090
        GET /c HTTP/1.1
        Host: 10.244.0.2:9090
        User-Agent: kube-probe/1.36
        Accept: */*
        Referer: http://10.244.0.2:8080/b
        Connection: close

        Success
    "#]]
    .assert_eq(&transcript);
}

#[test]
fn hosts_and_ports() {
    let check = |host: Option<&str>, port: TargetPort, servers: &[Server], expected: Expect| {
        let get = HttpGet {
            host: host.map(str::to_owned),
            port: port.clone(),
            ..get("/")
        };
        let socket = TcpSocket {
            host: get.host.clone(),
            port,
        };
        let ip = IpAddr::from(POD_IP);
        let http = Client::http_get(Purpose::Probe, &get, &container(), ip);
        let tcp = Client::tcp_socket(&socket, &container(), ip);
        let text = |client| match client {
            Ok(client) => play(client, servers, 100, false),
            Err(error) => format!("error: {error}\n"),
        };
        expected.assert_eq(&(text(http) + &text(tcp)));
    };
    let name = |name: &str| TargetPort::Name(name.to_owned());
    let ok = [answer("200 OK", "", "")];
    check(
        None,
        TargetPort::Number(80),
        &ok,
        expect![[r#"
        -> 10.244.0.2:80
        Success
        -> 10.244.0.2:80
        Success
    "#]],
    );
    check(
        Some(""),
        name("web"),
        &ok,
        expect![[r#"
        -> 10.244.0.2:8080
        Success
        -> 10.244.0.2:8080
        Success
    "#]],
    );
    check(
        Some("web.default"),
        name("dns"),
        &ok,
        expect![[r#"
        -> web.default:53
        Success
        -> web.default:53
        Success
    "#]],
    );
    check(
        Some("fd00:10:244::2"),
        name("8081"),
        &ok,
        expect![[r#"
        -> fd00:10:244::2:8081
        Success
        -> fd00:10:244::2:8081
        Success
    "#]],
    );
    check(
        None,
        TargetPort::Number(0),
        &ok,
        expect![[r#"
        error: invalid port number: 0
        error: invalid port number: 0
    "#]],
    );
    check(
        None,
        name("nobody"),
        &ok,
        expect![[r#"
        error: strconv.Atoi: parsing "nobody": invalid syntax
        error: strconv.Atoi: parsing "nobody": invalid syntax
    "#]],
    );
    check(
        None,
        name("70000"),
        &ok,
        expect![[r#"
        error: invalid port number: 70000
        error: invalid port number: 70000
    "#]],
    );
    check(
        None,
        name("web"),
        &[Refuses],
        expect![[r#"
        -> 10.244.0.2:8080
        Failure("Get \"http://10.244.0.2:8080/\": dial tcp 10.244.0.2:8080: connect: connection refused")
        -> 10.244.0.2:8080
        Failure("dial tcp 10.244.0.2:8080: connect: connection refused")
    "#]],
    );
    check(
        None,
        name("web"),
        &[Hangs],
        expect![[r#"
        -> 10.244.0.2:8080
        Failure("Get \"http://10.244.0.2:8080/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
        -> 10.244.0.2:8080
        Failure("dial tcp 10.244.0.2:8080: i/o timeout")
    "#]],
    );
    check(
        Some("nowhere.example"),
        name("web"),
        &[Unknown],
        expect![[r#"
            -> nowhere.example:8080
            Failure("Get \"http://nowhere.example:8080/\": dial tcp: lookup nowhere.example: no such host")
            -> nowhere.example:8080
            Failure("dial tcp: lookup nowhere.example: no such host")
        "#]],
    );
    check(
        Some("nowhere.example"),
        name("web"),
        &[Hangs],
        expect![[r#"
        -> nowhere.example:8080
        Failure("Get \"http://nowhere.example:8080/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
        -> nowhere.example:8080
        Failure("dial tcp: lookup nowhere.example: i/o timeout")
    "#]],
    );
}

#[test]
fn any_answer_will_do_for_a_hook() {
    let https = HttpGet {
        scheme: Scheme::Https,
        headers: vec![("authorization".to_owned(), "secret".to_owned())],
        ..get("/hook")
    };
    let http = get("/hook");
    let check = |get: &HttpGet, servers: &[Server], expected| {
        check_as(Purpose::Lifecycle, get, servers, expected);
    };
    check(
        &http,
        &[answer("200 OK", "", "")],
        expect![[r#"
        Success
    "#]],
    );
    check(
        &http,
        &[answer("500 No", "", "")],
        expect![[r#"
        Success
    "#]],
    );
    check(
        &http,
        &[waits("HTTP/1.1 200 OK\r\n\r\nendless")],
        expect![[r#"
            Success
        "#]],
    );
    check(
        &http,
        &[Refuses],
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/hook\": dial tcp 10.244.0.2:8080: connect: connection refused")
    "#]],
    );
    check(
        &http,
        &[says("")],
        expect![[r#"
        Failure("Get \"http://10.244.0.2:8080/hook\": EOF")
    "#]],
    );
    check(
        &https,
        &[PlainHttp, answer("404 Not Found", "", "")],
        expect![[r#"
            -> 10.244.0.2:8080 with TLS
            Warning("request to HTTPS lifecycle hook 10.244.0.2:8080 got HTTP response, retry with HTTP succeeded")
        "#]],
    );
    check(
        &https,
        &[PlainHttp, says("")],
        expect![[r#"
        -> 10.244.0.2:8080 with TLS
        Failure("Get \"https://10.244.0.2:8080/hook\": http: server gave HTTP response to HTTPS client")
    "#]],
    );
    check_as(
        Purpose::Probe,
        &https,
        &[PlainHttp],
        expect![[r#"
        -> 10.244.0.2:8080 with TLS
        Failure("Get \"https://10.244.0.2:8080/hook\": http: server gave HTTP response to HTTPS client")
    "#]],
    );
    let answers = [PlainHttp, answer("200 OK", "", "")];
    expect![[r#"
        -> 10.244.0.2:8080 with TLS
        -> 10.244.0.2:8080
        GET /hook HTTP/1.1
        Host: 10.244.0.2:8080
        User-Agent: kube-lifecycle/1.36
        Accept: */*
        Connection: close

        Warning("request to HTTPS lifecycle hook 10.244.0.2:8080 got HTTP response, retry with HTTP succeeded")
    "#]].assert_eq(&play(
        client(Purpose::Lifecycle, &https),
        &answers,
        100,
        true,
    ));
}

/// Pieces of answers, so that random ones get past the first line.
fn answer_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"HTTP/1.1 ".to_vec()),
        Just(b"200 OK\r\n".to_vec()),
        Just(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"Content-Length: 20000\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"ffff\r\n".to_vec()),
        Just(vec![b'a'; 20_000]),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_answer_brings_a_client_down(
        bytes in prop::collection::vec(answer_bytes(), 10..=10),
        piece in 1_usize..5000,
        hook in any::<bool>(),
    ) {
        let purpose = if hook { Purpose::Lifecycle } else { Purpose::Probe };
        let servers: Vec<_> = bytes.into_iter().map(Server::SaysAndWaits).collect();
        let text = play(client(purpose, &get("/")), &servers, piece, false);
        prop_assert!(text.len() < 64 << 10);
    }
}

#[test]
fn a_verdict_stays() {
    let mut client = client(Purpose::Probe, &get("/"));
    client.handle(Event::TimedOut);
    let verdict = client.poll_step();
    assert!(matches!(verdict, Step::Done(ProbeResult::Failure(_))));
    client.handle(Event::Connected);
    client.handle(Event::TimedOut);
    assert_eq!(client.poll_step(), verdict);
}
