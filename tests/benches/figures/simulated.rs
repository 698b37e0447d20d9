//! Pods in virtual time, on one core: how many runs of a test a second has.

use seedpod::images::Images;
use seedpod_api::Source;
use seedpod_core::podtest::PodTest;
use seedpod_core::sched::{Chooser, Knowledge, StrategyKind};
use seedpod_core::seed::Seed;
use seedpod_core::spec::Objects;
use seedpod_engine::{Engine, EngineSettings};
use seedpod_sim::Keep;
use seedpod_sim::run::{Prepared, RunReport, RunSettings, run};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub struct Simulated {
    test: PodTest,
    prepared: Prepared,
}

impl Simulated {
    /// A test of a manifest without anything but what holds unsaid.
    pub fn new(name: &str, manifest: &str, limit: Duration) -> Self {
        let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-simulated");
        let engine = Engine::new(EngineSettings::deterministic(Some(cache))).expect("an engine");
        Images::register(&engine);
        let images = Images::new(crate::images());
        let mut test = PodTest::new(name);
        test.limit = limit;
        test.settle = Duration::ZERO;
        let images: seedpod_sim::Images =
            Arc::new(move |reference: &str, policy| images.resolve(reference, policy));
        let prepared = Prepared::new(&test, objects(manifest), engine, images);
        let prepared = prepared.unwrap_or_else(|errors| panic!("{errors:?}"));
        Self { test, prepared }
    }

    /// One run, scheduled as a seed wants it.
    pub fn run(&self, seed: u64) -> RunReport {
        let seed = Seed::new(seed);
        let chooser = Chooser::seeded(seed, StrategyKind::Pos, &Knowledge::default());
        let report = run(RunSettings {
            prepared: &self.prepared,
            test: &self.test,
            seed,
            chooser,
            keep: Keep::Schedule,
            packets: None,
        });
        report.expect("a run")
    }

    /// How long so many runs take, each from another seed.
    pub fn time(&self, runs: u64) -> Duration {
        let start = Instant::now();
        for seed in 0..runs {
            let report = self.run(seed);
            assert!(report.failures.is_empty(), "{:?}", report.failures);
        }
        start.elapsed()
    }
}

fn objects(manifest: &str) -> Objects {
    let source = Source {
        name: "bench.yaml".to_owned(),
        bytes: manifest.as_bytes().to_vec(),
    };
    let loaded = seedpod_api::load(&[source]).unwrap_or_else(|errors| panic!("{errors:?}"));
    loaded.objects
}
