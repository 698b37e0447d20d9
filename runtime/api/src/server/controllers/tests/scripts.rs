//! What is there after each step.

use super::play::Play;
use expect_test::{Expect, expect};
use std::fmt::Write as _;

fn check(script: &str, expected: &Expect) {
    let mut play = Play::new();
    let mut text = String::new();
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        play.step(line);
        writeln!(text, "{line}\n{}", play.tell().trim_end()).unwrap();
    }
    expected.assert_eq(&text);
}

#[test]
fn a_replica_set_keeps_its_number_of_pods() {
    check(
        r#"
        create replicasets web {"replicas": 2}
        pods ready
        delete pods p1
        patch replicasets web {"spec": {"replicas": 1}}
        pods ready
        patch pods p2 {"metadata": {"labels": {"app": "other"}}}
        patch pods p2 {"metadata": {"labels": {"app": "web"}}}
        "#,
        &expect![[r#"
            create replicasets web {"replicas": 2}
              replicaset web: wanted=2 fullyLabeledReplicas=2 replicas=2
              pods of web: 2 Pending
              Normal SuccessfulCreate: Created pod: p1
              Normal SuccessfulCreate: Created pod: p2
            pods ready
              replicaset web: wanted=2 availableReplicas=2 fullyLabeledReplicas=2 readyReplicas=2 replicas=2
              pods of web: 2 Ready
            delete pods p1
              replicaset web: wanted=2 availableReplicas=1 fullyLabeledReplicas=2 readyReplicas=1 replicas=2
              pods of web: Pending, Ready
              Normal SuccessfulCreate: Created pod: p3
            patch replicasets web {"spec": {"replicas": 1}}
              replicaset web: wanted=1 availableReplicas=1 fullyLabeledReplicas=1 readyReplicas=1 replicas=1
              pods of web: Ready
              Normal SuccessfulDelete: Deleted pod: p3
            pods ready

            patch pods p2 {"metadata": {"labels": {"app": "other"}}}
              replicaset web: wanted=1 fullyLabeledReplicas=1 replicas=1
              pods of nobody: Ready
              pods of web: Pending
              Normal SuccessfulCreate: Created pod: p4
            patch pods p2 {"metadata": {"labels": {"app": "web"}}}
              replicaset web: wanted=1 availableReplicas=1 fullyLabeledReplicas=1 readyReplicas=1 replicas=1
              pods of web: Ready
              pods of nobody: gone
              Normal SuccessfulDelete: Deleted pod: p4
        "#]],
    );
}

#[test]
fn pods_are_available_after_some_seconds() {
    check(
        r#"
        create replicasets web {"replicas": 1, "minReadySeconds": 5}
        wait 2s
        pods ready
        wait 4s
        wait 1s
        "#,
        &expect![[r#"
            create replicasets web {"replicas": 1, "minReadySeconds": 5}
              replicaset web: wanted=1 fullyLabeledReplicas=1 replicas=1
              pods of web: Pending
              Normal SuccessfulCreate: Created pod: p1
            wait 2s

            pods ready
              replicaset web: wanted=1 fullyLabeledReplicas=1 readyReplicas=1 replicas=1
              pods of web: Ready
            wait 4s

            wait 1s
              replicaset web: wanted=1 availableReplicas=1 fullyLabeledReplicas=1 readyReplicas=1 replicas=1
        "#]],
    );
}

#[test]
fn a_deployment_rolls_from_one_template_to_the_next() {
    check(
        r#"
        create deployments web {"replicas": 3}
        pods ready
        patch deployments web {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}
        pods ready
        pods ready
        pods ready
        patch deployments web {"spec": {"template": {"metadata": {"labels": {"v": null}}}}}
        pods ready
        pods ready
        pods ready
        "#,
        &expect![[r#"
            create deployments web {"replicas": 3}
              deployment web: wanted=3 revision=1 replicas=3 unavailableReplicas=3 updatedReplicas=3 Available=False(MinimumReplicasUnavailable) Progressing=True(ReplicaSetUpdated)
              replicaset rs1: wanted=3 revision=1 fullyLabeledReplicas=3 replicas=3
              pods of rs1: 3 Pending
              Normal ScalingReplicaSet: Scaled up replica set rs1 from 0 to 3
              Normal SuccessfulCreate: Created pod: p1
              Normal SuccessfulCreate: Created pod: p2
              Normal SuccessfulCreate: Created pod: p3
            pods ready
              deployment web: wanted=3 revision=1 availableReplicas=3 readyReplicas=3 replicas=3 updatedReplicas=3 Available=True(MinimumReplicasAvailable) Progressing=True(NewReplicaSetAvailable)
              replicaset rs1: wanted=3 revision=1 availableReplicas=3 fullyLabeledReplicas=3 readyReplicas=3 replicas=3
              pods of rs1: 3 Ready
            patch deployments web {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}
              deployment web: wanted=3 revision=2 availableReplicas=3 readyReplicas=3 replicas=4 unavailableReplicas=1 updatedReplicas=1 Available=True(MinimumReplicasAvailable) Progressing=True(ReplicaSetUpdated)
              replicaset rs2: wanted=1 revision=2 fullyLabeledReplicas=1 replicas=1
              pods of rs2: Pending
              Normal ScalingReplicaSet: Scaled up replica set rs2 from 0 to 1
              Normal SuccessfulCreate: Created pod: p4
            pods ready
              deployment web: wanted=3 revision=2 availableReplicas=3 readyReplicas=3 replicas=4 unavailableReplicas=1 updatedReplicas=2 Available=True(MinimumReplicasAvailable) Progressing=True(ReplicaSetUpdated)
              replicaset rs1: wanted=2 revision=1 availableReplicas=2 fullyLabeledReplicas=2 readyReplicas=2 replicas=2
              replicaset rs2: wanted=2 revision=2 availableReplicas=1 fullyLabeledReplicas=2 readyReplicas=1 replicas=2
              pods of rs1: 2 Ready
              pods of rs2: Pending, Ready
              Normal ScalingReplicaSet: Scaled down replica set rs1 from 3 to 2
              Normal ScalingReplicaSet: Scaled up replica set rs2 from 1 to 2
              Normal SuccessfulDelete: Deleted pod: p1
              Normal SuccessfulCreate: Created pod: p5
            pods ready
              deployment web: wanted=3 revision=2 availableReplicas=3 readyReplicas=3 replicas=4 unavailableReplicas=1 updatedReplicas=3 Available=True(MinimumReplicasAvailable) Progressing=True(ReplicaSetUpdated)
              replicaset rs1: wanted=1 revision=1 availableReplicas=1 fullyLabeledReplicas=1 readyReplicas=1 replicas=1
              replicaset rs2: wanted=3 revision=2 availableReplicas=2 fullyLabeledReplicas=3 readyReplicas=2 replicas=3
              pods of rs1: Ready
              pods of rs2: Pending, 2 Ready
              Normal ScalingReplicaSet: Scaled down replica set rs1 from 2 to 1
              Normal ScalingReplicaSet: Scaled up replica set rs2 from 2 to 3
              Normal SuccessfulDelete: Deleted pod: p3
              Normal SuccessfulCreate: Created pod: p6
            pods ready
              deployment web: wanted=3 revision=2 availableReplicas=3 readyReplicas=3 replicas=3 updatedReplicas=3 Available=True(MinimumReplicasAvailable) Progressing=True(NewReplicaSetAvailable)
              replicaset rs1: wanted=0 revision=1
              replicaset rs2: wanted=3 revision=2 availableReplicas=3 fullyLabeledReplicas=3 readyReplicas=3 replicas=3
              pods of rs2: 3 Ready
              pods of rs1: gone
              Normal ScalingReplicaSet: Scaled down replica set rs1 from 1 to 0
              Normal SuccessfulDelete: Deleted pod: p2
            patch deployments web {"spec": {"template": {"metadata": {"labels": {"v": null}}}}}
              deployment web: wanted=3 revision=3 availableReplicas=3 readyReplicas=3 replicas=4 unavailableReplicas=1 updatedReplicas=1 Available=True(MinimumReplicasAvailable) Progressing=True(ReplicaSetUpdated)
              replicaset rs1: wanted=1 revision=3 fullyLabeledReplicas=1 replicas=1
              pods of rs1: Pending
              Normal ScalingReplicaSet: Scaled up replica set rs1 from 0 to 1
              Normal SuccessfulCreate: Created pod: p7
            pods ready
              deployment web: wanted=3 revision=3 availableReplicas=3 readyReplicas=3 replicas=4 unavailableReplicas=1 updatedReplicas=2 Available=True(MinimumReplicasAvailable) Progressing=True(ReplicaSetUpdated)
              replicaset rs1: wanted=2 revision=3 availableReplicas=1 fullyLabeledReplicas=2 readyReplicas=1 replicas=2
              replicaset rs2: wanted=2 revision=2 availableReplicas=2 fullyLabeledReplicas=2 readyReplicas=2 replicas=2
              pods of rs1: Pending, Ready
              pods of rs2: 2 Ready
              Normal ScalingReplicaSet: Scaled down replica set rs2 from 3 to 2
              Normal ScalingReplicaSet: Scaled up replica set rs1 from 1 to 2
              Normal SuccessfulDelete: Deleted pod: p6
              Normal SuccessfulCreate: Created pod: p8
            pods ready
              deployment web: wanted=3 revision=3 availableReplicas=3 readyReplicas=3 replicas=4 unavailableReplicas=1 updatedReplicas=3 Available=True(MinimumReplicasAvailable) Progressing=True(ReplicaSetUpdated)
              replicaset rs1: wanted=3 revision=3 availableReplicas=2 fullyLabeledReplicas=3 readyReplicas=2 replicas=3
              replicaset rs2: wanted=1 revision=2 availableReplicas=1 fullyLabeledReplicas=1 readyReplicas=1 replicas=1
              pods of rs1: Pending, 2 Ready
              pods of rs2: Ready
              Normal ScalingReplicaSet: Scaled down replica set rs2 from 2 to 1
              Normal ScalingReplicaSet: Scaled up replica set rs1 from 2 to 3
              Normal SuccessfulDelete: Deleted pod: p4
              Normal SuccessfulCreate: Created pod: p9
            pods ready
              deployment web: wanted=3 revision=3 availableReplicas=3 readyReplicas=3 replicas=3 updatedReplicas=3 Available=True(MinimumReplicasAvailable) Progressing=True(NewReplicaSetAvailable)
              replicaset rs1: wanted=3 revision=3 availableReplicas=3 fullyLabeledReplicas=3 readyReplicas=3 replicas=3
              replicaset rs2: wanted=0 revision=2
              pods of rs1: 3 Ready
              pods of rs2: gone
              Normal ScalingReplicaSet: Scaled down replica set rs2 from 1 to 0
              Normal SuccessfulDelete: Deleted pod: p5
        "#]],
    );
}

#[test]
fn a_deployment_that_makes_no_progress_says_so() {
    check(
        r#"
        create deployments web {"replicas": 1, "progressDeadlineSeconds": 60}
        wait 50s
        wait 20s
        pods ready
        "#,
        &expect![[r#"
            create deployments web {"replicas": 1, "progressDeadlineSeconds": 60}
              deployment web: wanted=1 revision=1 replicas=1 unavailableReplicas=1 updatedReplicas=1 Available=False(MinimumReplicasUnavailable) Progressing=True(ReplicaSetUpdated)
              replicaset rs1: wanted=1 revision=1 fullyLabeledReplicas=1 replicas=1
              pods of rs1: Pending
              Normal ScalingReplicaSet: Scaled up replica set rs1 from 0 to 1
              Normal SuccessfulCreate: Created pod: p1
            wait 50s

            wait 20s
              deployment web: wanted=1 revision=1 replicas=1 unavailableReplicas=1 updatedReplicas=1 Available=False(MinimumReplicasUnavailable) Progressing=False(ProgressDeadlineExceeded)
            pods ready
              deployment web: wanted=1 revision=1 availableReplicas=1 readyReplicas=1 replicas=1 updatedReplicas=1 Available=True(MinimumReplicasAvailable) Progressing=True(NewReplicaSetAvailable)
              replicaset rs1: wanted=1 revision=1 availableReplicas=1 fullyLabeledReplicas=1 readyReplicas=1 replicas=1
              pods of rs1: Ready
        "#]],
    );
}

#[test]
fn a_deployment_that_recreates_has_no_two_templates_at_once() {
    check(
        r#"
        create deployments web {"replicas": 2, "strategy": {"type": "Recreate"}}
        pods ready
        patch deployments web {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}
        pods ready
        "#,
        &expect![[r#"
            create deployments web {"replicas": 2, "strategy": {"type": "Recreate"}}
              deployment web: wanted=2 revision=1 replicas=2 unavailableReplicas=2 updatedReplicas=2 Available=False(MinimumReplicasUnavailable) Progressing=True(ReplicaSetUpdated)
              replicaset rs1: wanted=2 revision=1 fullyLabeledReplicas=2 replicas=2
              pods of rs1: 2 Pending
              Normal ScalingReplicaSet: Scaled up replica set rs1 from 0 to 2
              Normal SuccessfulCreate: Created pod: p1
              Normal SuccessfulCreate: Created pod: p2
            pods ready
              deployment web: wanted=2 revision=1 availableReplicas=2 readyReplicas=2 replicas=2 updatedReplicas=2 Available=True(MinimumReplicasAvailable) Progressing=True(NewReplicaSetAvailable)
              replicaset rs1: wanted=2 revision=1 availableReplicas=2 fullyLabeledReplicas=2 readyReplicas=2 replicas=2
              pods of rs1: 2 Ready
            patch deployments web {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}
              deployment web: wanted=2 revision=2 replicas=2 unavailableReplicas=2 updatedReplicas=2 Available=False(MinimumReplicasUnavailable) Progressing=True(ReplicaSetUpdated)
              replicaset rs1: wanted=0 revision=1
              replicaset rs2: wanted=2 revision=2 fullyLabeledReplicas=2 replicas=2
              pods of rs2: 2 Pending
              pods of rs1: gone
              Normal ScalingReplicaSet: Scaled down replica set rs1 from 2 to 0
              Normal SuccessfulDelete: Deleted pod: p1
              Normal SuccessfulDelete: Deleted pod: p2
              Normal ScalingReplicaSet: Scaled up replica set rs2 from 0 to 2
              Normal SuccessfulCreate: Created pod: p3
              Normal SuccessfulCreate: Created pod: p4
            pods ready
              deployment web: wanted=2 revision=2 availableReplicas=2 readyReplicas=2 replicas=2 updatedReplicas=2 Available=True(MinimumReplicasAvailable) Progressing=True(NewReplicaSetAvailable)
              replicaset rs2: wanted=2 revision=2 availableReplicas=2 fullyLabeledReplicas=2 readyReplicas=2 replicas=2
              pods of rs2: 2 Ready
        "#]],
    );
}

#[test]
fn a_paused_deployment_is_scaled_in_proportion() {
    check(
        r#"
        create deployments web {"replicas": 4, "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}}
        pods ready
        patch deployments web {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}
        patch deployments web {"spec": {"paused": true}}
        patch deployments web {"spec": {"replicas": 8}}
        patch deployments web {"spec": {"paused": false}}
        "#,
        &expect![[r#"
            create deployments web {"replicas": 4, "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}}
              deployment web: wanted=4 revision=1 replicas=4 unavailableReplicas=4 updatedReplicas=4 Available=False(MinimumReplicasUnavailable) Progressing=True(ReplicaSetUpdated)
              replicaset rs1: wanted=4 revision=1 fullyLabeledReplicas=4 replicas=4
              pods of rs1: 4 Pending
              Normal ScalingReplicaSet: Scaled up replica set rs1 from 0 to 4
              Normal SuccessfulCreate: Created pod: p1
              Normal SuccessfulCreate: Created pod: p2
              Normal SuccessfulCreate: Created pod: p3
              Normal SuccessfulCreate: Created pod: p4
            pods ready
              deployment web: wanted=4 revision=1 availableReplicas=4 readyReplicas=4 replicas=4 updatedReplicas=4 Available=True(MinimumReplicasAvailable) Progressing=True(NewReplicaSetAvailable)
              replicaset rs1: wanted=4 revision=1 availableReplicas=4 fullyLabeledReplicas=4 readyReplicas=4 replicas=4
              pods of rs1: 4 Ready
            patch deployments web {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}
              deployment web: wanted=4 revision=2 availableReplicas=3 readyReplicas=3 replicas=5 unavailableReplicas=2 updatedReplicas=2 Available=True(MinimumReplicasAvailable) Progressing=True(ReplicaSetUpdated)
              replicaset rs1: wanted=3 revision=1 availableReplicas=3 fullyLabeledReplicas=3 readyReplicas=3 replicas=3
              replicaset rs2: wanted=2 revision=2 fullyLabeledReplicas=2 replicas=2
              pods of rs1: 3 Ready
              pods of rs2: 2 Pending
              Normal ScalingReplicaSet: Scaled up replica set rs2 from 0 to 1
              Normal ScalingReplicaSet: Scaled down replica set rs1 from 4 to 3
              Normal ScalingReplicaSet: Scaled up replica set rs2 from 1 to 2
              Normal SuccessfulCreate: Created pod: p5
              Normal SuccessfulCreate: Created pod: p6
              Normal SuccessfulDelete: Deleted pod: p1
            patch deployments web {"spec": {"paused": true}}
              deployment web: wanted=4 revision=2 availableReplicas=3 readyReplicas=3 replicas=5 unavailableReplicas=2 updatedReplicas=2 Available=True(MinimumReplicasAvailable) Progressing=Unknown(DeploymentPaused)
            patch deployments web {"spec": {"replicas": 8}}
              deployment web: wanted=8 revision=2 availableReplicas=3 readyReplicas=3 replicas=9 unavailableReplicas=6 updatedReplicas=4 Progressing=Unknown(DeploymentPaused) Available=False(MinimumReplicasUnavailable)
              replicaset rs1: wanted=5 revision=1 availableReplicas=3 fullyLabeledReplicas=5 readyReplicas=3 replicas=5
              replicaset rs2: wanted=4 revision=2 fullyLabeledReplicas=4 replicas=4
              pods of rs1: 2 Pending, 3 Ready
              pods of rs2: 4 Pending
              Normal ScalingReplicaSet: Scaled up replica set rs1 from 3 to 5
              Normal ScalingReplicaSet: Scaled up replica set rs2 from 2 to 4
              Normal SuccessfulCreate: Created pod: p7
              Normal SuccessfulCreate: Created pod: p8
              Normal SuccessfulCreate: Created pod: p9
              Normal SuccessfulCreate: Created pod: p10
            patch deployments web {"spec": {"paused": false}}
              deployment web: wanted=8 revision=2 availableReplicas=3 readyReplicas=3 replicas=9 unavailableReplicas=6 updatedReplicas=4 Available=False(MinimumReplicasUnavailable) Progressing=Unknown(DeploymentResumed)
        "#]],
    );
}

#[test]
fn a_job_ends_when_enough_pods_have_succeeded() {
    check(
        r#"
        create jobs work {"completions": 3, "parallelism": 2}
        pods ready
        pod p1 succeeded
        pods succeeded
        pods succeeded
        "#,
        &expect![[r#"
            create jobs work {"completions": 3, "parallelism": 2}
              job work: active=2 startTime=2026-01-03T12:00:00Z
              pods of work: 2 Pending
              Normal SuccessfulCreate: Created pod: p1
              Normal SuccessfulCreate: Created pod: p2
            pods ready
              job work: active=2 ready=2 startTime=2026-01-03T12:00:00Z
              pods of work: 2 Ready
            pod p1 succeeded
              job work: active=2 ready=1 startTime=2026-01-03T12:00:00Z succeeded=1
              pods of work: Pending, Ready, Succeeded
              Normal SuccessfulCreate: Created pod: p3
            pods succeeded
              job work: completionTime=2026-01-03T12:00:00Z startTime=2026-01-03T12:00:00Z succeeded=3 SuccessCriteriaMet=True(CompletionsReached) Complete=True(CompletionsReached)
              pods of work: 3 Succeeded
              Normal Completed: Job completed
            pods succeeded

        "#]],
    );
}

#[test]
fn a_job_waits_longer_after_each_failure_and_gives_up() {
    check(
        r#"
        create jobs work {"backoffLimit": 2}
        pods failed
        wait 9s
        wait 1s
        pods failed
        wait 19s
        wait 1s
        pods failed
        "#,
        &expect![[r#"
            create jobs work {"backoffLimit": 2}
              job work: active=1 startTime=2026-01-03T12:00:00Z
              pods of work: Pending
              Normal SuccessfulCreate: Created pod: p1
            pods failed
              job work: failed=1 startTime=2026-01-03T12:00:00Z
              pods of work: Failed
            wait 9s

            wait 1s
              job work: active=1 failed=1 startTime=2026-01-03T12:00:00Z
              pods of work: Failed, Pending
              Normal SuccessfulCreate: Created pod: p2
            pods failed
              job work: failed=2 startTime=2026-01-03T12:00:00Z
              pods of work: 2 Failed
            wait 19s

            wait 1s
              job work: active=1 failed=2 startTime=2026-01-03T12:00:00Z
              pods of work: 2 Failed, Pending
              Normal SuccessfulCreate: Created pod: p3
            pods failed
              job work: failed=3 startTime=2026-01-03T12:00:00Z FailureTarget=True(BackoffLimitExceeded) Failed=True(BackoffLimitExceeded)
              pods of work: 3 Failed
              Warning BackoffLimitExceeded: Job has reached the specified backoff limit
        "#]],
    );
}

#[test]
fn a_job_has_its_time() {
    check(
        r#"
        create jobs work {"activeDeadlineSeconds": 30, "ttlSecondsAfterFinished": 10}
        pods ready
        wait 30s
        wait 10s
        "#,
        &expect![[r#"
            create jobs work {"activeDeadlineSeconds": 30, "ttlSecondsAfterFinished": 10}
              job work: active=1 startTime=2026-01-03T12:00:00Z
              pods of work: Pending
              Normal SuccessfulCreate: Created pod: p1
            pods ready
              job work: active=1 ready=1 startTime=2026-01-03T12:00:00Z
              pods of work: Ready
            wait 30s
              job work: failed=1 startTime=2026-01-03T12:00:00Z FailureTarget=True(DeadlineExceeded) Failed=True(DeadlineExceeded)
              pods of work: gone
              Normal SuccessfulDelete: Deleted pod: p1
              Warning DeadlineExceeded: Job was active longer than specified deadline
            wait 10s
              job work: gone
        "#]],
    );
}

#[test]
fn an_indexed_job_completes_each_index() {
    check(
        r#"
        create jobs work {"completions": 3, "parallelism": 2, "completionMode": "Indexed"}
        pod p2 succeeded
        pod p1 failed
        wait 10s
        pods succeeded
        "#,
        &expect![[r#"
            create jobs work {"completions": 3, "parallelism": 2, "completionMode": "Indexed"}
              job work: active=2 startTime=2026-01-03T12:00:00Z
              pods of work: Pending[0], Pending[1]
              Normal SuccessfulCreate: Created pod: p1
              Normal SuccessfulCreate: Created pod: p2
            pod p2 succeeded
              job work: active=2 completedIndexes=1 startTime=2026-01-03T12:00:00Z succeeded=1
              pods of work: Pending[0], Pending[2], Succeeded[1]
              Normal SuccessfulCreate: Created pod: p3
            pod p1 failed
              job work: active=2 completedIndexes=1 failed=1 startTime=2026-01-03T12:00:00Z succeeded=1
              pods of work: Failed[0], Pending[0], Pending[2], Succeeded[1]
              Normal SuccessfulCreate: Created pod: p4
            wait 10s

            pods succeeded
              job work: completedIndexes=0-2 completionTime=2026-01-03T12:00:10Z failed=1 startTime=2026-01-03T12:00:00Z succeeded=3 SuccessCriteriaMet=True(CompletionsReached) Complete=True(CompletionsReached)
              pods of work: Failed[0], Succeeded[0], Succeeded[1], Succeeded[2]
              Normal Completed: Job completed
        "#]],
    );
}

#[test]
fn an_index_fails_alone() {
    check(
        r#"
        create jobs work {"completions": 2, "parallelism": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 1}
        pod p1 failed
        wait 10s
        pod p3 failed
        pods succeeded
        "#,
        &expect![[r#"
            create jobs work {"completions": 2, "parallelism": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 1}
              job work: active=2 failedIndexes= startTime=2026-01-03T12:00:00Z
              pods of work: Pending[0], Pending[1]
              Normal SuccessfulCreate: Created pod: p1
              Normal SuccessfulCreate: Created pod: p2
            pod p1 failed
              job work: active=1 failedIndexes= startTime=2026-01-03T12:00:00Z
              pods of work: Failed[0], Pending[1]
            wait 10s
              job work: active=2 failed=1 failedIndexes= startTime=2026-01-03T12:00:00Z
              pods of work: Failed[0], Pending[0], Pending[1]
              Normal SuccessfulCreate: Created pod: p3
            pod p3 failed
              job work: active=1 failed=2 failedIndexes=0 startTime=2026-01-03T12:00:00Z
              pods of work: 2 Failed[0], Pending[1]
            pods succeeded
              job work: completedIndexes=1 failed=2 failedIndexes=0 startTime=2026-01-03T12:00:00Z succeeded=1 FailureTarget=True(FailedIndexes) Failed=True(FailedIndexes)
              pods of work: 2 Failed[0], Succeeded[1]
              Warning FailedIndexes: Job has failed indexes
        "#]],
    );
}

#[test]
fn policies_decide_what_failure_and_success_are() {
    check(
        r#"
        create jobs one {"podFailurePolicy": {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]}}
        pods failed 42
        create jobs two {"podFailurePolicy": {"rules": [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [42]}}]}, "backoffLimit": 0}
        pods failed 42
        wait 10s
        pods succeeded
        create jobs three {"completions": 3, "parallelism": 3, "completionMode": "Indexed", "successPolicy": {"rules": [{"succeededIndexes": "0"}]}}
        pod p4 succeeded
        "#,
        &expect![[r#"
            create jobs one {"podFailurePolicy": {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]}}
              job one: active=1 startTime=2026-01-03T12:00:00Z
              pods of one: Pending
              Normal SuccessfulCreate: Created pod: p1
            pods failed 42
              job one: failed=1 startTime=2026-01-03T12:00:00Z FailureTarget=True(PodFailurePolicy) Failed=True(PodFailurePolicy)
              pods of one: Failed
              Warning PodFailurePolicy: Container a for pod default/p1 failed with exit code 42 matching FailJob rule at index 0
            create jobs two {"podFailurePolicy": {"rules": [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [42]}}]}, "backoffLimit": 0}
              job two: active=1 startTime=2026-01-03T12:00:00Z
              pods of two: Pending
              Normal SuccessfulCreate: Created pod: p2
            pods failed 42
              job two: startTime=2026-01-03T12:00:00Z
              pods of two: Failed
            wait 10s
              job two: active=1 startTime=2026-01-03T12:00:00Z
              pods of two: Failed, Pending
              Normal SuccessfulCreate: Created pod: p3
            pods succeeded
              job two: completionTime=2026-01-03T12:00:10Z startTime=2026-01-03T12:00:00Z succeeded=1 SuccessCriteriaMet=True(CompletionsReached) Complete=True(CompletionsReached)
              pods of two: Failed, Succeeded
              Normal Completed: Job completed
            create jobs three {"completions": 3, "parallelism": 3, "completionMode": "Indexed", "successPolicy": {"rules": [{"succeededIndexes": "0"}]}}
              job three: active=3 startTime=2026-01-03T12:00:10Z
              pods of three: Pending[0], Pending[1], Pending[2]
              Normal SuccessfulCreate: Created pod: p4
              Normal SuccessfulCreate: Created pod: p5
              Normal SuccessfulCreate: Created pod: p6
            pod p4 succeeded
              job three: completedIndexes=0 completionTime=2026-01-03T12:00:10Z startTime=2026-01-03T12:00:10Z succeeded=1 SuccessCriteriaMet=True(SuccessPolicy) Complete=True(SuccessPolicy)
              pods of three: Succeeded[0]
              Normal SuccessfulDelete: Deleted pod: p5
              Normal SuccessfulDelete: Deleted pod: p6
              Normal Completed: Job completed
        "#]],
    );
}

#[test]
fn a_suspended_job_has_no_pods() {
    check(
        r#"
        create jobs work {"suspend": true}
        wait 5s
        patch jobs work {"spec": {"suspend": false}}
        pods ready
        patch jobs work {"spec": {"suspend": true}}
        "#,
        &expect![[r#"
            create jobs work {"suspend": true}
              job work: Suspended=True(JobSuspended)
              Normal Suspended: Job suspended
            wait 5s

            patch jobs work {"spec": {"suspend": false}}
              job work: active=1 startTime=2026-01-03T12:00:05Z Suspended=False(JobResumed)
              pods of work: Pending
              Normal SuccessfulCreate: Created pod: p1
              Normal Resumed: Job resumed
            pods ready
              job work: active=1 ready=1 startTime=2026-01-03T12:00:05Z Suspended=False(JobResumed)
              pods of work: Ready
            patch jobs work {"spec": {"suspend": true}}
              job work: Suspended=True(JobSuspended)
              pods of work: gone
              Normal SuccessfulDelete: Deleted pod: p1
              Normal Suspended: Job suspended
        "#]],
    );
}

#[test]
fn a_cron_job_starts_jobs_at_times() {
    check(
        r#"
        create cronjobs tick {"schedule": "*/2 * * * *", "successfulJobsHistoryLimit": 1}
        wait 2m
        pods succeeded
        wait 2m
        pods succeeded
        patch cronjobs tick {"spec": {"suspend": true}}
        wait 10m
        "#,
        &expect![[r#"
            create cronjobs tick {"schedule": "*/2 * * * *", "successfulJobsHistoryLimit": 1}
              cronjob tick:
            wait 2m
              cronjob tick: lastScheduleTime=2026-01-03T12:02:00Z
              job tick-29457362: active=1 startTime=2026-01-03T12:02:00Z
              pods of tick-29457362: Pending
              Normal SuccessfulCreate: Created job tick-29457362
              Normal SuccessfulCreate: Created pod: p1
            pods succeeded
              cronjob tick: lastScheduleTime=2026-01-03T12:02:00Z lastSuccessfulTime=2026-01-03T12:02:00Z
              job tick-29457362: completionTime=2026-01-03T12:02:00Z startTime=2026-01-03T12:02:00Z succeeded=1 SuccessCriteriaMet=True(CompletionsReached) Complete=True(CompletionsReached)
              pods of tick-29457362: Succeeded
              Normal Completed: Job completed
              Normal SawCompletedJob: Saw completed job: tick-29457362, condition: Complete
            wait 2m
              cronjob tick: lastScheduleTime=2026-01-03T12:04:00Z lastSuccessfulTime=2026-01-03T12:02:00Z
              job tick-29457364: active=1 startTime=2026-01-03T12:04:00Z
              pods of tick-29457364: Pending
              Normal SuccessfulCreate: Created job tick-29457364
              Normal SuccessfulCreate: Created pod: p2
            pods succeeded
              cronjob tick: lastScheduleTime=2026-01-03T12:04:00Z lastSuccessfulTime=2026-01-03T12:04:00Z
              job tick-29457364: completionTime=2026-01-03T12:04:00Z startTime=2026-01-03T12:04:00Z succeeded=1 SuccessCriteriaMet=True(CompletionsReached) Complete=True(CompletionsReached)
              pods of tick-29457364: Succeeded
              job tick-29457362: gone
              pods of tick-29457362: gone
              Normal Completed: Job completed
              Normal SawCompletedJob: Saw completed job: tick-29457364, condition: Complete
              Normal SuccessfulDelete: Deleted job tick-29457362
            patch cronjobs tick {"spec": {"suspend": true}}

            wait 10m

        "#]],
    );
}

#[test]
fn cron_jobs_that_overlap_wait_or_replace() {
    check(
        r#"
        create cronjobs one {"schedule": "* * * * *", "concurrencyPolicy": "Forbid"}
        wait 1m
        wait 1m
        delete cronjobs one
        create cronjobs two {"schedule": "* * * * *", "concurrencyPolicy": "Replace"}
        wait 1m
        wait 1m
        "#,
        &expect![[r#"
            create cronjobs one {"schedule": "* * * * *", "concurrencyPolicy": "Forbid"}
              cronjob one:
            wait 1m
              cronjob one: lastScheduleTime=2026-01-03T12:01:00Z
              job one-29457361: active=1 startTime=2026-01-03T12:01:00Z
              pods of one-29457361: Pending
              Normal SuccessfulCreate: Created job one-29457361
              Normal SuccessfulCreate: Created pod: p1
            wait 1m
              Normal JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid
            delete cronjobs one
              cronjob one: gone
              job one-29457361: gone
              pods of one-29457361: gone
            create cronjobs two {"schedule": "* * * * *", "concurrencyPolicy": "Replace"}
              cronjob two:
            wait 1m
              cronjob two: lastScheduleTime=2026-01-03T12:03:00Z
              job two-29457363: active=1 startTime=2026-01-03T12:03:00Z
              pods of two-29457363: Pending
              Normal SuccessfulCreate: Created job two-29457363
              Normal SuccessfulCreate: Created pod: p2
            wait 1m
              cronjob two: lastScheduleTime=2026-01-03T12:04:00Z
              job two-29457364: active=1 startTime=2026-01-03T12:04:00Z
              pods of two-29457364: Pending
              job two-29457363: gone
              pods of two-29457363: gone
              Normal SuccessfulDelete: Deleted job two-29457363
              Normal SuccessfulCreate: Created job two-29457364
              Normal SuccessfulCreate: Created pod: p3
        "#]],
    );
}

#[test]
fn a_daemon_set_has_one_pod_on_each_node() {
    check(
        r#"
        create daemonsets agent {}
        pods ready
        patch daemonsets agent {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}
        pods ready
        patch daemonsets agent {"spec": {"updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}}
        patch daemonsets agent {"spec": {"template": {"metadata": {"labels": {"v": null}}}}}
        pods ready
        "#,
        &expect![[r#"
            create daemonsets agent {}
              daemonset agent: currentNumberScheduled=1 desiredNumberScheduled=1 numberUnavailable=1 updatedNumberScheduled=1
              controllerrevision rev1: revision=1
              pods of agent: Pending
              Normal SuccessfulCreate: Created pod: p1
            pods ready
              daemonset agent: currentNumberScheduled=1 desiredNumberScheduled=1 numberAvailable=1 numberReady=1 updatedNumberScheduled=1
              pods of agent: Ready
            patch daemonsets agent {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}
              daemonset agent: currentNumberScheduled=1 desiredNumberScheduled=1 numberUnavailable=1 updatedNumberScheduled=1
              controllerrevision rev2: revision=2
              pods of agent: Pending
              Normal SuccessfulDelete: Deleted pod: p1
              Normal SuccessfulCreate: Created pod: p2
            pods ready
              daemonset agent: currentNumberScheduled=1 desiredNumberScheduled=1 numberAvailable=1 numberReady=1 updatedNumberScheduled=1
              pods of agent: Ready
            patch daemonsets agent {"spec": {"updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}}

            patch daemonsets agent {"spec": {"template": {"metadata": {"labels": {"v": null}}}}}
              daemonset agent: currentNumberScheduled=1 desiredNumberScheduled=1 numberUnavailable=1 updatedNumberScheduled=1
              controllerrevision rev1: revision=3
              pods of agent: Pending, Ready
              Normal SuccessfulCreate: Created pod: p3
            pods ready
              daemonset agent: currentNumberScheduled=1 desiredNumberScheduled=1 numberAvailable=1 numberReady=1 updatedNumberScheduled=1
              pods of agent: Ready
              Normal SuccessfulDelete: Deleted pod: p2
        "#]],
    );
}

#[test]
fn a_stateful_set_has_pods_in_order() {
    check(
        r#"
        create statefulsets db {"replicas": 3, "serviceName": "db"}
        pods ready
        pods ready
        pods ready
        delete pods db-1
        pods ready
        patch statefulsets db {"spec": {"replicas": 1}}
        "#,
        &expect![[r#"
            create statefulsets db {"replicas": 3, "serviceName": "db"}
              statefulset db: wanted=3 currentReplicas=1 currentRevision=rev1 replicas=1 updateRevision=rev1 updatedReplicas=1
              controllerrevision rev1: revision=1
              pods of db: db-0 Pending
              Normal SuccessfulCreate: create Pod db-0 in StatefulSet db successful
            pods ready
              statefulset db: wanted=3 availableReplicas=1 currentReplicas=2 currentRevision=rev1 readyReplicas=1 replicas=2 updateRevision=rev1 updatedReplicas=2
              pods of db: db-0 Ready, db-1 Pending
              Normal SuccessfulCreate: create Pod db-1 in StatefulSet db successful
            pods ready
              statefulset db: wanted=3 availableReplicas=2 currentReplicas=3 currentRevision=rev1 readyReplicas=2 replicas=3 updateRevision=rev1 updatedReplicas=3
              pods of db: db-0 Ready, db-1 Ready, db-2 Pending
              Normal SuccessfulCreate: create Pod db-2 in StatefulSet db successful
            pods ready
              statefulset db: wanted=3 availableReplicas=3 currentReplicas=3 currentRevision=rev1 readyReplicas=3 replicas=3 updateRevision=rev1 updatedReplicas=3
              pods of db: db-0 Ready, db-1 Ready, db-2 Ready
            delete pods db-1
              statefulset db: wanted=3 availableReplicas=2 currentReplicas=3 currentRevision=rev1 readyReplicas=2 replicas=3 updateRevision=rev1 updatedReplicas=3
              pods of db: db-0 Ready, db-1 Pending, db-2 Ready
              Normal SuccessfulCreate: create Pod db-1 in StatefulSet db successful
            pods ready
              statefulset db: wanted=3 availableReplicas=3 currentReplicas=3 currentRevision=rev1 readyReplicas=3 replicas=3 updateRevision=rev1 updatedReplicas=3
              pods of db: db-0 Ready, db-1 Ready, db-2 Ready
            patch statefulsets db {"spec": {"replicas": 1}}
              statefulset db: wanted=1 availableReplicas=1 currentReplicas=1 currentRevision=rev1 readyReplicas=1 replicas=1 updateRevision=rev1 updatedReplicas=1
              pods of db: db-0 Ready
              Normal SuccessfulDelete: delete Pod db-2 in StatefulSet db successful
              Normal SuccessfulDelete: delete Pod db-1 in StatefulSet db successful
        "#]],
    );
}

#[test]
fn a_stateful_set_rolls_from_the_last_to_the_first() {
    check(
        r#"
        create statefulsets db {"replicas": 2, "podManagementPolicy": "Parallel"}
        pods ready
        patch statefulsets db {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}}
        patch statefulsets db {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}
        pods ready
        patch statefulsets db {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}}
        pods ready
        patch statefulsets db {"spec": {"template": {"metadata": {"labels": {"v": null}}}}}
        pods ready
        pods ready
        "#,
        &expect![[r#"
            create statefulsets db {"replicas": 2, "podManagementPolicy": "Parallel"}
              statefulset db: wanted=2 currentReplicas=2 currentRevision=rev1 replicas=2 updateRevision=rev1 updatedReplicas=2
              controllerrevision rev1: revision=1
              pods of db: db-0 Pending, db-1 Pending
              Normal SuccessfulCreate: create Pod db-0 in StatefulSet db successful
              Normal SuccessfulCreate: create Pod db-1 in StatefulSet db successful
            pods ready
              statefulset db: wanted=2 availableReplicas=2 currentReplicas=2 currentRevision=rev1 readyReplicas=2 replicas=2 updateRevision=rev1 updatedReplicas=2
              pods of db: db-0 Ready, db-1 Ready
            patch statefulsets db {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}}

            patch statefulsets db {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}
              statefulset db: wanted=2 availableReplicas=1 currentReplicas=1 currentRevision=rev1 readyReplicas=1 replicas=2 updateRevision=rev2 updatedReplicas=1
              controllerrevision rev2: revision=2
              pods of db: db-0 Ready, db-1 Pending
              Normal SuccessfulDelete: delete Pod db-1 in StatefulSet db successful
              Normal SuccessfulCreate: create Pod db-1 in StatefulSet db successful
            pods ready
              statefulset db: wanted=2 availableReplicas=2 currentReplicas=1 currentRevision=rev1 readyReplicas=2 replicas=2 updateRevision=rev2 updatedReplicas=1
              pods of db: db-0 Ready, db-1 Ready
            patch statefulsets db {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}}
              statefulset db: wanted=2 availableReplicas=1 currentRevision=rev1 readyReplicas=1 replicas=2 updateRevision=rev2 updatedReplicas=2
              pods of db: db-0 Pending, db-1 Ready
              Normal SuccessfulDelete: delete Pod db-0 in StatefulSet db successful
              Normal SuccessfulCreate: create Pod db-0 in StatefulSet db successful
            pods ready
              statefulset db: wanted=2 availableReplicas=2 currentReplicas=2 currentRevision=rev2 readyReplicas=2 replicas=2 updateRevision=rev2 updatedReplicas=2
              pods of db: db-0 Ready, db-1 Ready
            patch statefulsets db {"spec": {"template": {"metadata": {"labels": {"v": null}}}}}
              statefulset db: wanted=2 availableReplicas=1 currentReplicas=1 currentRevision=rev2 readyReplicas=1 replicas=2 updateRevision=rev1 updatedReplicas=1
              controllerrevision rev1: revision=3
              pods of db: db-0 Ready, db-1 Pending
              Normal SuccessfulDelete: delete Pod db-1 in StatefulSet db successful
              Normal SuccessfulCreate: create Pod db-1 in StatefulSet db successful
            pods ready
              statefulset db: wanted=2 availableReplicas=1 currentRevision=rev2 readyReplicas=1 replicas=2 updateRevision=rev1 updatedReplicas=2
              pods of db: db-0 Pending, db-1 Ready
              Normal SuccessfulDelete: delete Pod db-0 in StatefulSet db successful
              Normal SuccessfulCreate: create Pod db-0 in StatefulSet db successful
            pods ready
              statefulset db: wanted=2 availableReplicas=2 currentReplicas=2 currentRevision=rev1 readyReplicas=2 replicas=2 updateRevision=rev1 updatedReplicas=2
              pods of db: db-0 Ready, db-1 Ready
        "#]],
    );
}
