//! The containers of `container_lifecycle_test.go`: scripts that say when they start, loop and exit, hooks and probes
//! included.

use seedpod::status::{ContainerState, ContainerStatus, Phase, Status};
use seedpod_tests::{Cluster, Timeline};
use std::fmt::Write as _;

pub(super) const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost:2.63.0";
pub(super) const BUSYBOX: &str = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1";
pub(super) const INVALID: &str = "invalid.registry.k8s.io/invalid/alpine:3.1";

/// The one pod of a test.
pub(super) const POD: &str = "test-pod";

pub(super) const INIT_1: &str = "init-1";
pub(super) const INIT_2: &str = "init-2";
pub(super) const INIT_3: &str = "init-3";
pub(super) const SIDECAR_1: &str = "restartable-init-1";
pub(super) const SIDECAR_2: &str = "restartable-init-2";
pub(super) const SIDECAR_3: &str = "restartable-init-3";
pub(super) const REGULAR_1: &str = "regular-1";
pub(super) const REGULAR_2: &str = "regular-2";

/// A probe that fails at once.
pub(super) const FAILING: &str = "exec: {command: [sh, -c, exit 1]}, failureThreshold: 1";

/// `execCommand`: what a script does.
#[derive(Clone)]
pub(super) struct Script {
    name: String,
    start_delay_s: u32,
    delay_s: u32,
    termination_s: u32,
    exit_code: u8,
    loop_period: Option<&'static str>,
}

impl Script {
    /// Starts at once and exits at once with 0.
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            start_delay_s: 0,
            delay_s: 0,
            termination_s: 0,
            exit_code: 0,
            loop_period: None,
        }
    }

    pub(super) fn starts_after(mut self, seconds: u32) -> Self {
        self.start_delay_s = seconds;
        self
    }

    pub(super) fn delay(mut self, seconds: u32) -> Self {
        self.delay_s = seconds;
        self
    }

    pub(super) fn exits(mut self, code: u8) -> Self {
        self.exit_code = code;
        self
    }

    pub(super) fn loops(mut self, period: &'static str) -> Self {
        self.loop_period = Some(period);
        self
    }

    /// The command, as a YAML list.
    pub(super) fn command(&self) -> String {
        let Self {
            name,
            start_delay_s,
            delay_s,
            termination_s,
            exit_code,
            loop_period,
        } = self;
        let say = |what: &str| format!("echo '{name} {what}' >> /proc/1/fd/1; ");
        let sleep = |seconds: u32| match seconds {
            0 => String::new(),
            seconds => format!("exec sleep {seconds} & wait $!; "),
        };
        let mut text = say(&format!("Starting {start_delay_s}"));
        let (exiting, exit) = (say("Exiting"), format!("exit {exit_code}"));
        let _infallible = write!(
            text,
            "_term() {{ sleep {termination_s}; {exiting}{exit}; }}; trap _term TERM; "
        );
        text += &sleep(*start_delay_s);
        text += &say("Started");
        text += "touch started; ";
        text += &say(&format!("Delaying {delay_s}"));
        text += &sleep(*delay_s);
        if let Some(period) = loop_period {
            let looping = say("Looping");
            let _infallible = write!(text, "while true; do {looping}sleep {period}; done; ");
        }
        text += &exiting;
        text += &exit;
        format!("[/bin/sh, -c, {text:?}]")
    }
}

/// The name a hook or probe of a container writes under.
pub(super) fn of(prefix: &str, name: &str) -> String {
    format!("{prefix}-{name}")
}

/// A container.
#[derive(Clone)]
pub(super) struct One {
    name: &'static str,
    image: &'static str,
    script: Script,
    fields: String,
    post_start: Option<String>,
    pre_stop: Option<String>,
}

/// A container that runs for some seconds, then exits with 0.
pub(super) fn one(name: &'static str, delay_s: u32) -> One {
    One {
        name,
        image: BUSYBOX,
        script: Script::new(name).delay(delay_s),
        fields: String::new(),
        post_start: None,
        pre_stop: None,
    }
}

/// An init container with `restartPolicy: Always`.
pub(super) fn sidecar(name: &'static str, delay_s: u32) -> One {
    one(name, delay_s).with("restartPolicy: Always")
}

impl One {
    pub(super) fn image(mut self, image: &'static str) -> Self {
        self.image = image;
        self
    }

    pub(super) fn starts_after(mut self, seconds: u32) -> Self {
        self.script.start_delay_s = seconds;
        self
    }

