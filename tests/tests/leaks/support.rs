//! Pods of shells and of tiny programs, and everything that can be seen of them.

use bytes::Bytes;
use seedpod::images::Images;
use seedpod_api::Source;
use seedpod_core::image::{Image, ImageConfig};
use seedpod_core::pod::ContainerState;
use seedpod_core::sched::{Chooser, Knowledge, StrategyKind};
use seedpod_core::seed::Seed;
use seedpod_core::spec::Objects;
use seedpod_core::volume::Tree;
use seedpod_engine::world::{Output, ResolvedImage};
use seedpod_engine::{Engine, EngineSettings};
use seedpod_sim::{Keep, Scheduling, Settings, Simulation};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// What can be seen of a run.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    /// What the containers wrote; with their names, when there are several.
    pub log: String,
    /// How they ended: `p 0`.
    pub ends: String,
    /// Why the first of them did not start, or what it left as its last words.
    pub message: String,
    /// Everything pods said about themselves.
    pub status: String,
    /// The trace, with its times.
    pub trace: String,
    pub hash: u128,
}

pub fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled")
}

pub fn new_engine(settings: EngineSettings) -> Engine {
    let engine = Engine::new(settings).unwrap();
    Images::register(&engine);
    engine
}

pub fn engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> =
        LazyLock::new(|| new_engine(EngineSettings::deterministic(Some(cache()))));
    &ENGINE
}

/// The same in code that is not optimized.
pub fn unoptimized() -> &'static Engine {
    static ENGINE: LazyLock<Engine> =
        LazyLock::new(|| new_engine(EngineSettings::deterministic_unoptimized(Some(cache()))));
    &ENGINE
}

/// A pod of one shell.
pub fn shell(script: &str) -> String {
    shells(&[script])
}

/// A pod of these shells.
pub fn shells(scripts: &[&str]) -> String {
    let mut spec = "restartPolicy: Never\n  containers:\n".to_owned();
    for (number, script) in scripts.iter().enumerate() {
        let script = script.replace('\'', "''");
        writeln!(
            spec,
            "  - {{name: c{number}, image: busybox, command: [sh, -c, '{script}']}}"
        )
        .unwrap();
    }
    spec
}

/// A pod of programs.
pub fn manifest(programs: &[(&str, &str)]) -> String {
    let mut spec = "restartPolicy: Never\n  containers:\n".to_owned();
    for (name, more) in programs {
        writeln!(
            spec,
            "  - name: {name}\n    image: program-{name}\n    {more}"
        )
        .unwrap();
    }
    spec
}

pub fn run(spec: &str) -> Run {
    run_on(engine(), spec)
}

pub fn run_on(engine: &Engine, spec: &str) -> Run {
    of(engine, spec, &[], 1, Chooser::default_order(), HOURS)
}

pub fn run_for(spec: &str, time: Duration) -> Run {
    of(engine(), spec, &[], 1, Chooser::default_order(), time)
}

pub fn run_seeded(spec: &str, seed: u64) -> Run {
    of(engine(), spec, &[], seed, Chooser::default_order(), HOURS)
}

/// Runs programs, each in a container of its name.
pub fn run_with(engine: &Engine, programs: &[(&str, Vec<u8>)], seed: u64) -> Run {
    let containers: Vec<_> = programs.iter().map(|(name, _)| (*name, "")).collect();
    run_programs(engine, &manifest(&containers), programs, seed)
}

pub fn run_programs(engine: &Engine, spec: &str, programs: &[(&str, Vec<u8>)], seed: u64) -> Run {
    of(
        engine,
        spec,
        programs,
        seed,
        Chooser::default_order(),
        HOURS,
    )
}

/// Runs a pod in an order that follows from the seed.
pub fn in_some_order(engine: &Engine, spec: &str, seed: u64) -> Run {
    let chooser = Chooser::seeded(Seed::new(seed), StrategyKind::Random, &Knowledge::default());
    of(engine, spec, &[], seed, chooser, HOURS)
}

const HOURS: Duration = Duration::from_secs(48 * 3600);

