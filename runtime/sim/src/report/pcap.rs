//! The virtual network as a packet capture, for Wireshark and its kin: pcapng.
//!
//! The network of pods has no packets: a [`Capture`] makes those that Ethernet, IP and TCP would have had. A segment is
//! stamped when it arrives and acknowledged at once; an address has the MAC address 02:00 and its last four bytes. Two
//! pods can have the same connection on their loopbacks at a time: the second is written as one of 127.0.0.2 with itself.
//! What stays in a pod is on the interface `lo`, the rest on `pods`.

mod flow;
mod frame;

use flow::Flow;
use frame::{ETHERNET_BYTES_MAX, datagram};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, Endianness, PcapError};
use seedpod_core::net::{Passed, Sent, Tap, What};
use seedpod_core::time::WallTime;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Writes what passes a network to a file, as it passes. Give it to
/// [`Fabric::set_tap`](seedpod_core::net::Fabric::set_tap).
pub struct Capture(Mutex<State>);

/// Of what stays in a pod, and of the rest.
const INTERFACES: [&str; 2] = ["lo", "pods"];
/// What `if_tsresol` says of timestamps: a power of ten, negative.
const NANOSECONDS: u8 = 9;

/// Tells the time that packets are stamped with.
pub type Clock = Box<dyn Fn() -> WallTime + Send>;

struct State {
    clock: Clock,
    writer: PcapNgWriter<Box<dyn Write + Send>>,
    /// Nothing is written after it.
    error: Option<CaptureError>,
    /// By number. They leave when the network forgets them, so there are no more than it has.
    flows: BTreeMap<u64, Flow>,
    /// Their addresses in the capture.
    taken: BTreeSet<[SocketAddr; 2]>,
}

/// The capture cannot be written.
#[derive(Clone, Debug, thiserror::Error)]
#[error("packets cannot be written: {0}; see that there is room for the file of --pcap")]
pub struct CaptureError(String);

impl From<PcapError> for CaptureError {
    fn from(error: PcapError) -> Self {
        Self(match error {
            PcapError::IoError(error) => error.to_string(),
            error => error.to_string(),
        })
    }
}

impl Capture {
    /// Begins a capture; give it a writer with a buffer.
    ///
    /// # Errors
    /// When the header cannot be written.
    pub fn new(output: Box<dyn Write + Send>, clock: Clock) -> Result<Self, CaptureError> {
        let mut writer = PcapNgWriter::with_endianness(output, Endianness::Little)?;
        for name in INTERFACES {
            writer.write_pcapng_block(InterfaceDescriptionBlock {
                linktype: DataLink::ETHERNET,
                snaplen: ETHERNET_BYTES_MAX,
                options: vec![
                    InterfaceDescriptionOption::IfName(name.into()),
                    InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
                ],
            })?;
        }
        Ok(Self(Mutex::new(State {
            clock,
            writer,
            error: None,
            flows: BTreeMap::new(),
            taken: BTreeSet::new(),
        })))
    }

    /// Sees to it that what has passed is written; at the end, or whenever somebody may look.
    ///
    /// # Errors
    /// The first error of all. Nothing was written after it.
    pub fn flush(&self) -> Result<(), CaptureError> {
        let mut state = self.lock();
        if let Some(error) = &state.error {
            return Err(error.clone());
        }
        let flushed = state.writer.get_mut().flush();
        Ok(flushed.map_err(PcapError::IoError)?)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tap for Capture {
    fn passed(&self, passed: Passed<'_>) {
        let mut state = self.lock();
        let frames = match passed.what {
            What::Datagram(data) => datagram(passed.from, passed.to, data).into_iter().collect(),
            What::Segment(connection, sent) => state.segment(connection, &passed, sent),
        };
        let is_local = [passed.from, passed.to]
            .iter()
            .all(|end| end.ip().is_loopback());
        state.write(usize::from(!is_local), frames);
    }
}

impl State {
    fn segment(&mut self, connection: u64, passed: &Passed<'_>, sent: Sent<'_>) -> Vec<Vec<u8>> {
        match sent {
            Sent::Connect => {
                let ends = [passed.from, passed.to];
                let shown = self.free(ends);
                self.taken.insert(shown);
                let flow = Flow::new(ends, shown, connection);
                let mut entry = self.flows.entry(connection).insert_entry(flow);
                entry.get_mut().sent(passed.from, sent)
            }
            Sent::Gone => {
                if let Some(flow) = self.flows.remove(&connection) {
                    self.taken.remove(&flow.shown);
                }
                Vec::new()
            }
            Sent::Established | Sent::Refused | Sent::Bytes(_) | Sent::Fin | Sent::Reset => {
                let flow = self.flows.get_mut(&connection);
                flow.map_or_else(Vec::new, |flow| flow.sent(passed.from, sent))
            }
        }
    }

    /// These addresses, or others if a connection of another pod has them.
    fn free(&self, ends: [SocketAddr; 2]) -> [SocketAddr; 2] {
        if !ends.iter().all(|end| end.ip().is_loopback()) {
            return ends;
        }
        let moved = (0..=u8::MAX)
            .map(|by| ends.map(|end| SocketAddr::new(moved(end.ip(), by), end.port())));
        let mut free = moved.filter(|ends| !self.taken.contains(ends));
        free.next().unwrap_or(ends)
    }

    fn write(&mut self, interface: usize, frames: Vec<Vec<u8>>) {
        if self.error.is_some() || frames.is_empty() {
            return;
        }
        let timestamp = Duration::from_nanos((self.clock)().as_unix_nanos());
        for frame in frames {
            let packet = EnhancedPacketBlock {
                interface_id: u32::try_from(interface).unwrap_or_default(),
                timestamp,
                original_len: u32::try_from(frame.len()).unwrap_or(u32::MAX),
                data: Cow::Owned(frame),
                options: Vec::new(),
            };
            if let Err(error) = self.writer.write_pcapng_block(packet) {
                self.error = Some(error.into());
                return;
            }
        }
    }
}

fn moved(ip: IpAddr, by: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits().wrapping_add(by.into())).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits().wrapping_add(by.into())).into(),
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Capture")
    }
}

#[cfg(test)]
mod tests;
