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

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
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
        engine: ENGINE.clone(),
        images: Arc::new(image),
    });
    simulation.start(objects).unwrap();
    if !simulation.run(time) {
        simulation.stop(None);
    }
    let status = simulation.status("p").expect("the pod has ended");
    simulation.log().replace("[p/", "[")
        + &outcome(status, simulation.now().as_nanos() / 1_000_000_000)
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

/// `busybox`, or the image of a test guest: its program alone.
fn image(reference: &str) -> Result<ResolvedImage, ImageError> {
    let (file, program) = match reference {
        "busybox" => ("busybox".to_owned(), "/bin/busybox"),
        _ => (format!("tests/{reference}"), "/program"),
    };
    let missing = |reason: String| ImageError::Pull {
        reference: reference.to_owned(),
        reason,
    };
    let bytes = std::fs::read(format!("{ROOT}/guests/images/{file}.wasm"))
        .map_err(|error| missing(error.to_string()))?;
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
