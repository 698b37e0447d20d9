//! Exec and attach, with processes of BusyBox in virtual time.

use crate::support::{report, started};
use expect_test::{Expect, expect};
use seedpod_core::process::{ExitStatus, Signal};
use seedpod_engine::world::LogStream;
use seedpod_engine::{AttachRequest, ExecRequest, ExecSession, PodHandle, Session};
use seedpod_sim::Simulation;
use std::fmt::Write as _;
use std::task::{Poll, Waker};
use std::time::Duration;

/// A container that runs until it is told to stop, and more of its fields.
fn container(more: &str, script: &str) -> String {
    format!(
        "restartPolicy: Never
terminationGracePeriodSeconds: 1
containers:
- name: c
  image: busybox
  command: [sh, -c]
  args: [{script:?}]
  env: [{{name: GREETING, value: hello}}]
  workingDir: /tmp
  {more}"
    )
}

fn pod(simulation: &Simulation) -> PodHandle {
    simulation.pod("p").unwrap().clone()
}

fn request(command: &[&str]) -> ExecRequest {
    ExecRequest {
        container: "c".to_owned(),
        command: command.iter().map(|&text| text.to_owned()).collect(),
        stdin: false,
        tty: false,
    }
}

fn write(session: &Session, text: &str) -> bool {
    let written = session.poll_write(text.as_bytes(), Waker::noop());
    assert!(!written.is_pending(), "no room for {text:?}");
    written == Poll::Ready(Ok(text.len()))
}

/// What there is to read, and whether there will be more.
fn read(session: &Session, text: &mut String) -> bool {
    while let Poll::Ready(read) = session.poll_output(Waker::noop()) {
        let Some((stream, bytes)) = read else {
            text.push_str("end\n");
            return false;
        };
        let name = match stream {
            LogStream::Stdout => "out",
            LogStream::Stderr => "err",
        };
        for line in String::from_utf8_lossy(&bytes).lines() {
            writeln!(text, "{name}: {line}").unwrap();
        }
    }
    true
}

fn finish(simulation: &mut Simulation, session: &ExecSession) -> String {
    let mut text = String::new();
    for _ in 0..10_000 {
        simulation.run(Duration::from_millis(1));
        if !read(&session.streams, &mut text) {
            break;
        }
    }
    match session.poll_exit(Waker::noop()) {
        Poll::Ready(status) => writeln!(text, "{status:?}").unwrap(),
        Poll::Pending => text.push_str("still running\n"),
    }
    text
}

#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
fn check_exec(request: &ExecRequest, input: Option<&str>, expected: Expect) {
    let mut simulation = started(&container("", "sleep 1000"));
    let request = ExecRequest {
        stdin: input.is_some(),
        ..request.clone()
    };
    let text = match pod(&simulation).exec(request) {
        Ok(session) => {
            if let Some(input) = input {
                assert!(write(&session.streams, input));
                session.streams.close_stdin();
            }
            finish(&mut simulation, &session)
        }
        Err(error) => format!("{error}\n"),
    };
    expected.assert_eq(&text);
    assert_eq!(simulation.log(), "", "nothing of an exec is in the log");
}