fn of(
    engine: &Engine,
    spec: &str,
    programs: &[(&str, Vec<u8>)],
    seed: u64,
    chooser: Chooser,
    time: Duration,
) -> Run {
    let settings = Settings {
        seed: Seed::new(seed),
        engine: engine.clone(),
        images: images(programs),
    };
    let scheduling = Scheduling {
        chooser,
        keep: Keep::Trace,
    };
    let mut simulation = Simulation::scheduled(settings, scheduling);
    simulation.apply(&load(spec)).unwrap();
    if !simulation.run(time) {
        simulation.stop(None);
    }
    let mut run = seen(&simulation);
    let recorded = simulation.take_recorded();
    run.hash = recorded.hash;
    for event in &recorded.events {
        writeln!(run.trace, "{event:?}").unwrap();
    }
    run
}

fn seen(simulation: &Simulation) -> Run {
    let log = simulation.log();
    let is_alone = log.lines().all(|line| line.starts_with("[p/c0] "));
    let log = if is_alone {
        log.replace("[p/c0] ", "")
    } else {
        log
    };
    let (mut ends, mut message, mut status_text) = (String::new(), String::new(), String::new());
    for record in simulation.records() {
        if let Output::Event(event) = &record.output {
            writeln!(status_text, "{} {event:?}", record.at).unwrap();
        }
    }
    let statuses = simulation.records().into_iter().rev();
    let last = statuses.into_iter().find_map(|record| match record.output {
        Output::Status(status) => Some(*status),
        Output::Log(_) | Output::Event(_) => None,
    });
    if let Some(status) = last {
        writeln!(status_text, "{status:?}").unwrap();
        let containers = status.containers.iter().map(|container| {
            if let ContainerState::Terminated(end) = &container.state {
                message = end.message.clone().unwrap_or_default();
                return format!("{} {}", container.name, end.exit_code);
            }
            format!("{} -", container.name)
        });
        ends = containers.collect::<Vec<_>>().join(", ");
    }
    Run {
        log,
        ends,
        message,
        status: status_text,
        trace: String::new(),
        hash: 0,
    }
}

fn load(spec: &str) -> Objects {
    let manifest = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  {spec}\n");
    let source = Source {
        name: "-".to_owned(),
        bytes: manifest.into_bytes(),
    };
    match seedpod_api::load(&[source]) {
        Ok(loaded) => loaded.objects,
        Err(errors) => panic!("{errors:?}"),
    }
}

fn images(programs: &[(&str, Vec<u8>)]) -> seedpod_sim::Images {
    let bundled = Images::new(seedpod_tests::root());
    let programs: Vec<_> = programs
        .iter()
        .map(|(name, program)| (format!("program-{name}"), Bytes::from(program.clone())))
        .collect();
    Arc::new(move |reference: &str, policy| {
        let Some((_, program)) = programs.iter().find(|(name, _)| name == reference) else {
            return images_of(&bundled, reference, policy);
        };
        let mut tree = Tree::builder();
        tree.insert_file("/program", program.clone(), 0o755)
            .unwrap();
        let image = Image {
            reference: reference.to_owned(),
            digest: format!("sha256:{reference}"),
            size: program.len() as u64,
            config: ImageConfig {
                entrypoint: vec!["/program".to_owned()],
                ..ImageConfig::default()
            },
            tree: Arc::new(tree.build()),
        };
        Ok(ResolvedImage {
            image: Arc::new(image),
            already_present: true,
            substitute: None,
        })
    })
}

fn images_of(
    bundled: &Images,
    reference: &str,
    policy: seedpod_core::spec::ImagePullPolicy,
) -> Result<ResolvedImage, seedpod_engine::world::ImageError> {
    bundled.resolve(reference, policy)
}

/// Lines of a log by who wrote them.
pub fn by_container(log: &str) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = log
        .lines()
        .filter_map(|line| line.split_once("] "))
        .map(|(who, text)| (who.to_owned(), text.to_owned()))
        .collect();
    lines.sort();
    lines
}

/// How many seeds two processes are compared for. `SEEDPOD_SEEDS=10000` for the long version.
pub fn seeds() -> u64 {
    let wanted = std::env::var("SEEDPOD_SEEDS").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(100)
}

/// Lets a fresh process do its part, in another folder and with another environment; what it says after `hash `.
pub fn child(part: &str, environment: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .current_dir(std::env::temp_dir())
        .env("LEAKS_CHILD", part)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let said = text.lines().filter_map(|line| {
        let (_, rest) = line.split_once("hash ")?;
        Some(format!("{rest}\n"))
    });
    assert!(output.status.success(), "{text}");
    said.collect()
}
