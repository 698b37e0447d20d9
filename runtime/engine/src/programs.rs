//! The programs of all pods: each is loaded once, by a few threads, and kept.

use crate::cache::Digest;
use crate::engine::Inner;
use crate::program::{LoadError, Program, load, optimize};
use bytes::Bytes;
use seedpod_core::limits::{COMPILE_THREADS, PROGRAMS};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;

/// Every program that runs or has run.
#[derive(Default)]
pub(crate) struct Programs {
    table: Mutex<Table>,
    /// Notified when a program has been loaded.
    loaded: Condvar,
    /// Programs noted in the cache to be compiled for the next run, since the thread that does so looked last.
    optimizing: AtomicUsize,
    /// Programs that run and are about to be noted.
    noting: AtomicUsize,
}

/// Files whose digests are remembered, and their size in bytes at most.
const RECENT: usize = 16;
const RECENT_BYTES_MAX: usize = 4 << 20;

#[derive(Default)]
struct Table {
    slots: BTreeMap<Digest, Slot>,
    /// Digests of programs that never change, by where they are in memory.
    known: BTreeMap<(usize, usize), Digest>,
    /// The same of files that were started last. Holding them keeps their place theirs.
    recent: VecDeque<(Bytes, Digest)>,
    /// Programs to load, in the order they were asked for.
    queue: VecDeque<(Digest, Bytes)>,
    /// Threads that load programs.
    threads: usize,
}

enum Slot {
    Loading(Vec<Waker>),
    Loaded(Result<Arc<Program>, LoadError>),
}

impl Programs {
    pub(crate) fn register(&self, bytes: &'static [u8], digest: Digest) {
        self.table()
            .known
            .insert((bytes.as_ptr() as usize, bytes.len()), digest);
    }

    pub(crate) fn digest(&self, bytes: &Bytes) -> Digest {
        let place = (bytes.as_ptr() as usize, bytes.len());
        let table = self.table();
        if let Some(digest) = table.known.get(&place) {
            return *digest;
        }
        let same =
            |(recent, _): &&(Bytes, Digest)| (recent.as_ptr() as usize, recent.len()) == place;
        if let Some((_, digest)) = table.recent.iter().find(same) {
            return *digest;
        }
        drop(table);
        let digest = Digest::of(bytes);
        if bytes.len() <= RECENT_BYTES_MAX {
            let mut table = self.table();
            table.recent.truncate(RECENT - 1);
            table.recent.push_front((bytes.clone(), digest));
        }
        digest
    }

    pub(crate) fn is_optimizing(&self) -> bool {
        self.noting.load(Ordering::SeqCst) + self.optimizing.load(Ordering::SeqCst) > 0
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_loaded(&self, digest: Digest, result: Result<Arc<Program>, LoadError>) {
        let slot = self.table().slots.insert(digest, Slot::Loaded(result));
        if let Some(Slot::Loading(waiting)) = slot {
            waiting.into_iter().for_each(Waker::wake);
        }
        self.loaded.notify_all();
    }
}

impl Table {
    /// Forgets programs that nobody runs once there are many: a guest can write and run any number of different ones.
    fn make_room(&mut self) {
        if self.slots.len() < PROGRAMS {
            return;
        }
        self.slots.retain(|_, slot| match slot {
            Slot::Loading(_) => true,
            Slot::Loaded(Ok(program)) => Arc::strong_count(program) > 1,
            Slot::Loaded(Err(_)) => false,
        });
    }
}

impl Inner {
    /// Resolves once another thread has loaded the program.
    pub(crate) fn poll_load(
        self: &Arc<Self>,
        digest: Digest,
        bytes: &Bytes,
        waker: &Waker,
    ) -> Poll<Result<Arc<Program>, LoadError>> {
        let mut table = self.programs.table();
        match table.slots.get_mut(&digest) {
            Some(Slot::Loaded(result)) => return Poll::Ready(result.clone()),
            Some(Slot::Loading(waiting)) => {
                if !waiting.iter().any(|known| known.will_wake(waker)) {
                    waiting.push(waker.clone());
                }
                return Poll::Pending;
            }
            None => {}
        }
        table.make_room();
        let slot = Slot::Loading(vec![waker.clone()]);
        table.slots.insert(digest, slot);
        table.queue.push_back((digest, bytes.clone()));
        if table.threads < COMPILE_THREADS {
            let inner = self.clone();
            match spawn_compiler(move || inner.load_queued()) {
                Ok(()) => table.threads += 1,
                Err(error) if table.threads == 0 => {
                    table.queue.clear();
                    table.slots.remove(&digest);
                    return Poll::Ready(Err(LoadError::Compile(error.to_string())));
                }
                // The threads there are will get to it.
                Err(_) => {}
            }
        }
        Poll::Pending
    }

