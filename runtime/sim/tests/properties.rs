//! Tests of pods: what they find, and how they say it.

use bytes::Bytes;
use expect_test::{Expect, expect};
use seedpod_api::{Source, check_names, load, load_pod_tests};
use seedpod_core::image::{Image, ImageConfig};
use seedpod_core::podtest::{FinalState, PodTest, PropertyKind};
use seedpod_core::sched::Chooser;
use seedpod_core::seed::Seed;
use seedpod_core::spec::Objects;
use seedpod_core::volume::Tree;
use seedpod_engine::world::{ImageError, ResolvedImage};
use seedpod_engine::{Engine, EngineSettings};
use seedpod_sim::run::{Prepared, RunReport, RunSettings, run};
use seedpod_sim::{Keep, PodTestBuilder, View};
use std::path::Path;
use std::sync::{Arc, LazyLock};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
    Engine::new(EngineSettings::deterministic(Some(cache))).unwrap()
});

/// A shell, or one program in `/`.
fn images(reference: &str) -> Result<ResolvedImage, ImageError> {
    let (file, program) = match reference {
        "busybox" => ("busybox", "/bin/busybox"),
        "ipc" => ("ch6_ipc", "/ipc"),
        "trap" => ("tests/trap", "/trap"),
        "spin" => ("tests/spin", "/spin"),
        "tcp-echo" => ("tests/tcp-echo", "/tcp-echo"),
        _ => {
            return Err(ImageError::Pull {
                reference: reference.to_owned(),
                reason: "not found".to_owned(),
            });
        }
    };
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let bytes = std::fs::read(format!("{root}/guests/images/{file}.wasm")).unwrap();
    let mut tree = Tree::builder();
    tree.insert_file(program, Bytes::from(bytes), 0o755)
        .unwrap();
    let mut config = ImageConfig::default();
    if reference == "busybox" {
        for applet in "cat cp echo grep ls mv sh sleep test true".split(' ') {
            tree.insert_symlink(&format!("/bin/{applet}"), "busybox")
                .unwrap();
        }
    } else {
        config.entrypoint = vec![program.to_owned()];
    }
    let image = Image {
        reference: reference.to_owned(),
        digest: format!("sha256:{file}"),
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

/// A pod of shells that share a volume, which ends: names and scripts.
fn shells(containers: &[(&str, &str)]) -> String {
    let containers: String = containers
        .iter()
        .map(|(name, script)| shell(name, script))
        .collect();
    pod(&format!(
        "  restartPolicy: Never\n  containers:\n{containers}"
    ))
}

fn shell(name: &str, script: &str) -> String {
    format!(
        "  - name: {name}\n    image: busybox\n    command: [sh, -c, {script:?}]\n    volumeMounts: [{{name: shared, mountPath: /shared}}]\n"
    )
}

fn pod(spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n{spec}  volumes: [{{name: shared, emptyDir: {{}}}}]\n"
    )
}

fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.to_owned(),
        bytes: text.into(),
    }
}

/// A test with `spec` as its spec, indented by two, and its objects.
fn read(pod: &str, spec: &str) -> Result<(PodTest, Objects), String> {
    let yaml = format!(
        "apiVersion: seedpod.dev/v1alpha1\nkind: PodTest\nmetadata: {{name: t}}\nspec:\n  manifest: pod.yaml\n{spec}"
    );
    let text = |errors: Vec<String>| errors.join("\n") + "\n";
    let objects = load(&[source("pod.yaml", pod)])
        .map_err(|errors| text(errors.iter().map(ToString::to_string).collect()))?
        .objects;
    let mut tests = load_pod_tests(&[source("t.yaml", &yaml)])
        .map_err(|errors| text(errors.iter().map(ToString::to_string).collect()))?;
    let test = tests.remove(0);
    check_names(&test, &objects)
        .map_err(|errors| text(errors.iter().map(ToString::to_string).collect()))?;
    Ok((test, objects))
}

fn run_once(test: &PodTest, prepared: &Prepared) -> RunReport {
    run(RunSettings {
        prepared,
        test,
        seed: Seed::new(1),
        chooser: Chooser::default_order(),
        keep: Keep::Schedule,
        packets: None,
    })
    .unwrap()
}

