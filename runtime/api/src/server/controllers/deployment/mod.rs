//! Deployment: ReplicaSets, one for each template there was, of which the newest takes over from the others.

mod progress;
mod rollout;
mod scale;
mod sets;

use super::conditions::{Condition, condition, set_condition};
use super::pods::{Manager, int, int_or_percent, is_finished};
use super::{Controller, controller_of};
use crate::server::error::ApiError;
use crate::server::registry::{DEPLOYMENTS, PODS, REPLICA_SETS, Resource};
use crate::server::{Server, object};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

const MANAGER: Manager = Manager {
    resource: &DEPLOYMENTS,
    component: "deployment-controller",
};

/// Label of a ReplicaSet and its pods that tells it from others of the same Deployment.
const TEMPLATE_HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";

static DEPENDENTS: &[&Resource] = &[&REPLICA_SETS];

const PROGRESSING: &str = "Progressing";
/// The second time of its conditions.
const UPDATED: Option<&str> = Some("lastUpdateTime");

#[derive(Debug)]
pub(super) struct DeploymentController;

impl Controller for DeploymentController {
    fn resource(&self) -> &'static Resource {
        MANAGER.resource
    }

    fn dependents(&self) -> &'static [&'static Resource] {
        DEPENDENTS
    }

    fn affected(&self, server: &Server, changed: &super::Changed) -> Vec<super::Key> {
        if *changed.resource == PODS {
            return of_last_pod(server, changed).into_iter().collect();
        }
        super::affected(self.resource(), self.dependents(), server, changed)
    }

    fn sync(
        &self,
        server: &mut Server,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Duration>, ApiError> {
        let Some(deployment) = server.object(MANAGER.resource, namespace, name) else {
            return Ok(None);
        };
        let sets = server.owned_or_free(&REPLICA_SETS, &deployment);
        let mut sets = MANAGER.claim(server, &deployment, &REPLICA_SETS, sets, None)?;
        sets.sort_by(sets::by_age);
        Rollout {
            server,
            deployment,
            sets,
        }
        .sync()
    }
}

/// One that recreates its pods goes on when the last of the old ones is gone.
fn of_last_pod(server: &Server, changed: &super::Changed) -> Option<super::Key> {
    let pod = &changed.object;
    let was_finished = changed.previous.as_ref().is_some_and(is_finished);
    let is_gone = changed.kind == super::ChangeKind::Deleted || is_finished(pod) != was_finished;
    let reference =
        controller_of(pod).filter(|reference| is_gone && reference["kind"] == "ReplicaSet")?;
    let namespace = object::namespace(pod);
    let set = server.object(&REPLICA_SETS, namespace, reference["name"].as_str()?)?;
    let reference = controller_of(&set).filter(|reference| reference["kind"] == "Deployment")?;
    Some(DEPLOYMENTS.key(namespace, reference["name"].as_str()?))
}

/// One sync: the Deployment and its ReplicaSets, oldest first, as they are now.
struct Rollout<'s> {
    server: &'s mut Server,
    deployment: Value,
    sets: Vec<Value>,
}

impl Rollout<'_> {
    fn sync(mut self) -> Result<Option<Duration>, ApiError> {
        if object::is_deleted(&self.deployment) {
            self.sync_revision(false)?;
            return self.sync_status();
        }
        self.check_paused()?;
        if self.spec()["paused"] == true {
            return self.sync_size(true);
        }
        self.sync_revision(false)?;
        if self.is_scaled() {
            return self.sync_size(false);
        }
        match self.spec()["strategy"]["type"].as_str() {
            Some("Recreate") => self.recreate(),
            _ => self.roll(),
        }
    }

    fn spec(&self) -> &Value {
        &self.deployment["spec"]
    }

    fn replicas(&self) -> i64 {
        int(&self.spec()["replicas"])
    }

    fn is_rolling(&self) -> bool {
        self.spec()["strategy"]["type"] == "RollingUpdate"
    }

    /// How many pods more than wanted there may be, and how many fewer.
    fn fenceposts(&self) -> (i64, i64) {
        if !self.is_rolling() {
            return (0, 0);
        }
        let update = &self.spec()["strategy"]["rollingUpdate"];
        let replicas = self.replicas();
        let surge = int_or_percent(&update["maxSurge"], replicas, true);
        let unavailable = int_or_percent(&update["maxUnavailable"], replicas, false);
        match (surge, unavailable) {
            // Percentages of few pods: without either nothing could ever happen.
            (0, 0) => (0, 1),
            both => both,
        }
    }

    fn max_surge(&self) -> i64 {
        self.fenceposts().0
    }

    fn max_unavailable(&self) -> i64 {
        self.fenceposts().1.min(self.replicas())
    }

    fn has_progress_deadline(&self) -> bool {
        let seconds = self.spec()["progressDeadlineSeconds"].as_i64();
        seconds.is_some_and(|seconds| seconds != i64::from(i32::MAX))
    }

    /// Says in a condition that it is paused, or no longer, so that the time does not count as one without progress.
    fn check_paused(&mut self) -> Result<(), ApiError> {
        if !self.has_progress_deadline() {
            return Ok(());
        }
        let condition = condition(&self.deployment["status"], PROGRESSING);
        let reason = condition.and_then(|condition| condition["reason"].as_str());
        let was_paused = reason == Some("DeploymentPaused");
        let (reason, message) = match (self.spec()["paused"] == true, was_paused) {
            _ if reason == Some("ProgressDeadlineExceeded") => return Ok(()),
            (true, false) => ("DeploymentPaused", "Deployment is paused"),
            (false, true) => ("DeploymentResumed", "Deployment is resumed"),
            _ => return Ok(()),
        };
        let message = message.to_owned();
        self.set_condition(PROGRESSING, "Unknown", reason, message);
        self.write_deployment()
    }

    fn set_condition(&mut self, kind: &str, status: &str, reason: &str, message: String) {
        let condition = Condition {
            kind,
            status,
            reason,
            message,
        };
        let now = self.server.wall();
        set_condition(&mut self.deployment["status"], &condition, UPDATED, &now);
    }

    /// Writes status and annotations.
    fn write_deployment(&mut self) -> Result<(), ApiError> {
        self.deployment = MANAGER.update_as(self.server, self.deployment.clone(), "status")?;
        Ok(())
    }

    /// Whether pods of others than the newest ReplicaSet still run.
    fn has_old_pods(&self) -> bool {
        let newest = self.newest().map(object::uid);
        let old = self.sets.iter().map(object::uid);
        let old: BTreeSet<&str> = old.filter(|uid| Some(*uid) != newest).collect();
        let pods = old.iter().flat_map(|uid| self.server.index.owned(uid));
        let pods = pods.filter_map(|key| self.server.store.get(key));
        let mut pods = pods.map(|stored| object::decode(&stored.value));
        pods.any(|pod| !is_finished(&pod))
    }
}
