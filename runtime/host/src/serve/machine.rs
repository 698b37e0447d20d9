//! What the machine has to offer pods.

use std::path::Path;
use std::thread;

/// Taken where the machine does not say: enough for small pods, and nothing counts on more.
const MEMORY_BYTES_UNKNOWN: u64 = 4 << 30;
const STORAGE_BYTES_UNKNOWN: u64 = 16 << 30;

/// Processors.
pub(super) fn cpus() -> u64 {
    thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64)
}

/// Bytes of memory: of the machine, or what its control group may use.
#[cfg(target_os = "linux")]
pub(super) fn memory_bytes() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let total = read("/proc/meminfo").and_then(|text| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib << 10)
    });
    let limit = read("/sys/fs/cgroup/memory.max").and_then(|text| text.trim().parse().ok());
    [total, limit]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(MEMORY_BYTES_UNKNOWN)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn memory_bytes() -> u64 {
    MEMORY_BYTES_UNKNOWN
}

/// Bytes of the disk where a folder is.
#[cfg(target_os = "linux")]
pub(super) fn storage_bytes(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(STORAGE_BYTES_UNKNOWN, |found| {
        found.f_blocks.saturating_mul(found.f_frsize)
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn storage_bytes(_folder: &Path) -> u64 {
    STORAGE_BYTES_UNKNOWN
}

/// As Go calls this operating system and these processors.
pub(super) fn platform() -> (String, String) {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    (system.to_owned(), architecture.to_owned())
}
