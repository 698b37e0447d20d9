//! The contract of `seedpod test`, `replay`, `diff` and `run --simulate`, on the real binary.

#[expect(
    dead_code,
    reason = "shared with tests that look at a run while it goes on"
)]
mod common;

use common::{Run, pod, run};
use expect_test::{Expect, expect};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder with a pod and a test of it.
struct Bench(tempfile::TempDir);

/// Takes the lock if nobody has it; what another does after the look is a surprise.
const TAKE: &str = "[ -e /v/lock ] && exit 0; mkdir /v/lock";

/// Takes the lock by a call that fails if somebody has it.
const TAKE_AT_ONCE: &str = "mkdir /v/lock 2>/dev/null || exit 0";

impl Bench {
    /// Two containers that want one lock.
    fn of_lock(script: &str) -> Self {
        let containers: [(&str, &str, &[&str]); 2] = [
            ("one", "busybox", &["sh", "-c", script, "one"]),
            ("two", "busybox", &["sh", "-c", script, "two"]),
        ];
        let manifest = pod("lock", "Never", &containers)
            .replace(
                "  containers:",
                "  volumes: [{name: v, emptyDir: {}}]\n  containers:",
            )
            .replace(
                "command:",
                "volumeMounts: [{name: v, mountPath: /v}], command:",
            );
        Self::new(&manifest, "  properties:\n  - exit: {one: 0, two: 0}\n")
    }

    fn new(manifest: &str, spec: &str) -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        fs::write(bench.path("pod.yaml"), manifest).unwrap();
        fs::write(bench.path("test.yaml"), test_file("lock", spec)).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs the binary; `@name` is a file of the folder.
    fn seedpod(&self, arguments: &[&str]) -> Run {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| match argument.strip_prefix('@') {
                Some(name) => self.path(name).display().to_string(),
                None => (*argument).to_owned(),
            })
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(&arguments, "")
    }

    /// The recordings of its failures, as arguments.
    fn recordings(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path("seeds")) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.map(|name| format!("@seeds/{name}")).collect();
        names.sort();
        names
    }
}

fn test_file(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: seedpod.dev/v1alpha1\nkind: PodTest\nmetadata: {{name: {name}}}\nspec:\n  manifest: pod.yaml\n{spec}"
    )
}

#[track_caller]
fn check(run: &Run, code: i32) {
    assert_eq!(run.code, Some(code), "\n{}{}", run.out, run.err);
}

#[test]
fn a_race_is_found_recorded_and_replayed() {
    let bench = Bench::of_lock(TAKE);
    let found = bench.seedpod(&[
        "test",
        "@test.yaml",
        "--runs",
        "500",
        "--junit",
        "@junit.xml",
        "--trace",
        "@a.trace",
        "--html",
        "@a.html",
        "--perfetto",
        "@a.json",
    ]);
    check(&found, 1);
    assert!(found.out.contains("FAIL lock / exit"), "{}", found.out);
    assert!(found.out.contains("minimised    "), "{}", found.out);

    let junit = bench.text("junit.xml");
    assert!(junit.contains("<testsuite name=\"lock\""), "{junit}");
    assert!(junit.contains("type=\"exit\">FAIL lock / exit"), "{junit}");
    assert!(bench.text("a.html").starts_with("<!DOCTYPE html>"));
    assert!(bench.text("a.json").contains("\"traceEvents\":["));

    let recordings = bench.recordings();
    assert_eq!(recordings.len(), 1, "{recordings:?}");
    assert!(found.out.contains(&recordings[0][1..]), "{}", found.out);
    let replayed = bench.seedpod(&[
        "replay",
        &recordings[0],
        "--times",
        "20",
        "--trace",
        "@b.trace",
    ]);
    check(&replayed, 1);
    assert!(
        replayed.err.contains("FAIL lock / exit"),
        "{}",
        replayed.err
    );
    assert!(
        replayed.err.contains("20 of 20 replays"),
        "{}",
        replayed.err
    );
    assert_eq!(bench.text("a.trace"), bench.text("b.trace"));
    check(&bench.seedpod(&["diff", "@a.trace", "@b.trace"]), 0);

    let again = bench.seedpod(&["test", "@test.yaml", "--runs", "500", "--jobs", "1"]);
    check(&again, 1);
    assert!(again.out.contains("strategy recorded"), "{}", again.out);
    assert_eq!(
        bench.recordings(),
        recordings,
        "the same failure has the same file"
    );
}

#[test]
fn without_the_race_every_run_passes() {
    let bench = Bench::of_lock(TAKE_AT_ONCE);
    let passed = bench.seedpod(&["test", "@test.yaml", "--runs", "40", "--jobs", "2"]);
    check(&passed, 0);
    assert!(
        passed.out.starts_with("ok lock: 40 runs in "),
        "{}",
        passed.out
    );
    assert_eq!(bench.recordings(), [""; 0]);
}

#[test]
fn a_seed_is_one_run_and_says_the_same_whoever_makes_it() {
    let bench = Bench::of_lock(TAKE);
    let run_of = |trace: &str, seed: &str| {
        let run = bench.seedpod(&["test", "@test.yaml", "--seed", seed, "--trace", trace]);
        (run.code, bench.text(&trace[1..]))
    };
    assert_eq!(
        run_of("@a", "0x5eed_0000_0000_0007"),
        run_of("@b", "0x5eed000000000007")
    );
    assert_ne!(
        run_of("@a", "0x5eed_0000_0000_0007").1,
        run_of("@b", "0x5eed_0000_0000_0000").1
    );
    let (one, many) = (&["--jobs", "1"], &["--jobs", "3"]);
    let found = |jobs: &[&str; 2]| {
        let _ = fs::remove_dir_all(bench.path("seeds"));
        let mut arguments = vec![
            "test",
            "@test.yaml",
            "--seed",
            "7",
            "--runs",
            "300",
            "--failures",
            "3",
        ];
        arguments.extend(jobs);
        let run = bench.seedpod(&arguments);
        check(&run, 1);
        let recordings = bench.recordings();
        let texts = recordings.iter().map(|name| bench.text(&name[1..]));
        texts.collect::<String>()
    };
    assert_eq!(found(one), found(many));
}

