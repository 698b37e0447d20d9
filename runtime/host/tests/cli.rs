//! The contract of the command line, on the real binary: streams, exit codes, ports, signals.

mod common;

use common::{Running, TEST, exchange, pod, run};
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

#[test]
fn a_pod_that_succeeds_exits_with_0() {
    let run = run(
        &["run", "-"],
        &pod("p", "Never", &[("hello", TEST, &["hello"])]),
    );
    assert_eq!(
        (run.code, run.out.as_str(), run.err.as_str()),
        (Some(0), "[p/hello] Hello, world!\n", "")
    );
}

#[test]
fn a_pod_that_fails_exits_with_1_and_says_which_container_and_why() {
    let containers: &[(&str, &str, &[&str])] = &[
        ("code", TEST, &["exit-code", "7"]),
        ("hello", TEST, &["hello"]),
        ("trap", TEST, &["trap"]),
        ("missing", TEST, &["no-such-program"]),
    ];
    let run = run(&["run", "-"], &pod("p", "Never", containers));
    assert_eq!(run.code, Some(1));
    assert!(run.out.contains("[p/hello] Hello, world!\n"), "{}", run.out);
    let closing: Vec<&str> = run
        .err
        .lines()
        .filter(|line| line.contains(", exit code "))
        .collect();
    assert_eq!(closing[0], "[p/code] Error, exit code 7");
    assert!(
        closing[1].starts_with("[p/trap] Error, exit code 134: "),
        "{closing:?}"
    );
    let missing = closing[2];
    assert!(
        missing.starts_with("[p/missing] StartError, exit code 128: "),
        "{closing:?}"
    );
    assert!(missing.contains("no-such-program"), "{closing:?}");
}

#[test]
fn a_container_over_its_memory_limit_is_oom_killed() {
    let manifest = pod("p", "Never", &[("big", TEST, &["oom"])])
        .replace("command:", "resources: {limits: {memory: 16Mi}}, command:");
    let run = run(&["run", "-"], &manifest);
    assert_eq!(run.code, Some(1));
    assert!(
        run.err.contains("[p/big] OOMKilled, exit code 137"),
        "{}",
        run.err
    );
}

#[test]
fn all_pods_must_succeed() {
    let fine = pod("fine", "Never", &[("a", TEST, &["hello"])]);
    let bad = pod("bad", "Never", &[("a", TEST, &["exit-code", "1"])]);
    assert_eq!(
        run(&["run", "-"], &format!("{fine}---\n{bad}")).code,
        Some(1)
    );
}

#[test]
fn a_timeout_stops_the_pods_and_exits_with_124() {
    let manifest = pod("p", "Always", &[("sleeper", "busybox", &["sleep", "3600"])]);
    let run = run(&["run", "--timeout", "3s", "-"], &manifest);
    assert_eq!(
        (run.code, run.err.as_str()),
        (Some(124), "[p/sleeper] Error, exit code 143\n")
    );
}

#[test]
fn static_pods_run_until_the_command_is_stopped() {
    let folder = tempfile::TempDir::new().unwrap();
    let script = ["sh", "-c", "echo hello; exec sleep 3600"];
    let manifest = pod("p", "Never", &[("hello", "busybox", &script)]);
    std::fs::write(folder.path().join("p.yaml"), manifest).unwrap();
    std::fs::write(folder.path().join("broken.yaml"), "kind: [").unwrap();
    let path = folder.path().to_str().unwrap();
    let run = run(&["run", "--timeout", "3s", "--static-pods", path], "");
    assert_eq!(
        (run.code, run.out.as_str()),
        (Some(124), "[p-seedpod/hello] hello\n")
    );
    assert!(run.err.contains("unclosed bracket"), "{}", run.err);
    let last = "[p-seedpod/hello] Error, exit code 143\n";
    assert!(run.err.ends_with(last), "{}", run.err);
}

#[test]
fn each_failure_of_a_container_that_starts_again_is_told() {
    let script = ["sh", "-c", "exit 7"];
    let manifest = pod("p", "OnFailure", &[("a", "busybox", &script)]);
    let mut run = Running::start(&["run", "-"], &manifest);
    run.wait_for_error("[p/a] Error, exit code 7, starts again\n");
    run.wait_for_error("Warning BackOff");
}

