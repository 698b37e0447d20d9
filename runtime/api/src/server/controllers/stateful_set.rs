//! StatefulSet: pods with numbers, each of which keeps its name.

use super::Controller;
use super::history::{self, History, REVISION_HASH};
use super::pods::{
    Availability, Manager, ONLY_PODS, availability, from_template, int, is_finished, is_ready,
    next_availability,
};
use super::times::seconds;
use crate::server::error::ApiError;
use crate::server::registry::{PODS, Resource, STATEFUL_SETS};
use crate::server::{Server, object};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const MANAGER: Manager = Manager {
    resource: &STATEFUL_SETS,
    component: "statefulset-controller",
};

const NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
const INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";
/// Label of a revision, with its hash.
const HASH_LABEL: &str = "controller.kubernetes.io/hash";

#[derive(Debug)]
pub(super) struct StatefulSetController;

impl Controller for StatefulSetController {
    fn resource(&self) -> &'static Resource {
        MANAGER.resource
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
        let Some(set) = server.object(MANAGER.resource, namespace, name) else {
            return Ok(None);
        };
        let pods = server.owned_or_free(&PODS, &set);
        // Pods with other names are none of its own, whatever their labels.
        let pods = pods.into_iter().filter(|pod| ordinal(&set, pod).is_some());
        let pods = MANAGER.claim(server, &set, &PODS, pods.collect(), None)?;
        let history = history::sync(MANAGER, server, &set, HASH_LABEL)?;
        let current = set["status"]["currentRevision"].clone();
        let mut old = history.old.iter();
        let current = old.find(|one| one["metadata"]["name"] == current);
        let current = current.unwrap_or(&history.update).clone();
        let pods = pods.into_iter();
        let pods = pods.filter_map(|pod| Some((ordinal(&set, &pod)?, pod)));
        let mut sync = Sync {
            pods: pods.collect(),
            server,
            set,
            current,
            history,
        };
        let managed = match object::is_deleted(&sync.set) {
            true => Ok(()),
            false => sync.manage(),
        };
        sync.write_status()?;
        managed?;
        sync.clean_up()?;
        Ok(next_availability(
            sync.server,
            sync.pods.values(),
            sync.min_ready(),
        ))
    }
}

/// The number of a pod, by its name.
fn ordinal(set: &Value, pod: &Value) -> Option<i64> {
    let number = object::name(pod).strip_prefix(object::name(set))?;
    let number: u32 = number.strip_prefix('-')?.parse().ok()?;
    Some(number.into())
}

struct Sync<'s> {
    server: &'s mut Server,
    set: Value,
    /// By number.
    pods: BTreeMap<i64, Value>,
    /// The revision that pods had before the last change.
    current: Value,
    history: History,
}

/// Whether pods after this one may be looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Wait,
}