    /// Seconds from SIGTERM to its exit.
    pub(super) fn terminates_after(mut self, seconds: u32) -> Self {
        self.script.termination_s = seconds;
        self
    }

    pub(super) fn exits(mut self, code: u8) -> Self {
        self.script.exit_code = code;
        self
    }

    /// Adds a line of YAML.
    pub(super) fn with(mut self, field: &str) -> Self {
        self.fields += field;
        self.fields.push('\n');
        self
    }

    /// `startedPostStartGate`.
    pub(super) fn gated(mut self) -> Self {
        self.post_start = Some("[sh, -c, 'until [ -f started ]; do sleep 0.1; done']".to_owned());
        self
    }

    pub(super) fn post_start(mut self, hook: &Script) -> Self {
        self.post_start = Some(hook.command());
        self
    }

    pub(super) fn pre_stop(mut self, hook: &Script) -> Self {
        self.pre_stop = Some(hook.command());
        self
    }

    fn yaml(&self) -> String {
        let mut text = format!(
            "  - name: {}
    image: {:?}
    command: {}
    resources: {{requests: {{memory: 15Mi}}, limits: {{memory: 35Mi}}}}
    volumeMounts: [{{name: persistent, mountPath: /persistent}}]
",
            self.name,
            self.image,
            self.script.command()
        );
        for line in self.fields.lines() {
            let _infallible = writeln!(text, "    {line}");
        }
        if self.post_start.is_some() || self.pre_stop.is_some() {
            text += "    lifecycle:\n";
        }
        for (hook, command) in [("postStart", &self.post_start), ("preStop", &self.pre_stop)] {
            if let Some(command) = command {
                let _infallible = writeln!(text, "      {hook}: {{exec: {{command: {command}}}}}");
            }
        }
        text
    }
}

/// `preparePod`: the manifest.
pub(super) fn pod(policy: &str, init: &[One], regular: &[One]) -> String {
    let list = |name: &str, all: &[One]| match all {
        [] => String::new(),
        all => all
            .iter()
            .fold(format!("  {name}:\n"), |text, one| text + &one.yaml()),
    };
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {POD}}}
spec:
  restartPolicy: {policy}
  volumes: [{{name: persistent, emptyDir: {{}}}}]
{}{}",
        list("initContainers", init),
        list("containers", regular)
    )
}

/// The same with another grace period.
pub(super) fn with_grace(manifest: &str, seconds: u32) -> String {
    let grace = format!("spec:\n  terminationGracePeriodSeconds: {seconds}\n");
    manifest.replacen("spec:\n", &grace, 1)
}

/// A cluster with this pod.
pub(super) fn create(manifest: &str) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.create(manifest);
    cluster
}

/// `WaitTimeoutForPodNoLongerRunningInNamespace`, then `parseOutput`.
pub(super) fn finish(manifest: &str, seconds: u64) -> (Status, Timeline) {
    let mut cluster = create(manifest);
    let status = cluster.wait(POD, seconds, |status| status.phase.is_terminal());
    (status, cluster.timeline(POD))
}

/// The same for a pod that succeeds.
pub(super) fn succeed(manifest: &str) -> Timeline {
    let (status, timeline) = finish(manifest, 5 * 60);
    assert_eq!(status.phase, Phase::Succeeded, "{timeline}");
    timeline
}

/// `WaitForPodContainerRestartCount` or `WaitForPodInitContainerRestartCount`.
pub(super) fn restarted(cluster: &mut Cluster, container: &str, count: u32, seconds: u64) {
    cluster.wait(POD, seconds, |status| {
        named(status, container).is_some_and(|one| one.restart_count >= count)
    });
}

pub(super) fn named<'s>(status: &'s Status, container: &str) -> Option<&'s ContainerStatus> {
    status.all_containers().find(|one| one.name == container)
}

pub(super) fn is_running(status: &ContainerStatus) -> bool {
    matches!(status.state, ContainerState::Running { .. })
}

/// `expectPodTerminationContainerStatuses`.
pub(super) fn ended(status: &Status, expected: &[(&str, i32)]) {
    for (name, code) in expected {
        let one = named(status, name).expect("it is in the pod");
        let ContainerState::Terminated(ended) = &one.state else {
            panic!("{name} is {:?}", one.state);
        };
        let reason = if *code == 0 { "Completed" } else { "Error" };
        let found = (ended.exit_code, ended.reason.to_string());
        assert_eq!(found, (*code, reason.to_owned()), "{name}");
    }
}