#[test]
fn standard_input_goes_to_a_container() {
    let containers: &[(&str, &str, &[&str])] =
        &[("deaf", "busybox", &["true"]), ("c", "busybox", &["cat"])];
    let manifest = pod("p", "Never", containers)
        .replace("name: c, ", "name: c, stdin: true, stdinOnce: true, ");
    let file = format!("{}/stdin.yaml", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&file, manifest).unwrap();
    for target in ["c", "p/c"] {
        let run = run(&["run", "--stdin", target, &file], "one\ntwo\n");
        assert_eq!(
            (run.code, run.out.as_str()),
            (Some(0), "[p/c] one\n[p/c] two\n"),
            "{}",
            run.err
        );
    }
    for target in ["deaf", "p/none", "q/c"] {
        let run = run(&["run", "-i", target, &file], "");
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{}", run.err);
    }
}

#[test]
fn wrong_arguments_exit_with_2() {
    let wrong: [&[&str]; 6] = [
        &["run"],
        &["run", "no-such-file.yaml"],
        &["run", "--timeout", "soon", "-"],
        &["run", "--publish", "80", "-"],
        &["run", "--egress", "some", "-"],
        &["fly"],
    ];
    for arguments in wrong {
        let run = run(arguments, "");
        assert_eq!(
            (run.code, run.out.as_str()),
            (Some(2), ""),
            "{arguments:?}: {}",
            run.err
        );
        assert!(!run.err.is_empty());
    }
}

#[test]
fn a_wrong_manifest_exits_with_2_tells_all_errors_and_starts_nothing() {
    let fine = pod("fine", "Never", &[("a", TEST, &["hello"])]);
    let wrong = "apiVersion: v1\nkind: Pod\nmetadata: {name: wrong}\nspec:\n  containers:\n  - name: a\n    \
                 imgae: x\n    command: sleep\n";
    let run = run(&["run", "-"], &format!("{fine}---\n{wrong}"));
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
    assert!(
        run.err.contains("-:16:5: ") && run.err.contains("did you mean \"image\"?"),
        "{}",
        run.err
    );
    assert!(run.err.contains("-:17:14: "), "{}", run.err);
}

#[test]
fn an_image_that_cannot_run_is_found_before_anything_starts() {
    let manifest = pod(
        "p",
        "Never",
        &[("hello", TEST, &["hello"]), ("db", "redis:7", &["redis"])],
    );
    let run = run(&["run", "-"], &manifest);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
    let expected =
        "error: pod p, container db: failed to pull image \"redis:7\": a Linux image cannot run";
    assert!(run.err.starts_with(expected), "{}", run.err);
}

#[test]
fn an_image_may_be_a_file_beside_the_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let hello = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../guests/images/tests/hello.wasm"
    );
    std::fs::copy(hello, folder.path().join("app.wasm")).unwrap();
    let manifest = folder.path().join("pod.yaml");
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n\
                spec: {restartPolicy: Never, containers: [{name: app, image: ./app.wasm}]}\n";
    std::fs::write(&manifest, text).unwrap();
    for path in [manifest.as_path(), folder.path()] {
        let run = run(&["run", path.to_str().unwrap()], "");
        assert_eq!(
            (run.code, run.out.as_str(), run.err.as_str()),
            (Some(0), "[p/app] Hello, world!\n", "")
        );
    }
}

