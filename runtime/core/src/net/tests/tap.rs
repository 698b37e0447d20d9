//! What a tap is told.

use crate::net::{
    Chance, Effect, Egress, End, Error, Fabric, Family, Link, Namespace, Passed, Rules, Sent,
    Shutdown, SocketId, Tap, What,
};
use crate::sched::ChoiceKind;
use crate::spec;
use crate::time::Instant;
use bytes::Bytes;
use expect_test::{Expect, expect};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

#[derive(Debug, Default)]
struct Recorder(Mutex<String>);

impl Tap for Recorder {
    fn passed(&self, passed: Passed<'_>) {
        let Passed { from, to, what } = passed;
        let mut text = self.0.lock().unwrap();
        let said = match what {
            What::Datagram(data) => format!("datagram {}", String::from_utf8_lossy(data)),
            What::Segment(connection, Sent::Gone) => {
                writeln!(text, "#{connection} gone").unwrap();
                return;
            }
            What::Segment(connection, Sent::Bytes(bytes)) => {
                format!("#{connection} {}", String::from_utf8_lossy(bytes))
            }
            What::Segment(connection, sent) => format!("#{connection} {sent:?}"),
        };
        writeln!(text, "{from} > {to} {said}").unwrap();
    }
}

struct Never;

impl Chance for Never {
    fn choose(&self, _: ChoiceKind, _: u32, _: &str) -> u32 {
        0
    }

    fn chance(&self, _: ChoiceKind, _: u32, _: &str) -> bool {
        false
    }
}

/// Two pods on a tapped network.
struct Tapped {
    tap: Arc<Recorder>,
    pods: [Namespace; 2],
}

impl Tapped {
    fn new(fabric: &Fabric) -> Self {
        let tap = Arc::new(Recorder::default());
        fabric.set_tap(tap.clone());
        let pod = || Namespace::new(fabric, &spec::Pod::default(), Egress::None).unwrap();
        Self {
            tap,
            pods: [pod(), pod()],
        }
    }

    fn tcp(&mut self, pod: usize) -> SocketId {
        let id = self.pods[pod].tcp_create(None, Family::Ipv4).unwrap();
        self.pods[pod].set_container(id, "c");
        id
    }

    fn listen(&mut self, pod: usize) -> (SocketId, SocketAddr) {
        let id = self.tcp(pod);
        let net = &mut self.pods[pod];
        net.tcp_bind(id, "0.0.0.0:80".parse().unwrap()).unwrap();
        net.tcp_listen(id).unwrap();
        (id, (net.pod_ip(), 80).into())
    }

    fn connect(&mut self, pod: usize, to: SocketAddr) -> (SocketId, Poll<Result<End, Error>>) {
        let id = self.tcp(pod);
        self.pods[pod].tcp_connect(id, to).unwrap();
        (id, self.pods[pod].poll_connect(id, Waker::noop()))
    }

    fn accept(&mut self, pod: usize, listener: SocketId) -> (SocketId, End) {
        match self.pods[pod].poll_accept(listener, Waker::noop()) {
            Poll::Ready(accepted) => accepted.unwrap(),
            Poll::Pending => panic!("nobody has connected"),
        }
    }

    fn text(self) -> String {
        drop(self.pods);
        self.tap.0.lock().unwrap().clone()
    }
}

fn ready(connected: Poll<Result<End, Error>>) -> End {
    match connected {
        Poll::Ready(end) => end.unwrap(),
        Poll::Pending => panic!("not connected"),
    }
}

