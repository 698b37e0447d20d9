//! Captures of the pods' network, as Wireshark reads them: no packet is wrong, and conversations can be followed.

use expect_test::{Expect, expect};
use seedpod::Node;
use seedpod_tests::Pods;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::{Command, Stdio};

/// A proxy and its client in one pod, the server in another; names are looked up.
const MANIFEST: &str = "ambassador.yaml";

fn is_there() -> bool {
    let version = Command::new("tshark")
        .arg("--version")
        .stderr(Stdio::null())
        .output();
    let is_there = version.is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("skipped: there is no tshark; apt-get install tshark");
    }
    is_there
}

/// Reads a capture with all checks on.
fn tshark(file: &Path, arguments: &[&str]) -> String {
    let checks = ["ip", "tcp", "udp"].map(|protocol| format!("{protocol}.check_checksum:TRUE"));
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).arg("-n");
    for check in &checks {
        command.args(["-o", check]);
    }
    let output = command.args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !errors.contains("cut short"),
        "{errors}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Nothing is malformed, lost, repeated or out of order, no window is full and every checksum is right.
fn check_packets(file: &Path) {
    let wrong = "_ws.malformed || _ws.expert.severity >= 8388608 || tcp.checksum.status == 0 || udp.checksum.status == 0 \
        || ip.checksum.status == 0 || (tcp.analysis.flags && !tcp.analysis.reused_ports)";
    assert_eq!(tshark(file, &["-Y", wrong]), "");
    let all = tshark(file, &["-T", "fields", "-e", "frame.time_epoch"]);
    let times: Vec<f64> = all.lines().map(|time| time.parse().unwrap()).collect();
    assert!(times.len() > 3, "{all}");
    assert!(times.is_sorted(), "{all}");
}

/// What the two ends of the first conversation on a port say, without what differs from run to run.
fn follow(file: &Path, port: u16) -> String {
    let filter = format!("tcp.port == {port} && http.response");
    let streams = tshark(file, &["-Y", &filter, "-T", "fields", "-e", "tcp.stream"]);
    let stream = streams
        .lines()
        .next()
        .unwrap_or_else(|| panic!("no answer from port {port}"));
    let text = tshark(file, &["-q", "-z", &format!("follow,tcp,ascii,{stream}")]);
    let varies = ["===", "Follow:", "Filter:", "Node ", "Date:", "Server:"];
    let lines = text
        .lines()
        .filter(|line| !varies.iter().any(|start| line.starts_with(start)));
    lines.map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn a_simulated_pod_can_be_looked_into() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sim.pcapng");
    let mut pods = Pods::start(&seedpod_tests::manifest(MANIFEST));
    let capture = pods.capture(BufWriter::new(File::create(&file).unwrap()));
    pods.run(20);
    capture.flush().unwrap();
    check_packets(&file);
    let check = |text: String, expected: Expect| expected.assert_eq(&text);
    check(
        follow(&file, 8080),
        expect![[r#"

        78
        GET / HTTP/1.1
        Host: localhost:8080
        User-Agent: curl/7.88.1
        Accept: */*


        	162
        HTTP/1.1 200 OK
        Content-Type: text/html; charset=utf-8
        Content-Length: 12
        Connection: keep-alive


        	12
        Hello world!
    "#]],
    );
    check(
        follow(&file, 5000),
        expect![[r#"

        95
        GET / HTTP/1.0
        Host: greeter:5000
        Connection: close
        User-Agent: curl/7.88.1
        Accept: */*


        	165
        HTTP/1.0 200 OK
        Content-Type: text/html; charset=utf-8
        Content-Length: 12

        Hello world!
    "#]],
    );
    let interfaces = tshark(
        &file,
        &[
            "-Y",
            "tcp.flags.syn == 1 && tcp.flags.ack == 0",
            "-T",
            "fields",
            "-e",
            "frame.interface_name",
            "-e",
            "ip.dst",
            "-e",
            "tcp.dstport",
        ],
    );
    check(
        interfaces,
        expect![[r#"
        lo	127.0.0.1	8080
        lo		8080
        lo	127.0.0.1	8080
        pods	10.244.0.3	5000
    "#]],
    );
}

/// Asks the name server over UDP for a name that is there and for one that is not.
const LOOKUPS: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, clusterIP: 10.96.0.77, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: busybox
    command:
    - sh
    - -c
    - |
      for name in '\003web' '\004none'; do
        query="\022\064\001\000\000\001\000\000\000\000\000\000$name\007default\003svc\007cluster\005local\000\000\001\000\001"
        printf "$query" | nc -u -w 1 10.96.0.10 53
      done
"#;

#[test]
fn datagrams_are_captured_with_their_answers() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sim.pcapng");
    let mut pods = Pods::start(LOOKUPS);
    let capture = pods.capture(BufWriter::new(File::create(&file).unwrap()));
    pods.run(20);
    capture.flush().unwrap();
    check_packets(&file);
    let fields = [
        "ip.src",
        "dns.qry.name",
        "dns.qry.type",
        "dns.flags.rcode",
        "dns.a",
    ];
    let fields = fields.iter().flat_map(|field| ["-e", field]);
    let arguments: Vec<_> = ["-T", "fields"].into_iter().chain(fields).collect();
    expect![[r#"
        10.244.0.2	web.default.svc.cluster.local	1		
        10.96.0.10	web.default.svc.cluster.local	1	0	10.96.0.77
        10.244.0.2	none.default.svc.cluster.local	1		
        10.96.0.10	none.default.svc.cluster.local	1	3	
    "#]]
    .assert_eq(&tshark(&file, &arguments));
}

#[test]
fn the_same_run_is_the_same_capture() {
    let capture = || {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sim.pcapng");
        let mut pods = Pods::start(&seedpod_tests::manifest(MANIFEST));
        let capture = pods.capture(BufWriter::new(File::create(&file).unwrap()));
        pods.run(20);
        capture.flush().unwrap();
        std::fs::read(file).unwrap()
    };
    let first = capture();
    assert!(first.len() > 1000, "{} bytes", first.len());
    assert!(first == capture(), "the captures differ");
}

#[test]
fn a_real_run_can_be_looked_into() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.pcapng");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let output = BufWriter::new(File::create(&file).unwrap());
        let node = Node::builder().capture(output).build().unwrap();
        let started = node.run(&seedpod_tests::manifest(MANIFEST)).unwrap();
        let mut logs = started.pods[0].logs();
        while logs.next().await.unwrap().container != "app" {}
        node.flush_capture().unwrap();
    });
    check_packets(&file);
    expect![[r#"

        78
        GET / HTTP/1.1
        Host: localhost:8080
        User-Agent: curl/7.88.1
        Accept: */*


        	162
        HTTP/1.1 200 OK
        Content-Type: text/html; charset=utf-8
        Content-Length: 12
        Connection: keep-alive


        	12
        Hello world!
    "#]]
    .assert_eq(&follow(&file, 8080));
}
