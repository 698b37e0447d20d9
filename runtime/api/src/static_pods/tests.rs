use expect_test::{Expect, expect};

use super::*;

fn source(name: &str, bytes: &str) -> Source {
    Source {
        name: name.to_owned(),
        bytes: bytes.as_bytes().to_vec(),
    }
}

/// A pod with this name and these fields in `spec`.
fn pod(name: &str, fields: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers: [{{name: c, image: i}}]\n{fields}"
    )
}

/// Uids are shown as `#1`, `#2` in the order in which they come up.
#[derive(Default)]
struct Folder {
    files: BTreeMap<String, String>,
    uids: Vec<String>,
    written: String,
}

impl Folder {
    fn uid(&mut self, uid: &str) -> String {
        let known = self.uids.iter().position(|one| one == uid);
        let index = known.unwrap_or_else(|| {
            self.uids.push(uid.to_owned());
            self.uids.len() - 1
        });
        format!("#{}", index + 1)
    }

    fn actions(&mut self, pods: &mut StaticPods) {
        while let Some(action) = pods.poll_action() {
            let text = match action {
                StaticAction::Start(pod) => {
                    let (uid, meta) = (self.uid(&pod.uid), &pod.spec.meta);
                    format!("start {uid} {}/{}", meta.namespace, meta.name)
                }
                StaticAction::Stop { uid } => format!("stop {}", self.uid(&uid)),
                StaticAction::Report(errors) => {
                    let mut texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
                    for (index, uid) in self.uids.iter().enumerate() {
                        texts = (texts.iter())
                            .map(|text| text.replace(uid, &format!("#{}", index + 1)))
                            .collect();
                    }
                    format!("report {}", texts.join("; "))
                }
            };
            self.written += &format!("  {text}\n");
        }
    }
}

/// Steps are `write file: content`, `remove file`, `changed`, `full`, and `ended #1`.
#[expect(clippy::needless_pass_by_value, reason = "reads best in the tests")]
fn check(steps: &[&str], expected: Expect) {
    let mut pods = StaticPods::new("Node1");
    let mut folder = Folder::default();
    for step in steps {
        folder.written += &format!("{}\n", step.lines().next().unwrap_or_default());
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        match verb {
            "write" => {
                let (file, content) = rest.split_once(": ").unwrap();
                folder.files.insert(file.to_owned(), content.to_owned());
                continue;
            }
            "remove" => {
                folder.files.remove(rest);
                continue;
            }
            "ended" => {
                let index: usize = rest[1..].parse().unwrap();
                let uid = folder.uids[index - 1].clone();
                pods.handle_ended(&uid);
            }
            scan => {
                let scan = match scan {
                    "changed" => Scan::Changed,
                    "full" => Scan::Full,
                    _ => panic!("{step}"),
                };
                let files: Vec<_> = (folder.files.iter())
                    .map(|(name, content)| source(name, content))
                    .collect();
                pods.handle_files(&files, scan, WallTime::from_unix_nanos(1));
            }
        }
        folder.actions(&mut pods);
    }
    expected.assert_eq(&folder.written);
}

const A1: &str = "write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i1}]}}";
const A2: &str = "write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i2}]}}";
const A3: &str = "write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i3}]}}";
const SAME_AS_A1: &str = "write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{image: i1, name: c}]}} # it";
const BROKEN_A: &str =
    "write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [";
const A_IN_B: &str = "write b.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i1}]}}";

/// mirror_pod_test.go: should be updated when static pod updated.
#[test]
fn changed_file() {
    check(
        &[A1, "changed", A2, "changed", "ended #1", "ended #2"],
        expect![[r#"
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i1}]}}
            changed
              start #1 default/a-node1
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i2}]}}
            changed
              stop #1
            ended #1
              start #2 default/a-node1
            ended #2
        "#]],
    );
}

/// mirror_pod_grace_period_test.go: should update a static pod when the static pod is updated multiple times during the
/// graceful termination period.
#[test]
fn changed_twice_while_the_first_pod_ends() {
    check(
        &[A1, "changed", A2, "changed", A3, "changed", "ended #1"],
        expect![[r#"
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i1}]}}
            changed
              start #1 default/a-node1
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i2}]}}
            changed
              stop #1
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i3}]}}
            changed
            ended #1
              start #2 default/a-node1
        "#]],
    );
}

