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
    events.assert_eq(&pods.events());
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
        0s Scheduled: Successfully assigned default/reader to sim
        0s FailedMount: MountVolume.SetUp failed for volume "v" : configmap "conf" not found
        0s FailedMount: MountVolume.SetUp failed for volume "v" : configmap "conf" not found
        1s FailedMount: MountVolume.SetUp failed for volume "v" : configmap "conf" not found
        3s FailedMount: MountVolume.SetUp failed for volume "v" : configmap "conf" not found
        7s Pulling: Pulling image "busybox"
        7s ImageSubstituted: Image "busybox" is bundled busybox here
        7s Pulled: Successfully pulled image "busybox" in 0s (0s including waiting). Image size: 1235912 bytes.
        7s Created: Container created
        7s Started: Container started
        39s FailedMount: MountVolume.SetUp failed for volume "v" : configmap "conf" not found
    "#]],
    );
}
