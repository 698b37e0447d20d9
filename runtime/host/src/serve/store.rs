//! The objects on the disk.
//!
//! One thread writes. While it commits, what changes meanwhile gathers, of each object only the last; then all of that is
//! the next transaction. So a thousand writers wait for two commits at most, and what waits is never more than the objects
//! there are.
//!
//! Why redb: it is one file with real transactions (copy on write, checksums, an atomic switch of two roots), pure Rust,
//! with a stable format and few dependencies, and it is looked after. sled has been a beta for years and rewrites itself; fjall is a
//! tree of logs with threads that compact, made for more data than memory, which this is not; SQLite and LMDB are C, so
//! every target needs a compiler of it, and LMDB maps its file, so that a disk error is a signal.

use super::files;
use bytes::Bytes;
use redb::backends::FileBackend;
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition,
};
use seedpod_core::store::{Key, Revision, Store, Stored, Write};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use tokio::sync::watch;

const FILE: &str = "store.redb";
/// Resource, namespace and name to revision and JSON.
const OBJECTS: TableDefinition<'_, (&str, &str, &str), (u64, &[u8])> =
    TableDefinition::new("objects");
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
/// In [`NUMBERS`]: the last change that is here.
const REVISION: &str = "revision";
/// In [`NUMBERS`]: what these tables mean.
const FORMAT: &str = "format";
const FORMAT_NOW: u64 = 1;
/// All objects are in memory already.
const CACHE_BYTES: usize = 4 << 20;

/// Why objects cannot be kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process does.
    #[error(
        "{0} is in use: another `seedpod serve` runs on this state folder; stop it, or take another --state-dir"
    )]
    InUse(PathBuf),
    /// A newer version has written them.
    #[error(
        "{0} has format {1}, this version knows {FORMAT_NOW}: take a newer seedpod, or another --state-dir"
    )]
    Format(PathBuf, u64),
    /// The disk says no.
    #[error("cannot keep objects in {0}: {1}")]
    Disk(PathBuf, Arc<redb::Error>),
}

/// Writes changes to the disk.
pub(super) struct Disk {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    pending: Mutex<Pending>,
    wake: Condvar,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct Pending {
    /// Of the last change that is here.
    revision: Revision,
    objects: BTreeMap<Key, Option<Stored>>,
    is_closing: bool,
}

/// How far the disk is.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// All changes up to this are on it.
    pub(super) revision: Revision,
    /// No further change will be.
    pub(super) failed: Option<StoreError>,
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    /// What a folder has kept, and who keeps what follows.
    pub(super) fn open(folder: &Path) -> Result<(Store, Self), StoreError> {
        let path = folder.join(FILE);
        let database = database(&path)?;
        let store = restore(&database, &path)?;
        let revision = store.revision();
        let progress = Progress {
            revision,
            failed: None,
        };
        let shared = Arc::new(Shared {
            pending: Mutex::new(Pending {
                revision,
                ..Pending::default()
            }),
            wake: Condvar::new(),
            progress: watch::Sender::new(progress),
        });
        let writer = shared.clone();
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write_all(&writer, &database, &path))
            .map_err(|error| failed(&folder.join(FILE), error))?;
        let thread = Some(thread);
        Ok((store, Self { shared, thread }))
    }

    /// Takes changes that follow those it has.
    pub(super) fn write(&self, writes: Vec<Write>) {
        let Some(last) = writes.last().map(|write| write.revision) else {
            return;
        };
        let mut pending = self.shared.pending();
        pending.revision = last;
        for Write {
            revision,
            key,
            value,
        } in writes
        {
            let stored = value.map(|value| Stored { revision, value });
            pending.objects.insert(key, stored);
        }
        self.shared.wake.notify_one();
    }

    /// How far it is.
    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.shared.progress.subscribe()
    }

    /// Waits until all changes up to `revision` are on the disk.
    pub(super) async fn written(&self, revision: Revision) -> Result<(), StoreError> {
        let mut progress = self.progress();
        let reached = progress
            .wait_for(|progress| progress.revision >= revision || progress.failed.is_some())
            .await;
        match reached {
            Ok(progress) if progress.revision < revision => {
                progress.failed.clone().map_or(Ok(()), Err)
            }
            // The sender is ours.
            _ => Ok(()),
        }
    }
}

