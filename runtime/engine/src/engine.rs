//! Compiles programs once, keeps them, and tells guests when their slice is over.

use crate::cache::{Cache, Digest};
use crate::guest::Guest;
use crate::program::{LoadError, Program, load, optimize};
use crate::settings::{Allocation, Compiler, EngineSettings, FirstRun, Slice, config};
use crate::ticker::Ticker;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use wasmtime::component::Linker;

/// Everything the pods of a process share of wasmtime. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: EngineSettings,
    pub(crate) optimized: Flavor,
    /// Only where quick first runs are wanted.
    pub(crate) quick: Option<Flavor>,
    ticker: Option<Ticker>,
    programs: Mutex<Programs>,
    /// Programs that Cranelift compiles in the background for the next run.
    optimizing: AtomicUsize,
    /// Notified when a program has been loaded.
    loaded: Condvar,
}

/// One way of compiling, with everything that depends on it.
pub(crate) struct Flavor {
    pub(crate) engine: wasmtime::Engine,
    pub(crate) linker: Linker<Guest>,
    pub(crate) cache: Option<Cache>,
}

/// Programs by digest, and the digests of programs that never change by where they are in memory.
#[derive(Default)]
struct Programs {
    slots: BTreeMap<Digest, Slot>,
    known: BTreeMap<(usize, usize), Digest>,
}

enum Slot {
    Loading(Vec<Waker>),
    Loaded(Result<Arc<Program>, LoadError>),
}

/// The engine could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up wasmtime: {0}")]
pub struct EngineError(String);

impl Engine {
    /// Sets up wasmtime; instances come from a pool where the address space has room for one.
    ///
    /// # Errors
    /// When this machine cannot run wasmtime at all.
    pub fn new(settings: EngineSettings) -> Result<Self, EngineError> {
        let pooled = POOL_SLOTS
            .into_iter()
            .map(Allocation::Pool)
            .chain([Allocation::OnDemand]);
        let optimized = pooled
            .map(|allocation| Flavor::new(&settings, Compiler::Cranelift, allocation))
            .reduce(Result::or)
            .unwrap_or_else(|| Err(EngineError(String::new())))?;
        let quick = match settings.first {
            FirstRun::Optimized => None,
            // Where Winch does not exist, Cranelift does the first run too.
            FirstRun::Quick => Flavor::new(&settings, Compiler::Winch, Allocation::OnDemand).ok(),
        };
        let ticker = match settings.slice {
            Slice::Fuel(_) => None,
            Slice::Time(slice) => {
                let mut engines = vec![optimized.engine.weak()];
                engines.extend(quick.iter().map(|flavor| flavor.engine.weak()));
                Some(Ticker::new(slice, engines))
            }
        };
        let programs = Mutex::default();
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                optimized,
                quick,
                ticker,
                programs,
                loaded: Condvar::new(),
                optimizing: AtomicUsize::new(0),
            }),
        })
    }

    /// Says that these bytes have this digest and will never change, so that nobody computes it again.
    pub fn register(&self, bytes: &'static [u8], digest: Digest) {
        self.inner
            .programs()
            .known
            .insert((bytes.as_ptr() as usize, bytes.len()), digest);
    }

    /// Whether programs are still being compiled for the next run. A process that ends now leaves a note in the cache,
    /// for [`optimize_pending`](Self::optimize_pending).
    pub fn is_optimizing(&self) -> bool {
        self.inner.optimizing.load(Ordering::Relaxed) > 0
    }

    /// Compiles what earlier processes left undone; another process that does so already is left to it.
    ///
    /// # Errors
    /// When the cache cannot be read or written.
    pub fn optimize_pending(&self) -> std::io::Result<()> {
        let optimized = &self.inner.optimized;
        match &optimized.cache {
            Some(cache) => cache
                .drain_pending(|digest, component| optimize(optimized, cache, digest, component)),
            None => Ok(()),
        }
    }

    /// The program in these bytes, compiled: from memory, from the cache, or now. In a simulation the answer takes no
    /// turn, whoever compiled it.
    pub(crate) async fn program(&self, bytes: Bytes) -> Result<Arc<Program>, LoadError> {
        let digest = self.inner.digest(&bytes);
        match self.inner.settings.slice {
            Slice::Fuel(_) => self.inner.load_now(digest, &bytes),
            Slice::Time(_) => {
                poll_fn(|cx| self.inner.clone().poll_load(digest, &bytes, cx.waker())).await
            }
        }
    }

    /// Says that a guest is about to run.
    pub(crate) fn note_step(&self) {
        if let Some(ticker) = &self.inner.ticker {
            ticker.note_step();
        }
    }

    /// How long a guest may run.
    pub(crate) fn slice(&self) -> Slice {
        self.inner.settings.slice
    }
}

