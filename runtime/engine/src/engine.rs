//! Sets up wasmtime for both worlds, and tells guests when their slice is over.

use crate::cache::{Cache, Digest};
use crate::guest::Guest;
use crate::program::{LoadError, Program};
use crate::programs::Programs;
use crate::settings::{Allocation, Compiler, EngineSettings, FirstRun, Slice, config};
use crate::ticker::{ShortSlices, Ticker};
use bytes::Bytes;
use std::future::poll_fn;
use std::sync::Arc;
use wasmtime::component::Linker;

/// Everything the pods of a process share of wasmtime. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: EngineSettings,
    pub(crate) optimized: Flavor,
    /// Only where quick first runs are wanted.
    pub(crate) quick: Option<Flavor>,
    ticker: Option<Ticker>,
    pub(crate) programs: Programs,
}

/// One way of compiling, with everything that depends on it.
pub(crate) struct Flavor {
    pub(crate) engine: wasmtime::Engine,
    pub(crate) linker: Linker<Guest>,
    /// Whether its guests run by fuel, in a simulation.
    pub(crate) is_simulated: bool,
    pub(crate) cache: Option<Cache>,
}

/// The engine could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up wasmtime: {0}")]
pub struct EngineError(String);

impl Engine {
    /// Sets up wasmtime.
    ///
    /// # Errors
    /// When this machine cannot run wasmtime at all.
    pub fn new(settings: EngineSettings) -> Result<Self, EngineError> {
        let optimized = Flavor::roomy(&settings)?;
        let quick = match (settings.first, settings.slice) {
            // Where Winch does not exist, Cranelift does the first run too.
            (FirstRun::Quick, Slice::Time(_)) => {
                Flavor::new(&settings, Compiler::Winch, Allocation::OnDemand).ok()
            }
            // Its code uses other amounts of fuel, so that time would depend on who compiled.
            (FirstRun::Quick, Slice::Fuel(_)) => None,
            (FirstRun::Optimized | FirstRun::Unoptimized, _) => None,
        };
        let ticker = match settings.slice {
            Slice::Fuel(_) => None,
            Slice::Time(slice) => {
                let mut engines = vec![optimized.engine.weak()];
                engines.extend(quick.iter().map(|flavor| flavor.engine.weak()));
                Some(Ticker::new(slice, engines))
            }
        };
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                optimized,
                quick,
                ticker,
                programs: Programs::default(),
            }),
        })
    }

    /// Says that these bytes have this digest and will never change, so that nobody computes it again.
    pub fn register(&self, bytes: &'static [u8], digest: Digest) {
        self.inner.programs.register(bytes, digest);
    }

    /// Whether programs are still being compiled for the next run. A process that ends now leaves a note in the cache,
    /// for [`optimize_pending`](Self::optimize_pending).
    pub fn is_optimizing(&self) -> bool {
        self.inner.programs.is_optimizing()
    }

    /// Compiles what earlier processes left undone; another process that does so already is left to it.
    ///
    /// # Errors
    /// When the cache cannot be read or written.
    pub fn optimize_pending(&self) -> std::io::Result<()> {
        self.inner.optimize_pending()
    }

    /// The program in these bytes, compiled: from memory, from the cache, or now. In a simulation the answer takes no
    /// turn, whoever compiled it.
    pub(crate) async fn program(&self, bytes: Bytes) -> Result<Arc<Program>, LoadError> {
        let digest = self.inner.programs.digest(&bytes);
        match self.inner.settings.slice {
            Slice::Fuel(_) => self.inner.load_now(digest, &bytes),
            Slice::Time(_) => poll_fn(|cx| self.inner.poll_load(digest, &bytes, cx.waker())).await,
        }
    }

    /// Says that a guest is about to run.
    pub(crate) fn note_step(&self) {
        if let Some(ticker) = &self.inner.ticker {
            ticker.note_step();
        }
    }

    /// Makes slices short for as long as the answer is held.
    pub(crate) fn short_slices(&self) -> Option<ShortSlices> {
        self.inner.ticker.as_ref().map(Ticker::short_slices)
    }

    /// How much fuel a guest uses before it gives way; 0 where time decides.
    pub fn fuel_per_slice(&self) -> u64 {
        match self.inner.settings.slice {
            Slice::Fuel(fuel) => fuel,
            Slice::Time(_) => 0,
        }
    }

    /// How long a guest may run.
    pub(crate) fn slice(&self) -> Slice {
        self.inner.settings.slice
    }
}

impl Flavor {
    /// Instances come from a pool if one is wanted and the address space has room for it, or each gets mappings of its
    /// own.
    fn roomy(settings: &EngineSettings) -> Result<Self, EngineError> {
        if let Some(slots) = settings.pool {
            match Self::new(settings, settings.compiler(), Allocation::Pool(slots)) {
                Ok(flavor) => return Ok(flavor),
                Err(error) => tracing::debug!("no pool of {slots} instances: {error}"),
            }
        }
        Self::new(settings, settings.compiler(), Allocation::OnDemand)
    }

    fn new(
        settings: &EngineSettings,
        compiler: Compiler,
        allocation: Allocation,
    ) -> Result<Self, EngineError> {
        let failed = |error: wasmtime::Error| EngineError(format!("{error:#}"));
        let engine =
            wasmtime::Engine::new(&config(settings.slice, compiler, allocation)).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        crate::wasi::add_to_linker(&mut linker, settings.slice).map_err(failed)?;
        let cache = settings
            .cache
            .as_ref()
            .map(|root| Cache::new(root, compatibility(&engine)));
        Ok(Self {
            engine,
            linker,
            is_simulated: matches!(settings.slice, Slice::Fuel(_)),
            cache,
        })
    }
}

fn compatibility(engine: &wasmtime::Engine) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_that_does_not_fit_is_done_without() {
        let with_pool = |slots| {
            Engine::new(EngineSettings {
                pool: Some(slots),
                ..EngineSettings::host(None)
            })
        };
        assert!(with_pool(4).is_ok());
        assert!(with_pool(1_000_000).is_ok());
    }
}
