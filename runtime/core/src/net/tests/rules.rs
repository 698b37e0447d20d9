//! Rules against a model that knows only what was sent when, and transcripts of what the two ends see.

use crate::net::{
    Chance, Effect, Egress, End, Error, Fabric, Family, Link, Mailbox, Namespace, Party, RuleId,
    Rules, Shutdown, SocketId,
};
use crate::sched::ChoiceKind;
use crate::seed::{Rng, Seed};
use crate::spec;
use crate::time::Instant;
use bytes::Bytes;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

struct Dice(Mutex<Rng>);

impl Chance for Dice {
    fn choose(&self, _: ChoiceKind, arity: u32, _: &str) -> u32 {
        self.0.lock().unwrap().below(arity.into()) as u32
    }

    fn chance(&self, _: ChoiceKind, per_million: u32, _: &str) -> bool {
        self.0.lock().unwrap().below(1_000_000) < per_million.into()
    }
}

/// Pod `a` with containers `x` and `y`, pod `b` with `z`; a server in `x` and another in `z`.
struct World {
    rules: Rules,
    now: Instant,
    pods: BTreeMap<&'static str, Namespace>,
    sockets: BTreeMap<String, (&'static str, SocketId)>,
    ends: BTreeMap<String, End>,
    mailboxes: BTreeMap<String, Mailbox>,
    added: BTreeMap<String, Vec<RuleId>>,
}

fn pod_of(container: &str) -> &'static str {
    if container == "z" { "b" } else { "a" }
}

impl World {
    fn new(seed: u64) -> Self {
        let rules = Rules::new(Arc::new(Dice(Mutex::new(Seed::new(seed).rng()))));
        let fabric = Fabric::with_rules(rules.clone());
        let pods = ["a", "b"].map(|name| {
            let mut pod = spec::Pod::default();
            pod.meta.name = name.to_owned();
            (name, Namespace::new(&fabric, &pod, Egress::None).unwrap())
        });
        Self {
            rules,
            now: Instant::ZERO,
            pods: pods.into(),
            sockets: BTreeMap::new(),
            ends: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            added: BTreeMap::new(),
        }
    }

    fn net(&mut self, container: &str) -> &mut Namespace {
        self.pods.get_mut(pod_of(container)).unwrap()
    }

    /// `x`: the address on which others find its server.
    fn address(&mut self, container: &str, port: u16) -> SocketAddr {
        (self.net(container).pod_ip(), port).into()
    }

    fn tcp(&mut self, container: &str, name: &str) -> SocketId {
        let net = self.net(container);
        let id = net.tcp_create(None, Family::Ipv4).unwrap();
        net.set_container(id, container);
        self.sockets
            .insert(name.to_owned(), (pod_of(container), id));
        id
    }

    fn listen(&mut self, container: &str, port: u16) {
        let id = self.tcp(container, &format!("{container}:{port}"));
        let net = self.net(container);
        net.tcp_bind(id, ([0, 0, 0, 0], port).into()).unwrap();
        net.tcp_listen(id).unwrap();
    }

    fn connect(&mut self, container: &str, name: &str, to: SocketAddr) {
        let id = self.tcp(container, name);
        self.net(container).tcp_connect(id, to).unwrap();
    }

    fn poll_connect(&mut self, name: &str) -> Poll<Result<(), Error>> {
        let (pod, id) = self.sockets[name];
        let net = self.pods.get_mut(pod).unwrap();
        net.poll_connect(id, Waker::noop()).map(|result| {
            self.ends.insert(name.to_owned(), result?);
            Ok(())
        })
    }

    fn poll_accept(&mut self, listener: &str, name: &str) -> Poll<Result<(), Error>> {
        let (pod, id) = self.sockets[listener];
        let net = self.pods.get_mut(pod).unwrap();
        net.poll_accept(id, Waker::noop()).map(|result| {
            let (socket, end) = result?;
            self.sockets.insert(name.to_owned(), (pod, socket));
            self.ends.insert(name.to_owned(), end);
            Ok(())
        })
    }

