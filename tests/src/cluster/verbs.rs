//! What people do to pods that run.

use super::Cluster;
use seedpod::spec::Pod;
use seedpod_api::Source;
use seedpod_core::pod::ForeignCondition;
use seedpod_core::pod::update::{self, UpdateError};
use seedpod_engine::world::LogStream;
use seedpod_engine::{ExecError, ExecRequest};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// What a command that was run in a container came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Its exit code; 128 + n for signal n.
    pub code: i32,
}

/// As long as a test waits for a command.
const EXEC_S: u64 = 5 * 60;

impl Cluster {
    /// `kubectl exec`: runs a command in a container and waits for its end.
    ///
    /// # Panics
    /// When it cannot be run, or does not end in five minutes.
    pub fn exec(&mut self, pod: &str, container: &str, command: &[&str]) -> Exec {
        match self.try_exec(pod, container, command) {
            Ok(exec) => exec,
            Err(error) => panic!("{command:?}: {error}\n{}", self.describe(pod)),
        }
    }

    /// As [`exec`](Self::exec), where the command may be impossible to run.
    ///
    /// # Errors
    /// What `kubectl exec` would say.
    ///
    /// # Panics
    /// When the command does not end in five minutes.
    pub fn try_exec(
        &mut self,
        pod: &str,
        container: &str,
        command: &[&str],
    ) -> Result<Exec, ExecError> {
        let session = self.handle(pod).exec(ExecRequest {
            container: container.to_owned(),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            ..ExecRequest::default()
        })?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut code = None;
        self.advance(Duration::from_secs(EXEC_S), |_| {
            let mut is_over = false;
            while let Poll::Ready(output) = session.streams.poll_output(Waker::noop()) {
                match output {
                    Some((LogStream::Stdout, bytes)) => stdout.extend_from_slice(&bytes),
                    Some((LogStream::Stderr, bytes)) => stderr.extend_from_slice(&bytes),
                    None => {
                        is_over = true;
                        break;
                    }
                }
            }
            if let Poll::Ready(status) = session.poll_exit(Waker::noop()) {
                code = Some(status.code());
            }
            is_over && code.is_some()
        });
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Exec {
            stdout: text(stdout),
            stderr: text(stderr),
            code: code.unwrap_or_else(|| panic!("{command:?} has no end\n{}", self.describe(pod))),
        })
    }

    /// `ExecShellInPod`: runs a script that must succeed, and returns what it wrote to standard output.
    ///
    /// # Panics
    /// When it fails.
    pub fn shell(&mut self, pod: &str, container: &str, script: &str) -> String {
        let exec = self.exec(pod, container, &["/bin/sh", "-c", script]);
        assert_eq!(exec.code, 0, "{script}: {exec:?}\n{}", self.describe(pod));
        exec.stdout
    }

    /// Changes a pod, as `kubectl edit` does: images, labels and annotations, the deadline.
    ///
    /// # Panics
    /// When the API server would refuse it.
    pub fn update(&mut self, pod: &str, change: impl FnOnce(&mut Pod)) {
        if let Err(error) = self.try_update(pod, change) {
            panic!("{error}\n{}", self.describe(pod));
        }
    }

    /// As [`update`](Self::update), for changes that may be refused.
    ///
    /// # Errors
    /// What the API server says.
    pub fn try_update(
        &mut self,
        pod: &str,
        change: impl FnOnce(&mut Pod),
    ) -> Result<(), UpdateError> {
        let old = self.spec(pod);
        let mut new = old.clone();
        change(&mut new);
        update::check(&old, &new)?;
        self.become_(pod, new);
        Ok(())
    }

    /// Changes requests and limits of a pod, as `kubectl patch --subresource resize` does.
    ///
    /// # Panics
    /// When the API server would refuse it.
    pub fn resize(&mut self, pod: &str, change: impl FnOnce(&mut Pod)) {
        let old = self.spec(pod);
        let mut new = old.clone();
        change(&mut new);
        update::check_resize(&old, &new).unwrap_or_else(|error| panic!("{error}"));
        self.become_(pod, new);
    }

    /// `kubectl debug`: adds an ephemeral container, given in YAML, not indented.
    ///
    /// # Panics
    /// When the API server would refuse it.
    pub fn debug(&mut self, pod: &str, container: &str) {
        let source = Source {
            name: "container".to_owned(),
            bytes: container.into(),
        };
        let old = self.spec(pod);
        let container = seedpod_api::ephemeral_container(&source, &old);
        let container = container.unwrap_or_else(|errors| panic!("{errors:#?}"));
        let mut new = old.clone();
        new.ephemeral_containers.push(container);
        update::check_ephemeral_containers(&old, &new).unwrap_or_else(|error| panic!("{error}"));
        self.become_(pod, new);
    }

    fn become_(&mut self, pod: &str, new: Pod) {
        self.seen_mut(pod).spec = new.clone();
        self.handle(pod).update(Arc::new(new));
    }

    /// The pod as it was last asked for.
    pub fn spec(&self, pod: &str) -> Pod {
        self.seen(pod).spec.clone()
    }

    /// Sets conditions of a pod that are not the kubelet's, by type and status; all others of that kind go.
    pub fn set_conditions(&mut self, pod: &str, conditions: &[(&str, &str)]) {
        let now = self.wall_time();
        let conditions = conditions.iter().map(|&(type_, status)| ForeignCondition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: None,
            message: None,
            last_transition: now,
        });
        self.handle(pod).set_conditions(conditions.collect());
    }
}
