//! C programs written for Linux over the IPC namespace of a pod, in virtual time.

use bytes::Bytes;
use expect_test::{Expect, expect};
use seedpod_api::Source;
use seedpod_core::image::{Image, ImageConfig};
use seedpod_core::pod::ContainerState;
use seedpod_core::seed::Seed;
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

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// One program in `/`, under the name that the manifests use.
fn images(reference: &str) -> Result<ResolvedImage, ImageError> {
    let (program, file) = match reference {
        "allingeek/ch6_ipc" => ("ipc", "ch6_ipc"),
        "seedpod/sysv-msg" => ("sysv_msg", "sysv_msg"),
        "seedpod/sysv-sem" => ("sysv_sem", "sysv_sem"),
        "seedpod/test" => ("ipc", "tests/ipc"),
        _ => ("posix_shm", "posix_shm"),
    };
    let bytes = std::fs::read(format!("{ROOT}/guests/images/{file}.wasm")).unwrap();
    let mut tree = Tree::builder();
    tree.insert_file(&format!("/{program}"), Bytes::from(bytes), 0o755)
        .unwrap();
    let image = Image {
        reference: reference.to_owned(),
        digest: format!("sha256:{file}"),
        size: 0,
        config: ImageConfig {
            entrypoint: vec![format!("/{program}")],
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

/// Runs the one pod of a manifest; its log, then its phase and how its containers ended.
fn run(manifest: &str, seed: u64) -> String {
    let source = Source {
        name: "-".to_owned(),
        bytes: manifest.as_bytes().to_vec(),
    };
    let objects = seedpod_api::load(&[source]).unwrap().objects;
    let name = objects.pods[0].meta.name.clone();
    let settings = Settings {
        seed: Seed::new(seed),
        engine: ENGINE.clone(),
        images: Arc::new(|reference: &str, _| images(reference)),
    };
    let mut simulation = Simulation::new(settings);
    simulation.start(&objects).unwrap();
    assert!(
        simulation.run(Duration::from_secs(120)),
        "still running:\n{}",
        simulation.log()
    );
    let status = simulation.status(&name).unwrap();
    let ends = status
        .containers
        .iter()
        .map(|container| match &container.state {
            ContainerState::Terminated(end) => format!(" {}: {}", container.name, end.exit_code),
            state => format!(" {}: {state:?}", container.name),
        });
    let ends = ends.collect::<String>();
    format!("{}{:?}{ends}\n", simulation.log(), status.phase)
}

fn manifest(name: &str) -> String {
    std::fs::read_to_string(format!("{ROOT}/manifests/{name}.yaml")).unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
fn check(manifest: &str, expected: Expect) {
    expected.assert_eq(&run(manifest, 7));
}

/// A pod of one image, by the commands of its containers.
fn pod(image: &str, commands: &[(&str, &str)]) -> String {
    let mut text = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {restartPolicy: Never, containers: [".to_owned();
    for (name, command) in commands {
        text.push_str(&format!(
            "{{name: {name}, image: {image}, command: [{command}]}},"
        ));
    }
    text + "]}}"
}

/// What a container said, without its name.
fn said<'a>(log: &'a str, container: &str) -> Vec<&'a str> {
    let lines = log.lines().filter_map(|line| line.split_once("] "));
    let lines = lines.filter(|(from, _)| from.ends_with(&format!("/{container}")));
    lines.map(|(_, line)| line).collect()
}

#[test]
fn every_message_is_consumed_once_and_in_order_whoever_starts_first() {
    let order = |first: &str, second: &str| {
        let command = |role: &str| format!("./ipc, -{role}");
        pod(
            "allingeek/ch6_ipc",
            &[(first, &command(first)), (second, &command(second))],
        )
    };
    let manifests = [
        manifest("mc2"),
        order("consumer", "producer"),
        manifest("mc2-init"),
    ];
    for (manifest, seed) in manifests
        .iter()
        .flat_map(|manifest| (0..4).map(move |seed| (manifest, seed)))
    {
        let log = run(manifest, seed);
        let produced = said(&log, "producer").into_iter();
        let mut expected: Vec<String> = produced
            .map(|line| line.replace("Produced", "Consumed"))
            .collect();
        assert!(expected.len() > 4, "{log}");
        expected.push("Consumed: done".to_owned());
        assert_eq!(said(&log, "consumer"), expected, "{log}");
        assert!(log.contains("\nSucceeded"), "{log}");
    }
}

#[test]
fn a_consumer_that_starts_too_early_fails() {
    check(
        &manifest("mc2-startup-order"),
        expect![[r#"
        [mc2-startup-order/consumer] mq_open /ch6_ipc: No such file or directory
        [mc2-startup-order/consumer] Either the producer has not been started or this is another IPC namespace
        Failed consumer: 1
    "#]],
    );
}

#[test]
fn a_consumer_waits_only_so_long() {
    check(
        &pod("allingeek/ch6_ipc", &[("consumer", "./ipc, -consumer")]),
        expect![[r#"
            [p/consumer] mq_open /ch6_ipc: No such file or directory
            [p/consumer] Either the producer has not been started or this is another IPC namespace
            Failed consumer: 1
        "#]],
    );
}

#[test]
fn the_namespace_outlives_its_containers() {
    let commands = [
        ("consumer", "./ipc, -consumer, -nowait"),
        ("creator", "./ipc, -create"),
        ("producer", "./ipc, -producer"),
    ];
    let log = run(
        &pod("allingeek/ch6_ipc", &commands).replace("Never", "OnFailure"),
        7,
    );
    assert_eq!(
        said(&log, "consumer")[0],
        "mq_open /ch6_ipc: No such file or directory",
        "{log}"
    );
    assert_eq!(said(&log, "creator"), ["Created: /ch6_ipc"], "{log}");
    assert_eq!(
        said(&log, "consumer").last(),
        Some(&"Consumed: done"),
        "{log}"
    );
    assert!(log.contains("\nSucceeded"), "{log}");
}

#[test]
fn rust_programs_use_the_same_objects() {
    check(
        &pod("seedpod/test", &[("rust", "./ipc")]),
        expect![[r#"
        [p/rust] ok
        Succeeded rust: 0
    "#]],
    );
}

#[test]
fn system_v_messages() {
    check(
        &manifest("sysv-msg"),
        expect![[r#"
        [sysv-msg/rules] all rules hold
        [sysv-msg/client] 1 squared is 1
        [sysv-msg/client] 2 squared is 4
        [sysv-msg/client] 3 squared is 9
        [sysv-msg/client] 4 squared is 16
        [sysv-msg/client] 5 squared is 25
        [sysv-msg/server] stopped
        Succeeded client: 0 server: 0
    "#]],
    );
}

#[test]
fn system_v_semaphores() {
    check(
        &manifest("sysv-sem"),
        expect![[r#"
        [sysv-sem/rules] all rules hold
        [sysv-sem/leave] took the lock and left
        [sysv-sem/enter] took the lock
        [sysv-sem/ping] ping 1
        [sysv-sem/pong] pong 1
        [sysv-sem/ping] ping 2
        [sysv-sem/pong] pong 2
        [sysv-sem/ping] ping 3
        [sysv-sem/pong] pong 3
        [sysv-sem/ping] ping 4
        [sysv-sem/pong] pong 4
        [sysv-sem/ping] ping 5
        [sysv-sem/pong] pong 5
        Succeeded ping: 0 pong: 0
    "#]],
    );
}

#[test]
fn posix_shared_memory() {
    check(
        &manifest("posix-shm"),
        expect![[r#"
            [posix-shm/writer] wrote: line 1
            [posix-shm/writer] wrote: line 2
            [posix-shm/writer] wrote: line 3
            [posix-shm/writer] wrote: line 4
            [posix-shm/reader] read: line 1
            [posix-shm/reader] read: line 2
            [posix-shm/reader] read: line 3
            [posix-shm/reader] read: line 4
            [posix-shm/writer] wrote: line 5
            [posix-shm/writer] wrote: line 6
            [posix-shm/writer] wrote: line 7
            [posix-shm/writer] wrote: line 8
            [posix-shm/reader] read: line 5
            [posix-shm/reader] read: line 6
            [posix-shm/reader] read: line 7
            [posix-shm/reader] read: line 8
            [posix-shm/writer] wrote: line 9
            [posix-shm/writer] wrote: line 10
            [posix-shm/reader] read: line 9
            [posix-shm/reader] read: line 10
            Succeeded reader: 0 writer: 0
        "#]],
    );
}

#[test]
fn two_writers_of_one_page_do_not_undo_each_other() {
    let halves = [
        ("zero", "./posix_shm, -half, '0', '100'"),
        ("one", "./posix_shm, -half, '1', '100'"),
    ];
    check(
        &pod("seedpod/posix-shm", &halves),
        expect![[r#"
        [p/zero] half 0: 100
        [p/one] half 1: 100
        Succeeded one: 0 zero: 0
    "#]],
    );
}