    fn advance(&mut self, time: Duration) {
        self.now += time;
        self.rules.handle_timeout(self.now);
        self.admit();
    }

    fn admit(&mut self) {
        self.pods.values_mut().for_each(Namespace::admit);
        assert!(!self.rules.has_arrived());
    }

    fn udp(&mut self, container: &str, port: u16) {
        let net = self.pods.get_mut(pod_of(container)).unwrap();
        let id = net.udp_create(None, Family::Ipv4).unwrap();
        net.set_container(id, container);
        net.udp_bind(id, ([0, 0, 0, 0], port).into()).unwrap();
        let name = format!("{container}:{port}");
        self.mailboxes
            .insert(name.clone(), net.mailbox(id).unwrap());
        self.sockets.insert(name, (pod_of(container), id));
    }

    /// One line of a script; what it answers.
    fn call(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |word: &str| word.parse::<u16>().unwrap();
        match words[..] {
            ["wait", time] => self.advance(time_of(time)),
            ["rule", name, from, to, ref effect @ ..] => {
                let effect = effect_of(effect);
                let link = Link {
                    from: party_of(from),
                    to: party_of(to),
                };
                let id = self.rules.add(link, effect).unwrap();
                self.added.entry(name.to_owned()).or_default().push(id);
            }
            ["heal", name] => {
                for id in self.added.remove(name).unwrap() {
                    self.rules.remove(id);
                }
                self.admit();
            }
            ["reset", from, to] => {
                let link = Link {
                    from: party_of(from),
                    to: party_of(to),
                };
                return self.rules.reset(&link).to_string();
            }
            [container, "listen", port] => self.listen(container, number(port)),
            [container, "connect", server, port, name] => {
                let to = self.address(server, number(port));
                self.connect(container, name, to);
            }
            [listener, "accept", name] => return poll_text(self.poll_accept(listener, name)),
            [name, "connected"] => return poll_text(self.poll_connect(name)),
            [name, "write", text] => {
                return text_of(self.ends[name].write(Bytes::copy_from_slice(text.as_bytes())));
            }
            [name, "read"] => return read_text(self.ends[name].try_read(64)),
            [name, "shutdown"] => self.ends[name].shutdown(Shutdown::Send),
            [name, "close"] => {
                let (pod, id) = self.sockets[name];
                self.pods.get_mut(pod).unwrap().close(id);
            }
            [container, "udp", port] => self.udp(container, number(port)),
            [from, "send", server, port, text] => {
                let to = self.address(server, number(port));
                let (pod, id) = self.sockets[from];
                let data = Bytes::copy_from_slice(text.as_bytes());
                let net = self.pods.get_mut(pod).unwrap();
                return text_of(net.udp_send(id, data, Some(to)));
            }
            [name, "receive"] => {
                let mut texts = Vec::new();
                while let Some(received) = self.mailboxes[name].try_receive() {
                    let data = received.unwrap().data;
                    texts.push(String::from_utf8_lossy(&data).into_owned());
                }
                return texts.join(" ");
            }
            _ => panic!("{line}"),
        }
        String::new()
    }
}

fn time_of(text: &str) -> Duration {
    match text.strip_suffix("ms") {
        Some(millis) => Duration::from_millis(millis.parse().unwrap()),
        None => Duration::from_secs(text.strip_suffix('s').unwrap().parse().unwrap()),
    }
}

fn party_of(text: &str) -> Party {
    match text {
        "*" => Party::Any,
        "a" | "b" => Party::Pod(text.to_owned()),
        _ => Party::Container {
            pod: pod_of(text).to_owned(),
            container: text.to_owned(),
        },
    }
}