impl Drop for Disk {
    /// What is pending is still written.
    fn drop(&mut self) {
        self.shared.pending().is_closing = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer of the store panicked");
        }
    }
}

fn database(path: &Path) -> Result<Database, StoreError> {
    let file = files::private().create(true).truncate(false).open(path);
    let file = file.map_err(|error| failed(path, error))?;
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    let opened = FileBackend::new(file).and_then(|file| builder.create_with_backend(file));
    opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(path.to_owned()),
        error => failed(path, error),
    })
}

fn restore(database: &Database, path: &Path) -> Result<Store, StoreError> {
    let begin = || -> Result<_, redb::Error> {
        // So that both tables are there.
        let transaction = database.begin_write()?;
        let format = {
            transaction.open_table(OBJECTS)?;
            let mut numbers = transaction.open_table(NUMBERS)?;
            let found = numbers.get(FORMAT)?.map(|found| found.value());
            if found.is_none() {
                numbers.insert(FORMAT, FORMAT_NOW)?;
            }
            found
        };
        match format {
            None => transaction.commit()?,
            Some(_) => transaction.abort()?,
        }
        Ok(format.unwrap_or(FORMAT_NOW))
    };
    match begin().map_err(|error| failed(path, error))? {
        FORMAT_NOW => read(database).map_err(|error| failed(path, error)),
        other => Err(StoreError::Format(path.to_owned(), other)),
    }
}

fn read(database: &Database) -> Result<Store, redb::Error> {
    let transaction = database.begin_read()?;
    let numbers = transaction.open_table(NUMBERS)?;
    let revision = numbers.get(REVISION)?.map_or(0, |found| found.value());
    let mut objects = Vec::new();
    for entry in transaction.open_table(OBJECTS)?.iter()? {
        let (key, stored) = entry?;
        let (resource, namespace, name) = key.value();
        let (revision, json) = stored.value();
        let value = Bytes::copy_from_slice(json);
        let key = Key::new(resource, namespace, name);
        objects.push((key, Stored { revision, value }));
    }
    Ok(Store::restored(revision, objects))
}

fn failed(path: &Path, error: impl Into<redb::Error>) -> StoreError {
    StoreError::Disk(path.to_owned(), Arc::new(error.into()))
}

/// The thread that writes.
fn write_all(shared: &Shared, database: &Database, path: &Path) {
    loop {
        let mut pending = shared.pending();
        while pending.objects.is_empty() && !pending.is_closing {
            pending = shared
                .wake
                .wait(pending)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if pending.objects.is_empty() {
            return;
        }
        let objects = std::mem::take(&mut pending.objects);
        let revision = pending.revision;
        drop(pending);
        match commit(database, revision, &objects) {
            Ok(()) => shared
                .progress
                .send_modify(|progress| progress.revision = revision),
            Err(error) => {
                let error = failed(path, error);
                tracing::error!("{error}");
                shared
                    .progress
                    .send_modify(|progress| progress.failed = Some(error));
                return;
            }
        }
    }
}

fn commit(
    database: &Database,
    revision: Revision,
    objects: &BTreeMap<Key, Option<Stored>>,
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut table = transaction.open_table(OBJECTS)?;
        for (key, stored) in objects {
            let key = (&*key.resource, &*key.namespace, &*key.name);
            match stored {
                Some(stored) => table.insert(key, (stored.revision, &stored.value[..]))?,
                None => table.remove(key)?,
            };
        }
        transaction
            .open_table(NUMBERS)?
            .insert(REVISION, revision)?;
    }
    transaction.commit()?;
    Ok(())
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        Self::other(error)
    }
}