#[test]
fn json_is_one_object_a_line() {
    let manifest = pod("p", "Never", &[("code", TEST, &["exit-code", "7"])]);
    let run = run(&["run", "--events", "--output", "json", "-"], &manifest);
    assert_eq!(run.code, Some(1));
    let parse = |text: &str| -> Vec<serde_json::Value> {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    assert!(parse(&run.out).iter().all(|line| line["kind"] == "Log"));
    let objects = parse(&run.err);
    let events = objects.iter().filter(|object| object["kind"] == "Event");
    let reasons: Vec<_> = events
        .map(|object| object["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons.first(), Some(&"Scheduled"));
    assert!(reasons.contains(&"Started"), "{reasons:?}");
    let status = &objects
        .iter()
        .rfind(|object| object["kind"] == "Pod")
        .unwrap()["status"];
    assert_eq!(status["phase"], "Failed");
    let state = &status["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(
        (state["exitCode"].as_i64(), state["reason"].as_str()),
        (Some(7), Some("Error"))
    );
}

#[test]
fn events_are_shown_where_asked_for() {
    let manifest = pod("p", "Never", &[("hello", TEST, &["hello"])]);
    let run = run(&["run", "--events", "-"], &manifest);
    assert_eq!(
        (run.code, run.out.as_str()),
        (Some(0), "[p/hello] Hello, world!\n")
    );
    let kubelet = ["Scheduled", "Pulling", "Pulled", "Created", "Started"];
    let normal = run
        .err
        .lines()
        .filter_map(|line| line.split_once("] Normal ")?.1.split(':').next());
    let reasons: Vec<&str> = normal.filter(|reason| kubelet.contains(reason)).collect();
    assert_eq!(reasons, kubelet);
    assert!(
        run.err.contains("ImageSubstituted: Image \"seedpod/test\""),
        "{}",
        run.err
    );
}

#[test]
fn nothing_leaves_the_pod_network_unless_it_may() {
    let manifest = pod(
        "p",
        "Never",
        &[("send", TEST, &["tcp-send", "192.0.2.1:9", "hello"])],
    );
    let run = run(&["run", "-"], &manifest);
    assert_eq!(run.code, Some(1));
    assert!(
        run.err.contains("192.0.2.1:9") && run.err.contains("--egress host"),
        "{}",
        run.err
    );
}

#[test]
fn egress_leads_to_the_network_of_the_machine() {
    // An address of this machine that is not loopback; asking for a route sends nothing.
    let probe = UdpSocket::bind("0.0.0.0:0").unwrap();
    let address = match probe
        .connect("192.0.2.1:9")
        .and_then(|()| probe.local_addr())
    {
        Ok(address) => address.ip(),
        Err(error) => {
            eprintln!("this machine has no network, so there is nothing to reach: {error}");
            return;
        }
    };
    let listener = TcpListener::bind((address, 0)).unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 5];
        stream.read_exact(&mut bytes).unwrap();
        bytes
    });
    let manifest = pod(
        "p",
        "Never",
        &[("send", TEST, &["tcp-send", &target, "hello"])],
    );
    let run = run(&["run", "--egress", "host", "-"], &manifest);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert_eq!(&served.join().unwrap(), b"hello");
}

#[cfg(unix)]
#[test]
fn the_first_signal_stops_the_pods() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let sleeper = ["sh", "-c", "echo ready; exec sleep 3600"];
        let mut run = Running::start(
            &["run", "-"],
            &pod("p", "Always", &[("sleeper", "busybox", &sleeper)]),
        );
        run.wait_for("ready");
        run.signal(signal);
        assert_eq!(
            run.end(),
            (Some(code), "[p/sleeper] Error, exit code 143\n".to_owned())
        );
    }
}

/// The kinds of the blocks of a packet capture, which has no broken one.
fn blocks(mut file: &[u8]) -> Vec<u32> {
    let mut kinds = Vec::new();
    while !file.is_empty() {
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let len = word(4) as usize;
        assert_eq!(word(len - 4), word(4), "a block says its length twice");
        kinds.push(word(0));
        file = &file[len..];
    }
    kinds
}

#[cfg(unix)]
#[test]
fn packets_are_written_however_a_run_ends() {
    const PACKET: u32 = 6;
    let script = "trap 'echo not yet' TERM; curl -s http://127.0.0.1:9/; echo ready; while true; do sleep 1; done";
    let stubborn: &[&str] = &["sh", "-c", script];
    let manifest = pod("p", "Never", &[("a", "curlimages/curl", stubborn)]);
    let file = format!("{}/packets.pcapng", env!("CARGO_TARGET_TMPDIR"));
    for signals in [1, 2] {
        let mut run = Running::start(&["run", "--pcap", &file, "-"], &manifest);
        run.wait_for("ready");
        run.signal("-INT");
        if signals == 2 {
            run.wait_for("not yet");
            run.signal("-INT");
        }
        assert_eq!(run.end().0, Some(130));
        let blocks = blocks(&std::fs::read(&file).unwrap());
        let packets = blocks.iter().filter(|kind| **kind == PACKET);
        assert_eq!(packets.count(), 2, "a connect and its refusal: {blocks:?}");
    }
}

