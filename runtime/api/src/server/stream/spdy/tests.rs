use super::client::Client;
use super::*;
use expect_test::{Expect, expect};
use std::fmt::Write as _;

/// Plays a client's lines; those of the server begin with `!`: `! reply 1`, `! send 1 text`, `! finish 1`,
/// `! fill 1` sends as much as there is room for, `! consume 1 100`.
#[expect(clippy::needless_pass_by_value, reason = "reads best in the tests")]
fn check(script: &str, expected: Expect) {
    let whole = play(script, usize::MAX);
    assert_eq!(whole, play(script, 3), "frames may be cut anywhere");
    expected.assert_eq(&whole);
}

fn play(script: &str, piece: usize) -> String {
    let mut client = Client::default();
    let mut spdy = Spdy::new();
    let mut text = String::new();
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let mut words = line.strip_prefix("! ").unwrap_or_default().splitn(3, ' ');
        let (verb, id, rest) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let id = id.parse().unwrap_or_default();
        let mut received = Ok(());
        match verb {
            "" => {
                let frame = client.frame(line);
                received = frame
                    .chunks(piece.min(frame.len()))
                    .try_for_each(|piece| spdy.receive(piece));
            }
            "reply" => spdy.reply(id),
            "send" => spdy.send(id, rest.as_bytes()),
            "fill" => {
                let room = spdy.room(id).min(100_000);
                spdy.send(id, &vec![b'x'; room]);
            }
            "finish" => spdy.finish(id),
            "consume" => spdy.consume(id, rest.parse().unwrap()),
            other => panic!("unknown verb {other}"),
        }
        if let Err(error) = received {
            writeln!(text, "error: {error}").unwrap();
        }
        let mut data: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        let mut events = Vec::new();
        while let Some(event) = spdy.next_event() {
            match event {
                SpdyEvent::Data { id, bytes } => data.entry(id).or_default().extend(bytes),
                event => events.push(event),
            }
        }
        for (id, bytes) in data {
            writeln!(text, "> {id}: {}", String::from_utf8_lossy(&bytes)).unwrap();
        }
        for event in events {
            writeln!(text, "> {event:?}").unwrap();
        }
        text.push_str(&client.read(&spdy.take_output()));
    }
    text
}

#[test]
fn a_stream_is_opened_used_and_ended() {
    check(
        "open 1 streamtype=stdin port=80
         ! reply 1
         data 1 hello
         ! send 1 world
         end 1 bye
         ! finish 1
         data 1 late",
        expect![[r#"
            > Opened { id: 1, headers: {"port": "80", "streamtype": "stdin"} }
            < reply 1 {}
            > 1: hello
            < data 1 world
            > 1: bye
            > Ended { id: 1 }
            < data 1  end
        "#]],
    );
}

#[test]
fn pings_are_answered_and_what_is_unknown_is_left_out() {
    check(
        "ping 1
         ping 2
         goaway
         hex 8003000a00000000
         ping 3",
        expect![[r#"
            < ping 1
            < ping 3
        "#]],
    );
}

#[test]
fn numbers_of_streams_only_rise() {
    check(
        "open 2 a=b
         open 5 a=b
         open 3 a=b
         open 5 a=b",
        expect![[r#"
            < reset 2 1
            > Opened { id: 5, headers: {"a": "b"} }
            < reset 3 1
            > Reset { id: 5 }
            < reset 5 1
        "#]],
    );
}

#[test]
fn a_client_without_windows_is_sent_everything() {
    check(
        "open 1 a=b
         ! fill 1",
        expect![[r#"
            > Opened { id: 1, headers: {"a": "b"} }
            < data 1 (32768 bytes)
            < data 1 (32768 bytes)
            < data 1 (32768 bytes)
            < data 1 (1696 bytes)
        "#]],
    );
}

#[test]
fn the_windows_of_a_client_count_once_it_speaks_of_them() {
    check(
        "open 1 a=b
         settings 7 10
         ! fill 1
         ! fill 1
         window 1 5
         ! fill 1
         window 1 1000000
         ! fill 1
         window 0 3
         ! fill 1",
        expect![[r#"
            > Opened { id: 1, headers: {"a": "b"} }
            < data 1 xxxxxxxxxx
            < data 1 xxxxx
            < data 1 (32768 bytes)
            < data 1 (32753 bytes)
            < data 1 xxx
        "#]],
    );
}

#[test]
fn a_client_learns_what_has_been_used() {
    check(
        "open 1 a=b
         ! consume 1 100
         ! consume 1 40000
         end 1
         ! consume 1 40000",
        expect![[r#"
            > Opened { id: 1, headers: {"a": "b"} }
            < window 0 40100
            < window 1 40100
            > Ended { id: 1 }
            < window 0 40000
        "#]],
    );
}

#[test]
fn a_reset_takes_the_stream_along() {
    check(
        "open 1 a=b
         reset 1
         ! send 1 nothing
         data 1 nothing
         reset 1",
        expect![[r#"
            > Opened { id: 1, headers: {"a": "b"} }
            > Reset { id: 1 }
        "#]],
    );
}

#[test]
fn what_is_no_spdy_is_refused() {
    check(
        "hex 8002000100000000",
        expect![[r#"
            error: SPDY version 2, expected 3
        "#]],
    );
    check(
        "hex 8003000100ffffff",
        expect![[r#"
            error: a SPDY control frame of 16777215 bytes
        "#]],
    );
    check(
        "hex 800300010000000400000001",
        expect![[r#"
        error: a SPDY control frame of type 1 is too short
    "#]],
    );
    check(
        "hex 8003000100000010000000010000000000001111111111111111",
        expect![[r#"
            error: a SPDY header block that cannot be read
        "#]],
    );
}

#[test]
fn there_is_an_end_to_streams() {
    let (mut client, mut spdy) = (Client::default(), Spdy::new());
    for id in 0..=SPDY_STREAMS_MAX {
        spdy.receive(&client.frame(&format!("open {} a=b", 2 * id + 1)))
            .unwrap();
    }
    let opened = std::iter::from_fn(|| spdy.next_event()).count();
    assert_eq!(opened, SPDY_STREAMS_MAX);
    assert_eq!(client.read(&spdy.take_output()), "< reset 1025 3\n");
}