    /// Loads the program on this thread, or waits for another that already does.
    pub(crate) fn load_now(
        self: &Arc<Self>,
        digest: Digest,
        bytes: &Bytes,
    ) -> Result<Arc<Program>, LoadError> {
        let mut table = self.programs.table();
        loop {
            match table.slots.get(&digest) {
                Some(Slot::Loaded(result)) => return result.clone(),
                Some(Slot::Loading(_)) => {
                    let woken = self.programs.loaded.wait(table);
                    table = woken.unwrap_or_else(PoisonError::into_inner);
                }
                None => {
                    table.make_room();
                    table.slots.insert(digest, Slot::Loading(Vec::new()));
                    drop(table);
                    self.load(digest, bytes);
                    table = self.programs.table();
                }
            }
        }
    }

    fn load_queued(self: Arc<Self>) {
        loop {
            let mut table = self.programs.table();
            let Some((digest, bytes)) = table.queue.pop_front() else {
                table.threads -= 1;
                return;
            };
            drop(table);
            self.load(digest, &bytes);
        }
    }

    fn load(self: &Arc<Self>, digest: Digest, bytes: &Bytes) {
        // Compilers have panicked on hostile input before; that must not leave others waiting.
        let loaded = catch_unwind(AssertUnwindSafe(|| load(self, digest, bytes)))
            .unwrap_or_else(|_| Err(LoadError::Compile("the compiler panicked".to_owned())));
        let (result, unoptimized) = match loaded {
            Ok((program, unoptimized)) => (Ok(Arc::new(program)), unoptimized),
            Err(error) => (Err(error), None),
        };
        self.programs.noting.fetch_add(1, Ordering::SeqCst);
        self.programs.set_loaded(digest, result);
        if let Some(component) = unoptimized {
            self.optimize_later(digest, &component);
        }
        self.programs.noting.fetch_sub(1, Ordering::SeqCst);
    }

    /// Has Cranelift compile a component into the cache. A note stays there until it has, in case this process ends
    /// first.
    fn optimize_later(self: &Arc<Self>, digest: Digest, component: &[u8]) {
        let Some(cache) = &self.optimized.cache else {
            return;
        };
        if let Err(error) = cache.add_pending(digest, component) {
            tracing::warn!("cannot note what to compile: {error}");
            return;
        }
        // One thread at a time: it is not urgent, and Cranelift uses several by itself.
        if self.programs.optimizing.fetch_add(1, Ordering::SeqCst) > 0 {
            return;
        }
        let inner = self.clone();
        if let Err(error) = spawn_compiler(move || inner.optimize_noted()) {
            self.programs.optimizing.store(0, Ordering::SeqCst);
            tracing::warn!("cannot optimize: {error}");
        }
    }

    fn optimize_noted(&self) {
        loop {
            let seen = self.programs.optimizing.load(Ordering::SeqCst);
            if let Err(error) = self.optimize_pending() {
                tracing::warn!("cannot optimize: {error}");
            }
            if self.programs.optimizing.fetch_sub(seen, Ordering::SeqCst) == seen {
                return;
            }
        }
    }

    /// Compiles everything noted in the cache, unless another process does.
    pub(crate) fn optimize_pending(&self) -> io::Result<()> {
        let Some(cache) = &self.optimized.cache else {
            return Ok(());
        };
        cache.drain_pending(|digest, component| {
            let optimize = AssertUnwindSafe(|| optimize(&self.optimized, cache, digest, component));
            if catch_unwind(optimize).is_err() {
                tracing::warn!("cannot optimize {digest}: the compiler panicked");
            }
        })
    }
}

fn spawn_compiler(run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new()
        .name("seedpod-compile".to_owned())
        .stack_size(COMPILE_STACK_BYTES);
    thread.spawn(run).map(drop)
}

/// Cranelift recurses over nested blocks of hostile size.
const COMPILE_STACK_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;
    use crate::settings::{EngineSettings, FirstRun};
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::mpsc;
    use std::task::Wake;

