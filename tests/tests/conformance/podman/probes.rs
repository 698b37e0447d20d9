//! Probes, which are podman's health checks.

use super::pod;
use crate::cases::{Case, pass};
use seedpod::status::{ConditionType, Phase};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_START_S, container_of, is_true};

pub(super) const CASES: &[Case] = &[
    pass(2663, "support container liveness probe", || {
        let mut cluster = Cluster::new();
        cluster.create(&pod("", &with("livenessProbe", "echo hello", 5, 5)));
        cluster.wait_for_ready("testpod", POD_START_S);
        cluster.hold("testpod", 60, |status| {
            is_true(status, ConditionType::Ready) && container_of(status, "ctr").restart_count == 0
        });
    }),
    pass(2678, "liveness probe should fail", || {
        let mut cluster = Cluster::new();
        let fields = with("livenessProbe", "cat /randomfile", 0, 1);
        cluster.create(&pod("restartPolicy: Never", &fields));
        cluster.wait_for_event("testpod", "Unhealthy", "Liveness probe failed: ", 60);
        let status = cluster.wait("testpod", 120, |status| status.phase.is_terminal());
        assert_eq!(status.phase, Phase::Failed);
    }),
    pass(2693, "support container startup probe", || {
        let mut cluster = Cluster::new();
        let fields = with("startupProbe", "cat /testfile", 0, 1)
            .replace("sleep 1000", "sleep 1.5; touch /testfile; sleep 1000");
        cluster.create(&pod("restartPolicy: Never", &fields));
        let status = cluster.wait_for_running("testpod", POD_START_S);
        assert!(!container_of(&status, "ctr").started);
        cluster.wait("testpod", 10, |status| {
            container_of(status, "ctr").started && is_true(status, ConditionType::Ready)
        });
    }),
];

/// A container that sleeps, with a probe of this command.
fn with(probe: &str, command: &str, delay_s: u32, period_s: u32) -> String {
    format!(
        "command: [sh, -c, 'sleep 1000']
{probe}:
  exec: {{command: [sh, -c, {command}]}}
  initialDelaySeconds: {delay_s}
  periodSeconds: {period_s}"
    )
}
