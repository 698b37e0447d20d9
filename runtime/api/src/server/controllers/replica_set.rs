//! ReplicaSet and ReplicationController: so many pods of one template.

use super::conditions::{Condition, condition, remove_condition, set_condition};
use super::pods::{
    Availability, Manager, ONLY_PODS, availability, from_template, int, is_active, is_ready,
    is_terminating, next_availability, sort_for_deletion,
};
use super::times::seconds;
use super::{Controller, LabelSelector, is_controlled_by};
use crate::server::error::ApiError;
use crate::server::registry::{PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, Resource};
use crate::server::{Server, object};
use seedpod_core::limits::PODS_PER_SYNC;
use serde_json::{Value, json};
use std::time::Duration;

/// Looks after the one or the other kind.
#[derive(Debug)]
pub(super) struct ReplicaController(Manager);

pub(super) static REPLICA_SET: ReplicaController = ReplicaController(Manager {
    resource: &REPLICA_SETS,
    component: "replicaset-controller",
});

pub(super) static REPLICATION: ReplicaController = ReplicaController(Manager {
    resource: &REPLICATION_CONTROLLERS,
    component: "replication-controller",
});

impl Controller for ReplicaController {
    fn resource(&self) -> &'static Resource {
        self.0.resource
    }

    fn dependents(&self) -> &'static [&'static Resource] {
        ONLY_PODS
    }

    fn sync(
        &self,
        server: &mut Server,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Duration>, ApiError> {
        let Some(owner) = server.object(self.0.resource, namespace, name) else {
            return Ok(None);
        };
        let pods = server.owned_or_free(&PODS, &owner);
        let (active, rest): (Vec<_>, Vec<_>) = pods.into_iter().partition(is_active);
        let selector = LabelSelector::of(&owner["spec"]["selector"]);
        let terminating = rest.iter().filter(|pod| {
            is_terminating(pod) && is_controlled_by(pod, &owner) && selector.selects(pod)
        });
        let terminating = terminating.count();
        let active = self.0.claim(server, &owner, &PODS, active, None)?;
        let managed = match object::is_deleted(&owner) {
            true => Ok(()),
            false => self.manage(server, &owner, &active),
        };
        let min_ready = seconds(&owner["spec"]["minReadySeconds"]).unwrap_or_default();
        let status = self.status(server, &owner, &active, terminating, managed.as_ref().err());
        self.0.update_status(server, &owner, status)?;
        managed?;
        Ok(next_availability(server, &active, min_ready))
    }
}

impl ReplicaController {
    /// Makes pods that are missing, deletes those that are too many.
    fn manage(&self, server: &mut Server, owner: &Value, active: &[Value]) -> Result<(), ApiError> {
        let wanted = usize::try_from(int(&owner["spec"]["replicas"])).unwrap_or_default();
        let missing = wanted.saturating_sub(active.len()).min(PODS_PER_SYNC);
        if missing > 0 {
            let pod = from_template(self.0.resource, owner, &owner["spec"]["template"]);
            return self.0.create_pods(server, owner, vec![pod; missing]);
        }
        let surplus = active.len().saturating_sub(wanted).min(PODS_PER_SYNC);
        let mut sorted = active.to_vec();
        if surplus < active.len() {
            sort_for_deletion(&mut sorted, server.now.wall);
        }
        let mut failed = Ok(());
        for pod in &sorted[..surplus] {
            let deleted = self.0.delete_pod(server, owner, pod);
            failed = failed.and(deleted);
        }
        failed
    }

    fn status(
        &self,
        server: &Server,
        owner: &Value,
        active: &[Value],
        terminating: usize,
        failed: Option<&ApiError>,
    ) -> Value {
        let spec = &owner["spec"];
        let template_labels = &spec["template"]["metadata"]["labels"];
        let min_ready = seconds(&spec["minReadySeconds"]).unwrap_or_default();
        let count = |is_counted: &dyn Fn(&Value) -> bool| {
            active.iter().filter(|pod| is_counted(pod)).count()
        };
        let is_available =
            |pod: &Value| matches!(availability(server, pod, min_ready), Availability::Yes);
        let is_labeled = |pod: &Value| LabelSelector::of(template_labels).selects(pod);
        let mut status = json!({
            "replicas": active.len(),
            "observedGeneration": owner["metadata"]["generation"],
        });
        let counts = [
            ("fullyLabeledReplicas", count(&is_labeled)),
            ("readyReplicas", count(&is_ready)),
            ("availableReplicas", count(&is_available)),
        ];
        for (name, number) in counts.into_iter().filter(|(_, number)| *number > 0) {
            status[name] = number.into();
        }
        if *self.0.resource == REPLICA_SETS {
            status["terminatingReplicas"] = terminating.into();
        }
        let conditions = &owner["status"]["conditions"];
        if !conditions.is_null() {
            status["conditions"] = conditions.clone();
        }
        const FAILURE: &str = "ReplicaFailure";
        match failed {
            Some(error) if condition(&status, FAILURE).is_none() => {
                let is_missing =
                    i64::try_from(active.len()).is_ok_and(|now| now < int(&spec["replicas"]));
                let failure = Condition {
                    kind: FAILURE,
                    status: "True",
                    reason: if is_missing {
                        "FailedCreate"
                    } else {
                        "FailedDelete"
                    },
                    message: error.to_string(),
                };
                set_condition(&mut status, &failure, None, &server.wall());
            }
            Some(_) => {}
            None => remove_condition(&mut status, FAILURE),
        }
        status
    }
}