#[test]
fn a_command_runs_in_its_container() {
    check_exec(
        &request(&[
            "sh",
            "-c",
            "echo $GREETING; pwd; echo bad >&2; echo $$; exit 3",
        ]),
        None,
        expect![[r#"
            out: hello
            out: /tmp
            out: 2
            err: bad
            end
            Exited(3)
        "#]],
    );
    check_exec(
        &request(&["cat"]),
        Some("one\ntwo\n"),
        expect![[r#"
            out: one
            out: two
            end
            Exited(0)
        "#]],
    );
    check_exec(
        &request(&["sh", "-c", "cat; kill -TERM $$"]),
        None,
        expect![[r#"
            end
            Signaled(Signal(15))
        "#]],
    );
}

#[test]
fn a_terminal_has_one_output() {
    let script = "test -t 0 && test -t 1 && test -t 2 && echo terminal; echo $TERM; echo bad >&2; test -t 1 | cat";
    let request = ExecRequest {
        tty: true,
        ..request(&["sh", "-c", script])
    };
    check_exec(
        &request,
        None,
        expect![[r#"
            out: terminal
            out: xterm
            out: bad
            end
            Exited(0)
        "#]],
    );
}

#[test]
fn what_cannot_run_is_named() {
    check_exec(
        &request(&["nothing"]),
        None,
        expect![[r#"
            error executing command in container: failed to exec in container: failed to start exec "00000000-0000-4000-8000-000000000000": OCI runtime exec failed: exec failed: unable to start container process: exec: "nothing": executable file not found in $PATH: unknown
        "#]],
    );
    check_exec(
        &request(&["/opt/elf"]),
        None,
        expect![[r#"
            error executing command in container: failed to exec in container: failed to start exec "00000000-0000-4000-8000-000000000000": OCI runtime exec failed: exec failed: unable to start container process: exec: "/opt/elf": exec format error: a Linux program (ELF): unknown
        "#]],
    );
    check_exec(
        &request(&[]),
        None,
        expect![[r#"
            you must specify at least one command for the container
        "#]],
    );
    let other = ExecRequest {
        container: "other".to_owned(),
        ..request(&["true"])
    };
    check_exec(
        &other,
        None,
        expect![[r#"
            container other is not valid for pod p
        "#]],
    );
}

#[test]
fn a_command_goes_with_its_container() {
    let mut simulation = started(&container("", "sleep 5"));
    let session = pod(&simulation).exec(request(&["sleep", "1000"])).unwrap();
    expect![[r#"
        end
        Signaled(Signal(9))
    "#]]
    .assert_eq(&finish(&mut simulation, &session));
    let error = pod(&simulation).exec(request(&["true"])).err().unwrap();
    assert_eq!(error.to_string(), r#"container not found ("c")"#);
    let attach = AttachRequest {
        container: "c".to_owned(),
        stdin: false,
    };
    let error = pod(&simulation).attach(&attach).err().unwrap();
    assert_eq!(error.to_string(), "container c not found in pod p_default");
}

#[test]
fn a_client_that_leaves_breaks_pipes_and_hangs_up_terminals() {
    let mut simulation = started(&container("", "sleep 1; ps; sleep 4; ps; true"));
    let session = |tty: bool| {
        let request = ExecRequest {
            tty,
            stdin: true,
            ..request(&["sh", "-c", "sleep 2; echo out; sleep 1000"])
        };
        pod(&simulation).exec(request).unwrap()
    };
    drop([session(false), session(true)]);
    simulation.run(Duration::from_secs(10));
    // Without a terminal it goes on, until it writes.
    expect![[r#"
        [c]   PID USER      TIME COMMAND
        [c]     1 root      0:00 sh -c sleep 1; ps; sleep 4; ps; true
        [c]     3 root      0:00 sh -c sleep 2; echo out; sleep 1000
        [c]     5 root      0:00 sleep 2
        [c]     6 root      0:00 ps
        [c]   PID USER      TIME COMMAND
        [c]     1 root      0:00 sh -c sleep 1; ps; sleep 4; ps; true
        [c]     8 root      0:00 ps
        Succeeded after 5 s
        c: Completed 0
    "#]]
    .assert_eq(&report(&simulation));
}

fn attach(simulation: &Simulation) -> Session {
    let request = AttachRequest {
        container: "c".to_owned(),
        stdin: true,
    };
    pod(simulation).attach(&request).unwrap()
}

const ECHO: &str =
    "while read -r line; do echo got $line; done; echo the end; echo bad >&2; sleep 1";

#[test]
fn stdin_stays_open_for_the_next_client() {
    let mut simulation = started(&container("stdin: true", ECHO));
    let (first, mut text) = (attach(&simulation), String::new());
    assert!(write(&first, "one\n"));
    simulation.run(Duration::from_secs(1));
    assert!(read(&first, &mut text));
    drop(first);
    let second = attach(&simulation);
    assert!(write(&second, "two\n"));
    second.close_stdin();
    simulation.run(Duration::from_secs(1));
    assert!(read(&second, &mut text), "the container still runs");
    expect![[r#"
        out: got one
        out: got two
    "#]]
    .assert_eq(&text);
    expect![[r#"
        [c] got one
        [c] got two
    "#]]
    .assert_eq(&report(&simulation));
}

#[test]
fn stdin_once_closes_with_the_first_client() {
    let mut simulation = started(&container("stdin: true\n  stdinOnce: true", ECHO));
    let (first, second) = (attach(&simulation), attach(&simulation));
    assert!(write(&first, "one\n"));
    simulation.run(Duration::from_millis(100));
    drop(first);
    second.close_stdin();
    let mut text = String::new();
    simulation.run(Duration::from_millis(100));
    assert!(read(&second, &mut text));
    assert!(!attach(&simulation).has_stdin());
    simulation.run(Duration::from_secs(10));
    assert!(!read(&second, &mut text));
    expect![[r#"
        out: got one
        out: the end
        err: bad
        end
    "#]]
    .assert_eq(&text);
    expect![[r#"
        [c] got one
        [c] the end
        [c] bad
        Succeeded after 1 s
        c: Completed 0
    "#]]
    .assert_eq(&report(&simulation));
}

#[test]
fn no_stdin_and_no_reader_without_asking() {
    let mut simulation = started(&container(
        "tty: true",
        "cat; sleep 1; echo out; echo err >&2; test -t 1",
    ));
    let (reader, _silent) = (attach(&simulation), attach(&simulation));
    assert!(!reader.has_stdin());
    assert!(!write(&reader, "x"));
    simulation.run(Duration::from_secs(10));
    let mut text = String::new();
    read(&reader, &mut text);
    expect![[r#"
        out: out
        out: err
        end
    "#]]
    .assert_eq(&text);
    expect![[r#"
        [c] out
        [c] err
        Succeeded after 1 s
        c: Completed 0
    "#]]
    .assert_eq(&report(&simulation));
}

#[test]
fn a_client_that_does_not_read_stops_nobody() {
    let mut simulation = started(&container("", "sleep 1; seq 1 300000 | cat; sleep 1"));
    let client = attach(&simulation);
    assert!(simulation.run(Duration::from_secs(600)));
    let lines = simulation.records().len();
    assert!(lines > 300_000, "{lines}");
    let mut text = String::new();
    assert!(!read(&client, &mut text));
    assert!(text.starts_with("out: 1\n"), "what was kept is still there");
}

#[test]
fn sessions_end_with_their_pod() {
    let simulation = started(&container("", "sleep 1000"));
    let attached = attach(&simulation);
    let exec = pod(&simulation).exec(request(&["sleep", "1000"])).unwrap();
    let late = pod(&simulation);
    drop(simulation);
    let mut text = String::new();
    assert!(!read(&attached, &mut text));
    assert!(!read(&exec.streams, &mut text));
    assert_eq!(text, "end\nend\n");
    let status = exec.poll_exit(Waker::noop());
    assert_eq!(status, Poll::Ready(ExitStatus::Signaled(Signal::KILL)));
    assert!(late.exec(request(&["true"])).is_err());
}
