use super::*;
use crate::server::stream::spdy::client::Client;
use expect_test::{Expect, expect};
use std::fmt::Write as _;

const ALL: Streams = Streams {
    stdin: true,
    stdout: true,
    stderr: true,
    tty: false,
};
const TERMINAL: Streams = Streams {
    stdin: true,
    stdout: true,
    stderr: false,
    tty: true,
};

/// What the server says: `! out text`, `! err text`, `! success`, `! exit 3`, `! fail text`.
fn serve(command: &mut RemoteCommand, line: &str) {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    match verb {
        "out" => command.write(false, rest.as_bytes()),
        "err" => command.write(true, rest.as_bytes()),
        "success" => command.finish(&Outcome::Success),
        "exit" => command.finish(&Outcome::Exited {
            code: rest.parse().unwrap(),
            command: vec!["sh".to_owned(), "-c".to_owned(), format!("exit {rest}")],
        }),
        "fail" => command.finish(&Outcome::Failed(rest.to_owned())),
        other => panic!("unknown verb {other}"),
    }
}

fn play(
    command: &mut RemoteCommand,
    script: &str,
    mut write: impl FnMut(&str) -> Vec<u8>,
    mut read: impl FnMut(&[u8]) -> String,
) -> String {
    let mut text = String::new();
    for line in std::iter::once("").chain(script.lines().map(str::trim)) {
        match line.strip_prefix("! ") {
            Some(line) => serve(command, line),
            None if line.is_empty() => {}
            None => {
                if let Err(error) = command.receive(&write(line)) {
                    writeln!(text, "error: {error}").unwrap();
                }
            }
        }
        while let Some(event) = command.next_event() {
            writeln!(text, "> {event:?}").unwrap();
        }
        while let Some(output) = command.next_output() {
            text.push_str(&read(&output));
        }
    }
    assert_eq!(command.output_bytes(), 0);
    text
}

/// A client's lines are the number of a channel, or its character in base64, and a text.
#[expect(clippy::needless_pass_by_value, reason = "reads best in the tests")]
fn check_channels(protocol: &str, streams: Streams, script: &str, expected: Expect) {
    let mut command = RemoteCommand::over_channels(protocol, streams);
    let is_text = protocol.contains("base64");
    let write = |line: &str| {
        let (channel, text) = line.split_once(' ').unwrap_or((line, ""));
        match (is_text, channel) {
            (true, _) => line.replace(' ', "").into_bytes(),
            (false, "close") => vec![255, text.parse().unwrap()],
            (false, channel) => [&[channel.parse().unwrap()], text.as_bytes()].concat(),
        }
    };
    let read = |bytes: &[u8]| match is_text {
        true => format!("< {}\n", String::from_utf8_lossy(bytes)),
        false => format!("< {} {}\n", bytes[0], String::from_utf8_lossy(&bytes[1..])),
    };
    expected.assert_eq(&play(&mut command, script, write, read));
}

#[expect(clippy::needless_pass_by_value, reason = "reads best in the tests")]
fn check_spdy(version: &str, streams: Streams, script: &str, expected: Expect) {
    let mut command = RemoteCommand::over_spdy(version, streams);
    let client = std::cell::RefCell::new(Client::default());
    let write = |line: &str| client.borrow_mut().frame(line);
    let read = |bytes: &[u8]| client.borrow_mut().read(bytes);
    expected.assert_eq(&play(&mut command, script, write, read));
}

