use super::manifest::{container, parse_pod};
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
