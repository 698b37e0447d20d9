//! Restarts, termination messages, pulls.

use crate::cases::{self, AGNHOST, BUSYBOX, Case, File, adapted, not_applicable, pass};
use seedpod::status::{ConditionType, ContainerState, Phase};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{is_true, waiting_reason};

pub(crate) const FILE: File = File {
    path: "common/node/runtime.go",
    cases: CASES,
};

const CASES: &[Case] = &[
    pass(53, "should run with the expected status", || {
        restarts("terminate-cmd-rpa", "Always", Phase::Running, 2);
        restarts("terminate-cmd-rpof", "OnFailure", Phase::Succeeded, 1);
        restarts("terminate-cmd-rpn", "Never", Phase::Failed, 0);
    }),
    pass(
        175,
        "should report termination message if TerminationMessagePath is set",
        || {
            message(
                "/bin/echo -n DONE > /dev/termination-log",
                "terminationMessagePath: /dev/termination-log
securityContext: {runAsUser: 0}",
                Phase::Succeeded,
                Some("DONE"),
            );
        },
    ),
    pass(
        196,
        "should report termination message if TerminationMessagePath is set as non-root user and at a non-default path",
        || {
            message(
                "/bin/echo -n DONE > /dev/termination-custom-log",
                "terminationMessagePath: /dev/termination-custom-log
securityContext: {runAsUser: 10000}",
                Phase::Succeeded,
                Some("DONE"),
            );
        },
    ),
    pass(
        217,
        "should report termination message from log output if TerminationMessagePolicy FallbackToLogsOnError is set",
        || {
            message(
                "/bin/echo -n DONE; /bin/false",
                FALLBACK,
                Phase::Failed,
                Some("DONE"),
            );
        },
    ),
    pass(
        233,
        "should report termination message as empty when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set",
        || {
            message(
                "/bin/echo -n DONE; /bin/true",
                FALLBACK,
                Phase::Succeeded,
                None,
            );
        },
    ),
    pass(
        249,
        "should report termination message from file when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set",
        || {
            message(
                "/bin/echo -n OK > /dev/termination-log; /bin/echo DONE; /bin/true",
                FALLBACK,
                Phase::Succeeded,
                Some("OK"),
            );
        },
    ),
    pass(
        289,
        "should not be able to pull image from invalid registry [Serial]",
        || cannot_be_pulled("invalid.registry.k8s.io/invalid/alpine:3.1"),
    ),
    pass(294, "should be able to pull image [Serial]", || {
        let mut cluster = Cluster::new();
        cluster.create(&pulling(AGNHOST));
        cluster.wait("image-pull-test", RETRY_S, |status| {
            status.phase == Phase::Running
                && matches!(status.containers[0].state, ContainerState::Running { .. })
        });
    }),
    adapted(
        299,
        "should not be able to pull from private registry without secret [Serial]",
        "no registry is asked, with or without a secret: what is not bundled cannot be pulled",
        || cannot_be_pulled("registry.test:5000/pause:testing"),
    ),
    not_applicable(
        304,
        "should be able to pull from private registry with secret [Serial]",
        "images are not fetched from registries",
    ),
];

/// `ContainerStatusRetryTimeout`.
const RETRY_S: u64 = 5 * 60;

const FALLBACK: &str = "
terminationMessagePath: /dev/termination-log
terminationMessagePolicy: FallbackToLogsOnError";

/// Fails the first time, succeeds the second, and from then on runs forever.
const SCRIPT: &str = "
f=/restart-count/restartCount
count=$(echo 'hello' >> $f ; wc -l $f | awk {'print $1'})
if [ $count -eq 1 ]; then
  exit 1
fi
if [ $count -eq 2 ]; then
  exit 0
fi
while true; do sleep 1; done
";

fn restarts(name: &str, policy: &str, phase: Phase, restarts: u32) {
    let spec = format!(
        "
restartPolicy: {policy}
volumes:
- name: restart-count
  emptyDir: {{medium: Memory}}"
    );
    let fields = format!(
        "
command:
- sh
- -c
- |{}
volumeMounts:
- {{name: restart-count, mountPath: /restart-count}}",
        cases::indent(SCRIPT, 2).replace("  f=", "\n  f=")
    );
    let mut cluster = Cluster::new();
    cluster.create(&cases::pod(name, &spec, name, BUSYBOX, &fields));
    let ready = phase == Phase::Running;
    let status = cluster.wait(name, RETRY_S, |status| {
        status.containers[0].restart_count == restarts
            && status.phase == phase
            && is_true(status, ConditionType::Ready) == ready
    });
    let state = &status.containers[0].state;
    match phase {
        Phase::Running => assert!(matches!(state, ContainerState::Running { .. })),
        Phase::Pending | Phase::Succeeded | Phase::Failed => {
            assert!(matches!(state, ContainerState::Terminated(_)));
        }
    }
    cluster.delete(name, Some(0));
    cluster.wait_for_not_found(name, RETRY_S);
}

fn message(script: &str, fields: &str, phase: Phase, expected: Option<&str>) {
    let fields = format!("command: [/bin/sh, -c]\nargs: ['{script}']\n{fields}");
    let (name, container) = ("termination-message", "termination-message-container");
    let mut cluster = Cluster::new();
    cluster.create(&cases::pod(
        name,
        "restartPolicy: Never",
        container,
        BUSYBOX,
        &fields,
    ));
    let status = cluster.wait(name, RETRY_S, |status| status.phase == phase);
    let ContainerState::Terminated(end) = &status.containers[0].state else {
        panic!("{status:#?}");
    };
    assert_eq!(end.message.as_deref(), expected);
    cluster.delete(name, Some(0));
}

fn cannot_be_pulled(image: &str) {
    let mut cluster = Cluster::new();
    cluster.create(&pulling(image));
    cluster.wait("image-pull-test", RETRY_S, |status| {
        let reason = waiting_reason(&status.containers[0]);
        let reasons = ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"];
        status.phase == Phase::Pending
            && reason.is_some_and(|reason| reasons.contains(&reason.as_str()))
    });
}

fn pulling(image: &str) -> String {
    cases::pod(
        "image-pull-test",
        "restartPolicy: Never",
        "image-pull-test",
        image,
        "imagePullPolicy: Always",
    )
}
