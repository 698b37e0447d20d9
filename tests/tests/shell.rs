//! The shell and the tools of the bundled `busybox`, in a container: the scripts print what BusyBox prints on Linux.

use seedpod::images::Images;
use seedpod_api::Source;
use seedpod_core::seed::Seed;
use seedpod_engine::{Engine, EngineSettings};
use seedpod_sim::{Settings, Simulation};
use seedpod_tests::root;
use std::fs;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

#[test]
fn awk() {
    check("awk");
}

#[test]
fn builtins() {
    check("builtins");
}

#[test]
fn control() {
    check("control");
}

#[test]
fn edge() {
    check("edge");
}

#[test]
fn expansion() {
    check("expansion");
}

#[test]
fn files() {
    check("files");
}

#[test]
fn jobs() {
    check("jobs");
}

#[test]
fn text() {
    check("text");
}

/// Runs a script of `guests/busybox/tests/scripts` as the only program of a pod and compares all it prints.
fn check(name: &str) {
    let scripts = root().join("guests/busybox/tests/scripts");
    let script = fs::read_to_string(scripts.join(name).with_extension("sh")).unwrap();
    let expected = fs::read_to_string(scripts.join(name).with_extension("out")).unwrap();
    // The reference notes the status of the script in a line of its own; here the pod's phase shows it.
    let succeeds = !expected.lines().last().unwrap_or("").starts_with("exit ");
    let expected = match succeeds {
        true => expected.as_str(),
        false => &expected[..expected.rfind("exit ").unwrap()],
    };
    let mut simulation = Simulation::new(Settings {
        seed: Seed::new(1),
        engine: ENGINE.clone(),
        images: Arc::new(|reference: &str, policy| IMAGES.resolve(reference, policy)),
    });
    let source = Source {
        name: "shell.yaml".to_owned(),
        bytes: manifest(name, &script).into_bytes(),
    };
    let objects = seedpod_api::load(&[source]).unwrap().objects;
    simulation.start(&objects).unwrap();
    assert!(
        simulation.run(Duration::from_secs(600)),
        "{name} does not end"
    );
    let log = simulation.log();
    let printed: Vec<&str> = log
        .lines()
        .map(|line| line.strip_prefix("[p/c] ").unwrap_or(""))
        .collect();
    let differs = expected
        .lines()
        .zip(&printed)
        .position(|(expected, printed)| expected != *printed);
    if let Some(line) = differs {
        panic!(
            "{name}.out line {}:\n  expected {:?}\n  printed  {:?}",
            line + 1,
            expected.lines().nth(line),
            printed[line]
        );
    }
    assert_eq!(printed.len(), expected.lines().count(), "lines of {name}");
    let phase = simulation.status("p").unwrap().phase.to_string();
    assert_eq!(phase == "Succeeded", succeeds, "{name}: {phase}");
}

fn manifest(name: &str, script: &str) -> String {
    let lines = script.lines().map(|line| format!("    {line}\n"));
    format!(
        "
apiVersion: v1
kind: ConfigMap
metadata: {{ name: scripts }}
data:
  script: |
{}
---
apiVersion: v1
kind: Pod
metadata: {{ name: p }}
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: busybox
    command: [sh, ../{name}.sh]
    workingDir: /t/work
    env: [{{ name: HOME, value: /root }}]
    volumeMounts:
    - {{ name: scripts, mountPath: /t/{name}.sh, subPath: script }}
    - {{ name: work, mountPath: /t/work }}
  volumes:
  - {{ name: scripts, configMap: {{ name: scripts }} }}
  - {{ name: work, emptyDir: {{ medium: Memory }} }}
",
        lines.collect::<String>()
    )
}

static IMAGES: LazyLock<Images> = LazyLock::new(|| Images::new("."));

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    // Beside the test program, in the target directory, so that only the first run compiles.
    let program = std::env::current_exe().unwrap();
    let cache = program.with_file_name("compiled-guests");
    Engine::new(EngineSettings::deterministic(Some(cache))).unwrap()
});
