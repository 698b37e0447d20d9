use super::manifest::{container, parse_pod};
use super::script::{Engine, check_only};
use crate::pod::update;
use crate::spec::{self, ImagePullPolicy};
use expect_test::{Expect, expect};
use std::time::Duration;

fn text(result: Result<(), update::UpdateError>) -> String {
    result.map_or_else(|error| error.to_string(), |()| "ok".to_owned())
}

#[test]
fn what_a_plain_update_may_change() {
    let check = |edit: fn(&mut spec::Pod), expect: Expect| {
        let old = parse_pod("deadline:60 init:i a b");
        let mut new = old.clone();
        edit(&mut new);
        expect.assert_eq(&text(update::check(&old, &new)));
    };
    check(|_| {}, expect!["ok"]);
    check(
        |new| new.containers[1].image = "other:latest".to_owned(),
        expect!["ok"],
    );
    check(
        |new| {
            new.containers[1].image = "other:latest".to_owned();
            new.containers[1].image_pull_policy = ImagePullPolicy::Always;
        },
        expect!["ok"],
    );
    check(
        |new| new.init_containers[0].image = "other".to_owned(),
        expect!["ok"],
    );
    check(
        |new| new.containers[0].image.clear(),
        expect!["spec.containers[0].image: Required value"],
    );
    check(
        |new| new.active_deadline = Some(Duration::from_secs(59)),
        expect!["ok"],
    );
    check(
        |new| new.active_deadline = Some(Duration::from_secs(61)),
        expect![
            "spec.activeDeadlineSeconds: Invalid value: 61: must be less than or equal to previous value"
        ],
    );
    check(
        |new| new.active_deadline = None,
        expect![
            "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"
        ],
    );
    check(
        |new| drop(new.meta.labels.insert("a".to_owned(), "b".to_owned())),
        expect!["ok"],
    );
    check(
        |new| new.meta.name = "other".to_owned(),
        expect![[r#"metadata.name: Invalid value: "other": field is immutable"#]],
    );
    check(
        |new| new.meta.namespace = "other".to_owned(),
        expect![[r#"metadata.namespace: Invalid value: "other": field is immutable"#]],
    );
    check(
        |new| drop(new.containers.pop()),
        expect!["spec.containers: Forbidden: pod updates may not add or remove containers"],
    );
    check(
        |new| drop(new.init_containers.pop()),
        expect!["spec.initContainers: Forbidden: pod updates may not add or remove containers"],
    );
    check(
        |new| new.containers[0].name = "c".to_owned(),
        expect![
            "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        ],
    );
    check(
        |new| new.containers[0].args.push("x".to_owned()),
        expect![
            "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        ],
    );
    check(
        |new| new.containers[0].image_pull_policy = ImagePullPolicy::Always,
        expect![
            "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        ],
    );
    check(
        |new| new.termination_grace_period.seconds = 1,
        expect![
            "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        ],
    );
    check(
        |new| {
            new.ephemeral_containers
                .push(container("e", "", ImagePullPolicy::Always));
        },
        expect![
            "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        ],
    );
    let old = parse_pod("a");
    let new = parse_pod("deadline:5 a");
    assert_eq!(update::check(&old, &new), Ok(()));
}

#[test]
fn what_the_verb_of_ephemeral_containers_may_change() {
    let check = |edit: fn(&mut spec::Pod), expect: Expect| {
        let mut old = parse_pod("a b");
        let ephemeral = |name| container(name, "", ImagePullPolicy::Always);
        old.ephemeral_containers = vec![ephemeral("e"), ephemeral("f")];
        let mut new = old.clone();
        edit(&mut new);
        expect.assert_eq(&text(update::check_ephemeral_containers(&old, &new)));
    };
    check(|_| {}, expect!["ok"]);
    check(
        |pod| {
            pod.ephemeral_containers
                .push(container("g", "", ImagePullPolicy::Always));
        },
        expect!["ok"],
    );
    check(
        |pod| {
            pod.ephemeral_containers
                .insert(0, container("g", "", ImagePullPolicy::Always));
        },
        expect!["ok"],
    );
    check(
        |pod| {
            pod.ephemeral_containers
                .push(container("a", "", ImagePullPolicy::Always));
        },
        expect![[r#"spec.ephemeralContainers[2].name: Duplicate value: "a""#]],
    );
    check(
        |pod| {
            pod.ephemeral_containers
                .push(container("e", "", ImagePullPolicy::Always));
        },
        expect![[r#"spec.ephemeralContainers[2].name: Duplicate value: "e""#]],
    );
    check(
        |pod| drop(pod.ephemeral_containers.pop()),
        expect![[
            r#"spec.ephemeralContainers: Forbidden: existing ephemeral containers "f" may not be removed"#
        ]],
    );
    check(
        |pod| pod.ephemeral_containers[0].image = "other".to_owned(),
        expect![[
            r#"spec.ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be changed"#
        ]],
    );
    check(
        |pod| pod.containers[0].image = "other".to_owned(),
        expect![
            "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        ],
    );
    check(
        |pod| {
            let mut one = container("g", "", ImagePullPolicy::Always);
            one.target_container_name = Some("c".to_owned());
            pod.ephemeral_containers.push(one);
        },
        expect![[r#"spec.ephemeralContainers[2].targetContainerName: Not found: "c""#]],
    );
    check(
        |pod| {
            let names = (0..300).map(|n| format!("g{n}"));
            let many = names.map(|name| container(&name, "", ImagePullPolicy::Always));
            pod.ephemeral_containers.extend(many);
        },
        expect!["spec.ephemeralContainers: Too many: must have at most 256 containers"],
    );
}

#[test]
fn an_update_without_ephemeral_containers_leaves_them() {
    let mut old = parse_pod("a");
    let new = old.clone();
    old.ephemeral_containers
        .push(container("e", "", ImagePullPolicy::Always));
    assert_eq!(update::check(&old, &new), Ok(()));
}

const RUNS: [&str; 7] = ["Killing", "signal", "kill", "start", "a=", "s=", "get pods"];

#[test]
fn another_image_restarts_a_container_whatever_its_policy() {
    check_only(
        &RUNS,
        "Never a",
        "5s update Never a@new | 6s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s start a #0
            0s   Started a: Container started
            0s     [Running] +Ready +ContainersReady a=Running
            5s   Killing a: Container a definition changed, will be restarted
            5s signal a SIGTERM
            5s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/143
            5s start a #1
            5s   Started a: Container started
            5s     +Ready +ContainersReady a=Running last Error/143 x1
            get pods: 1/1 Running 1 (1s ago) 6s
        "#]],
    );
    check_only(
        &RUNS,
        "OnFailure a b",
        "0s a stubborn | 5s update OnFailure a@new b | 60s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating b=ContainerCreating
            0s start a #0
            0s   Started a: Container started
            0s     a=Running
            0s start b #0
            0s   Started b: Container started
            5s   Killing a: Container a definition changed, will be restarted
            5s signal a SIGTERM
            35s kill a
            35s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/137
            35s start a #1
            35s   Started a: Container started
            35s     +Ready +ContainersReady a=Running last Error/137 x1
            get pods: 2/2 Running 1 (25s ago) 60s
        "#]],
    );
    check_only(
        &RUNS,
        "Never a:Never sidecar:s",
        "5s update Never a:Never sidecar:s@new | 6s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled s=PodInitializing a=PodInitializing
            0s start s #0
            0s   Started s: Container started
            0s     +Initialized s=Running
            0s start a #0
            0s   Started a: Container started
            0s     [Running] +Ready +ContainersReady a=Running
            5s   Killing s: Init container s definition changed
            5s signal s SIGTERM
            5s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) s=Error/143
            5s start s #1
            5s   Started s: Container started
            5s     +Ready +ContainersReady s=Running last Error/143 x1
            get pods: 2/2 Running 1 (1s ago) 6s
        "#]],
    );
}

#[test]
fn a_container_that_has_not_started_takes_the_new_image() {
    check_only(
        &["pull", "start", "Pull", "get pods"],
        "Never init:i a",
        "5s update Never init:i a@new | 6s i exits 0 | 7s end",
        expect![[r#"
            0s pull i
            0s   Pulled i: Container image "image" already present on machine and can be accessed by the pod
            0s start i #0
            0s   Started i: Container started
            6s pull a
            6s   Pulled a: Container image "new" already present on machine and can be accessed by the pod
            6s start a #0
            6s   Started a: Container started
            get pods: 1/1 Running 0 7s
        "#]],
    );
}

#[test]
fn what_has_ended_for_good_stays_as_it_is() {
    check_only(
        &RUNS,
        "Never init:i a b",
        "1s i exits 0 | 2s a exits 1 | 5s update Never init:i@new a@new b | 6s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled i=PodInitializing a=PodInitializing b=PodInitializing
            0s start i #0
            0s   Started i: Container started
            1s start a #0
            1s   Started a: Container started
            1s     a=Running
            1s start b #0
            1s   Started b: Container started
            2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=Error/1
            get pods: 1/2 Error 0 6s
        "#]],
    );
}

#[test]
fn an_image_that_changes_while_it_is_pulled_is_replaced_afterwards() {
    check_only(
        &["pull", "start", "Pull", "Killing", "get pods"],
        "Always a",
        "0s a slow | 1s update Always a@new | 0s a fast | 2s a pulled | 3s a started | 4s end",
        expect![[r#"
            0s pull a
            2s   Pulled a: Container image "image" already present on machine and can be accessed by the pod
            2s start a #0
            2s   Started a: Container started
            2s   Killing a: Container a definition changed, will be restarted
            2s pull a
            2s   Pulled a: Container image "new" already present on machine and can be accessed by the pod
            2s start a #1
            2s   Started a: Container started
            get pods: 1/1 Running 1 (2s ago) 4s
        "#]],
    );
}

#[test]
fn another_image_forgets_back_off() {
    check_only(
        &["start a", "BackOff", "get pods"],
        "Always a",
        "1s a exits 1 | 2s a exits 1 | 5s update Always a@new | 6s a exits 1 | 30s end",
        expect![[r#"
            0s start a #0
            1s start a #1
            2s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            2s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/1 x1
            5s start a #2
            6s   !BackOff a: Back-off restarting failed container a in pod p_ns(uid)
            6s     -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) a=CrashLoopBackOff 'back-off 10s restarting failed container=a pod=p_ns(uid)' last Error/1 x2
            16s start a #3
            get pods: 1/1 Running 3 (24s ago) 30s
        "#]],
    );
    check_only(
        &["pull a", "Pull", "get pods"],
        "Always a",
        "0s images unpullable gone | 3s images work | 4s update Always a@new | 30s end",
        expect![[r#"
            0s pull a
            0s     a=ErrImagePull 'gone'
            0s   Pulling a: Pulling image "image"
            0s   !Failed a: Error: ErrImagePull
            4s pull a
            4s     a=ErrImagePull 'gone'
            4s   Pulled a: Container image "new" already present on machine and can be accessed by the pod
            get pods: 1/1 Running 0 30s
        "#]],
    );
}

#[test]
fn a_pod_that_ends_takes_no_new_image() {
    check_only(
        &RUNS,
        "Always a",
        "0s a stubborn | 5s delete | 6s update Always a@new | 60s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s start a #0
            0s   Started a: Container started
            0s     [Running] +Ready +ContainersReady a=Running
            5s   Killing a: Stopping container a
            5s signal a SIGTERM
            35s kill a
            35s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/137
            get pods: 0/1 Error 0 60s
        "#]],
    );
}

#[test]
fn a_life_span_can_be_set_and_shortened() {
    check_only(
        &["Deadline", "get pods"],
        "Always a",
        "5s update Always deadline:10 a | 20s end",
        expect![[r#"
            10s   DeadlineExceeded pod: Pod was active on the node longer than the specified deadline
            10s     [Failed] (DeadlineExceeded) -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/143
            get pods: 0/1 Error 0 20s
        "#]],
    );
    check_only(
        &["Deadline", "get pods"],
        "Always deadline:60 a",
        "5s update Always deadline:3 a | 20s end",
        expect![[r#"
            5s   DeadlineExceeded pod: Pod was active on the node longer than the specified deadline
            5s     [Failed] (DeadlineExceeded) -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) a=Error/143
            get pods: 0/1 Error 0 20s
        "#]],
    );
}

#[test]
fn generations() {
    let check = |script: &str, generation| {
        let engine = Engine::run("Always a", script);
        assert_eq!(
            engine.pod.status().observed_generation,
            generation,
            "{script}"
        );
    };
    check("1s end", 1);
    check("1s update Always label:a=b a", 1);
    check("1s update Always a@new", 2);
    check(
        "1s update Always a@new | 2s update Always a@new | 3s update Always deadline:5 a@new",
        3,
    );
    check("1s update Always a debug:e", 2);
    check("0s a stubborn | 1s delete | 2s delete 5", 2);
}

const EPHEMERAL: [&str; 6] = ["pull", "start", "Killing", "e=", "[", "get pods"];

#[test]
fn ephemeral_containers_start_at_once_and_never_again() {
    check_only(
        &EPHEMERAL,
        "Always init:i a",
        "1s update Always init:i a debug:e | 2s e exits 1 | 30s i exits 0 | 31s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers -Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled i=PodInitializing a=PodInitializing
            0s pull i
            0s start i #0
            0s   Started i: Container started
            1s pull e
            1s     e=PodInitializing
            1s start e #0
            1s   Started e: Container started
            1s     e=Running unready
            2s     e=Error/1
            30s pull a
            30s start a #0
            30s   Started a: Container started
            30s     [Running] +Ready +ContainersReady a=Running
            get pods: 1/1 Running 0 31s
        "#]],
    );
}

#[test]
fn ephemeral_containers_end_with_the_pod() {
    check_only(
        &EPHEMERAL,
        "Never a",
        "1s update Never a debug:e | 2s a exits 0 | 3s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s pull a
            0s start a #0
            0s   Started a: Container started
            0s     [Running] +Ready +ContainersReady a=Running
            1s pull e
            1s     e=ContainerCreating
            1s start e #0
            1s   Started e: Container started
            1s     e=Running unready
            2s   Killing e: Stopping container e
            2s     [Succeeded] -PodReadyToStartContainers +Initialized(PodCompleted) -Ready(PodCompleted) -ContainersReady(PodCompleted) a=Completed/0 e=Error/143
            get pods: 0/1 Completed 0 3s
        "#]],
    );
    check_only(
        &EPHEMERAL,
        "Never a",
        "0s e stubborn | 1s update Never a debug:e debug:d | 2s delete 5 | 30s end",
        expect![[r#"
            0s     [Pending] +PodReadyToStartContainers +Initialized -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady) +PodScheduled a=ContainerCreating
            0s pull a
            0s start a #0
            0s   Started a: Container started
            0s     [Running] +Ready +ContainersReady a=Running
            1s pull e
            1s     d=ContainerCreating e=ContainerCreating
            1s start e #0
            1s   Started e: Container started
            1s pull d
            1s     e=Running unready
            1s start d #0
            1s   Started d: Container started
            2s   Killing a: Stopping container a
            2s   Killing e: Stopping container e
            2s   Killing d: Stopping container d
            7s     [Failed] -PodReadyToStartContainers -Ready(PodFailed) -ContainersReady(PodFailed) e=Error/137
            get pods: 0/1 Error 0 30s
        "#]],
    );
}

#[test]
fn an_ephemeral_container_without_image_is_tried_again() {
    check_only(
        &["pull e", "start e", "e=", "get pods"],
        "Always a",
        "1s images unpullable gone | 1s update Always a debug:e | 5s images work | 20s end",
        expect![[r#"
            1s pull e
            1s     e=ErrImagePull 'gone'
            11s pull e
            11s start e #0
            11s     e=Running unready
            get pods: 1/1 Running 0 20s
        "#]],
    );
}

#[test]
fn ephemeral_containers_have_a_path_and_are_sorted() {
    let engine = Engine::run(
        "Always init:i a",
        "1s update Always init:i a debug:z debug:e | 2s end",
    );
    let names: Vec<_> = engine
        .pod
        .status()
        .ephemeral_containers
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["e", "z"]);
    let id = engine.pod.find("e").unwrap();
    assert_eq!(
        id.field_path(engine.pod.spec()).as_deref(),
        Some("spec.ephemeralContainers{e}")
    );
}

#[test]
fn what_the_verb_of_resources_may_change() {
    let check = |old: &str, new: &str, expect: Expect| {
        let (old, new) = (parse_pod(old), parse_pod(new));
        expect.assert_eq(&text(update::check_resize(&old, &new)));
        if old.containers[0].image == new.containers[0].image && old != new {
            let plain = update::check(&old, &new);
            assert!(plain.is_err(), "a plain update changes no resources");
        }
    };
    let old =
        "init:i limits(cpu=1,memory=1) sidecar:s limits(cpu=1,memory=1) a limits(cpu=1,memory=1)";
    check(old, old, expect!["ok"]);
    check(
        old,
        &old.replace("a limits(cpu=1,memory=1)", "a limits(cpu=2,memory=3)"),
        expect!["ok"],
    );
    check(
        old,
        &old.replace("s limits(cpu=1,memory=1)", "s limits(cpu=2,memory=3)"),
        expect!["ok"],
    );
    check(
        old,
        &old.replace("i limits(cpu=1,memory=1)", "i limits(cpu=2,memory=3)"),
        expect!["spec: Forbidden: only cpu and memory resources are mutable"],
    );
    check(
        old,
        &old.replace("a limits(cpu=1,memory=1)", "a limits(cpu=1)"),
        expect![
            "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed"
        ],
    );
    check(
        old,
        &old.replace("a limits", "a@new limits"),
        expect!["spec: Forbidden: only cpu and memory resources are mutable"],
    );
    check(
        "a",
        "a limits(cpu=1,memory=1)",
        expect![[
            r#"spec: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of resizing"#
        ]],
    );
    check(
        "a limits(cpu=1)",
        "a limits(cpu=2,memory=1)",
        expect![[
            r#"spec: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of resizing"#
        ]],
    );
    check("a limits(cpu=1)", "a limits(cpu=2)", expect!["ok"]);
}

#[test]
fn other_resources_restart_who_asks_for_that() {
    let check = |old: &str, new: &str, expect: Expect| {
        let script = format!("5s update {new} | 6s end");
        check_only(&["Killing", "start", "get pods"], old, &script, expect);
    };
    check(
        "Never a limits(cpu=1,memory=1)",
        "Never a limits(cpu=2,memory=1)",
        expect![[r#"
            0s start a #0
            0s   Started a: Container started
            get pods: 1/1 Running 0 6s
        "#]],
    );
    check(
        "Never a limits(cpu=1,restart=cpu)",
        "Never a limits(cpu=2,restart=cpu)",
        expect![[r#"
            0s start a #0
            0s   Started a: Container started
            5s   Killing a: Container a resize requires restart
            5s start a #1
            5s   Started a: Container started
            get pods: 1/1 Running 1 (1s ago) 6s
        "#]],
    );
    check(
        "Always sidecar:s limits(memory=1,restart=memory) a limits(memory=1,restart=memory)",
        "Always sidecar:s limits(memory=2,restart=memory) a limits(memory=2,restart=memory)",
        expect![[r#"
            0s start s #0
            0s   Started s: Container started
            0s start a #0
            0s   Started a: Container started
            5s   Killing s: Container s resize requires restart
            5s   Killing a: Container a resize requires restart
            5s start s #1
            5s   Started s: Container started
            5s start a #1
            5s   Started a: Container started
            get pods: 2/2 Running 2 (1s ago) 6s
        "#]],
    );
    check(
        "Always a limits(cpu=1,memory=1,restart=memory)",
        "Always a limits(cpu=2,memory=1,restart=memory)",
        expect![[r#"
            0s start a #0
            0s   Started a: Container started
            get pods: 1/1 Running 0 6s
        "#]],
    );
}

#[test]
fn other_resources_forget_back_off() {
    check_only(
        &["start a", "get pods"],
        "Always a limits(cpu=1)",
        "1s a exits 1 | 2s a exits 1 | 5s update Always a limits(cpu=2) | 6s end",
        expect![[r#"
            0s start a #0
            1s start a #1
            5s start a #2
            get pods: 1/1 Running 2 (4s ago) 6s
        "#]],
    );
}
