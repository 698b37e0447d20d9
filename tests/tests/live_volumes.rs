//! Volumes that show objects, while the objects change.

use expect_test::{Expect, expect};
use seedpod::spec::ObjectKind;
use seedpod_tests::Pods;

const READER: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  containers:
  - name: c
    image: busybox
    command: [sh, -c]
    args:
    - |
      while :; do
        for f in /v/* /one; do [ -f $f ] && echo "$f=$(cat $f)"; done
        readlink /v/..data
        sleep 10
      done
    env:
    - {name: A, valueFrom: {configMapKeyRef: {name: conf, key: a, optional: true}}}
    volumeMounts:
    - {name: v, mountPath: /v}
    - {name: v, mountPath: /one, subPath: a}
  volumes:
  - name: v
    configMap: {name: conf, optional: false}
"#;

fn conf(data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: conf}}\ndata: {data}\n")
}

fn check(pods: &Pods, log: &Expect, events: &Expect) {
    log.assert_eq(&pods.log());
    let all = pods.events();
    let mounts = all.lines().filter(|line| line.contains("FailedMount"));
    events.assert_eq(&mounts.fold(String::new(), |text, line| text + line + "\n"));
}

#[test]
fn a_config_map_comes_changes_and_goes() {
    let mut pods = Pods::start(READER);
    pods.run(7);
    pods.apply(&conf("{a: '1', b: '2'}"));
    pods.run(12);
    pods.apply(&conf("{a: '3', c: '4'}"));
    pods.run(10);
    pods.apply(&conf("{a: '3', c: '4'}"));
    pods.run(10);
    assert!(pods.delete_object(ObjectKind::ConfigMap, "conf"));
    pods.run(10);
    check(
        &pods,
        &expect![[r#"
        [reader/c] /v/a=1
        [reader/c] /v/b=2
        [reader/c] /one=1
        [reader/c] ..2026_01_01_00_00_07.000000000
        [reader/c] /v/a=1
        [reader/c] /v/b=2
        [reader/c] /one=1
        [reader/c] ..2026_01_01_00_00_07.000000000
        [reader/c] /v/a=3
        [reader/c] /v/c=4
        [reader/c] /one=1
        [reader/c] ..2026_01_01_00_00_19.000000000
        [reader/c] /v/a=3
        [reader/c] /v/c=4
        [reader/c] /one=1
        [reader/c] ..2026_01_01_00_00_19.000000000
        [reader/c] /v/a=3
        [reader/c] /v/c=4
        [reader/c] /one=1
        [reader/c] ..2026_01_01_00_00_19.000000000
    "#]],
        &expect![[r#"
            0s FailedMount: MountVolume.SetUp failed for volume "v" : configmap "conf" not found
            0s FailedMount: MountVolume.SetUp failed for volume "v" : configmap "conf" not found
            1s FailedMount: MountVolume.SetUp failed for volume "v" : configmap "conf" not found
            3s FailedMount: MountVolume.SetUp failed for volume "v" : configmap "conf" not found
            39s FailedMount: MountVolume.SetUp failed for volume "v" : configmap "conf" not found
        "#]],
    );
}

const SHOWN: &str = r#"
apiVersion: v1
kind: Pod
metadata:
  name: shown
  labels: {color: red}
spec:
  containers:
  - name: c
    image: busybox
    command: [sh, -c, "while :; do cat /v/labels /v/tls; echo; sleep 10; done"]
    volumeMounts:
    - {name: v, mountPath: /v}
  volumes:
  - name: v
    projected:
      sources:
      - downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}
      - secret: {name: tls, optional: true, items: [{key: k, path: tls}]}
"#;

#[test]
fn labels_change_and_an_optional_secret_appears() {
    let mut pods = Pods::start(SHOWN);
    pods.run(5);
    pods.apply(&SHOWN.replace("red", "blue"));
    pods.run(10);
    pods.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: tls}\nstringData: {k: secret}\n");
    pods.run(10);
    assert!(pods.delete_object(ObjectKind::Secret, "tls"));
    pods.run(10);
    check(
        &pods,
        &expect![[r#"
        [shown/c] cat: can't open '/v/tls': No such file or directory
        [shown/c] color="red"
        [shown/c] cat: can't open '/v/tls': No such file or directory
        [shown/c] color="blue"
        [shown/c] color="blue"secret
        [shown/c] cat: can't open '/v/tls': No such file or directory
        [shown/c] color="blue"
    "#]],
        &expect![],
    );
}

/// The manifest of a pod `p` with these containers and volumes, in YAML's flow style.
fn pod(init: &str, containers: &str, volumes: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  restartPolicy: Never\n  \
         initContainers: {init}\n  containers: {containers}\n  volumes: {volumes}\n"
    )
}

#[test]
fn an_image_is_a_volume_and_a_file_gives_variables() {
    let volumes = "[{name: v, emptyDir: {}}, {name: i, image: {reference: busybox}}]";
    let init = r#"[{name: i, image: busybox, command: [sh, -c, "echo \"A='from a file'\" > /v/env"],
        volumeMounts: [{name: v, mountPath: /v}]}]"#;
    let containers = r#"[{name: c, image: busybox, command: [sh, -c, "echo $A; ls /i/bin | head -n 2; touch /i/new"],
        env: [{name: A, valueFrom: {fileKeyRef: {volumeName: v, path: env, key: A}}}],
        volumeMounts: [{name: i, mountPath: /i}]}]"#;
    let mut pods = Pods::start(&pod(init, containers, volumes));
    pods.run(60);
    check(
        &pods,
        &expect![[r#"
        [p/c] from a file
        [p/c] [
        [p/c] arch
        [p/c] touch: /i/new: Read-only file system
    "#]],
        &expect![],
    );
}

#[test]
fn a_guest_asks_the_name_server() {
    let containers = r#"[{name: c, image: busybox, command: [sh, -c, "cat /etc/resolv.conf; nslookup kubernetes"]}]"#;
    let mut pods = Pods::start(&format!(
        "{}---\napiVersion: v1\nkind: Service\nmetadata: {{name: kubernetes}}\nspec: {{ports: [{{port: 443}}]}}\n",
        pod("[]", containers, "[]")
    ));
    pods.run(60);
    check(
        &pods,
        &expect![[r#"
        [p/c] search default.svc.cluster.local svc.cluster.local cluster.local
        [p/c] nameserver 10.96.0.10
        [p/c] options ndots:5
        [p/c] Name:	kubernetes
        [p/c] Address: 10.96.0.1
    "#]],
        &expect![],
    );
}

#[test]
fn a_volume_that_grows_too_large_ends_its_pod() {
    let containers = r#"[{name: c, image: busybox, command: [sh, -c, "sleep 12; head -c 11000000 /dev/zero > /v/f; sleep 1000"],
        volumeMounts: [{name: v, mountPath: /v}]}]"#;
    let volumes = "[{name: v, emptyDir: {sizeLimit: 10Mi}}]";
    let mut pods = Pods::start(&pod("[]", containers, volumes));
    assert!(pods.run(60));
    let status = pods.status("p").unwrap();
    expect![[r#"Failed Some(Evicted) Some("Usage of EmptyDir volume \"v\" exceeds the limit \"10Mi\". ")"#]].assert_eq(&format!(
        "{:?} {:?} {:?}",
        status.phase, status.reason, status.message
    ));
    let events = pods.events();
    let evicted = events.lines().find(|line| line.contains("Evicted"));
    expect![[r#"20s Evicted: Usage of EmptyDir volume "v" exceeds the limit "10Mi". "#]]
        .assert_eq(evicted.unwrap_or_default());
}

#[test]
fn a_volume_in_memory_is_full_at_its_limit() {
    let containers = r#"[{name: c, image: busybox, command: [sh, -c, "head -c 2000000 /dev/zero > /v/f; wc -c < /v/f; grep /v /proc/mounts"],
        volumeMounts: [{name: v, mountPath: /v}]}]"#;
    let volumes = "[{name: v, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]";
    let mut pods = Pods::start(&pod("[]", containers, volumes));
    assert!(pods.run(60));
    expect![[r#"
        [p/c] head: write error: No space left on device
        [p/c] 1048576
        [p/c] tmpfs /v tmpfs rw,relatime,size=1024k 0 0
    "#]]
    .assert_eq(&pods.log());
}

#[test]
fn parts_of_volumes_are_created_and_lead_nowhere_else() {
    let init = r#"[{name: i, image: busybox, command: [ln, -s, /etc, /v/out], volumeMounts: [{name: v, mountPath: /v}]}]"#;
    let containers = r#"[
        {name: a, image: busybox, command: [sh, -c, "stat -c %a /new; touch /new/x"], volumeMounts: [{name: v, mountPath: /new, subPath: x/y, readOnly: true}]},
        {name: b, image: busybox, command: ["true"], volumeMounts: [{name: v, mountPath: /b, subPath: out}]}]"#;
    let mut pods = Pods::start(&pod(init, containers, "[{name: v, emptyDir: {}}]"));
    pods.run(5);
    expect![[r#"
        [p/a] 777
        [p/a] touch: /new/x: Read-only file system
    "#]]
    .assert_eq(&pods.log());
    let all = pods.events();
    let failed = all.lines().filter(|line| line.contains("s Failed"));
    expect![[
        r#"0s Failed: Error: failed to prepare subPath for volumeMount "v" of container "b""#
    ]]
    .assert_eq(&failed.collect::<Vec<_>>().join("\n"));
}
