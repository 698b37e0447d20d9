//! Frames of Ethernet with IP and TCP or UDP in them, checksums included.

use etherparse::{
    Ethernet2Header, IpHeaders, PacketBuilder, PacketBuilderStep, TcpHeader, TcpOptionElement,
};
use std::net::{IpAddr, SocketAddr};
use std::ops::BitOr;

/// Ethernet's 1,500 bytes less the headers of IPv6 and TCP.
pub(super) const SEGMENT_BYTES_MAX: usize = 1440;
/// The largest datagram, as on `lo`, whose packets may have 64 KiB.
pub(super) const ETHERNET_BYTES_MAX: u32 = 128 << 10;

const HOP_LIMIT: u8 = 64;
/// No more than two segments are ever on the way.
const WINDOW: u16 = u16::MAX;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags(u8);

impl Flags {
    pub(super) const NONE: Self = Self(0);
    pub(super) const FIN: Self = Self(1);
    pub(super) const SYN: Self = Self(1 << 1);
    pub(super) const RST: Self = Self(1 << 2);
    pub(super) const PSH: Self = Self(1 << 3);
    pub(super) const ACK: Self = Self(1 << 4);

    pub(super) fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A segment; `numbers` are that of its first byte and that of the byte expected from the other end. `None` if it cannot
/// be written, which no address and no length we have leads to.
pub(super) fn segment(
    ends: [SocketAddr; 2],
    numbers: [u32; 2],
    flags: Flags,
    bytes: &[u8],
) -> Option<Vec<u8>> {
    let ports = ends.map(|end| end.port());
    let mut header = TcpHeader::new(ports[0], ports[1], numbers[0], WINDOW);
    header.fin = flags.has(Flags::FIN);
    header.syn = flags.has(Flags::SYN);
    header.rst = flags.has(Flags::RST);
    header.psh = flags.has(Flags::PSH);
    header.ack = flags.has(Flags::ACK);
    if header.ack {
        header.acknowledgment_number = numbers[1];
    }
    if header.syn {
        let size = u16::try_from(SEGMENT_BYTES_MAX).ok()?;
        let size = TcpOptionElement::MaximumSegmentSize(size);
        header.set_options(&[size]).ok()?;
    }
    let packet = packet(ends.map(|end| end.ip())).tcp_header(header);
    let mut frame = Vec::with_capacity(packet.size(bytes.len()));
    packet.write(&mut frame, bytes).ok()?;
    Some(frame)
}

/// A datagram; `None` as in [`segment`].
pub(super) fn datagram(from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> Option<Vec<u8>> {
    let packet = packet([from.ip(), to.ip()]).udp(from.port(), to.port());
    let mut frame = Vec::with_capacity(packet.size(bytes.len()));
    packet.write(&mut frame, bytes).ok()?;
    Some(frame)
}

fn packet([from, to]: [IpAddr; 2]) -> PacketBuilderStep<IpHeaders> {
    let ethernet: PacketBuilderStep<Ethernet2Header> = PacketBuilder::ethernet2(mac(from), mac(to));
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => ethernet.ipv4(from.octets(), to.octets(), HOP_LIMIT),
        (from, to) => ethernet.ipv6(ipv6(from), ipv6(to), HOP_LIMIT),
    }
}

fn ipv6(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// A locally administered one.
fn mac(ip: IpAddr) -> [u8; 6] {
    let [.., a, b, c, d] = ipv6(ip);
    [2, 0, a, b, c, d]
}