fn effect_of(words: &[&str]) -> Effect {
    let per_million = |text: &str| text.parse::<u32>().unwrap();
    match *words {
        ["partition"] => Effect::Partition,
        ["latency", min, max] => Effect::Latency {
            min: time_of(min),
            max: time_of(max),
        },
        ["bandwidth", rate] => Effect::Bandwidth {
            bytes_per_second: rate.parse().unwrap(),
        },
        ["loss", rate] => Effect::Loss {
            per_million: per_million(rate),
        },
        ["duplicate", rate] => Effect::Duplicate {
            per_million: per_million(rate),
        },
        ["reorder", rate, by] => Effect::Reorder {
            per_million: per_million(rate),
            by: time_of(by),
        },
        _ => panic!("{words:?}"),
    }
}

fn text_of(result: Result<(), Error>) -> String {
    result.map_or_else(|error| error.to_string(), |()| String::new())
}

fn poll_text(poll: Poll<Result<(), Error>>) -> String {
    match poll {
        Poll::Pending => "pending".to_owned(),
        Poll::Ready(result) => text_of(result),
    }
}

fn read_text(read: Option<Result<Bytes, Error>>) -> String {
    match read {
        None => "pending".to_owned(),
        Some(Ok(bytes)) if bytes.is_empty() => "end".to_owned(),
        Some(Ok(bytes)) => format!("{:?}", String::from_utf8_lossy(&bytes)),
        Some(Err(error)) => error.to_string(),
    }
}

fn check(transcript: &Expect) {
    let mut world = World::new(1);
    let mut text = String::new();
    for line in transcript.data().lines() {
        let line = line.trim();
        let line = line.split(" -> ").next().unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        match world.call(line) {
            answer if answer.is_empty() => writeln!(text, "{line}").unwrap(),
            answer => writeln!(text, "{line} -> {answer}").unwrap(),
        }
    }
    transcript.assert_eq(&text);
}