#[test]
fn packets_that_cannot_be_written_are_told() {
    let manifest = pod("p", "Never", &[("hello", TEST, &["hello"])]);
    let run_with = |file| run(&["run", "--pcap", file, "-"], &manifest);
    let wrong = run_with("no/such/folder/p.pcapng");
    assert_eq!(wrong.code, Some(2));
    let expected = "error: cannot create no/such/folder/p.pcapng for packets: ";
    assert!(wrong.err.starts_with(expected), "{}", wrong.err);
    if cfg!(target_os = "linux") {
        let full = run_with("/dev/full");
        assert_eq!(
            (full.code, full.out.as_str()),
            (Some(0), "[p/hello] Hello, world!\n")
        );
        assert!(
            full.err.contains("packets cannot be written"),
            "{}",
            full.err
        );
    }
}

#[cfg(unix)]
#[test]
fn the_second_signal_ends_the_run_at_once() {
    let stubborn = [
        "sh",
        "-c",
        "trap 'echo not yet' TERM; echo ready; while true; do sleep 1; done",
    ];
    let manifest = pod("p", "Always", &[("stubborn", "busybox", &stubborn)])
        .replace("PeriodSeconds: 3", "PeriodSeconds: 3600");
    let mut run = Running::start(&["run", "-"], &manifest);
    run.wait_for("ready");
    run.signal("-INT");
    run.wait_for("not yet");
    run.signal("-INT");
    assert_eq!(run.end().0, Some(130));
}

#[test]
fn a_reader_that_leaves_ends_the_run() {
    let talker = ["sh", "-c", "while true; do echo line; done"];
    let mut run = Running::start(
        &["run", "-"],
        &pod("p", "Always", &[("talker", "busybox", &talker)]),
    );
    run.wait_for("line");
    run.stop_reading();
    assert_eq!(run.end().0, Some(141));
}

#[test]
fn a_published_port_leads_into_the_pod() {
    let manifest = pod("p", "Always", &[("echo", TEST, &["tcp-echo", "0.0.0.0:7"])]);
    let mut run = Running::start(&["run", "--publish", "0:7", "-"], &manifest);
    let address = run.published();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    assert_eq!(exchange(&address, b"over the fence\n"), b"over the fence\n");
}

#[test]
fn a_node_port_leads_to_the_proxy_and_nothing_leads_to_the_app() {
    let mut run = Running::start(&["run", "manifests/mc3.yaml"], "");
    assert_eq!(run.published(), "0.0.0.0:31418");
    let answer = exchange(
        "127.0.0.1:31418",
        b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n",
    );
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.") && answer.ends_with("Hello world!"),
        "{answer}"
    );
    #[cfg(unix)]
    {
        run.signal("-TERM");
        let (code, err) = run.end();
        assert_eq!(code, Some(143));
        assert!(!err.contains(" -> "), "no other port is open: {err}");
    }
}

#[test]
fn without_a_pod_there_is_nothing_to_run() {
    let config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";
    let run = run(&["run", "-"], config_map);
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("there is no Pod"), "{}", run.err);
}

#[test]
fn the_main_job() {
    let run = run(&["run", "manifests/mc2.yaml"], "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let words = |prefix: &str| -> Vec<&str> {
        run.out
            .lines()
            .filter_map(|line| line.strip_prefix(prefix))
            .collect()
    };
    let (produced, mut consumed) = (
        words("[mc2/producer] Produced: "),
        words("[mc2/consumer] Consumed: "),
    );
    assert_eq!(consumed.pop(), Some("done"));
    assert!(!produced.is_empty() && produced == consumed, "{}", run.out);
}

#[test]
fn a_published_udp_port_leads_into_the_pod() {
    let manifest = pod("p", "Always", &[("echo", TEST, &["udp-echo", "0.0.0.0:7"])]);
    let mut run = Running::start(&["run", "--publish", "0:7/udp", "-"], &manifest);
    let address = run.published();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let mut buffer = [0; 16];
    let answered = (0..600).any(|_| {
        socket.send_to(b"ping", &address).unwrap();
        socket
            .recv(&mut buffer)
            .is_ok_and(|len| &buffer[..len] == b"ping")
    });
    assert!(answered, "nobody answered on {address}");
}

