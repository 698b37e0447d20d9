//! The character devices of `/dev`.

use super::{Caller, Errno, MemoryVolume, New, Tree, Usage, Volume};
use crate::process::ProcessId;
use crate::seed::Rng;
use crate::time::WallTime;
use std::sync::Arc;

/// A character device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// `/dev/null`
    Null,
    /// `/dev/zero`
    Zero,
    /// `/dev/full`
    Full,
    /// `/dev/random` and `/dev/urandom`
    Random,
    /// `/dev/stdin`, `/dev/stdout`, `/dev/stderr`: this descriptor of the process that opens it. Only the process has
    /// it, so it is the process that connects it; an [`OpenFile`](super::OpenFile) of it neither reads nor writes.
    Standard(u8),
    /// `/proc/PID/fd/0` to `2`: the same of another process.
    Descriptor(ProcessId, u8),
}

/// Where `/dev/random` gets its bytes.
pub trait Entropy: Send {
    /// Fills a buffer.
    fn fill(&mut self, buffer: &mut [u8]);
}

impl Entropy for Rng {
    fn fill(&mut self, buffer: &mut [u8]) {
        Self::fill(self, buffer);
    }
}

impl MemoryVolume {
    /// What is mounted at `/dev`: the devices and an empty `shm`, on which a memory volume goes.
    pub fn devices(entropy: Box<dyn Entropy>, now: WallTime) -> Result<Arc<Self>, Errno> {
        let volume = Self::with_entropy(Tree::new(Usage::LAYER, 0o755, now), entropy);
        let devices = [
            ("null", Device::Null),
            ("zero", Device::Zero),
            ("full", Device::Full),
            ("random", Device::Random),
            ("urandom", Device::Random),
            ("stdin", Device::Standard(0)),
            ("stdout", Device::Standard(1)),
            ("stderr", Device::Standard(2)),
        ];
        let caller = Caller::host(now);
        let entries = devices
            .into_iter()
            .map(|(name, device)| (name, New::Device(device)))
            .chain([
                ("shm", New::Directory(0o1777)),
                ("fd", New::Symlink("/proc/self/fd")),
            ]);
        for (name, new) in entries {
            let (node, _) = volume.create(caller, volume.root(), name, new)?;
            volume.unpin(node);
        }
        Ok(volume)
    }
}
