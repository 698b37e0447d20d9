//! Pods of the committed guests in virtual time, and what became of them as short text.

use bytes::Bytes;
use seedpod_api::Source;
use seedpod_core::image::{Image, ImageConfig};
use seedpod_core::pod::{ContainerState, ContainerStatus, Status};
use seedpod_core::seed::Seed;
use seedpod_core::volume::Tree;
use seedpod_engine::world::{ImageError, ResolvedImage};
use seedpod_engine::{Engine, EngineSettings};
use seedpod_sim::{Settings, Simulation};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    Engine::new(EngineSettings::deterministic(Some(cache))).unwrap()
});

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Runs `pod`, which is the `spec` of a Pod in YAML, for an hour of virtual time; twice, and alike.
pub fn run(spec: &str) -> String {
    run_and_stop(spec, Duration::from_secs(3600))
}

/// As [`run`], but the pod is deleted after `time`.
pub fn run_and_stop(spec: &str, time: Duration) -> String {
    let first = run_once(spec, time);
    assert_eq!(
        first,
        run_once(spec, time),
        "the same seed gave another run"
    );
    first
}

fn run_once(spec: &str, time: Duration) -> String {
    let mut simulation = simulate(spec, &ENGINE);
    if !simulation.run(time) {
        simulation.stop(None);
    }
    report(&simulation)
}

/// The pod of [`run`], not yet run.
pub fn simulate(spec: &str, engine: &Engine) -> Simulation {
    let spec = spec.trim_matches('\n').replace('\n', "\n  ");
    let manifest = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  {spec}\n");
    let source = Source {
        name: "-".to_owned(),
        bytes: manifest.into_bytes(),
    };
    let objects = match seedpod_api::load(&[source]) {
        Ok(loaded) => loaded.objects,
        Err(errors) => panic!("{errors:?}"),
    };
    let mut simulation = Simulation::new(Settings {
        seed: Seed::new(7),
        engine: engine.clone(),
        images: Arc::new(|reference: &str, _| image(reference)),
    });
    simulation.start(&objects).unwrap();
    simulation
}

/// The pod of [`run`] a moment after its containers have started.
pub fn started(spec: &str) -> Simulation {
    let mut simulation = simulate(spec, &ENGINE);
    simulation.run(Duration::from_millis(50));
    simulation
}

/// What the pod said and, when it is over, what became of it.
pub fn report(simulation: &Simulation) -> String {
    let log = simulation.log().replace("[p/", "[");
    match simulation.status("p") {
        Some(status) => log + &outcome(status, simulation.now().as_nanos() / 1_000_000_000),
        None => log,
    }
}

fn outcome(status: &Status, seconds: u64) -> String {
    let mut text = format!("{:?} after {seconds} s\n", status.phase);
    for container in status.init_containers.iter().chain(&status.containers) {
        writeln!(text, "{}", line(container)).unwrap();
    }
    text
}

fn line(container: &ContainerStatus) -> String {
    let mut text = match &container.state {
        ContainerState::Terminated(end) => {
            let message = end.message.as_deref().unwrap_or("").trim_end();
            let separator = if message.is_empty() { "" } else { ": " };
            format!(
                "{}: {:?} {}{separator}{message}",
                container.name, end.reason, end.exit_code
            )
        }
        ContainerState::Waiting { .. } => format!("{}: waiting", container.name),
        ContainerState::Running { .. } => format!("{}: running", container.name),
    };
    if container.restart_count > 0 {
        write!(text, " (restarts: {})", container.restart_count).unwrap();
    }
    text
}

