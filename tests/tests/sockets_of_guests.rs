//! Programs of the ordinary toolchain on the virtual network, by what they print.

use bytes::Bytes;
use expect_test::{Expect, expect};
use seedpod_core::net::{NODE_IP, Stream};
use seedpod_engine::world::Output;
use seedpod_sim::Simulation;
use seedpod_tests::guests::simulate;
use std::net::SocketAddr;
use std::task::{Poll, Waker};
use std::time::Duration;

/// Runs the pods for a minute, or until they end, and compares what they print, and what the network denied.
fn check(manifest: &str, expected: &Expect) {
    let mut simulation = simulate(manifest);
    simulation.run(Duration::from_secs(60));
    // How long it took in virtual time is another test's matter.
    let log = simulation.log();
    let lines = log
        .lines()
        .map(|line| line.split(" median_ns").next().unwrap_or(line));
    let mut log: String = lines.map(|line| format!("{line}\n")).collect();
    for record in simulation.records() {
        if let Output::Event(event) = record.output
            && format!("{:?}", event.reason).starts_with("Egress")
        {
            log += &format!("{}: {}\n", record.pod.name, event.message);
        }
    }
    expected.assert_eq(&log);
}

#[test]
fn a_program_finds_the_errors_of_linux() {
    let manifest = "
kind: Pod
apiVersion: v1
metadata: { name: p }
spec:
  restartPolicy: Never
  containers:
  - { name: c, image: sockets }
";
    check(
        manifest,
        &expect![[r#"
        [p/c] connected to 127.0.0.1
        [p/c] ttl 42
        [p/c] read nothing: WouldBlock
        [p/c] 1000000 bytes, same: true, waited: true
        [p/c] read the end: ok
        [p/c] write after the end: BrokenPipe
        [p/c] read the answer: ok
        [p/c] still
        [p/c] connected to ::1
        [p/c] read nothing: WouldBlock
        [p/c] 1000000 bytes, same: true, waited: true
        [p/c] read the end: ok
        [p/c] write after the end: BrokenPipe
        [p/c] read the answer: ok
        [p/c] still
        [p/c] bind twice: AddrInUse
        [p/c] bind a foreign address: AddrNotAvailable
        [p/c] connect to nothing: ConnectionRefused
        [p/c] connect to the other family: ConnectionRefused
        [p/c] connect outside: HostUnreachable
        [p/c] accept nobody: WouldBlock
        [p/c] bind again: ok
        [p/c] read after a reset: Uncategorized
        [p/c] write after a reset: BrokenPipe
        [p/c] 5 bytes, from the other: true
        [p/c] 0 bytes, from the other: true
        [p/c] 65507 bytes, from the other: true
        [p/c] send too much: Uncategorized
        [p/c] receive nothing: WouldBlock
        [p/c] receive: ok
        [p/c] bind twice: AddrInUse
        [p/c] localhost: 127.0.0.1 ::1
        [p/c] 127.0.0.1: 127.0.0.1
        [p/c] ::1: ::1
        [p/c] no-such-name: unknown
        p: connection to 192.0.2.1:80 denied: it is outside the pod network; allow it with --egress host
    "#]],
    );
}

#[test]
fn containers_of_a_pod_share_the_loopback_and_pods_do_not() {
    let manifest = "
kind: Pod
apiVersion: v1
metadata: { name: one }
spec:
  restartPolicy: Never
  containers:
  - { name: server, image: tcp-echo, args: ['127.0.0.1:80'] }
  - { name: client, image: tcp-send, args: ['localhost:80', 'within the pod'] }
---
kind: Pod
apiVersion: v1
metadata: { name: two }
spec:
  restartPolicy: Never
  containers:
  - { name: client, image: tcp-send, args: ['127.0.0.1:80'] }
  - { name: stranger, image: tcp-send, args: ['10.244.0.2:80'] }
  - { name: server, image: tcp-echo, args: ['10.244.0.2:80'] }
";
    check(
        manifest,
        &expect![[r#"
        [one/server] listening on 127.0.0.1:80
        [one/server] 14 bytes from 127.0.0.1
        [one/client] within the pod
        [two/client] connect 127.0.0.1:80: Connection refused (os error 14)
        [two/stranger] connect 10.244.0.2:80: Connection refused (os error 14)
        [two/server] bind 10.244.0.2:80: Address not available (os error 4)
    "#]],
    );
}

#[test]
fn a_service_has_a_name_and_its_pods_take_turns() {
    let manifest = "
kind: Service
apiVersion: v1
metadata: { name: echo }
spec:
  selector: { app: echo }
  ports: [{ port: 80, targetPort: web }]
---
kind: Pod
apiVersion: v1
metadata: { name: first, labels: { app: echo } }
spec:
  containers:
  - { name: c, image: tcp-echo, args: ['0.0.0.0:8080'], ports: [{ name: web, containerPort: 8080 }] }
---
kind: Pod
apiVersion: v1
metadata: { name: second, labels: { app: echo } }
spec:
  containers:
  - { name: c, image: tcp-echo, args: ['0.0.0.0:9090'], ports: [{ name: web, containerPort: 9090 }] }
---
kind: Pod
apiVersion: v1
metadata: { name: client }
spec:
  restartPolicy: Never
  containers:
  - { name: a, image: pingpong-client, args: ['echo:80', '1'] }
  - { name: b, image: pingpong-client, args: ['echo.default.svc.cluster.local:80', '2'] }
";
    check(
        manifest,
        &expect![[r#"
            [first/c] listening on 0.0.0.0:8080
            [second/c] listening on 0.0.0.0:9090
            [client/a] rounds=1
            [first/c] 6464 bytes from 10.244.0.4
            [client/b] rounds=2
            [second/c] 6528 bytes from 10.244.0.4
        "#]],
    );
}

#[test]
fn names_are_those_of_the_pod() {
    let manifest = "
kind: Pod
apiVersion: v1
metadata: { name: p }
spec:
  restartPolicy: Never
  hostname: me
  subdomain: here
  hostAliases: [{ ip: 192.0.2.1, hostnames: [db, db.local] }]
  containers:
  - { name: c, image: resolve, args: [localhost, me, me.here, me.here.default.svc.cluster.local, db, p, example.com] }
";
    check(
        manifest,
        &expect![[r#"
            [p/c] localhost 127.0.0.1 ::1
            [p/c] me 10.244.0.2
            [p/c] me.here: failed to lookup address information: Name does not resolve
            [p/c] me.here.default.svc.cluster.local 10.244.0.2
            [p/c] db 192.0.2.1
            [p/c] p: failed to lookup address information: Name does not resolve
            [p/c] example.com: failed to lookup address information: Name does not resolve
            p: look-up of "me.here" denied: it is outside the pod network; allow it with --egress host
            p: look-up of "example.com" denied: it is outside the pod network; allow it with --egress host
        "#]],
    );
}

#[test]
fn datagrams_pass_between_pods() {
    let manifest = "
kind: Pod
apiVersion: v1
metadata: { name: server }
spec:
  containers:
  - { name: c, image: udp-echo, args: ['0.0.0.0:53'] }
---
kind: Pod
apiVersion: v1
metadata: { name: client }
spec:
  restartPolicy: Never
  containers:
  - { name: c, image: udp-send, args: ['10.244.0.2:53', 'across'] }
";
    check(
        manifest,
        &expect![[r#"
        [server/c] listening on 0.0.0.0:53
        [server/c] 6 bytes from 10.244.0.3
        [client/c] across
    "#]],
    );
}

#[test]
fn the_outside_is_closed() {
    let manifest = "
kind: Pod
apiVersion: v1
metadata: { name: p }
spec:
  restartPolicy: Never
  containers:
  - { name: tcp, image: tcp-send, args: ['93.184.216.34:80'] }
  - { name: udp, image: udp-send, args: ['1.1.1.1:53'] }
";
    check(
        manifest,
        &expect![[r#"
        [p/tcp] connect 93.184.216.34:80: Host is unreachable (os error 23)
        [p/udp] send 1.1.1.1:53: Host is unreachable (os error 23)
        p: connection to 93.184.216.34:80 denied: it is outside the pod network; allow it with --egress host
        p: datagram to 1.1.1.1:53 denied: it is outside the pod network; allow it with --egress host
    "#]],
    );
}

#[test]
fn a_host_connects_and_listens_inside_a_pod() {
    let manifest = "
kind: Pod
apiVersion: v1
metadata: { name: p }
spec:
  containers:
  - { name: server, image: tcp-echo, args: ['127.0.0.1:80'] }
  - { name: client, image: tcp-send, args: ['127.0.0.1:81', 'anyone there?'] }
";
    let mut simulation = simulate(manifest);
    let pod = simulation.pod("p").unwrap().clone();
    let listener = pod.with(|kernel| {
        let net = &mut kernel.net;
        let id = net
            .tcp_create(None, seedpod_core::net::Family::Ipv4)
            .unwrap();
        net.tcp_bind(id, "127.0.0.1:81".parse().unwrap()).unwrap();
        net.tcp_listen(id).unwrap();
        id
    });
    run(&mut simulation);

    let from: SocketAddr = (NODE_IP, 4711).into();
    let to = "127.0.0.1:80".parse().unwrap();
    let stream = pod
        .with(|kernel| kernel.net.connect_from(from, to))
        .unwrap();
    assert_eq!(stream.poll_connected(Waker::noop()), Poll::Ready(Ok(())));
    stream.write(Bytes::from_static(b"knock")).unwrap();
    run(&mut simulation);
    assert_eq!(read(&stream), "knock");
    drop(stream);

    let Poll::Ready(Ok(accepted)) =
        pod.with(|kernel| kernel.net.poll_accept_stream(listener, Waker::noop()))
    else {
        panic!("nobody has connected");
    };
    assert_eq!(read(&accepted), "anyone there?");
    accepted.write(Bytes::from_static(b"the host")).unwrap();
    drop(accepted);
    run(&mut simulation);
    expect![[r#"
        [p/server] listening on 127.0.0.1:80
        [p/server] 5 bytes from 10.244.0.1
        [p/client] the host
    "#]]
    .assert_eq(&simulation.log());
}

fn run(simulation: &mut Simulation) {
    simulation.run(Duration::from_secs(1));
}

fn read(stream: &Stream) -> String {
    let bytes = stream.try_read(100).expect("bytes have come").unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
