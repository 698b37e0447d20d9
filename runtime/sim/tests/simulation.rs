//! Real guests in virtual time.

use bytes::Bytes;
use expect_test::{Expect, expect};
use seedpod_core::image::{Image, ImageConfig};
use seedpod_core::seed::Seed;
use seedpod_core::spec::{Container, Meta, Objects, Pod, ResourceList, Resources, RestartPolicy};
use seedpod_core::volume::Tree;
use seedpod_engine::world::{ImageError, ResolvedImage};
use seedpod_engine::{Engine, EngineSettings};
use seedpod_sim::{Settings, Simulation};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    Engine::new(EngineSettings::deterministic(Some(cache))).unwrap()
});

/// One image per test guest: the program alone.
fn images(reference: &str) -> Result<ResolvedImage, ImageError> {
    let path = format!(
        "{}/../../guests/images/tests/{reference}.wasm",
        env!("CARGO_MANIFEST_DIR")
    );
    let bytes = std::fs::read(path).map_err(|error| ImageError::Pull {
        reference: reference.to_owned(),
        reason: error.to_string(),
    })?;
    let mut tree = Tree::builder();
    tree.insert_file("/program", Bytes::from(bytes), 0o755)
        .unwrap();
    let image = Image {
        reference: reference.to_owned(),
        digest: "sha256:0".to_owned(),
        size: 0,
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
}

fn pod(containers: &[(&str, &[&str])]) -> Objects {
    let container = |(image, args): &(&str, &[&str])| Container {
        name: (*image).to_owned(),
        image: (*image).to_owned(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        resources: Resources {
            limits: ResourceList {
                memory: Some(16 << 20),
                ..ResourceList::default()
            },
            ..Resources::default()
        },
        termination_message_path: "/dev/termination-log".to_owned(),
        ..Container::default()
    };
    let pod = Pod {
        meta: Meta {
            name: "p".to_owned(),
            namespace: "default".to_owned(),
            ..Meta::default()
        },
        containers: containers.iter().map(container).collect(),
        restart_policy: RestartPolicy::Never,
        ..Pod::default()
    };
    Objects {
        pods: vec![pod],
        ..Objects::default()
    }
}

fn check(containers: &[(&str, &[&str])], expected: &Expect) {
    let run = || {
        let settings = Settings {
            seed: Seed::new(7),
            engine: ENGINE.clone(),
            images: Arc::new(images),
        };
        let mut simulation = Simulation::new(settings);
        simulation.start(pod(containers)).unwrap();
        let over = simulation.run(Duration::from_secs(60));
        let status = simulation.status("p").map(|status| {
            let state = |one: &seedpod_core::pod::ContainerStatus| {
                format!("{}: {:?}\n", one.name, one.state)
            };
            format!(
                "{:?}\n{}",
                status.phase,
                status.containers.iter().map(state).collect::<String>()
            )
        });
        format!(
            "over: {over}\n{}{}",
            simulation.log(),
            status.unwrap_or_default()
        )
    };
    let first = run();
    expected.assert_eq(&first);
    assert_eq!(first, run(), "the same seed gave another run");
}

#[test]
fn a_program_prints_and_ends() {
    check(
        &[("hello", &[])],
        &expect![[r#"
            over: true
            [p/hello] Hello, world!
            Succeeded
            hello: Terminated(Terminated { exit_code: 0, reason: Completed, message: None, started_at: WallTime(1767225600000020000), finished_at: WallTime(1767225600000030000), container_id: "seedpod://516fc0301b9ce28c2203e6856af1f7cf5d15e1de258e0b84b7e9dbc118186005" })
        "#]],
    );
}

#[test]
fn containers_talk_over_the_loopback() {
    check(
        &[
            ("pingpong-server", &[]),
            ("pingpong-client", &["127.0.0.1:7000", "100"]),
        ],
        &expect![[r#"
            over: true
            [p/pingpong-client] rounds=100 median_ns=20000 total_ns=2010000
            Succeeded
            pingpong-client: Terminated(Terminated { exit_code: 0, reason: Completed, message: None, started_at: WallTime(1767225600000050000), finished_at: WallTime(1767225600004080000), container_id: "seedpod://9d220e6c39dde8f753d08dd830cec1efc124d33fd0fc6ac1a471e8e8ccb06694" })
            pingpong-server: Terminated(Terminated { exit_code: 0, reason: Completed, message: None, started_at: WallTime(1767225600000020000), finished_at: WallTime(1767225600004090000), container_id: "seedpod://516fc0301b9ce28c2203e6856af1f7cf5d15e1de258e0b84b7e9dbc118186005" })
        "#]],
    );
}

#[test]
fn a_trap_is_an_abort() {
    check(
        &[("trap", &[])],
        &expect![[r#"
            over: true
            [p/trap] about to trap
            Failed
            trap: Terminated(Terminated { exit_code: 134, reason: Error, message: Some("wasm trap: wasm `unreachable` instruction executed"), started_at: WallTime(1767225600000020000), finished_at: WallTime(1767225600000030000), container_id: "seedpod://516fc0301b9ce28c2203e6856af1f7cf5d15e1de258e0b84b7e9dbc118186005" })
        "#]],
    );
}

#[test]
fn an_exit_code_is_kept() {
    check(
        &[("exit-code", &["3"])],
        &expect![[r#"
        over: true
        [p/exit-code] exit 3
        Failed
        exit-code: Terminated(Terminated { exit_code: 3, reason: Error, message: None, started_at: WallTime(1767225600000020000), finished_at: WallTime(1767225600000030000), container_id: "seedpod://516fc0301b9ce28c2203e6856af1f7cf5d15e1de258e0b84b7e9dbc118186005" })
    "#]],
    );
}

#[test]
fn a_container_that_spins_does_not_starve_its_neighbour() {
    check(
        &[("spin", &["1000000"]), ("hello", &[])],
        &expect![[r#"
        over: true
        [p/hello] Hello, world!
        [p/spin] 699f427436e977e1
        Succeeded
        hello: Terminated(Terminated { exit_code: 0, reason: Completed, message: None, started_at: WallTime(1767225600000060000), finished_at: WallTime(1767225600000080000), container_id: "seedpod://9d220e6c39dde8f753d08dd830cec1efc124d33fd0fc6ac1a471e8e8ccb06694" })
        spin: Terminated(Terminated { exit_code: 0, reason: Completed, message: None, started_at: WallTime(1767225600000020000), finished_at: WallTime(1767225600002360000), container_id: "seedpod://516fc0301b9ce28c2203e6856af1f7cf5d15e1de258e0b84b7e9dbc118186005" })
    "#]],
    );
}

#[test]
fn a_container_that_exceeds_its_memory_is_killed_alone() {
    check(
        &[("oom", &[]), ("hello", &[])],
        &expect![[r#"
        over: true
        [p/oom] 1 MiB
        [p/oom] 2 MiB
        [p/hello] Hello, world!
        [p/oom] 3 MiB
        [p/oom] 4 MiB
        [p/oom] 5 MiB
        [p/oom] 6 MiB
        [p/oom] 7 MiB
        [p/oom] 8 MiB
        [p/oom] 9 MiB
        [p/oom] 10 MiB
        [p/oom] 11 MiB
        [p/oom] 12 MiB
        [p/oom] 13 MiB
        [p/oom] 14 MiB
        Failed
        hello: Terminated(Terminated { exit_code: 0, reason: Completed, message: None, started_at: WallTime(1767225600000060000), finished_at: WallTime(1767225600000080000), container_id: "seedpod://9d220e6c39dde8f753d08dd830cec1efc124d33fd0fc6ac1a471e8e8ccb06694" })
        oom: Terminated(Terminated { exit_code: 137, reason: OOMKilled, message: Some("memory limit of 16777216 bytes exceeded"), started_at: WallTime(1767225600000020000), finished_at: WallTime(1767225600000200000), container_id: "seedpod://516fc0301b9ce28c2203e6856af1f7cf5d15e1de258e0b84b7e9dbc118186005" })
    "#]],
    );
}