#[test]
fn version_5_ends_standard_input_alone() {
    check_channels(
        "v5.channel.k8s.io",
        ALL,
        "0 hello
         ! out hello
         ! err oops
         close 0
         0 late
         close 0
         ! success",
        expect![[r#"
            > Ready
            < 1 
            > Stdin(b"hello")
            < 1 hello
            < 2 oops
            > StdinEnd
            < 3 {"metadata":{},"status":"Success"}
        "#]],
    );
}

#[test]
fn version_5_tells_exit_codes_and_failures() {
    check_channels(
        "v5.channel.k8s.io",
        ALL,
        "! exit 3",
        expect![[r#"
            > Ready
            < 1 
            < 3 {"details":{"causes":[{"message":"3","reason":"ExitCode"}]},"message":"command terminated with non-zero exit code: command terminated with exit code 3","metadata":{},"reason":"NonZeroExitCode","status":"Failure"}
        "#]],
    );
    check_channels(
        "v5.channel.k8s.io",
        ALL,
        "! fail no such file",
        expect![[r#"
            > Ready
            < 1 
            < 3 {"code":500,"details":{"causes":[{"message":"no such file"}]},"message":"Internal error occurred: no such file","metadata":{},"reason":"InternalError","status":"Failure"}
        "#]],
    );
}

#[test]
fn version_4_has_no_close() {
    check_channels(
        "v4.channel.k8s.io",
        ALL,
        "close 0
         0 hello
         ! exit 3",
        expect![[r#"
            > Ready
            < 1 
            > Stdin(b"hello")
            < 3 {"details":{"causes":[{"message":"3","reason":"ExitCode"}]},"message":"command terminated with non-zero exit code: error executing command [sh -c exit 3], exit code 3","metadata":{},"reason":"NonZeroExitCode","status":"Failure"}
        "#]],
    );
}

#[test]
fn older_versions_tell_failures_as_text() {
    check_channels(
        "channel.k8s.io",
        ALL,
        "! exit 3",
        expect![[r#"
        > Ready
        < 1 
        < 3 command terminated with non-zero exit code: error executing command [sh -c exit 3], exit code 3
    "#]],
    );
    check_channels(
        "",
        ALL,
        "! fail no such file",
        expect![[r#"
        > Ready
        < 1 
        < 3 Internal error occurred: no such file
    "#]],
    );
    check_channels(
        "",
        ALL,
        "! success",
        expect![[r#"
        > Ready
        < 1 
    "#]],
    );
}

#[test]
fn base64_is_text() {
    check_channels(
        "v4.base64.channel.k8s.io",
        ALL,
        "0 aGVsbG8=
         0 no!base64
         x aGVsbG8=
         ! out hello
         ! success",
        expect![[r#"
            > Ready
            < 1
            > Stdin(b"hello")
            < 1aGVsbG8=
            < 3eyJtZXRhZGF0YSI6e30sInN0YXR1cyI6IlN1Y2Nlc3MifQ==
        "#]],
    );
    check_channels(
        "base64.channel.k8s.io",
        ALL,
        "! fail oops",
        expect![[r#"
            > Ready
            < 1
            < 3SW50ZXJuYWwgZXJyb3Igb2NjdXJyZWQ6IG9vcHM=
        "#]],
    );
}

#[test]
fn only_what_was_asked_for_is_sent() {
    let quiet = Streams {
        stderr: true,
        ..Streams::default()
    };
    check_channels(
        "v4.channel.k8s.io",
        quiet,
        "0 hello
         1 hello
         9 hello
         ! out hello
         ! err oops
         ! success",
        expect![[r#"
            > Ready
            < 2 
            < 2 oops
            < 3 {"metadata":{},"status":"Success"}
        "#]],
    );
}

#[test]
fn a_terminal_has_sizes() {
    check_channels(
        "v5.channel.k8s.io",
        TERMINAL,
        r#"4 {"Width":80,"Height":24}
         4 {"Width":100,
         4 "Height":30} {"Width":1,"Height":2}
         4 nonsense
         4 {"Width":80,"Height":25}"#,
        expect![[r#"
            > Ready
            < 1 
            > Resize(TerminalSize { width: 80, height: 24 })
            > Resize(TerminalSize { width: 100, height: 30 })
            > Resize(TerminalSize { width: 1, height: 2 })
            > Resize(TerminalSize { width: 80, height: 25 })
        "#]],
    );
}

#[test]
fn a_command_over_spdy_begins_when_all_streams_are_there() {
    check_spdy(
        "v4.channel.k8s.io",
        ALL,
        "open 1 streamtype=error
         open 3 streamtype=stdin
         open 5 streamtype=stdout
         open 7 streamtype=stderr
         data 3 hello
         ! out hello
         ! err oops
         end 3
         ! exit 3",
        expect![[r#"
            < reply 1 {}
            < reply 3 {}
            < reply 5 {}
            > Ready
            < reply 7 {}
            > Stdin(b"hello")
            < data 5 hello
            < data 7 oops
            > StdinEnd
            < data 1 (228 bytes)
            < data 3  end
            < data 5  end
            < data 7  end
            < data 1  end
        "#]],
    );
}

#[test]
fn a_terminal_over_spdy_has_a_stream_for_its_size() {
    check_spdy(
        "v3.channel.k8s.io",
        TERMINAL,
        r#"open 1 streamtype=error
         open 3 streamtype=resize
         data 3 {"Width":80,"Height":24}
         open 5 streamtype=stdin
         open 7 streamtype=stdout
         ! exit 3"#,
        expect![[r#"
            < reply 1 {}
            < reply 3 {}
            > Resize(TerminalSize { width: 80, height: 24 })
            < reply 5 {}
            > Ready
            < reply 7 {}
            < data 1 command terminated with non-zero exit code: error executing command [sh -c exit 3], exit code 3
            < data 5  end
            < data 7  end
            < data 1  end
            < data 3  end
        "#]],
    );
}

#[test]
fn the_oldest_clients_have_no_resize() {
    let script = "open 1 streamtype=stdin
         open 3 streamtype=stdout
         open 5 streamtype=error
         ! fail oops";
    check_spdy(
        "v2.channel.k8s.io",
        TERMINAL,
        script,
        expect![[r#"
        < reply 1 {}
        < reply 3 {}
        > Ready
        < reply 5 {}
        < data 5 Internal error occurred: oops
        < data 1  end
        < data 3  end
        < data 5  end
    "#]],
    );
    check_spdy(
        "",
        TERMINAL,
        script,
        expect![[r#"
        < reply 1 {}
        < reply 3 {}
        > Ready
        < reply 5 {}
        < data 5 Internal error occurred: oops
        < data 1  end
        < data 3  end
        < data 5  end
    "#]],
    );
}

#[test]
fn streams_that_nobody_knows_are_reset() {
    check_spdy(
        "v4.channel.k8s.io",
        ALL,
        "open 1 streamtype=error
         open 3 streamtype=error
         open 5 streamtype=data
         open 7",
        expect![[r#"
            < reply 1 {}
            < reset 3 1
            < reset 5 1
            < reset 7 1
        "#]],
    );
}

#[test]
fn standard_input_that_is_reset_ends() {
    check_spdy(
        "v4.channel.k8s.io",
        Streams {
            stdin: true,
            ..Streams::default()
        },
        "open 1 streamtype=error
         open 3 streamtype=stdin
         reset 3",
        expect![[r#"
            < reply 1 {}
            > Ready
            < reply 3 {}
            > StdinEnd
        "#]],
    );
}
