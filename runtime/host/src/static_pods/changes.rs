//! Word from the operating system that something in a folder has changed: inotify on Linux. Elsewhere the folder is read
//! every second.

use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, timeout};

/// How long a folder must be quiet before it is read: whoever writes a file does so in pieces.
const QUIET: Duration = Duration::from_millis(50);
/// But no longer than this.
const QUIET_MAX: Duration = Duration::from_secs(1);
/// When a folder that is watched is read without a change, to see whether a broken file still is (kubelet
/// `fileCheckFrequency`).
const SCAN_INTERVAL: Duration = Duration::from_secs(20);
/// When a folder is read that cannot be watched.
const UNWATCHED_SCAN_INTERVAL: Duration = Duration::from_secs(1);

/// Changes of a folder.
pub(super) struct Changes {
    watcher: Option<Watcher>,
    word: Receiver<()>,
    sender: Sender<()>,
    /// There was word, but it was not quiet yet.
    is_pending: bool,
}

impl Changes {
    pub(super) fn new(folder: &Path) -> Self {
        let (sender, word) = mpsc::channel(1);
        let mut changes = Self {
            watcher: None,
            word,
            sender,
            is_pending: false,
        };
        changes.watch_again(folder);
        changes
    }

    /// Whether there will be word of a change.
    pub(super) fn are_told(&self) -> bool {
        self.watcher.is_some()
    }

    /// The folder is gone, and with it who watched it.
    pub(super) fn are_lost(&mut self) {
        self.watcher = None;
    }

    pub(super) fn interval(&self) -> Duration {
        if self.are_told() {
            SCAN_INTERVAL
        } else {
            UNWATCHED_SCAN_INTERVAL
        }
    }

    pub(super) fn watch_again(&mut self, folder: &Path) {
        if self.watcher.is_none() {
            let watcher = Watcher::new(folder, self.sender.clone());
            self.watcher = watcher
                .inspect_err(|error| tracing::debug!(%error, "cannot watch {}", folder.display()))
                .ok();
        }
    }

    /// Waits for a change and then until all is quiet. A change is not lost when this is not waited for to the end.
    pub(super) async fn next(&mut self) {
        if !self.is_pending {
            // The other end lives here too.
            let _ = self.word.recv().await;
            self.is_pending = true;
        }
        let end = Instant::now() + QUIET_MAX;
        while Instant::now() < end && timeout(QUIET, self.word.recv()).await.is_ok() {}
        self.is_pending = false;
    }
}

#[cfg(target_os = "linux")]
use linux::Watcher;
#[cfg(not(target_os = "linux"))]
use other::Watcher;

#[cfg(target_os = "linux")]
mod linux {
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::path::Path;
    use std::sync::Arc;
    use std::thread;
    use tokio::sync::mpsc::Sender;

    /// A thread that waits in the kernel. It ends when this is dropped, or the folder is removed.
    pub(super) struct Watcher {
        inotify: Arc<OwnedFd>,
        folder: i32,
    }

    impl Watcher {
        pub(super) fn new(folder: &Path, word: Sender<()>) -> io::Result<Self> {
            let inotify = Arc::new(inotify::init(CreateFlags::CLOEXEC)?);
            let what = WatchFlags::CREATE
                | WatchFlags::CLOSE_WRITE
                | WatchFlags::MODIFY
                | WatchFlags::ATTRIB
                | WatchFlags::DELETE
                | WatchFlags::MOVE
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::ONLYDIR;
            let folder = inotify::add_watch(&inotify, folder, what)?;
            let for_thread = inotify.clone();
            thread::Builder::new()
                .name("seedpod-static-pods".to_owned())
                .spawn(move || tell(&for_thread, &word))?;
            Ok(Self { inotify, folder })
        }
    }

    impl Drop for Watcher {
        fn drop(&mut self) {
            // The kernel answers with the last event of the watch; an error says that it was sent already.
            let _ = inotify::remove_watch(&self.inotify, self.folder);
        }
    }

    /// Room for some events with names of 255 bytes.
    const EVENT_BYTES: usize = 4 << 10;

    fn tell(inotify: &OwnedFd, word: &Sender<()>) {
        let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
        let mut reader = Reader::new(inotify, &mut buffer);
        while let Ok(event) = reader.next() {
            // When there is word already, nothing is lost.
            let _ = word.try_send(());
            if event.events().contains(ReadFlags::IGNORED) {
                return;
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::io;
    use std::path::Path;
    use tokio::sync::mpsc::Sender;

    /// There is none.
    pub(super) enum Watcher {}

    impl Watcher {
        pub(super) fn new(_: &Path, _: Sender<()>) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}