/// mirror_pod_grace_period_test.go: mirror pod termination should satisfy grace period when static pod is deleted.
#[test]
fn removed_file() {
    check(
        &[
            A1,
            "changed",
            "remove a.yaml",
            "changed",
            "changed",
            "ended #1",
        ],
        expect![[r#"
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i1}]}}
            changed
              start #1 default/a-node1
            remove a.yaml
            changed
              stop #1
            changed
            ended #1
        "#]],
    );
}

/// mirror_pod_test.go: should successfully recreate when file is removed and recreated.
#[test]
fn removed_and_recreated() {
    check(
        &[
            A1,
            "changed",
            "remove a.yaml",
            "changed",
            A1,
            "changed",
            "ended #1",
            "ended #1",
            "changed",
        ],
        expect![[r#"
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i1}]}}
            changed
              start #1 default/a-node1
            remove a.yaml
            changed
              stop #1
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i1}]}}
            changed
            ended #1
              start #1 default/a-node1
            ended #1
            changed
        "#]],
    );
}

#[test]
fn what_has_ended_stays_so() {
    check(
        &[
            A1,
            "changed",
            "ended #1",
            "changed",
            "full",
            SAME_AS_A1,
            "changed",
            A2,
            "changed",
            "remove a.yaml",
            "changed",
        ],
        expect![[r#"
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i1}]}}
            changed
              start #1 default/a-node1
            ended #1
            changed
            full
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{image: i1, name: c}]}} # it
            changed
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i2}]}}
            changed
              start #2 default/a-node1
            remove a.yaml
            changed
              stop #2
        "#]],
    );
}

#[test]
fn the_content_counts_and_not_its_spelling() {
    check(
        &[A1, "changed", SAME_AS_A1, "changed"],
        expect![[r#"
        write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i1}]}}
        changed
          start #1 default/a-node1
        write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{image: i1, name: c}]}} # it
        changed
    "#]],
    );
}

#[test]
fn broken_files_stand_for_their_last_pod_until_the_full_scan() {
    check(
        &[
            BROKEN_A, "changed", "changed", A1, "changed", BROKEN_A, "changed", "changed", "full",
            "ended #1", A1, "changed",
        ],
        expect![[r#"
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [
            changed
              report a.yaml:1:69: unclosed bracket '['
            changed
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i1}]}}
            changed
              start #1 default/a-node1
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [
            changed
              report a.yaml:1:69: unclosed bracket '['
            changed
            full
              stop #1
            ended #1
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i1}]}}
            changed
              start #1 default/a-node1
        "#]],
    );
}

#[test]
fn of_two_pods_with_one_name_the_first_counts() {
    check(
        &[
            A1,
            A_IN_B,
            "changed",
            "changed",
            "remove a.yaml",
            "changed",
            "ended #1",
        ],
        expect![[r#"
            write a.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i1}]}}
            write b.yaml: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i1}]}}
            changed
              report b.yaml: error validating pod a-node1_default(cc73831abdfedd6a09752e948ff6fd4d) from file due to duplicate pod name "a-node1", ignoring
              start #1 default/a-node1
            changed
            remove a.yaml
            changed
              stop #1
            ended #1
              start #2 default/a-node1
        "#]],
    );
}