#[test]
fn a_partition_holds_bytes_until_it_heals() {
    check(&expect![[r#"
        x listen 80
        y connect x 80 c
        c connected
        x:80 accept s
        c write one
        s read -> "one"
        rule cut x y partition
        rule cut y x partition
        c write two
        s write back
        wait 20s
        s read -> pending
        c read -> pending
        c shutdown
        heal cut
        s read -> "two"
        s read -> end
        c read -> "back"
    "#]]);
}

#[test]
fn a_partition_of_one_direction_lets_the_other_pass() {
    check(&expect![[r#"
        x listen 80
        y connect x 80 c
        c connected
        x:80 accept s
        rule cut y x partition
        c write lost
        s write passes
        s read -> pending
        c read -> "passes"
        heal cut
        s read -> "lost"
    "#]]);
}

#[test]
fn a_connect_across_a_partition_waits_and_times_out() {
    check(&expect![[r#"
        x listen 80
        rule cut y x partition
        y connect x 80 early
        y connect x 80 late
        wait 60s
        early connected -> pending
        x:80 accept s -> pending
        heal cut
        early connected
        late connected
        x:80 accept s
        rule cut y x partition
        y connect x 80 never
        y connect x 81 nobody
        wait 127s
        never connected -> connection timed out
        nobody connected -> connection refused
        heal cut
    "#]]);
}

#[test]
fn a_rule_is_for_its_link_alone() {
    check(&expect![[r#"
        x listen 80
        z listen 80
        rule cut y x partition
        rule cut x y partition
        x connect x 80 own
        own connected
        z connect x 80 other
        other connected
        x connect z 80 out
        out connected
        y connect z 80 aside
        aside connected
        y connect x 80 held
        held connected -> pending
        heal cut
        held connected
        rule pods b a partition
        y connect z 80 there
        there connected
        z connect x 80 back
        back connected -> pending
        heal pods
        back connected
    "#]]);
}

#[test]
fn latency_delays_the_handshake_and_each_byte() {
    check(&expect![[r#"
        x listen 80
        rule slow * * latency 10ms 10ms
        y connect x 80 c
        c connected -> pending
        wait 10ms
        x:80 accept s
        c connected -> pending
        s write hello
        wait 10ms
        c connected
        c read -> "hello"
        c write a
        wait 5ms
        c write b
        wait 5ms
        s read -> "a"
        wait 5ms
        s read -> "b"
        c close
        s read -> pending
        wait 10ms
        s read -> end
        y connect x 81 nobody
        wait 10ms
        wait 9ms
        nobody connected -> pending
        wait 1ms
        nobody connected -> connection refused
    "#]]);
}

#[test]
fn a_slow_link_takes_its_time_for_each_byte() {
    check(&expect![[r#"
        x listen 80
        y connect x 80 c
        c connected
        x:80 accept s
        rule slow y x bandwidth 1000
        c write 0123456789
        c write 0123456789
        wait 10ms
        s read -> "0123456789"
        wait 9ms
        s read -> pending
        wait 1ms
        s read -> "0123456789"
        s write free
        c read -> "free"
    "#]]);
}

#[test]
fn a_reset_ends_connections_of_the_link_at_both_ends() {
    check(&expect![[r#"
        x listen 80
        z listen 80
        y connect x 80 c
        y connect z 80 d
        c connected
        d connected
        x:80 accept s
        z:80 accept t
        c write kept
        reset x y -> 1
        s read -> "kept"
        s read -> connection reset by peer
        s read -> end
        c write late -> connection reset by peer
        c write late -> broken pipe
        c read -> end
        d write fine
        t read -> "fine"
        reset x y -> 0
        y connect x 80 again
        again connected
    "#]]);
}

#[test]
fn what_nobody_acknowledges_times_out_at_last() {
    check(&expect![[r#"
        x listen 80
        y connect x 80 c
        c connected
        x:80 accept s
        rule cut y x partition
        c write lost
        wait 924s
        c read -> pending
        wait 1s
        c read -> connection timed out
        heal cut
        s read -> connection reset by peer
    "#]]);
}

#[test]
fn a_peer_that_closes_during_a_partition_is_heard_of_later() {
    check(&expect![[r#"
        x listen 80
        y connect x 80 c
        c connected
        x:80 accept s
        rule cut x y partition
        s close
        c write into-the-void
        c read -> pending
        heal cut
        c read -> end
        c write late -> broken pipe
    "#]]);
}

#[test]
fn datagrams_are_lost_doubled_and_overtaken() {
    check(&expect![[r#"
        x udp 53
        y udp 1000
        y:1000 send x 53 plain
        x:53 receive -> plain
        rule cut y x partition
        y:1000 send x 53 lost
        y:1000 send x 54 lost
        heal cut
        x:53 receive
        rule loss y x loss 1000000
        y:1000 send x 53 lost
        heal loss
        rule twice y x duplicate 1000000
        y:1000 send x 53 twice
        wait 1ms
        heal twice
        x:53 receive -> twice twice
        rule late y x reorder 1000000 5ms
        y:1000 send x 53 first
        heal late
        y:1000 send x 53 second
        wait 5ms
        x:53 receive -> second first
        rule slow y x latency 1ms 1ms
        y:1000 send x 53 a
        y:1000 send x 53 b
        x:53 receive
        wait 1ms
        x:53 receive -> a b
    "#]]);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Write(usize, usize),
    Read(usize, usize),
    Add(usize, Effect),
    Remove(usize),
    Wait(u64),
}

fn effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        Just(Effect::Partition),
        (0..50_u64, 0..50_u64).prop_map(|(min, more)| Effect::Latency {
            min: Duration::from_millis(min),
            max: Duration::from_millis(min + more),
        }),
        (1_000..1_000_000_u64).prop_map(|bytes_per_second| Effect::Bandwidth { bytes_per_second }),
        Just(Effect::Loss {
            per_million: 500_000
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2_usize, 1..5_000_usize).prop_map(|(side, len)| Step::Write(side, len)),
        6 => (0..2_usize, 1..10_000_usize).prop_map(|(side, max)| Step::Read(side, max)),
        2 => (0..3_usize, effect()).prop_map(|(link, effect)| Step::Add(link, effect)),
        2 => any::<usize>().prop_map(Step::Remove),
        4 => (1..200_u64).prop_map(Step::Wait),
    ]
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What went one way: each byte with the earliest time it may arrive.
#[derive(Default)]
struct Sent {
    bytes: Vec<(u8, Instant)>,
    read: usize,
}

impl Sent {
    fn take(&mut self, read: &[u8], now: Instant) -> Result<(), TestCaseError> {
        for byte in read {
            let (expected, earliest) = self.bytes[self.read];
            prop_assert_eq!(*byte, expected);
            prop_assert!(earliest <= now);
            self.read += 1;
        }
        Ok(())
    }
}

fn least_latency(rules: &[(usize, Effect, RuleId)], side: usize) -> Duration {
    let on_the_way = rules
        .iter()
        .filter(|(link, ..)| *link == side || *link == 2);
    let latencies = on_the_way.map(|(_, effect, _)| match effect {
        Effect::Latency { min, .. } => *min,
        _ => Duration::ZERO,
    });
    latencies.sum()
}

proptest! {
    #[test]
    fn with_rules_that_heal_every_byte_arrives_once_and_in_order(
        steps in prop::collection::vec(step(), 1..120), seed: u64, other_pod: bool,
    ) {
        let mut world = World::new(seed);
        let client = if other_pod { "z" } else { "y" };
        let to = world.address("x", 80);
        world.listen("x", 80);
        world.connect(client, "c", to);
        prop_assert_eq!(world.poll_connect("c"), Poll::Ready(Ok(())));
        prop_assert_eq!(world.poll_accept("x:80", "s"), Poll::Ready(Ok(())));
        let ends = [world.ends["c"].clone(), world.ends["s"].clone()];
        let forth = Link { from: party_of(client), to: party_of("x") };
        let links = [forth.clone(), forth.reversed(), Link::ANY];
        let mut rules: Vec<(usize, Effect, RuleId)> = Vec::new();
        let mut sent = [Sent::default(), Sent::default()];
        let mut next = 0_u8;
        for step in steps {
            let flags = [0, 1].map(|side| {
                let flag = Arc::new(Flag::default());
                let pending = ends[side].poll_readable(&Waker::from(flag.clone())).is_pending();
                pending.then_some(flag)
            });
            match step {
                Step::Write(side, len) => {
                    let len = len.min(ends[side].try_writable().unwrap());
                    let earliest = world.now + least_latency(&rules, side);
                    let bytes: Vec<u8> = (0..len).map(|_| { next = next.wrapping_add(1); next }).collect();
                    sent[side].bytes.extend(bytes.iter().map(|byte| (*byte, earliest)));
                    prop_assert_eq!(ends[side].write(Bytes::from(bytes)), Ok(()));
                }
                Step::Read(side, max) => {
                    if let Some(read) = ends[side].try_read(max) {
                        sent[1 - side].take(&read.unwrap(), world.now)?;
                    }
                }
                Step::Add(link, effect) => {
                    let id = world.rules.add(links[link].clone(), effect).unwrap();
                    rules.push((link, effect, id));
                }
                Step::Remove(which) if !rules.is_empty() => {
                    let (_, _, id) = rules.remove(which % rules.len());
                    world.rules.remove(id);
                }
                Step::Remove(_) => {}
                Step::Wait(millis) => world.advance(Duration::from_millis(millis)),
            }
            for (end, flag) in ends.iter().zip(flags) {
                if let Some(flag) = flag {
                    let readable = end.poll_readable(Waker::noop()).is_ready();
                    prop_assert_eq!(flag.0.load(Ordering::Relaxed), readable);
                }
            }
        }
        for (_, _, id) in rules {
            world.rules.remove(id);
        }
        while let Some(at) = world.rules.poll_timeout() {
            world.advance(at.saturating_since(world.now));
        }
        for (side, end) in ends.iter().enumerate() {
            while let Some(read) = end.try_read(1 << 20) {
                sent[1 - side].take(&read.unwrap(), world.now)?;
            }
            prop_assert_eq!(sent[1 - side].read, sent[1 - side].bytes.len());
        }
    }
}