#[test]
fn a_recording_of_another_test_is_refused_unless_forced() {
    let bench = Bench::of_lock(TAKE);
    check(&bench.seedpod(&["test", "@test.yaml", "--runs", "500"]), 1);
    let recording = bench.recordings().remove(0);
    let other = bench.text("pod.yaml");
    fs::write(
        bench.path("pod.yaml"),
        other.replace("name: lock}", "name: lock, labels: {a: b}}"),
    )
    .unwrap();
    let refused = bench.seedpod(&["replay", &recording]);
    check(&refused, 2);
    assert!(
        refused.err.starts_with("spec: recorded sha256:"),
        "{}",
        refused.err
    );
    let forced = bench.seedpod(&["replay", &recording, "--force"]);
    assert_ne!(forced.code, Some(2), "{}", forced.err);

    let broken = bench.text(&recording[1..]).replace("schedule ", "schedul ");
    fs::write(bench.path("broken.choices"), broken).unwrap();
    let unreadable = bench.seedpod(&["replay", "@broken.choices"]);
    check(&unreadable, 2);
    assert!(
        unreadable.err.contains("`schedul` is no kind of choice"),
        "{}",
        unreadable.err
    );
}

#[test]
fn what_is_broken_anyway_is_told_apart() {
    let bench = Bench::of_lock("exit 3");
    let run = bench.seedpod(&["test", "@test.yaml"]);
    check(&run, 1);
    assert!(run.out.contains("broken, not racy"), "{}", run.out);
}

#[test]
fn wrong_files_end_before_any_run() {
    let check_error = |manifest: &str, spec: &str, expected: &Expect| {
        let bench = Bench::new(manifest, spec);
        let run = bench.seedpod(&["test", "@test.yaml"]);
        check(&run, 2);
        let folder = bench.0.path().display().to_string();
        expected.assert_eq(&run.err.replace(&folder, "(folder)"));
    };
    let good = pod("p", "Never", &[("a", "busybox", &["true"])]);
    check_error(
        &good,
        "  propertis: []\n",
        &expect![[r#"
            error: (folder)/test.yaml:6:3: spec.propertis: unknown field "propertis", did you mean "properties"?
        "#]],
    );
    check_error(
        &good,
        "  properties:\n  - exit: {b: 0}\n",
        &expect![[r#"
            error: (folder)/test.yaml:7:5: spec.properties[0]: no container "b" in the manifest, there is a
        "#]],
    );
    check_error(
        &good.replace("Never", "Sometimes"),
        "",
        &expect![[r#"
        error: (folder)/pod.yaml:5:18: spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"
    "#]],
    );
    check_error(
        &good.replace("busybox", "Redis"),
        "",
        &expect![[r#"
            error: pod p, container a: couldn't parse image name "Redis": invalid reference format: repository name (library/Redis) must be lowercase
        "#]],
    );
    let missing = run(&["test", "missing.yaml"], "");
    check(&missing, 2);
    assert!(
        missing.err.starts_with("error: cannot read missing.yaml: "),
        "{}",
        missing.err
    );
}

#[test]
fn traces_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let event = |task: &str| {
        format!("{{\"n\":1,\"t\":5,\"c\":\"{task}\",\"k\":\"fs.read\",\"o\":\"vol:v/f\"}}\n")
    };
    let first = "{\"n\":0,\"t\":0,\"k\":\"start\"}\n";
    let (a, b) = (
        write("a", &(first.to_owned() + &event("one"))),
        write("b", &(first.to_owned() + &event("two"))),
    );
    let different = run(&["diff", &a, &b], "");
    check(&different, 1);
    assert!(
        different
            .out
            .starts_with("1 events are equal, then the next differs in c\n"),
        "{}",
        different.out
    );
    let equal = run(&["diff", &a, &a], "");
    check(&equal, 0);
    assert_eq!(equal.out, "2 events are equal\n");
    let wrong = write("c", "no trace\n");
    check(&run(&["diff", &a, &wrong], ""), 2);
}

#[test]
fn a_manifest_runs_in_virtual_time() {
    let folder = tempfile::tempdir().unwrap();
    let trace = |name: &str| folder.path().join(name).display().to_string();
    let (a, b) = (trace("a"), trace("b"));
    let manifest = pod(
        "p",
        "Never",
        &[("a", "busybox", &["sh", "-c", "sleep 300; echo $((1 + 1))"])],
    );
    let simulated = |seed: &str, trace: &str| {
        run(
            &["run", "--simulate", "--seed", seed, "--trace", trace, "-"],
            &manifest,
        )
    };
    let run_a = simulated("5", &a);
    check(&run_a, 0);
    assert_eq!(run_a.out, "[p/a] 2\n");
    check(&simulated("5", &b), 0);
    assert_eq!(read(&a), read(&b));
    let late = run(&["run", "--simulate", "--timeout", "10s", "-"], &manifest);
    check(&late, 124);
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(path)).unwrap()
}