#[test]
fn a_static_pod() {
    let yaml = pod("web", "");
    let found = static_pod(
        &source("a.yaml", &yaml),
        "Node1",
        WallTime::from_unix_nanos(1_767_366_245_123_456_789),
    )
    .unwrap();
    let facts = (&found.uid, &found.spec.meta, &found.spec.node_name);
    expect![[r#"
        (
            "f77b97c5b3c2c2ebb573c19512512d4b",
            Meta {
                name: "web-node1",
                namespace: "default",
                labels: {},
                annotations: {
                    "kubernetes.io/config.hash": "f77b97c5b3c2c2ebb573c19512512d4b",
                    "kubernetes.io/config.seen": "2026-01-02T15:04:05.123456789Z",
                    "kubernetes.io/config.source": "file",
                },
            },
            Some(
                "Node1",
            ),
        )
    "#]]
    .assert_debug_eq(&facts);
}

#[test]
fn no_references_to_objects_of_an_api_server() {
    let cases = [
        "  serviceAccountName: x\n",
        "  imagePullSecrets: [{name: x}]\n",
        "  initContainers: [{name: b, image: i, env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]\n",
        "  initContainers: [{name: b, image: i, envFrom: [{secretRef: {name: s}}]}]\n",
        "  volumes: [{name: v, secret: {secretName: s}}]\n",
        "  volumes: [{name: v, projected: {sources: [{secret: {name: s}}]}}]\n",
        "  initContainers: [{name: b, image: i, env: [{name: A, valueFrom: {configMapKeyRef: {name: m, key: k}}}]}]\n",
        "  initContainers: [{name: b, image: i, envFrom: [{configMapRef: {name: m}}]}]\n",
        "  volumes: [{name: v, configMap: {name: m}}]\n",
        "  volumes: [{name: v, projected: {sources: [{configMap: {name: m}}]}}]\n",
        "  resourceClaims: [{name: x, resourceClaimName: y}]\n",
        "  volumes: [{name: v, csi: {driver: d}}]\n",
        "  volumes: [{name: v, glusterfs: {endpoints: e, path: p}}]\n",
        "  volumes: [{name: v, persistentVolumeClaim: {claimName: x}}]\n",
        "  volumes: [{name: v, ephemeral: {}}]\n",
        "  volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]\n",
        "  volumes: [{name: v, projected: {sources: [{clusterTrustBundle: {path: t}}]}}]\n",
        "  volumes: [{name: v, projected: {sources: [{podCertificate: {signerName: a, keyType: b}}]}}]\n",
        "  volumes: [{name: v, projected: {sources: [{downwardAPI: {items: [{path: a, fieldRef: {fieldPath: metadata.name}}]}}]}}]\n",
        "  volumes: [{name: v, emptyDir: {}}, {name: h, hostPath: {path: /a}}]\n",
        "  imag: 1\n",
    ];
    let texts: String = cases
        .map(|fields| {
            let result = static_pod(
                &source("a.yaml", &pod("p", fields)),
                "n",
                WallTime::default(),
            );
            match result {
                Ok(_) => "good\n".to_owned(),
                Err(errors) => errors.iter().map(|error| format!("{error}\n")).collect(),
            }
        })
        .concat();
    expect![[r#"
        a.yaml: static pods may not reference serviceaccounts
        a.yaml: static pods may not reference secrets
        a.yaml: static pods may not reference secrets
        a.yaml: static pods may not reference secrets
        a.yaml: static pods may not reference secrets
        a.yaml: static pods may not reference secrets
        a.yaml: static pods may not reference configmaps
        a.yaml: static pods may not reference configmaps
        a.yaml: static pods may not reference configmaps
        a.yaml: static pods may not reference configmaps
        a.yaml: static pods may not reference resourceclaims
        a.yaml: static pods may not reference csidrivers (via CSI volumes)
        a.yaml: static pods may not reference endpoints (via glusterFS volumes)
        a.yaml: static pods may not reference persistentvolumeclaims
        a.yaml: static pods may not reference persistentvolumeclaims (via ephemeral volumes)
        a.yaml: static pods may not reference serviceaccounts (via projected volumes)
        a.yaml: static pods may not reference clustertrustbundles
        a.yaml: static pods may not reference podcertificates
        good
        good
        a.yaml:6:3: spec.imag: unknown field "imag", expected one of activeDeadlineSeconds, affinity, automountServiceAccountToken, containers, dnsConfig, dnsPolicy, enableServiceLinks, ephemeralContainers, hostAliases, hostIPC, hostNetwork, hostPID, hostUsers, hostname, hostnameOverride, imagePullSecrets, initContainers, nodeName, nodeSelector, os, overhead, preemptionPolicy, priority, priorityClassName, readinessGates, resourceClaims, resources, restartPolicy, runtimeClassName, schedulerName, schedulingGates, schedulingGroup, securityContext, serviceAccount, serviceAccountName, setHostnameAsFQDN, shareProcessNamespace, subdomain, terminationGracePeriodSeconds, tolerations, topologySpreadConstraints, volumes
    "#]].assert_eq(&texts);
}

#[test]
fn only_pods() {
    let read = |yaml: &str| static_pod(&source("a.yaml", yaml), "n", WallTime::default());
    let texts: String = [
        "",
        "[]",
        "kind: Pod",
        "{kind: ConfigMap, apiVersion: v1, metadata: {name: m}}",
        "a: [",
    ]
    .map(|yaml| {
        let errors = read(yaml).expect_err("an error").into_iter();
        errors.map(|error| format!("{error}\n")).collect::<String>()
    })
    .concat();
    expect![[r#"
        a.yaml: no objects in it
        a.yaml:1:1: not supported: a static pod is a Pod of apiVersion v1
        a.yaml:1:1: not supported: a static pod is a Pod of apiVersion v1
        a.yaml:1:1: not supported: a static pod is a Pod of apiVersion v1
        a.yaml:1:4: unclosed bracket '['
    "#]]
    .assert_eq(&texts);
}