    #[test]
    fn every_guest_compiles_quickly() {
        let engine = engine(None);
        let mut guests = guests("");
        guests.extend(self::guests("tests"));
        assert!(guests.len() > 20, "{guests:?}");
        let quick = &engine.inner.quick.as_ref().unwrap().engine;
        for guest in guests {
            let bytes = Bytes::from(fs::read(&guest).unwrap());
            let is_quick = bytes.len() > crate::program::QUICK_FROM_BYTES;
            let program = wait_for(&engine, &bytes).unwrap();
            let compiled_by = wasmtime::Engine::same(program.pre.engine(), quick);
            assert_eq!(compiled_by, is_quick, "{}", guest.display());
        }
    }

    #[test]
    fn the_next_run_finds_optimized_code() {
        let folder = tempfile::tempdir().unwrap();
        let is_quick = |engine: &Engine, bytes: &Bytes| {
            let quick = &engine.inner.quick.as_ref().unwrap().engine;
            let program = wait_for(engine, bytes).unwrap();
            wasmtime::Engine::same(program.pre.engine(), quick)
        };
        let bytes = Bytes::from(fs::read(images().join("webapp.wasm")).unwrap());
        let first = engine(Some(folder.path()));
        assert!(is_quick(&first, &bytes));
        while first.is_optimizing() {
            thread::yield_now();
        }
        let second = engine(Some(folder.path()));
        assert!(!is_quick(&second, &bytes));

        let digest = Digest::of(&bytes);
        let cache = second.inner.optimized.cache.as_ref().unwrap();
        cache.store(digest, b"not what it should be").unwrap();
        assert!(
            is_quick(&engine(Some(folder.path())), &bytes),
            "quickly compiled code is still there"
        );
    }

    #[test]
    fn many_who_want_one_program_get_the_same() {
        let engine = engine(None);
        let bytes = Bytes::from(fs::read(images().join("tests/hello.wasm")).unwrap());
        let load = || wait_for(&engine, &bytes).unwrap();
        let programs = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect::<Vec<_>>()
        });
        assert!(programs.iter().all(|one| Arc::ptr_eq(one, &programs[0])));
    }

    #[test]
    fn what_cannot_be_loaded_says_why() {
        let engine = engine(None);
        let error = |bytes: &'static [u8]| match wait_for(&engine, &Bytes::from_static(bytes)) {
            Ok(_) => panic!("{bytes:?} is no program"),
            Err(error) => error.to_string(),
        };
        assert_eq!(error(b""), "not WebAssembly: an empty file");
        assert_eq!(error(b"MZ"), "not WebAssembly: a Windows program (PE)");
        assert!(!error(b"\0asm\x01\0\0\0\xff").is_empty());
        assert!(!error(b"\0asm\x0d\0\x01\0\xff").is_empty());
    }

    fn engine(cache: Option<&Path>) -> Engine {
        let settings = EngineSettings::host(cache.map(Path::to_owned));
        assert_eq!(settings.first, FirstRun::Quick);
        Engine::new(settings).unwrap()
    }

    fn images() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/images")
    }

    fn guests(folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(images().join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "wasm")
            })
            .collect()
    }

    struct Told(mpsc::SyncSender<()>);

    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            // Full is as good: one is enough.
            let _ = self.0.try_send(());
        }
    }

    fn wait_for(engine: &Engine, bytes: &Bytes) -> Result<Arc<Program>, LoadError> {
        let (told, wake) = mpsc::sync_channel(1);
        let waker = Waker::from(Arc::new(Told(told)));
        let digest = engine.inner.programs.digest(bytes);
        loop {
            match engine.inner.poll_load(digest, bytes, &waker) {
                Poll::Ready(result) => return result,
                Poll::Pending => wake.recv().unwrap(),
            }
        }
    }
}