#[test]
fn a_port_that_is_taken_is_an_error_before_anything_starts() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let manifest = pod("p", "Never", &[("hello", TEST, &["hello"])]);
    let run = run(&["run", "--publish", &format!("{port}:80"), "-"], &manifest);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
    let expected = format!("error: --publish {port}:80: cannot listen on 127.0.0.1:{port}: ");
    assert!(run.err.starts_with(&expected), "{}", run.err);
}

#[test]
fn volumes_of_a_run_are_gone_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo x > /v/f; cat /v/f";
    let manifest = pod("p", "Never", &[("a", "busybox", &["sh", "-c", script])])
        .replace(
            "  containers:",
            "  volumes: [{name: v, emptyDir: {}}]\n  containers:",
        )
        .replace(
            "command:",
            "volumeMounts: [{name: v, mountPath: /v}], command:",
        );
    let run = run(
        &["run", "--cache-dir", folder.path().to_str().unwrap(), "-"],
        &manifest,
    );
    assert_eq!(
        (run.code, run.out.as_str()),
        (Some(0), "[p/a] x\n"),
        "{}",
        run.err
    );
    let left = std::fs::read_dir(folder.path().join("run")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
}

#[test]
fn check_prints_a_table_and_runs_nothing() {
    let manifest = pod("p", "Never", &[("hello", TEST, &["hello"])]).replace(
        "  restartPolicy",
        "  priorityClassName: high\n  restartPolicy",
    );
    let run = run(&["check", "-"], &manifest);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert!(run.out.starts_with("LINE "), "{}", run.out);
    let line = run
        .out
        .lines()
        .find(|line| line.contains("priorityClassName"))
        .unwrap();
    assert!(line.contains("ignored"), "{line}");
    assert!(!run.out.contains("Hello"), "{}", run.out);
}

#[test]
fn check_finds_what_run_would() {
    let wrong = pod("p", "Sometimes", &[("db", "redis", &["redis"])]);
    assert_eq!(run(&["check", "-"], &wrong).code, Some(2));
    let run = run(
        &["check", "-"],
        &pod("p", "Never", &[("db", "redis", &["redis"])]),
    );
    assert_eq!(run.code, Some(2));
    assert!(
        run.err.contains("failed to pull image \"redis\""),
        "{}",
        run.err
    );
}

#[test]
fn the_version_is_that_of_the_crate() {
    assert_eq!(
        run(&["--version"], "").out,
        concat!("seedpod ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[cfg(unix)]
#[test]
fn volumes_of_a_run_that_was_killed_are_removed_by_the_next() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().to_str().unwrap();
    let arguments = ["run", "--timeout", "60s", "--cache-dir", folder, "-"];
    let left = || files_below(&cache.path().join("run"), "written");
    let containers: &[(&str, &str, &[&str])] = &[
        ("writer", TEST, &["files", "/data", "write written x"]),
        ("server", TEST, &["tcp-echo"]),
    ];
    let manifest = pod("p", "Never", containers)
        .replace(
            "  containers:",
            "  volumes: [{name: data, emptyDir: {}}]\n  containers:",
        )
        .replace(
            "command: [\"files\"",
            "volumeMounts: [{name: data, mountPath: /data}], command: [\"files\"",
        );
    let mut killed = Running::start(&arguments, &manifest);
    killed.wait_for("write written x: ok");
    assert_eq!(left(), 1);
    killed.signal("-KILL");
    assert_eq!(killed.end().0, None);
    assert_eq!(left(), 1);

    let next = run(
        &arguments,
        &pod("p", "Never", &[("hello", TEST, &["hello"])]),
    );
    assert_eq!((next.code, left()), (Some(0), 0));
}

#[cfg(unix)]
fn files_below(folder: &std::path::Path, name: &str) -> usize {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| match path.is_dir() {
            true => files_below(&path, name),
            false => usize::from(path.ends_with(name)),
        })
        .sum()
}