#[test]
fn a_tap_sees_what_arrives() {
    let check = |act: fn(&mut Tapped), expected: Expect| {
        let mut tapped = Tapped::new(&Fabric::default());
        act(&mut tapped);
        expected.assert_eq(&tapped.text());
    };
    check(
        |tapped| {
            let (listener, server) = tapped.listen(0);
            let (id, client) = tapped.connect(1, server);
            let client = ready(client);
            let (_, accepted) = tapped.accept(0, listener);
            client.write(Bytes::from_static(b"GET /")).unwrap();
            client.shutdown(Shutdown::Send);
            accepted.try_read(9).unwrap().unwrap();
            accepted.write(Bytes::from_static(b"200")).unwrap();
            accepted.close();
            drop((client, accepted));
            tapped.pods[1].close(id);
        },
        expect![[r#"
            10.244.0.3:49152 > 10.244.0.2:80 #0 Connect
            10.244.0.2:80 > 10.244.0.3:49152 #0 Established
            10.244.0.3:49152 > 10.244.0.2:80 #0 GET /
            10.244.0.3:49152 > 10.244.0.2:80 #0 Fin
            10.244.0.2:80 > 10.244.0.3:49152 #0 200
            10.244.0.2:80 > 10.244.0.3:49152 #0 Fin
            10.244.0.3:49152 > 10.244.0.2:80 #0 Reset
            #0 gone
        "#]],
    );
    // A server that goes with bytes unread, then one that is not there.
    check(
        |tapped| {
            let loopback = "127.0.0.1:80".parse().unwrap();
            let (listener, _) = tapped.listen(0);
            let (_, client) = tapped.connect(0, loopback);
            ready(client).write(Bytes::from_static(b"x")).unwrap();
            let (accepted, _) = tapped.accept(0, listener);
            tapped.pods[0].close(accepted);
            tapped.pods[0].close(listener);
            let _refused = tapped.connect(0, loopback);
        },
        expect![[r#"
            127.0.0.1:49152 > 127.0.0.1:80 #0 Connect
            127.0.0.1:80 > 127.0.0.1:49152 #0 Established
            127.0.0.1:49152 > 127.0.0.1:80 #0 x
            127.0.0.1:80 > 127.0.0.1:49152 #0 Reset
            127.0.0.1:49153 > 127.0.0.1:80 #1 Connect
            127.0.0.1:80 > 127.0.0.1:49153 #1 Refused
            #1 gone
            127.0.0.1:49152 > 127.0.0.1:80 #0 Fin
            #0 gone
        "#]],
    );
    // To nobody in this pod, in another and outside.
    check(
        |tapped| {
            let net = &mut tapped.pods[0];
            let id = net.udp_create(None, Family::Ipv4).unwrap();
            let mut send = |to: &str| {
                net.udp_send(id, Bytes::from_static(b"hello"), Some(to.parse().unwrap()))
            };
            send("127.0.0.1:9").unwrap();
            send("10.244.0.3:9").unwrap();
            send("10.250.0.1:9").unwrap_err();
        },
        expect![[r#"
            127.0.0.1:49152 > 127.0.0.1:9 datagram hello
            10.244.0.2:49152 > 10.244.0.3:9 datagram hello
            10.244.0.2:49152 > 10.250.0.1:9 datagram hello
        "#]],
    );
}

#[test]
fn under_rules_a_segment_passes_when_it_arrives() {
    let rules = Rules::new(Arc::new(Never));
    let mut tapped = Tapped::new(&Fabric::with_rules(rules.clone()));
    let (listener, server) = tapped.listen(0);
    let late = Duration::from_millis(100);
    let latency = Effect::Latency {
        min: late,
        max: late,
    };
    rules.add(Link::ANY, latency).unwrap();
    let mut now = Instant::ZERO;
    let mut pass = |tapped: &mut Tapped, line: &str| {
        writeln!(tapped.tap.0.lock().unwrap(), "-- {line}").unwrap();
        now += late;
        rules.handle_timeout(now);
        tapped.pods.iter_mut().for_each(Namespace::admit);
    };
    let (id, _) = tapped.connect(1, server);
    pass(&mut tapped, "the connect arrives");
    pass(&mut tapped, "so does the answer");
    let client = ready(tapped.pods[1].poll_connect(id, Waker::noop()));
    client.write(Bytes::from_static(b"GET /")).unwrap();
    pass(&mut tapped, "bytes arrive");
    drop(tapped.accept(0, listener));
    rules.reset(&Link::ANY);
    expect![[r#"
        10.244.0.3:49152 > 10.244.0.2:80 #0 Connect
        -- the connect arrives
        -- so does the answer
        10.244.0.2:80 > 10.244.0.3:49152 #0 Established
        -- bytes arrive
        10.244.0.3:49152 > 10.244.0.2:80 #0 GET /
        10.244.0.2:80 > 10.244.0.3:49152 #0 Reset
        10.244.0.3:49152 > 10.244.0.2:80 #0 Reset
    "#]]
    .assert_eq(&tapped.text());
}
