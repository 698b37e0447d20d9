use super::*;
use etherparse::{SlicedPacket, TransportSlice};
use expect_test::{Expect, expect};
use pcap_file::pcapng::{Block, PcapNgReader};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The packets of a capture, one a line, with numbers relative to the first of each end and checksums looked at.
fn packets(file: &[u8]) -> String {
    let mut text = String::new();
    let mut reader = PcapNgReader::new(file).unwrap();
    let mut first: BTreeMap<(u16, u16), u32> = BTreeMap::new();
    while let Some(block) = reader.next_block() {
        let Block::EnhancedPacket(packet) = block.unwrap() else {
            continue;
        };
        assert_eq!(packet.data.len(), packet.original_len as usize);
        let sliced = SlicedPacket::from_ethernet(&packet.data).unwrap();
        let at = packet.timestamp.as_nanos() % 1_000_000_000;
        let name = INTERFACES[packet.interface_id as usize];
        write!(text, "{at} {name} ").unwrap();
        let ip = sliced.net.as_ref().unwrap();
        match (sliced.transport.as_ref().unwrap(), ip) {
            (TransportSlice::Tcp(tcp), etherparse::NetSlice::Ipv4(ip)) => {
                let header = ip.header();
                let sum = tcp.calc_checksum_ipv4(header.source(), header.destination());
                assert_eq!(sum.unwrap(), tcp.checksum());
                assert_eq!(
                    header.to_header().calc_header_checksum(),
                    header.header_checksum()
                );
                let ports = (tcp.source_port(), tcp.destination_port());
                let number = tcp.sequence_number();
                let begins = first.entry(ports).or_insert(number);
                let number = number.wrapping_sub(*begins);
                let other = first.get(&(ports.1, ports.0)).copied().unwrap_or_default();
                let acked = tcp.acknowledgment_number().wrapping_sub(other);
                let flags = [
                    (tcp.syn(), " SYN".to_owned()),
                    (tcp.fin(), " FIN".to_owned()),
                    (tcp.rst(), " RST".to_owned()),
                    (tcp.psh(), " PSH".to_owned()),
                    (tcp.ack(), format!(" ACK {acked}")),
                ];
                let flags = flags.into_iter().filter(|(set, _)| *set);
                let flags: String = flags.map(|(_, name)| name).collect();
                let (from, to) = (header.source_addr(), header.destination_addr());
                let len = tcp.payload().len();
                writeln!(
                    text,
                    "{from}:{} > {to}:{} {number}+{len}{flags}",
                    ports.0, ports.1
                )
                .unwrap();
            }
            (TransportSlice::Udp(udp), etherparse::NetSlice::Ipv6(ip)) => {
                let (from, to) = (ip.header().source_addr(), ip.header().destination_addr());
                let len = udp.payload().len();
                writeln!(
                    text,
                    "[{from}]:{} > [{to}]:{} udp {len}",
                    udp.source_port(),
                    udp.destination_port()
                )
                .unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    text
}

fn check(passed: &[(&str, &str, What<'_>)], expected: &Expect) {
    let shared = Shared::default();
    let now = Mutex::new(0);
    let clock = move || {
        let mut now = now.lock().unwrap();
        *now += 1;
        WallTime::from_unix_nanos(*now)
    };
    let capture = Capture::new(Box::new(shared.clone()), Box::new(clock)).unwrap();
    for (from, to, what) in passed {
        let [from, to] = [from, to].map(|end| end.parse().unwrap());
        let what = *what;
        capture.passed(Passed { from, to, what });
    }
    capture.flush().unwrap();
    let state = capture.lock();
    let open = passed
        .iter()
        .filter(|(_, _, what)| matches!(what, What::Segment(_, Sent::Connect)));
    let gone = passed
        .iter()
        .filter(|(_, _, what)| matches!(what, What::Segment(_, Sent::Gone)));
    assert_eq!(state.flows.len(), open.count() - gone.count());
    assert_eq!(state.taken.len(), state.flows.len());
    expected.assert_eq(&packets(&shared.0.lock().unwrap()));
}

const CLIENT: &str = "127.0.0.1:49152";
const SERVER: &str = "127.0.0.1:80";

fn segment(sent: Sent<'_>) -> What<'_> {
    What::Segment(7, sent)
}

#[test]
fn a_connection_becomes_segments_that_add_up() {
    let long = [b'x'; 4000];
    check(
        &[
            (CLIENT, SERVER, segment(Sent::Connect)),
            (SERVER, CLIENT, segment(Sent::Established)),
            (CLIENT, SERVER, segment(Sent::Bytes(b"GET /"))),
            (SERVER, CLIENT, segment(Sent::Bytes(&long))),
            (SERVER, CLIENT, segment(Sent::Fin)),
            (SERVER, CLIENT, segment(Sent::Fin)),
            (CLIENT, SERVER, segment(Sent::Bytes(b"more"))),
            (CLIENT, SERVER, segment(Sent::Fin)),
            (CLIENT, SERVER, segment(Sent::Reset)),
            (CLIENT, SERVER, segment(Sent::Gone)),
        ],
        &expect![[r#"
            1 lo 127.0.0.1:49152 > 127.0.0.1:80 0+0 SYN
            2 lo 127.0.0.1:80 > 127.0.0.1:49152 0+0 SYN ACK 1
            2 lo 127.0.0.1:49152 > 127.0.0.1:80 1+0 ACK 1
            3 lo 127.0.0.1:49152 > 127.0.0.1:80 1+5 PSH ACK 1
            3 lo 127.0.0.1:80 > 127.0.0.1:49152 1+0 ACK 6
            4 lo 127.0.0.1:80 > 127.0.0.1:49152 1+1440 ACK 6
            4 lo 127.0.0.1:80 > 127.0.0.1:49152 1441+1440 ACK 6
            4 lo 127.0.0.1:49152 > 127.0.0.1:80 6+0 ACK 2881
            4 lo 127.0.0.1:80 > 127.0.0.1:49152 2881+1120 PSH ACK 6
            4 lo 127.0.0.1:49152 > 127.0.0.1:80 6+0 ACK 4001
            5 lo 127.0.0.1:80 > 127.0.0.1:49152 4001+0 FIN ACK 6
            5 lo 127.0.0.1:49152 > 127.0.0.1:80 6+0 ACK 4002
            6 lo 127.0.0.1:49152 > 127.0.0.1:80 6+4 PSH ACK 4002
            6 lo 127.0.0.1:80 > 127.0.0.1:49152 4002+0 ACK 10
            7 lo 127.0.0.1:49152 > 127.0.0.1:80 10+0 FIN ACK 4002
            7 lo 127.0.0.1:80 > 127.0.0.1:49152 4002+0 ACK 11
        "#]],
    );
}

#[test]
fn a_connection_can_be_refused_given_up_and_reset() {
    check(
        &[
            (CLIENT, SERVER, segment(Sent::Connect)),
            (SERVER, CLIENT, segment(Sent::Refused)),
            (CLIENT, SERVER, segment(Sent::Gone)),
            (CLIENT, SERVER, What::Segment(8, Sent::Connect)),
            (CLIENT, SERVER, What::Segment(8, Sent::Fin)),
            (SERVER, CLIENT, What::Segment(8, Sent::Established)),
            (CLIENT, SERVER, What::Segment(8, Sent::Gone)),
        ],
        &expect![[r#"
            1 lo 127.0.0.1:49152 > 127.0.0.1:80 0+0 SYN
            2 lo 127.0.0.1:80 > 127.0.0.1:49152 0+0 RST ACK 1
            3 lo 127.0.0.1:49152 > 127.0.0.1:80 2654435761+0 SYN
        "#]],
    );
    check(
        &[
            (CLIENT, SERVER, segment(Sent::Connect)),
            (SERVER, CLIENT, segment(Sent::Established)),
            (SERVER, CLIENT, segment(Sent::Reset)),
            (CLIENT, SERVER, segment(Sent::Bytes(b"too late"))),
            (CLIENT, SERVER, What::Segment(99, Sent::Bytes(b"of nobody"))),
        ],
        &expect![[r#"
            1 lo 127.0.0.1:49152 > 127.0.0.1:80 0+0 SYN
            2 lo 127.0.0.1:80 > 127.0.0.1:49152 0+0 SYN ACK 1
            2 lo 127.0.0.1:49152 > 127.0.0.1:80 1+0 ACK 1
            3 lo 127.0.0.1:80 > 127.0.0.1:49152 1+0 RST ACK 1
        "#]],
    );
}

#[test]
fn loopbacks_of_two_pods_are_kept_apart() {
    check(
        &[
            (CLIENT, SERVER, What::Segment(1, Sent::Connect)),
            (CLIENT, SERVER, What::Segment(2, Sent::Connect)),
            (CLIENT, SERVER, What::Segment(1, Sent::Gone)),
            (CLIENT, SERVER, What::Segment(3, Sent::Connect)),
            (
                "10.244.0.2:49152",
                "10.244.0.3:80",
                What::Segment(4, Sent::Connect),
            ),
        ],
        &expect![[r#"
            1 lo 127.0.0.1:49152 > 127.0.0.1:80 0+0 SYN
            2 lo 127.0.0.2:49152 > 127.0.0.2:80 2654435761+0 SYN
            3 lo 127.0.0.1:49152 > 127.0.0.1:80 1013904226+0 SYN
            4 pods 10.244.0.2:49152 > 10.244.0.3:80 3668339987+0 SYN
        "#]],
    );
}

#[test]
fn the_longest_datagram_fits() {
    let long = vec![0; 65_507];
    check(
        &[
            ("[::1]:49152", "[::1]:53", What::Datagram(b"hello")),
            (
                "[fd00:10:244::af4:2]:49152",
                "[fd00:10:244::af4:3]:53",
                What::Datagram(&long),
            ),
        ],
        &expect![[r#"
            1 lo [::1]:49152 > [::1]:53 udp 5
            2 pods [fd00:10:244::af4:2]:49152 > [fd00:10:244::af4:3]:53 udp 65507
        "#]],
    );
}

struct Full;

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() > 100 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told_at_the_end() {
    let clock = Box::new(|| WallTime::from_unix_nanos(0));
    let capture = Capture::new(Box::new(Full), clock).unwrap();
    let [from, to] = [CLIENT, SERVER].map(|end| end.parse().unwrap());
    let what = What::Datagram(&[0; 200]);
    capture.passed(Passed { from, to, what });
    expect![
        "packets cannot be written: no storage space; see that there is room for the file of --pcap"
    ]
    .assert_eq(&capture.flush().unwrap_err().to_string());
}