impl Inner {
    fn programs(&self) -> MutexGuard<'_, Programs> {
        self.programs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn digest(&self, bytes: &Bytes) -> Digest {
        let known = self
            .programs()
            .known
            .get(&(bytes.as_ptr() as usize, bytes.len()))
            .copied();
        known.unwrap_or_else(|| Digest::of(bytes))
    }

    fn poll_load(
        self: Arc<Self>,
        digest: Digest,
        bytes: &Bytes,
        waker: &Waker,
    ) -> Poll<Result<Arc<Program>, LoadError>> {
        let mut programs = self.programs();
        match programs.slots.get_mut(&digest) {
            Some(Slot::Loaded(result)) => return Poll::Ready(result.clone()),
            Some(Slot::Loading(waiting)) => {
                waiting.push(waker.clone());
                return Poll::Pending;
            }
            None => {}
        }
        programs.make_room();
        programs
            .slots
            .insert(digest, Slot::Loading(vec![waker.clone()]));
        drop(programs);
        let (inner, bytes) = (self.clone(), bytes.clone());
        let thread = std::thread::Builder::new()
            .name("seedpod-compile".to_owned())
            .stack_size(COMPILE_STACK_BYTES);
        if let Err(error) = thread.spawn(move || inner.finish_loading(digest, &bytes)) {
            self.set_loaded(digest, Err(LoadError::Compile(error.to_string())));
        }
        Poll::Pending
    }

    fn load_now(&self, digest: Digest, bytes: &Bytes) -> Result<Arc<Program>, LoadError> {
        let mut programs = self.programs();
        loop {
            match programs.slots.get(&digest) {
                Some(Slot::Loaded(result)) => return result.clone(),
                Some(Slot::Loading(_)) => {
                    programs = self
                        .loaded
                        .wait(programs)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                None => {
                    programs.make_room();
                    programs.slots.insert(digest, Slot::Loading(Vec::new()));
                    drop(programs);
                    self.finish_loading(digest, bytes);
                    programs = self.programs();
                }
            }
        }
    }

    fn finish_loading(&self, digest: Digest, bytes: &Bytes) {
        // Compilers have panicked on hostile input before; that must not leave others waiting.
        let loading = std::panic::AssertUnwindSafe(|| load(self, digest, bytes));
        let loaded = std::panic::catch_unwind(loading)
            .unwrap_or_else(|_| Err(LoadError::Compile("the compiler panicked".to_owned())));
        let (result, optimize) = match loaded {
            Ok((program, optimize)) => (Ok(Arc::new(program)), optimize),
            Err(error) => (Err(error), None),
        };
        self.set_loaded(digest, result);
        if let Some(optimize) = optimize {
            self.optimizing.fetch_add(1, Ordering::Relaxed);
            optimize.run(&self.optimized);
            self.optimizing.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn set_loaded(&self, digest: Digest, result: Result<Arc<Program>, LoadError>) {
        let slot = self.programs().slots.insert(digest, Slot::Loaded(result));
        if let Some(Slot::Loading(waiting)) = slot {
            waiting.into_iter().for_each(Waker::wake);
        }
        self.loaded.notify_all();
    }
}

impl Programs {
    /// Forgets programs that nobody runs once there are many: a guest can write and run any number of different ones.
    fn make_room(&mut self) {
        if self.slots.len() < seedpod_core::limits::PROGRAMS {
            return;
        }
        self.slots.retain(|_, slot| match slot {
            Slot::Loading(_) => true,
            Slot::Loaded(Ok(program)) => Arc::strong_count(program) > 1,
            Slot::Loaded(Err(_)) => false,
        });
    }
}

impl Flavor {
    fn new(
        settings: &EngineSettings,
        compiler: Compiler,
        allocation: Allocation,
    ) -> Result<Self, EngineError> {
        let failed = |error: wasmtime::Error| EngineError(format!("{error:#}"));
        let engine =
            wasmtime::Engine::new(&config(settings.slice, compiler, allocation)).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        crate::wasi::add_to_linker(&mut linker).map_err(failed)?;
        let cache = settings
            .cache
            .as_ref()
            .map(|root| Cache::new(root, compatibility(&engine)));
        Ok(Self {
            engine,
            linker,
            cache,
        })
    }
}

/// Slots to try for, each with 4 GiB of address space: what 47 bits hold with room to spare, then what 43 bits hold.
const POOL_SLOTS: [u32; 2] = [10_000, 1_000];

/// Cranelift recurses over nested blocks of hostile size.
const COMPILE_STACK_BYTES: usize = 8 << 20;

fn compatibility(engine: &wasmtime::Engine) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}