/// `busybox`, the image of a test guest, which is its program alone, or one of the binaries below.
pub fn image(reference: &str) -> Result<ResolvedImage, ImageError> {
    let (file, program) = match reference {
        "busybox" => ("busybox".to_owned(), "/bin/busybox"),
        _ => (format!("tests/{reference}"), "/program"),
    };
    let missing = |reason: String| ImageError::Pull {
        reference: reference.to_owned(),
        reason,
    };
    let read = || std::fs::read(format!("{ROOT}/guests/images/{file}.wasm"));
    let bytes = match binary(reference) {
        Some(bytes) => bytes,
        None => read().map_err(|error| missing(error.to_string()))?,
    };
    let mut tree = Tree::builder();
    tree.insert_file(program, Bytes::from(bytes), 0o755)
        .unwrap();
    let mut config = ImageConfig::default();
    if reference == "busybox" {
        for applet in APPLETS.split_whitespace() {
            tree.insert_symlink(&format!("/bin/{applet}"), "busybox")
                .unwrap();
        }
        for (path, content) in NOT_PROGRAMS {
            tree.insert_file(path, Bytes::from_static(content), 0o755)
                .unwrap();
        }
        tree.insert_dir("/tmp", 0o1777).unwrap();
        config.cmd = vec!["sh".to_owned()];
    } else {
        config.entrypoint = vec![program.to_owned()];
    }
    let image = Image {
        reference: reference.to_owned(),
        digest: format!("sha256:{reference}"),
        size: 0,
        config,
        tree: Arc::new(tree.build()),
    };
    Ok(ResolvedImage {
        image: Arc::new(image),
        already_present: true,
        substitute: None,
    })
}

const APPLETS: &str =
    "cat echo env false grep head id kill ls mkdir ps seq sh sleep sort test touch true wc yes";

const NOT_PROGRAMS: [(&str, &[u8]); 5] = [
    ("/opt/elf", b"\x7fELF\x02\x01\x01"),
    ("/opt/empty", b""),
    ("/opt/text", b"hello"),
    ("/opt/script", b"#!/bin/sh\necho \"$0: $1\"\n"),
    ("/opt/zsh", b"#!/bin/zsh\n"),
];

/// Core modules of preview 1 whose `_start` is these instructions.
const BODIES: [(&str, &[u8]); 4] = [
    // unreachable
    ("unreachable", b"\x00"),
    // i32.const 1, i32.const 0, i32.div_s, drop
    ("divide", b"\x41\x01\x41\x00\x6d\x1a"),
    // i32.const -4, i32.load, drop
    ("outside", b"\x41\x7c\x28\x02\x00\x1a"),
    // call 0, call 0
    ("recursion", b"\x10\x00\x10\x00"),
];

/// Whole binaries.
const BINARIES: [(&str, &[u8]); 3] = [
    // (module (import "env" "magic" (func)) (memory (export "memory") 1) (func (export "_start")))
    (
        "unknown-module",
        b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x0d\x01\x03env\x05magic\0\0\x03\x02\x01\0\x05\x03\x01\0\x01\
          \x07\x13\x02\x06memory\x02\0\x06_start\0\x01\x0a\x04\x01\x02\0\x0b",
    ),
    // (component (import "example:magic/spells@1.0.0" (instance (export "cast" (func)))))
    (
        "unknown-component",
        b"\0asm\x0d\0\x01\0\x07\x11\x01\x42\x02\x01\x40\0\x01\0\x04\0\x04cast\x01\0\
          \x0a\x1f\x01\0\x1aexample:magic/spells@1.0.0\x05\0",
    ),
    // (component)
    ("library", b"\0asm\x0d\0\x01\0"),
];

fn binary(reference: &str) -> Option<Vec<u8>> {
    let named = |(name, bytes): &(&str, &'static [u8])| (*name == reference).then_some(*bytes);
    if let Some(body) = BODIES.iter().find_map(named) {
        let len = u8::try_from(body.len()).unwrap();
        let before = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x05\x03\x01\0\x01\
                       \x07\x13\x02\x06memory\x02\0\x06_start\0\0";
        let code = [&[0x0a, len + 4, 1, len + 2, 0], body, &[0x0b]].concat();
        return Some([&before[..], &code].concat());
    }
    BINARIES.iter().find_map(named).map(Vec::from)
}
