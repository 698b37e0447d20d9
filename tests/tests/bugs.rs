//! Small systems that go wrong when their containers meet at a bad moment: `tests/bugs`, one folder each, with the
//! corrected system in `fixed`. Their programs are those of the guest `bugs`.

use expect_test::expect;
use seedpod::images::Images;
use seedpod_api::{Source, check_names, load_pod_tests};
use seedpod_core::podtest::{Failure, PodTest};
use seedpod_core::sched::{Chooser, Knowledge, StrategyKind};
use seedpod_core::seed::Seed;
use seedpod_sim::Keep;
use seedpod_sim::run::{Prepared, RunSettings, run};
use seedpod_tests::{Pods, engine, root};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A bug that is not found in so many runs is not found.
const RUNS_MAX: u64 = 2000;
/// Runs that a corrected system passes here; `seedpod test` does more.
const FIXED_RUNS: u64 = 100;

/// The folder of every bug, in their order.
fn bugs() -> Vec<PathBuf> {
    let folders = fs::read_dir(root().join("tests/bugs")).unwrap();
    let mut folders: Vec<PathBuf> = folders
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// A test and what its runs share.
struct Loaded {
    test: PodTest,
    prepared: Prepared,
}

/// Reads the test of a folder, and the manifest that it names.
fn load(folder: &Path) -> Loaded {
    let source = |name: &str| Source {
        name: folder.join(name).display().to_string(),
        bytes: fs::read(folder.join(name)).unwrap(),
    };
    let mut tests = load_pod_tests(&[source("test.yaml")]).unwrap();
    let test = tests.pop().unwrap();
    assert!(tests.is_empty(), "one test for each bug");
    let manifests: Vec<Source> = test.manifests.iter().map(|name| source(name)).collect();
    let objects = seedpod_api::load(&manifests).unwrap().objects;
    check_names(&test, &objects).unwrap();
    let images = Images::new(folder);
    let images: seedpod_sim::Images =
        Arc::new(move |reference: &str, policy| images.resolve(reference, policy));
    let prepared = Prepared::new(&test, objects, engine(), images).unwrap();
    Loaded { test, prepared }
}

/// The first run that fails, by the default strategy, and how.
fn first_failure(loaded: &Loaded, runs: u64) -> Option<(u64, Failure)> {
    let kind = StrategyKind::default();
    let mut knowledge = Knowledge::default();
    (0..runs).find_map(|number| {
        let seed = Seed::new(number);
        let chooser = match kind.for_run(number) {
            StrategyKind::Default => Chooser::default_order(),
            kind => Chooser::seeded(seed, kind, &knowledge),
        };
        let report = run(RunSettings {
            prepared: &loaded.prepared,
            test: &loaded.test,
            seed,
            chooser,
            keep: Keep::Schedule,
            packets: None,
        });
        let report = report.unwrap();
        if number < 2 {
            knowledge.observe(&report.schedule.execution);
        }
        let failure = report.failures.into_iter().next()?;
        Some((number, failure))
    })
}

/// Runs a pod for at most a minute of virtual time, with nobody in the way of its containers; then stops it.
fn in_default_order(manifest: &Path) -> String {
    let mut pods = Pods::start_file(manifest);
    if !pods.run(60) {
        pods.stop();
    }
    pods.summary()
}

#[test]
fn a_bug_does_not_show_as_long_as_nobody_gets_in_the_way() {
    let mut ends = String::new();
    for folder in bugs() {
        ends += &in_default_order(&folder.join("pod.yaml"));
        let fixed = in_default_order(&folder.join("fixed/pod.yaml"));
        if !ends.ends_with(&fixed) {
            ends += &format!("fixed {fixed}");
        }
    }
    expect![[r#"
        lost-wakeup Succeeded: producer Completed 0, consumer Completed 0
        startup-race Succeeded: producer Completed 0, consumer Completed 0
        port-race Succeeded: api Completed 0, sidecar Completed 0
        partial-write Succeeded: writer Completed 0, sidecar Completed 0
        lock-file Succeeded: worker-a Completed 0, worker-b Completed 0
        lost-update Succeeded: worker-a Completed 0, worker-b Completed 0
        lock-order Succeeded: save Completed 0, spend Completed 0
        three-locks Succeeded: orders Completed 0, stock Completed 0, billing Completed 0
        relays Succeeded: source Completed 0, relay-0 Completed 0, relay-1 Completed 0, sink Completed 0
        effect-and-ack Succeeded: producer Completed 0, worker Completed 0
        stale-leader Succeeded: leader-a Completed 0, leader-b Completed 0
        rollback Succeeded: deployer Completed 0, reader Completed 0
        four-windows Succeeded: writer Completed 0, reader Completed 0
        retry-storm Succeeded: server Completed 0, client-a Completed 0, client-b Completed 0
        visibility-timeout Succeeded: worker-a Completed 0, worker-b Completed 0
        config-in-place Succeeded: defaults Completed 0, app Completed 0
        rename-before-sync Succeeded: create Completed 0, store Completed 0
        readiness Succeeded: server Error 143, client Completed 0
        sigterm Succeeded: worker Error 143, client Completed 0
        fixed sigterm Succeeded: worker Completed 0, client Completed 0
        clock-step Succeeded: auth Completed 0, api Completed 0
        kafka-start-script Succeeded: harness Completed 0, broker Completed 0
        git-sync Succeeded: one-time Completed 0, sync Completed 0, app Completed 0
        cloud-sql-proxy Succeeded: app Completed 0, proxy Completed 0
    "#]]
    .assert_eq(&ends);
}

#[test]
fn the_corrected_system_has_the_same_test() {
    for folder in bugs() {
        let test = |path: &str| fs::read_to_string(folder.join(path)).unwrap();
        assert_eq!(test("test.yaml"), test("fixed/test.yaml"), "{folder:?}");
        let pod = |path: &str| {
            test(path)
                .lines()
                .filter(|line| !line.starts_with('#'))
                .map(|line| {
                    line.replace("../../../../", "../../../")
                        .replace(", fixed]", "]")
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(pod("pod.yaml"), pod("fixed/pod.yaml"), "{folder:?}");
    }
}

#[test]
fn every_bug_is_found() {
    for folder in bugs() {
        let found = first_failure(&load(&folder), RUNS_MAX);
        let Some((number, failure)) = found else {
            panic!("{}: not found in {RUNS_MAX} runs", folder.display());
        };
        assert!(number > 1, "{}: {failure}", folder.display());
    }
}

#[test]
fn a_corrected_system_passes() {
    for folder in bugs() {
        let folder = folder.join("fixed");
        let found = first_failure(&load(&folder), FIXED_RUNS);
        if let Some((number, failure)) = found {
            panic!("{}, run {number}: {failure}", folder.display());
        }
    }
}

/// Servers wait, and wake now and then: nothing that a manifest of the repository does is a deadlock or a livelock.
#[test]
fn manifests_that_run_as_they_should_are_not_alarming() {
    let folder = root().join("manifests");
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let mut test = PodTest::new(&name);
        test.limit = Duration::from_secs(120);
        let source = Source {
            bytes: fs::read(folder.join(&name)).unwrap(),
            name: name.clone(),
        };
        let objects = seedpod_api::load(&[source]).unwrap().objects;
        let images = Images::new(&folder);
        let images: seedpod_sim::Images =
            Arc::new(move |reference: &str, policy| images.resolve(reference, policy));
        let prepared = Prepared::new(&test, objects, engine(), images).unwrap();
        let report = run(RunSettings {
            prepared: &prepared,
            test: &test,
            seed: Seed::new(1),
            chooser: Chooser::default_order(),
            keep: Keep::Schedule,
            packets: None,
        });
        let failures = report.unwrap().failures;
        wrong.extend(failures.iter().map(|failure| format!("{name}: {failure}")));
    }
    wrong.sort();
    expect![[r#""#]].assert_eq(&wrong.join("\n"));
}