impl Sync<'_> {
    fn spec(&self) -> &Value {
        &self.set["spec"]
    }

    fn min_ready(&self) -> Duration {
        seconds(&self.spec()["minReadySeconds"]).unwrap_or_default()
    }

    fn first(&self) -> i64 {
        int(&self.spec()["ordinals"]["start"])
    }

    fn numbers(&self) -> std::ops::Range<i64> {
        self.first()..self.first().saturating_add(int(&self.spec()["replicas"]))
    }

    fn is_ordered(&self) -> bool {
        self.spec()["podManagementPolicy"] != "Parallel"
    }

    fn is_available(&self, pod: &Value) -> bool {
        let availability = availability(self.server, pod, self.min_ready());
        matches!(availability, Availability::Yes)
    }

    /// Whether it is neither missing nor going, and has been ready for long enough.
    fn is_well(&self, pod: Option<&Value>) -> bool {
        pod.is_some_and(|pod| !object::is_deleted(pod) && self.is_available(pod))
    }

    fn manage(&mut self) -> Result<(), ApiError> {
        for number in self.numbers() {
            if self.keep(number)? == Then::Wait && self.is_ordered() {
                return Ok(());
            }
        }
        let wanted = self.numbers();
        let numbers = self.pods.keys().rev();
        let condemned: Vec<i64> = numbers
            .filter(|one| !wanted.contains(one))
            .copied()
            .collect();
        let first_ill = condemned.iter().rev().copied();
        let first_ill = first_ill
            .into_iter()
            .find(|one| !self.is_well(self.pods.get(one)));
        for number in condemned {
            if self.condemn(number, first_ill)? == Then::Wait && self.is_ordered() {
                return Ok(());
            }
        }
        match self.spec()["updateStrategy"]["type"] == "RollingUpdate" {
            true => self.roll(),
            false => Ok(()),
        }
    }

    /// Makes sure that there is a pod of this number, and that it is what it shall be.
    fn keep(&mut self, number: i64) -> Result<Then, ApiError> {
        let Some(pod) = self.pods.get(&number) else {
            let pod = self.create(number)?;
            self.pods.insert(number, pod);
            return Ok(Then::Wait);
        };
        if is_finished(pod) {
            if !object::is_deleted(pod) {
                self.delete(number)?;
            }
            return Ok(Then::Wait);
        }
        if !self.is_well(Some(pod)) {
            return Ok(Then::Wait);
        }
        Ok(Then::GoOn)
    }

    fn create(&mut self, number: i64) -> Result<Value, ApiError> {
        let update = &self.spec()["updateStrategy"];
        let is_kept = match &update["rollingUpdate"]["partition"] {
            _ if update["type"] != "RollingUpdate" => false,
            Value::Null => number < self.first() + int(&self.set["status"]["currentReplicas"]),
            partition => number < self.first() + int(partition),
        };
        let revision = match is_kept {
            true => &self.current,
            false => &self.history.update,
        };
        let template = history::template(revision);
        let mut pod = from_template(MANAGER.resource, &self.set, &template);
        let name = format!("{}-{number}", object::name(&self.set));
        let meta = &mut pod["metadata"];
        meta["name"] = name.as_str().into();
        meta["labels"][NAME_LABEL] = name.as_str().into();
        meta["labels"][INDEX_LABEL] = number.to_string().into();
        meta["labels"][REVISION_HASH] = object::name(revision).into();
        pod["spec"]["hostname"] = name.as_str().into();
        let service = self.spec()["serviceName"].as_str().unwrap_or_default();
        if !service.is_empty() {
            pod["spec"]["subdomain"] = service.into();
        }
        let message = |verb: &str| {
            let set = object::name(&self.set);
            format!("{verb} Pod {name} in StatefulSet {set}")
        };
        let (created, failed) = (message("create"), message("create"));
        match self.create_quietly(pod) {
            Ok(pod) => {
                let message = format!("{created} successful");
                MANAGER.normal(self.server, &self.set, "SuccessfulCreate", &message);
                Ok(pod)
            }
            Err(error) => {
                let message = format!("{failed} failed error: {error}");
                MANAGER.warning(self.server, &self.set, "FailedCreate", &message);
                Err(error)
            }
        }
    }

    fn create_quietly(&mut self, pod: Value) -> Result<Value, ApiError> {
        let options = crate::server::verbs::Options::of(super::MANAGER);
        let namespace = object::namespace(&self.set);
        self.server.create(&PODS, namespace, pod, &options)
    }

    fn delete(&mut self, number: i64) -> Result<(), ApiError> {
        use crate::server::verbs::delete::DeleteOptions;
        let Some(pod) = self.pods.remove(&number) else {
            return Ok(());
        };
        let (namespace, name) = (object::namespace(&pod), object::name(&pod));
        let set = object::name(&self.set).to_owned();
        let options = DeleteOptions::background();
        match self.server.delete(&PODS, namespace, name, &options) {
            Err(error) if error.code != http::StatusCode::NOT_FOUND => {
                let message =
                    format!("delete Pod {name} in StatefulSet {set} failed error: {error}");
                MANAGER.warning(self.server, &self.set, "FailedDelete", &message);
                return Err(error);
            }
            _ => {
                let message = format!("delete Pod {name} in StatefulSet {set} successful");
                MANAGER.normal(self.server, &self.set, "SuccessfulDelete", &message);
            }
        }
        if let Some(going) = self.server.object(&PODS, namespace, name) {
            self.pods.insert(number, going);
        }
        Ok(())
    }

    /// Deletes a pod that is too many; in order, the next only when this one is gone.
    fn condemn(&mut self, number: i64, first_ill: Option<i64>) -> Result<Then, ApiError> {
        let pod = self.pods.get(&number);
        if pod.is_some_and(object::is_deleted) {
            return Ok(Then::Wait);
        }
        let is_ill = !self.is_well(pod);
        if is_ill && self.is_ordered() && first_ill != Some(number) {
            return Ok(Then::Wait);
        }
        self.delete(number)?;
        Ok(Then::Wait)
    }

    /// Replaces the last pod that is of an old template, when all after it are well.
    fn roll(&mut self) -> Result<(), ApiError> {
        let partition = int(&self.spec()["updateStrategy"]["rollingUpdate"]["partition"]);
        let first = self.numbers().start.saturating_add(partition);
        for number in (first..self.numbers().end).rev() {
            let pod = self.pods.get(&number);
            let is_new = pod.is_some_and(|pod| self.is_of(pod, &self.history.update));
            let is_going = pod.is_some_and(object::is_deleted);
            if !is_new && !is_going {
                return self.delete(number);
            }
            if !self.is_well(pod) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn is_of(&self, pod: &Value, revision: &Value) -> bool {
        pod["metadata"]["labels"][REVISION_HASH] == revision["metadata"]["name"]
    }

    fn write_status(&mut self) -> Result<(), ApiError> {
        let count = |is_counted: &dyn Fn(&Value) -> bool| {
            let pods = self.pods.values().filter(|pod| is_counted(pod));
            i64::try_from(pods.count()).unwrap_or(i64::MAX)
        };
        let alive_of =
            |pod: &Value, revision: &Value| !object::is_deleted(pod) && self.is_of(pod, revision);
        let replicas = count(&|_| true);
        let ready = count(&is_ready);
        let available = count(&|pod| self.is_available(pod));
        let updated = count(&|pod| alive_of(pod, &self.history.update));
        let mut current = count(&|pod| alive_of(pod, &self.current));
        let mut current_name = object::name(&self.current);
        let update_name = object::name(&self.history.update);
        let wanted = int(&self.spec()["replicas"]);
        let is_rolling = self.spec()["updateStrategy"]["type"] == "RollingUpdate";
        if is_rolling
            && [updated, ready, replicas]
                .iter()
                .all(|count| *count == wanted)
        {
            current = updated;
            current_name = update_name;
        }
        let mut status = json!({
            "observedGeneration": self.set["metadata"]["generation"], "replicas": replicas,
            "availableReplicas": available, "currentRevision": current_name, "updateRevision": update_name,
            "collisionCount": self.history.collisions,
        });
        let counts = [
            ("readyReplicas", ready),
            ("currentReplicas", current),
            ("updatedReplicas", updated),
        ];
        for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            status[name] = count.into();
        }
        self.set = MANAGER.update_status(self.server, &self.set, status)?;
        Ok(())
    }

    fn clean_up(&mut self) -> Result<(), ApiError> {
        let labels = self.pods.values();
        let labels = labels.map(|pod| pod["metadata"]["labels"][REVISION_HASH].as_str());
        let mut live: BTreeSet<&str> = labels.flatten().collect();
        let current = self.set["status"]["currentRevision"].as_str();
        live.extend(current);
        history::clean_up(self.server, &self.set, &self.history.old, &live)
    }
}