fn verdict(pod: &str, spec: &str) -> String {
    let (test, objects) = match read(pod, spec) {
        Ok(read) => read,
        Err(errors) => return errors,
    };
    let images = Arc::new(|reference: &str, _| images(reference));
    let prepared = match Prepared::new(&test, objects, ENGINE.clone(), images) {
        Ok(prepared) => prepared,
        Err(errors) => return errors.iter().map(|error| format!("{error}\n")).collect(),
    };
    let report = run_once(&test, &prepared);
    assert_eq!(report.hash, run_once(&test, &prepared).hash, "another run");
    let mut text: String = report
        .failures
        .iter()
        .map(|failure| format!("{failure}\n"))
        .collect();
    if text.is_empty() {
        text = "pass\n".to_owned();
    }
    for name in &report.sometimes {
        text += &format!("sometimes {name}\n");
    }
    text
}

#[expect(clippy::needless_pass_by_value, reason = "reads best in the tests")]
fn check(pod: &str, spec: &str, expected: Expect) {
    expected.assert_eq(&verdict(pod, spec));
}

/// For a moment the copy is there and empty.
const COPIES: &str = "echo '{\"a\":1}' > /n; cp /n /shared/n";

#[test]
fn always() {
    let pod = shells(&[("w", COPIES)]);
    check(
        &pod,
        "  properties: [{always: {name: small, expr: 'file(\"/shared/n\").size < 10'}}]\n",
        expect![[r#"
            pass
        "#]],
    );
    check(
        &pod,
        "  properties: [{always: {name: small, expr: 'file(\"/shared/n\").size < 6'}}]\n",
        expect![[r#"
            always small: `file("/shared/n").size < 6` is false; file /shared/n: 8 bytes, "{\"a\":1}\n"
        "#]],
    );
}

#[test]
fn never() {
    let half = |expr: &str| format!("  properties: [{{never: {{name: half, expr: '{expr}'}}}}]\n");
    let spec = half("file(\"/shared/n\").exists && !file(\"/shared/n\").isJson");
    check(
        &shells(&[("w", COPIES)]),
        &spec,
        expect![[r#"
            never half: `file("/shared/n").exists && !file("/shared/n").isJson` is true; file /shared/n: 0 bytes, ""
        "#]],
    );
    let renamed = "echo '{\"a\":1}' > /n; cp /n /shared/t; mv /shared/t /shared/n";
    check(
        &shells(&[("w", renamed)]),
        &spec,
        expect![[r#"
        pass
    "#]],
    );
}

#[test]
fn eventually() {
    let pod = shells(&[("w", "echo 1 > /n; sleep 5; cp /n /shared/n; sleep 5")]);
    let spec = |limit: &str, within: &str| {
        format!(
            "  limit: {limit}\n  properties: [{{eventually: {{name: there, expr: 'file(\"w:/shared/n\").exists', {within}}}}}]\n"
        )
    };
    check(
        &pod,
        &spec("2s", ""),
        expect![[r#"
        pass
    "#]],
    );
    check(
        &pod,
        &spec("2s", "within: 4s"),
        expect![[r#"
            pass
        "#]],
    );
    check(
        &pod,
        &spec("2s", "within: 1s"),
        expect![[r#"
        eventually there: `file("w:/shared/n").exists` did not become true within 1s of the quiet tail; file w:/shared/n: not there
    "#]],
    );
    check(
        &shells(&[("w", "true")]),
        &spec("2s", ""),
        expect![[r#"
        eventually there: `file("w:/shared/n").exists` did not become true in the quiet tail; file w:/shared/n: not there
    "#]],
    );
}

#[test]
fn finally() {
    let pod = shells(&[("a", "echo 1 >> /shared/n"), ("b", "echo 2 >> /shared/n")]);
    let spec = |count: u32| {
        format!(
            "  properties: [{{finally: {{name: both, expr: 'file(\"shared:n\").lines.size() == {count}'}}}}]\n"
        )
    };
    check(
        &pod,
        &spec(2),
        expect![[r#"
        pass
    "#]],
    );
    check(
        &pod,
        &spec(3),
        expect![[r#"
        finally both: `file("shared:n").lines.size() == 3` is false at the end; file shared:n: 4 bytes, "1\n2\n"
    "#]],
    );
}

#[test]
fn sometimes() {
    let pod = shells(&[("w", "echo retry; echo done")]);
    check(
        &pod,
        "  properties: [{sometimes: {name: retried, expr: 'log(\"w\").contains(\"retry\")'}}, {sometimes: {name: failed, expr: 'log(\"w\").lines().exists(l, l == \"failed\")'}}]\n",
        expect![[r#"
            pass
            sometimes retried
        "#]],
    );
}

#[test]
fn bounded() {
    let pod = shells(&[("w", "for i in 1 2 3; do echo $i >> /shared/n; done")]);
    let spec = |max: u32| {
        format!(
            "  properties: [{{bounded: {{name: size, expr: 'file(\"/shared/n\").size', max: {max}}}}}]\n"
        )
    };
    check(
        &pod,
        &spec(6),
        expect![[r#"
        pass
    "#]],
    );
    check(
        &pod,
        &spec(5),
        expect![[r#"
        bounded size: `file("/shared/n").size` is 6, more than 5; file /shared/n: 6 bytes, "1\n2\n3\n"
    "#]],
    );
}

#[test]
fn exit() {
    let pod = shells(&[("a", "exit 3"), ("b", "true")]);
    check(
        &pod,
        "  properties: [{exit: {a: 3, b: 0}}]\n",
        expect![[r#"
        pass
    "#]],
    );
    check(
        &pod,
        "  properties: [{exit: {a: 0, b: running}}]\n",
        expect![[r#"
            exit exit: a ended with 3 and must end with 0; b ended with 0 and must be running
        "#]],
    );
}

#[test]
fn queues_semaphores_and_containers() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  restartPolicy: Never\n  containers:\n  - {name: producer, image: ipc, command: [/ipc, -producer]}\n  - {name: consumer, image: ipc, command: [/ipc, -consumer]}\n";
    check(
        pod,
        concat!(
            "  properties:\n  - sometimes: {name: sent, expr: 'event(\"mq.send\") > 0'}\n",
            "  - always: {name: counted, expr: 'queue(\"ch6_ipc\").sent == queue(\"ch6_ipc\").depth + queue(\"ch6_ipc\").received'}\n",
            "  - never: {name: sem, expr: 'semaphore(\"/x\").exists'}\n",
            "  - finally: {name: ended, expr: 'container(\"producer\").state == \"terminated\" && container(\"p/consumer\").exitCode == 0'}\n",
            "  - finally: {name: early, expr: 'time < 100.0 && now > 0 && container(\"consumer\").restarts == 0'}\n",
        ),
        expect![[r#"
            pass
            sometimes sent
        "#]],
    );
}

#[test]
fn checkers() {
    let pod = shells(&[("w", "echo hello > /shared/n; echo hello")]);
    let spec = |script: &str| {
        format!(
            "  properties: [{{checker: {{name: judge, image: busybox, command: [sh, -c, {script:?}]}}}}]\n"
        )
    };
    check(
        &pod,
        &spec("grep -q '\"k\":\"log\"' /history/trace.jsonl && grep -q hello /history/w.log"),
        expect![[r#"
            pass
        "#]],
    );
    check(
        &pod,
        &spec("echo not linear; exit 1"),
        expect![[r#"
        checker judge: not linear
    "#]],
    );
    check(
        &pod,
        "  properties: [{checker: {image: nowhere}}]\n",
        expect![[r#"
            checker checker: did not end: Failed to pull image "nowhere": failed to pull image "nowhere": not found
        "#]],
    );
}

#[test]
fn traps() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  restartPolicy: Never\n  containers: [{name: t, image: trap}]\n";
    check(
        pod,
        "",
        expect![[r#"
        trap trap t: t trapped: it was ended by SIGABRT
    "#]],
    );
    check(
        pod,
        "  defaults: {trap: ignore}\n",
        expect![[r#"
        pass
    "#]],
    );
}

#[test]
fn deadlocks() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  restartPolicy: Never\n  initContainers: [{name: queue, image: ipc, command: [/ipc, -create]}]\n  containers: [{name: consumer, image: ipc, command: [/ipc, -consumer]}]\n";
    check(
        pod,
        "",
        expect![[r#"
            deadlock deadlock: nothing can go on: consumer waits in mq.receive mq:/ch6_ipc
        "#]],
    );
    check(
        pod,
        "  properties: [{exit: {consumer: running}}]\n",
        expect![[r#"
            pass
        "#]],
    );
    check(
        pod,
        "  defaults: {deadlock: ignore}\n",
        expect![[r#"
            pass
        "#]],
    );
    check(
        &pod.replace("Never", "Always"),
        "",
        expect![[r#"
            pass
        "#]],
    );
    let server = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  restartPolicy: Never\n  containers: [{name: server, image: tcp-echo}]\n";
    check(
        server,
        "",
        expect![[r#"
        pass
    "#]],
    );
}

#[test]
fn livelocks() {
    let waits = "while [ ! -f /shared/ready ]; do sleep 1; done";
    let ends = "  properties: [{exit: {w: 0}}]\n";
    check(
        &shells(&[("w", waits)]),
        ends,
        expect![[r#"
            livelock livelock: nothing new comes of what w does again and again; not ended: w
        "#]],
    );
    // It may as well be a server that looks around once a second.
    check(
        &shells(&[("w", waits)]),
        "  limit: 1m\n  settle: 1s\n",
        expect![[r#"
            pass
        "#]],
    );
    check(
        &shells(&[("w", waits)]),
        &format!("  limit: 1m\n  settle: 1s\n  defaults: {{livelock: ignore}}\n{ends}"),
        expect![[r#"
            exit exit: w is running and must end with 0
        "#]],
    );
    check(
        &shells(&[("w", waits), ("late", "sleep 60; echo > /shared/ready")]),
        ends,
        expect![[r#"
            pass
        "#]],
    );
}

#[test]
fn endless_loops() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: s, image: spin}]\n";
    check(
        pod,
        "  limit: 1s\n  settle: 0s\n  defaults: {livelock: 60ms}\n",
        expect![[r#"
            livelock livelock s: s computes and computes, and nothing comes of it
        "#]],
    );
}

#[test]
fn endless_output() {
    let pod = pod(&format!(
        "  containers:\n{}",
        shell(
            "w",
            "i=0; while true; do i=$((i + 1)); echo $i > /shared/n; done"
        )
    ));
    check(
        &pod,
        "",
        expect![[r#"
            livelock livelock: 262144 events in one run, which are as many as are kept; a smaller `limit` ends it before
        "#]],
    );
}

#[test]
fn restart_loops() {
    let pod = pod(&format!("  containers:\n{}", shell("w", "exit 1")));
    check(
        &pod,
        "  limit: 2m\n  defaults: {restartLoop: 2}\n",
        expect![[r#"
            restartLoop restartLoop w: w was restarted 3 times, last with exit code 1
        "#]],
    );
    check(
        &pod,
        "  limit: 2m\n  settle: 1s\n",
        expect![[r#"
            pass
        "#]],
    );
}

#[test]
fn expressions_that_cannot_be_evaluated() {
    let pod = shells(&[("w", "echo '{\"count\": 1}' > /shared/n")]);
    let spec = |expr: &str| format!("  properties: [{{always: {{name: x, expr: '{expr}'}}}}]\n");
    let count = "file(\"/shared/n\").json.count == 1";
    check(
        &pod,
        &spec(count),
        expect![[r#"
        expression x: `file("/shared/n").json.count == 1` cannot be evaluated: found no matching overload for '_._' applied to '(null_type, string)'; file /shared/n: not there
    "#]],
    );
    check(
        &pod,
        &format!("  properties: [{{finally: {{name: x, expr: '{count}'}}}}]\n"),
        expect![[r#"
            pass
        "#]],
    );
    check(
        &pod,
        &spec("1 +"),
        expect![[r#"
        t.yaml:6:41: spec.properties[0].always.expr: no CEL: 1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}, in `1 +`
    "#]],
    );
    check(
        &pod,
        &spec("filed(\"/shared/n\").exists"),
        expect![[r#"
        t.yaml:6:41: spec.properties[0].always.expr: there is no function "filed"; there are file(path), queue(name), semaphore(name), container(name), log(container), event(call, object), lines(text), time, now and those of CEL, in `filed("/shared/n").exists`
    "#]],
    );
    check(
        &pod,
        &spec("tme > 1"),
        expect![[r#"
        t.yaml:6:41: spec.properties[0].always.expr: there is no variable "tme"; there are file(path), queue(name), semaphore(name), container(name), log(container), event(call, object), lines(text), time, now and those of CEL, in `tme > 1`
    "#]],
    );
    check(
        &pod,
        &spec("file(\"/other/n\").exists"),
        expect![[r#"
        t.yaml:6:41: spec.properties[0].always.expr: no container has a volume at /other/n, in `file("/other/n").exists`
    "#]],
    );
    check(
        &pod,
        &spec("log(\"v\") == \"\""),
        expect![[r#"
        t.yaml:6:41: spec.properties[0].always.expr: there is no container "v", only w, in `log("v") == ""`
    "#]],
    );
    check(
        &pod,
        &spec("queue(\"/x\").depth"),
        expect![[r#"
            t.yaml:6:41: spec.properties[0].always.expr: is int, not true or false, in `queue("/x").depth`
        "#]],
    );
    check(
        &pod,
        &spec("file(1).exists"),
        expect![[r#"
            expression x: `file(1).exists` cannot be evaluated: a function wants a text, not Int(1)
        "#]],
    );
    check(
        &pod,
        &spec("[1, 2].all(x, x > 0) && has(file(\"/shared/n\").size)"),
        expect![[r#"
            pass
        "#]],
    );
    let nested = format!("{}true{}", "(".repeat(2000), ")".repeat(2000));
    assert!(
        verdict(&pod, &spec(&nested)).contains("no CEL"),
        "{}",
        verdict(&pod, &spec(&nested))
    );
}

#[test]
fn shells_and_files_are_driven() {
    let pod = shells(&[(
        "w",
        "while [ ! -f /shared/go ]; do sleep 1; done; cat /shared/in/a; echo; sleep 100",
    )]);
    let steps = concat!(
        "  drive:\n  - write: {path: 'shared:in/a', text: hi}\n  - {at: 3s, write: {path: /shared/go, text: ''}}\n",
        "  - wait: log(\"w\").contains(\"hi\")\n",
        "  - {exec: {container: w, command: [sh, -c, 'cat; exit 3'], stdin: typed}, expect: {exitCode: 3, output: typed}}\n",
        "  - signal: {container: w, signal: TERM}\n",
    );
    check(
        &pod,
        &format!("{steps}  properties: [{{exit: {{w: 143}}}}]\n"),
        expect![[r#"
            pass
        "#]],
    );
    check(
        &pod,
        "  drive: [{exec: {container: w, command: [sh, -c, exit 3]}}]\n",
        expect![[r#"
            drive drive 0 exec: sh -c exit 3 in w ended with 3, not 0: 
        "#]],
    );
    check(
        &pod,
        "  drive: [{exec: {container: w, command: [echo, x]}, expect: {output: other}}]\n",
        expect![[r#"
            drive drive 0 exec: echo x in w has no "other", but "x"
        "#]],
    );
    check(
        &pod,
        "  drive: [{exec: {container: w, command: [missing]}}]\n",
        expect![[r#"
            drive drive 0 exec: error executing command in container: failed to exec in container: failed to start exec "00000000-0000-4000-8000-000000000000": OCI runtime exec failed: exec failed: unable to start container process: exec: "missing": executable file not found in $PATH: unknown
        "#]],
    );
    check(
        &pod,
        "  drive: [{wait: 'time > 100.0', within: 2s}]\n",
        expect![[r#"
            drive drive 0 wait: not done within 2s: `time > 100.0` is false
        "#]],
    );
    check(
        &pod,
        "  drive: [{at: 1s, delete: {grace: 0s}}]\n  properties: [{exit: {w: 137}}]\n",
        expect![[r#"
            exit exit: w ended with 143 and must end with 137
        "#]],
    );
    check(
        &pod,
        "  drive: [{apply: {text: 'kind: x'}}]\n",
        expect![[r#"
        drive drive 0 apply: apply:1:1: apiVersion: Required value
    "#]],
    );
    check(
        &pod,
        "  drive: [{http: {to: 'w:80', get: /}, within: 2s}]\n",
        expect![[r#"
            drive drive 0 http: not done within 2s: w:80: connection refused
        "#]],
    );
}

#[test]
fn queues_and_servers_are_driven() {
    let consumer = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  restartPolicy: Never\n  initContainers: [{name: queue, image: ipc, command: [/ipc, -create]}]\n  containers: [{name: consumer, image: ipc, command: [/ipc, -consumer]}]\n";
    check(
        consumer,
        "  drive: [{publish: {queue: ch6_ipc, bodies: [a, b], every: 1s}}]\n  properties: [{finally: {name: got, expr: 'queue(\"ch6_ipc\").received == 2'}}]\n  defaults: {deadlock: ignore}\n",
        expect![[r#"
            pass
        "#]],
    );
    check(
        consumer,
        "  drive: [{publish: {queue: none, bodies: [a]}, within: 1s}]\n",
        expect![[r#"
            drive drive 0 publish: not done within 1s: there is no queue /none
        "#]],
    );
    let server = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: server, image: tcp-echo, args: ['0.0.0.0:7000']}]\n";
    check(
        server,
        "  drive: [{tcp: {to: 'server:7000', send: hello}, expect: {body: hello}}]\n",
        expect![[r#"
            pass
        "#]],
    );
    check(
        server,
        "  drive: [{http: {to: 'p:7000', get: /}}]\n",
        expect![[r#"
            drive drive 0 http: p:7000: malformed HTTP status code "/"
        "#]],
    );
}

fn builder(pod: &str) -> PodTestBuilder {
    let images = Arc::new(|reference: &str, _| images(reference));
    PodTestBuilder::from_manifest(pod, ENGINE.clone(), images)
}

#[test]
fn tests_in_rust() {
    let check = |builder: PodTestBuilder, expected: Expect| {
        let found = match builder.check() {
            Ok(passed) => format!("{} runs pass", passed.runs),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&found);
    };
    let pod = shells(&[("w", COPIES)]);
    let half = |view: &View| {
        let file = view.file("/shared/n");
        file.exists() && !file.is_json()
    };
    check(
        builder(&pod)
            .runs(3)
            .finally("whole", move |view| !half(view)),
        expect!["3 runs pass"],
    );
    check(
        builder(&pod).never("half", half),
        expect![[r#"
        run 0 fails, seed 0x0000000000000001, strategy default; run it again with `.seed(0x1)`:
          never half: is true; file /shared/n: 0 bytes, """#]],
    );
    check(
        builder(&pod)
            .runs(2)
            .sometimes("half", half)
            .sometimes("large", |view| view.file("/shared/n").bytes().len() > 100),
        expect!["no run of 2 met large"],
    );
    check(
        builder(&pod).always("x", |view| view.file("/nowhere/n").exists()),
        expect![[r#"
            run 0 fails, seed 0x0000000000000001, strategy default; run it again with `.seed(0x1)`:
              expression x: cannot be evaluated: no container has a volume at /nowhere/n"#]],
    );
    let exit = PropertyKind::Exit([("v".to_owned(), FinalState::Running)].into());
    check(
        builder(&pod).property("exit", exit),
        expect![[r#"
        the test does not fit the manifest:
          no container "v" in the manifest, there is w"#]],
    );
    check(
        builder("kind: Pod"),
        expect![[r#"
        the manifest is wrong:
          manifest:1:1: apiVersion: Required value"#]],
    );
}

#[test]
#[should_panic(expected = "run 0 fails, seed 0x0000000000000005")]
fn a_test_in_rust_panics_with_its_seed() {
    let pod = shells(&[("w", "exit 1")]);
    builder(&pod)
        .seed(5)
        .finally("ended well", |view| {
            view.container("w").exit_code == Some(0)
        })
        .run();
}
