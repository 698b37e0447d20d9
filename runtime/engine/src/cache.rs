//! Compiled code on disk, so that a second start compiles nothing.
//!
//! An entry is named by the digest of the WebAssembly it came from, inside a folder named by everything else that its
//! bytes depend on. It is written under a temporary name and moved into place, so that concurrent writers each leave a
//! whole file. It ends in a checksum: a damaged entry is compiled again.

use seedpod_core::limits::{COMPILED_BYTES_MAX, OPTIMIZATIONS_PENDING};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use xxhash_rust::xxh3::xxh3_128;

/// SHA-256 of a WebAssembly binary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(hex: &str) -> Option<Self> {
        let mut digest = [0; 32];
        if hex.len() != 64 {
            return None;
        }
        for (byte, digits) in digest.iter_mut().zip(hex.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(digest))
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sha256:{self}")
    }
}

/// A folder of compiled code.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Uses `root`; entries of engines with another `compatibility` are not seen.
    pub(crate) fn new(root: &Path, compatibility: u64) -> Self {
        Self {
            folder: root.join(format!("{compatibility:016x}")),
        }
    }

    /// The compiled code of `digest`, checked. `None` when there is none or it is damaged.
    pub(crate) fn load(&self, digest: Digest) -> Option<Vec<u8>> {
        let path = self.path(digest);
        let mut bytes = fs::read(&path).ok()?;
        if checked_len(&bytes).map(|len| bytes.truncate(len)).is_none() {
            tracing::warn!(path = %path.display(), "damaged cache entry, compiling again");
            // Another process may have replaced it already; then the new entry goes too, and is made again.
            fs::remove_file(&path).ok()?;
            return None;
        }
        Some(bytes)
    }

    /// Stores compiled code.
    ///
    /// # Errors
    /// When the folder cannot be written; the caller goes on without.
    pub(crate) fn store(&self, digest: Digest, code: &[u8]) -> io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(&self.folder)?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = self
            .folder
            .join(format!(".{digest}.{}.{count}", std::process::id()));
        let mut entry = Vec::with_capacity(code.len() + CHECKSUM_BYTES);
        entry.extend_from_slice(code);
        entry.extend_from_slice(&xxh3_128(code).to_le_bytes());
        let stored =
            fs::write(&temporary, entry).and_then(|()| fs::rename(&temporary, self.path(digest)));
        if stored.is_err() {
            // A full disk leaves a part of it; where there is none, nothing is to be removed.
            let _ = fs::remove_file(&temporary);
        }
        stored.and_then(|()| self.trim(COMPILED_BYTES_MAX))
    }

    /// Removes the oldest entries until the folder has at most `bytes_max`: a guest can write any number of programs.
    fn trim(&self, bytes_max: u64) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // What another process has removed meanwhile needs no room.
            if let Ok(metadata) = entry.metadata()
                && metadata.is_file()
            {
                entries.push((metadata.modified()?, entry.path(), metadata.len()));
            }
        }
        let mut bytes: u64 = entries.iter().map(|(_, _, len)| len).sum();
        entries.sort();
        for (_, path, len) in entries {
            if bytes <= bytes_max {
                break;
            }
            // Gone is as good.
            let _ = fs::remove_file(path);
            bytes -= len;
        }
        Ok(())
    }

    /// Notes that `component` still lacks optimized code, for a process that has the time.
    pub(crate) fn add_pending(&self, digest: Digest, component: &[u8]) -> io::Result<()> {
        fs::create_dir_all(self.pending())?;
        if fs::read_dir(self.pending())?.count() >= OPTIMIZATIONS_PENDING {
            return Ok(());
        }
        let path = self.pending().join(digest.to_string());
        let temporary = path.with_extension(std::process::id().to_string());
        fs::write(&temporary, component)?;
        fs::rename(&temporary, path)
    }

    /// Calls `compile` for everything that still lacks optimized code. Returns at once where another process does so.
    pub(crate) fn drain_pending(&self, compile: impl Fn(Digest, &[u8])) -> io::Result<()> {
        fs::create_dir_all(self.pending())?;
        let lock = File::create(self.pending().join("lock"))?;
        if lock.try_lock().is_err() {
            return Ok(());
        }
        for entry in fs::read_dir(self.pending())? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let Some(digest) = name.and_then(Digest::from_hex) else {
                continue;
            };
            if !self.path(digest).exists() {
                compile(digest, &fs::read(&path)?);
            }
            fs::remove_file(&path)?;
        }
        Ok(())
    }

    fn pending(&self) -> PathBuf {
        self.folder.join("pending")
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let mut name = String::with_capacity(64);
        write!(name, "{digest}").expect("writing to a String cannot fail");
        self.folder.join(name)
    }
}

const CHECKSUM_BYTES: usize = 16;

fn checked_len(entry: &[u8]) -> Option<usize> {
    let (code, checksum) = entry.split_at_checked(entry.len().checked_sub(CHECKSUM_BYTES)?)?;
    (xxh3_128(code).to_le_bytes() == checksum).then_some(code.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back_until_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path(), 7);
        let digest = Digest::of(b"module");
        assert_eq!(cache.load(digest), None);
        cache.store(digest, b"code").unwrap();
        assert_eq!(cache.load(digest).as_deref(), Some(&b"code"[..]));
        assert_eq!(Cache::new(folder.path(), 8).load(digest), None);

        fs::write(cache.path(digest), b"codeX and some other bytes").unwrap();
        assert_eq!(cache.load(digest), None);
        fs::write(cache.path(digest), b"").unwrap();
        assert_eq!(cache.load(digest), None);
        cache.store(digest, b"code").unwrap();
        assert_eq!(cache.load(digest).as_deref(), Some(&b"code"[..]));
    }

    #[test]
    fn concurrent_writers_leave_a_whole_entry() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::of(b"module");
        std::thread::scope(|scope| {
            for writer in 0..4_u8 {
                let cache = Cache::new(folder.path(), 7);
                scope.spawn(move || {
                    for _ in 0..50 {
                        cache.store(digest, &[writer; 100_000]).unwrap();
                        let code = cache.load(digest).expect("there is always one");
                        assert!(code.len() == 100_000 && code.iter().all(|byte| *byte == code[0]));
                    }
                });
            }
        });
        let entries = fs::read_dir(folder.path().join("0000000000000007")).unwrap();
        assert_eq!(entries.count(), 1, "no temporary file is left");
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path(), 7);
        let digests = [b"a", b"b", b"c"].map(|name| Digest::of(name));
        for (age, digest) in (1..).zip(digests) {
            cache.store(digest, &[0; 100]).unwrap();
            let file = File::options()
                .write(true)
                .open(cache.path(digest))
                .unwrap();
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(age);
            file.set_modified(time).unwrap();
        }
        cache.trim(2 * (100 + CHECKSUM_BYTES as u64)).unwrap();
        let kept = digests.map(|digest| cache.load(digest).is_some());
        assert_eq!(kept, [false, true, true]);
    }

    #[test]
    fn digests_read_what_they_write() {
        let digest = Digest::of(b"");
        assert_eq!(
            digest.to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(Digest::from_hex(&digest.to_string()), Some(digest));
        assert_eq!(Digest::from_hex("zz"), None);
    }
}
