use super::*;
use crate::server::stream::spdy::client::Client;
use expect_test::{Expect, expect};
use std::fmt::Write as _;

/// What the server says: `! write 1 text`, `! finish 1`, `! forget 1`, `! fail 1 text`.
fn serve(forward: &mut PortForward, line: &str) {
    let mut words = line.splitn(3, ' ');
    let (verb, id, rest) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default().parse().unwrap(),
        words.next().unwrap_or_default(),
    );
    match verb {
        "write" => forward.write(id, rest.as_bytes()),
        "finish" => forward.finish(id),
        "forget" => forward.forget(id),
        "fail" => forward.fail(id, rest),
        other => panic!("unknown verb {other}"),
    }
}

fn play(
    forward: &mut PortForward,
    script: &str,
    mut write: impl FnMut(&str) -> Vec<u8>,
    mut read: impl FnMut(&[u8]) -> String,
) -> String {
    let mut text = String::new();
    for line in std::iter::once("").chain(script.lines().map(str::trim)) {
        match line.strip_prefix("! ") {
            Some(line) => serve(forward, line),
            None if line.is_empty() => {}
            None => {
                if let Err(error) = forward.receive(&write(line)) {
                    writeln!(text, "error: {error}").unwrap();
                }
            }
        }
        while let Some(event) = forward.next_event() {
            writeln!(text, "> {event:?}").unwrap();
        }
        while let Some(output) = forward.next_output() {
            text.push_str(&read(&output));
        }
    }
    text
}

#[expect(clippy::needless_pass_by_value, reason = "reads best in the tests")]
fn check_spdy(script: &str, expected: Expect) {
    let mut forward = PortForward::over_spdy();
    let client = std::cell::RefCell::new(Client::default());
    let write = |line: &str| client.borrow_mut().frame(line);
    let read = |bytes: &[u8]| client.borrow_mut().read(bytes);
    expected.assert_eq(&play(&mut forward, script, write, read));
}

#[test]
fn two_streams_are_a_connection() {
    check_spdy(
        "open 1 streamtype=error port=80 requestid=0
         end 1
         open 3 streamtype=data port=80 requestid=0
         data 3 GET /
         ! write 3 200 OK
         end 3
         ! forget 3",
        expect![[r#"
            < reply 1 {}
            > Opened { id: 3, port: 80 }
            < reply 3 {}
            > Data { id: 3, bytes: b"GET /" }
            < data 3 200 OK
            > Ended { id: 3 }
            < data 3  end
            < data 1  end
        "#]],
    );
}

#[test]
fn connections_do_not_mix() {
    check_spdy(
        "open 1 streamtype=error port=80 requestid=0
         open 3 streamtype=error port=81 requestid=1
         open 5 streamtype=data port=81 requestid=1
         open 7 streamtype=data port=80 requestid=0
         data 7 first
         data 5 second
         reset 5
         ! forget 5
         data 7 more",
        expect![[r#"
            < reply 1 {}
            < reply 3 {}
            > Opened { id: 5, port: 81 }
            < reply 5 {}
            > Opened { id: 7, port: 80 }
            < reply 7 {}
            > Data { id: 7, bytes: b"first" }
            > Data { id: 5, bytes: b"second" }
            > Reset { id: 5 }
            < data 3  end
            > Data { id: 7, bytes: b"more" }
        "#]],
    );
}

#[test]
fn clients_without_request_ids_count_streams() {
    check_spdy(
        "open 1 streamtype=error port=80
         open 3 streamtype=data port=80",
        expect![[r#"
            < reply 1 {}
            > Opened { id: 3, port: 80 }
            < reply 3 {}
        "#]],
    );
}

#[test]
fn what_cannot_be_connected_is_said_on_the_other_stream() {
    check_spdy(
        "open 1 streamtype=error port=80 requestid=0
         open 3 streamtype=data port=80 requestid=0
         ! fail 3 connection refused",
        expect![[r#"
            < reply 1 {}
            > Opened { id: 3, port: 80 }
            < reply 3 {}
            < data 1 connection refused
            < data 1  end
            < reset 3 5
        "#]],
    );
}

#[test]
fn streams_without_port_or_type_are_refused() {
    check_spdy(
        "open 1 streamtype=error
         open 3 streamtype=error port=0
         open 5 streamtype=error port=65536
         open 7 streamtype=stdin port=80
         open 9 streamtype=data port=80 requestid=0
         open 11 streamtype=data port=80 requestid=0",
        expect![[r#"
            < reset 1 3
            < reset 3 3
            < reset 5 3
            < reset 7 3
            < reply 9 {}
            < reset 11 1
        "#]],
    );
}

#[test]
fn over_a_websocket_ports_are_known_at_once() {
    let mut forward = PortForward::over_channels("v4.channel.k8s.io", &[80, 8080]);
    let write = |line: &str| {
        let (channel, text) = line.split_once(' ').unwrap();
        [&[channel.parse().unwrap()], text.as_bytes()].concat()
    };
    let read = |bytes: &[u8]| {
        format!(
            "< {} {:?}\n",
            bytes[0],
            String::from_utf8_lossy(&bytes[1..])
        )
    };
    let text = play(
        &mut forward,
        "2 hello
         1 nothing
         4 nothing
         ! write 1 world
         ! fail 0 connection refused",
        write,
        read,
    );
    expect![[r#"
        > Opened { id: 0, port: 80 }
        > Opened { id: 1, port: 8080 }
        < 0 "P\0"
        < 1 "P\0"
        < 2 "�\u{1f}"
        < 3 "�\u{1f}"
        > Data { id: 1, bytes: b"hello" }
        < 2 "world"
        < 1 "connection refused"
    "#]]
    .assert_eq(&text);
}

#[test]
fn there_is_an_end_to_connections() {
    let (mut client, mut forward) = (Client::default(), PortForward::over_spdy());
    for id in 0..=FORWARDED_CONNECTIONS_MAX {
        let line = format!(
            "open {} streamtype=error port=80 requestid={id}",
            2 * id + 1
        );
        forward.receive(&client.frame(&line)).unwrap();
    }
    let last = client.read(&forward.next_output().unwrap());
    assert_eq!(last.lines().last(), Some("< reset 513 3"));
}
