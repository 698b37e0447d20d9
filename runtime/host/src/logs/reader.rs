//! Reading on in the log of one instance of a container.

use super::PodLogs;
use seedpod_api::server::stream::log::TailFinder;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;
use tokio::sync::watch;

/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// A place in the log of an instance.
#[derive(Debug)]
pub(crate) struct LogReader {
    logs: Arc<PodLogs>,
    container: String,
    restart: u32,
    /// Number of the file: that which it was set aside under, or will be.
    segment: u64,
    file: Option<File>,
    changed: watch::Receiver<()>,
}

impl LogReader {
    /// At the beginning of what is kept, or of the last lines. Blocks on the disk, as [`read`](Self::read) does.
    pub(crate) fn open(
        logs: Arc<PodLogs>,
        container: &str,
        restart: u32,
        tail_lines: Option<u64>,
    ) -> io::Result<Self> {
        let changed = logs.changed.subscribe();
        let aside = logs.set_aside(container, restart)?;
        let mut reader = Self {
            logs,
            container: container.to_owned(),
            restart,
            segment: aside.first().copied().unwrap_or_default(),
            file: None,
            changed,
        };
        let Some(lines) = tail_lines else {
            reader.file = reader.open_segment(&aside)?;
            return Ok(reader);
        };
        let mut finder = TailFinder::new(lines);
        let newest = aside.last().map_or(0, |last| last + 1);
        for segment in std::iter::once(newest).chain(aside.iter().rev().copied()) {
            reader.segment = segment;
            let Some(mut file) = reader.open_segment(&aside)? else {
                continue;
            };
            let begin = begin_of_tail(&mut file, &mut finder)?;
            file.seek(SeekFrom::Start(begin.unwrap_or_default()))?;
            reader.file = Some(file);
            if begin.is_some() {
                break;
            }
        }
        Ok(reader)
    }

    /// The file of the segment, when it is there.
    fn open_segment(&self, aside: &[u64]) -> io::Result<Option<File>> {
        let path = match aside.contains(&self.segment) {
            true => self
                .logs
                .aside_path(&self.container, self.restart, self.segment),
            false => self.logs.path(&self.container, self.restart),
        };
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => file.map(Some),
        }
    }

    /// Some of what comes next, as it is kept; nothing at its present end.
    pub(crate) fn read(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(file) = &mut self.file {
                let mut bytes = vec![0; READ_BYTES];
                let count = file.read(&mut bytes)?;
                if count > 0 {
                    bytes.truncate(count);
                    return Ok(bytes);
                }
            }
            let aside = self.logs.set_aside(&self.container, self.restart)?;
            let is_aside = aside.contains(&self.segment);
            let newest = aside.last().map_or(0, |last| last + 1);
            if self.segment >= newest && self.file.is_some() {
                return Ok(Vec::new());
            }
            // What was written between the read and the look is still to come from the same file.
            if is_aside && let Some(file) = &mut self.file {
                let mut rest = Vec::new();
                file.take(READ_BYTES as u64).read_to_end(&mut rest)?;
                if !rest.is_empty() {
                    return Ok(rest);
                }
            }
            if self.file.take().is_some() {
                self.segment += 1;
            }
            let oldest = aside.first().copied().unwrap_or(newest);
            self.segment = self.segment.max(oldest);
            self.file = self.open_segment(&aside)?;
            if self.file.is_none() {
                return Ok(Vec::new());
            }
        }
    }

    /// Waits until there is more than the last [`read`](Self::read) saw, or may be; `false` when there never will be: read
    /// once more before you believe it.
    pub(crate) async fn more(&mut self) -> bool {
        if self.has_ended() {
            return false;
        }
        // The sender lives in `logs`.
        let _ = self.changed.changed().await;
        true
    }

    /// Whether the instance has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.logs.has_ended(&self.container, self.restart)
    }
}

/// Where in a file the wanted lines begin; `None` when that is before it.
fn begin_of_tail(file: &mut File, finder: &mut TailFinder) -> io::Result<Option<u64>> {
    let mut end = file.metadata()?.len();
    let mut piece = vec![0; READ_BYTES];
    while end > 0 {
        let begin = end.saturating_sub(READ_BYTES as u64);
        let length = usize::try_from(end - begin).unwrap_or(READ_BYTES);
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(&mut piece[..length])?;
        if let Some(at) = finder.find(&piece[..length]) {
            return Ok(Some(begin + at as u64));
        }
        end = begin;
    }
    Ok(None)
}
