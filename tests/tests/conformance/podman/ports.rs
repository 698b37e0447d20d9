//! Ports of the machine. These run in real time, because a real client connects.

use super::IMAGE;
use crate::cases::{self, Case, adapted, pass};
use seedpod::{Node, Publish, Published};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

pub(super) const CASES: &[Case] = &[
    pass(3792, "test with network portbindings", || {
        let (port, ip) = (free_port(), "127.0.0.100");
        let container = format!("ports: [{{containerPort: 80, hostIP: {ip}, hostPort: {port}}}]");
        with(&container, &[], |published| {
            assert_eq!(published[0].address, address(ip, port));
            assert!(answers(address(ip, port)));
            assert!(!answers(address("127.0.0.1", port)));
        });
    }),
    pass(5745, "without Ports - curl should fail", || {
        with("", &[], |published| assert_eq!(published, []));
    }),
    pass(
        5755,
        "without Ports, publish in command line - curl should succeed",
        || {
            with("", &["0:80"], |published| {
                assert!(answers(published[0].address));
            });
        },
    ),
    pass(5776, "should not publish containerPort by default", || {
        let container = "ports: [{containerPort: 80}]";
        with(container, &[], |published| assert_eq!(published, []));
    }),
    adapted(
        5795,
        "with privileged containers ports and publish in command line - curl should succeed",
        "who runs the test may be root, for whom no port is privileged",
        || {
            let container = "ports: [{containerPort: 80}]";
            with(container, &["0:80"], |published| {
                assert!(answers(published[0].address));
            });
        },
    ),
    pass(5804, "with Host Ports - curl should succeed", host_port),
    pass(5823, "multiple publish ports", || {
        with("", &["0:80", "0:80"], |published| {
            assert_eq!(published.len(), 2);
            assert!(published.iter().all(|own| answers(own.address)));
        });
    }),
    adapted(
        5833,
        "override with tcp should keep udp from YAML file",
        BESIDE,
        || both("hostPort: 0, protocol: UDP", "0:80"),
    ),
    adapted(
        5841,
        "override with udp should keep tcp from YAML file",
        BESIDE,
        || both("hostPort: 0, protocol: TCP", "0:19008/udp"),
    ),
];

/// podman lets a port of the command line replace one of the file.
const BESIDE: &str = "a port of the command line opens beside those of the manifest";

pub(super) fn host_port() {
    let port = free_port();
    let container = format!("ports: [{{containerPort: 80, hostPort: {port}}}]");
    with(&container, &[], |_| {
        assert!(answers(address("127.0.0.1", port)));
    });
}

fn both(of_manifest: &str, of_command: &str) {
    let of_manifest = of_manifest.replace("hostPort: 0", &format!("hostPort: {}", free_port()));
    let container = format!("ports: [{{containerPort: 80, {of_manifest}}}]");
    with(&container, &[of_command], |published| {
        let mut protocols: Vec<_> = published.iter().map(|own| own.protocol).collect();
        protocols.sort();
        assert_eq!(format!("{protocols:?}"), "[Tcp, Udp]");
    });
}

/// Runs `check` while a pod with such a container serves port 80, and with these ports of the command line.
fn with(container: &str, publish: &[&str], check: impl FnOnce(&[Published])) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _within = runtime.enter();
    let node = Node::builder().build().expect("a node");
    let image = "quay.io/libpod/alpine_nginx:latest";
    let spec = "terminationGracePeriodSeconds: 0";
    let manifest = cases::pod("testpod", spec, "ctr", image, container);
    let source = seedpod_api::Source {
        name: "manifest".to_owned(),
        bytes: manifest.into(),
    };
    let loaded = seedpod_api::load(&[source]).expect("the manifest is right");
    let publish: Vec<Publish> = publish
        .iter()
        .map(|text| text.parse().expect("a port"))
        .collect();
    let started = node.start(&loaded.objects, &publish).expect("free ports");
    let pod = &started.pods[0];
    runtime.block_on(async {
        let patience = Duration::from_secs(120);
        pod.connect_within(80, patience).await.expect("a server");
    });
    check(&started.published);
    pod.delete(None);
    runtime.block_on(pod.wait());
}

fn address(ip: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip.parse().expect("an address"), port)
}

/// A port that nobody has right now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    UdpSocket::bind(("0.0.0.0", port)).map_or_else(|_| free_port(), |_| port)
}

/// Whether the server is behind this address.
fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(60)) else {
        return false;
    };
    let mut answer = String::new();
    let _closed = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
    let _reset = stream.read_to_string(&mut answer);
    answer.starts_with("HTTP/1.1 200 OK")
}

/// A multi-pod manifest of the shell tests.
pub(super) fn two_pods() -> String {
    let one = |name| {
        cases::pod(
            name,
            "terminationGracePeriodSeconds: 0",
            "ctr",
            IMAGE,
            "command: [sleep, '1000']",
        )
    };
    format!("{}---\n{}", one("pod1"), one("pod2"))
}
