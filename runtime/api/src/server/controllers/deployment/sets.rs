//! The ReplicaSets of a Deployment, and their revisions.

use super::{
    DESIRED_REPLICAS, MANAGER, MAX_REPLICAS, PROGRESSING, REVISION, REVISION_HISTORY, Rollout,
    TEMPLATE_HASH,
};
use crate::server::controllers::conditions::condition;
use crate::server::controllers::controller_reference;
use crate::server::controllers::hash::short_hash;
use crate::server::controllers::pods::int;
use crate::server::controllers::{MANAGER as FIELD_MANAGER, is_controlled_by};
use crate::server::error::ApiError;
use crate::server::object;
use crate::server::registry::REPLICA_SETS;
use crate::server::verbs::Options;
use http::StatusCode;
use serde_json::{Value, json};
use std::cmp::Ordering;

/// Bytes of the annotation that lists former revisions.
const HISTORY_BYTES_MAX: usize = 2000;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 253;

/// Annotations of a Deployment that are its own affair.
const NOT_COPIED: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

/// The oldest first.
pub(super) fn by_age(one: &Value, other: &Value) -> Ordering {
    let age = |set: &Value| {
        let created = object::meta(set, "creationTimestamp").to_owned();
        (created, object::name(set).to_owned())
    };
    age(one).cmp(&age(other))
}

/// An annotation; `None` when it is not there.
pub(super) fn annotation<'o>(object: &'o Value, name: &str) -> Option<&'o str> {
    object["metadata"]["annotations"][name].as_str()
}

pub(super) fn annotate(object: &mut Value, name: &str, value: &str) {
    object["metadata"]["annotations"][name] = value.into();
}

/// The number of its revision; 0 when it has none.
pub(super) fn revision(set: &Value) -> i64 {
    let number = annotation(set, REVISION).and_then(|text| text.parse().ok());
    number.unwrap_or_default()
}

/// The wanted number of pods.
pub(super) fn wanted(set: &Value) -> i64 {
    int(&set["spec"]["replicas"])
}

/// Whether two templates make the same pods.
fn is_same_template(one: &Value, other: &Value) -> bool {
    let without_hash = |template: &Value| {
        let mut template = template.clone();
        if let Some(labels) = template
            .pointer_mut("/metadata/labels")
            .and_then(Value::as_object_mut)
        {
            labels.remove(TEMPLATE_HASH);
        }
        template
    };
    without_hash(one) == without_hash(other)
}

impl Rollout<'_> {
    /// Where the ReplicaSet of the current template is.
    pub(super) fn newest_place(&self) -> Option<usize> {
        let template = &self.spec()["template"];
        let mut sets = self.sets.iter();
        sets.position(|set| is_same_template(&set["spec"]["template"], template))
    }

    /// The ReplicaSet of the current template.
    pub(super) fn newest(&self) -> Option<&Value> {
        self.newest_place().map(|place| &self.sets[place])
    }

    /// Where the others are, oldest first.
    pub(super) fn old_places(&self) -> Vec<usize> {
        let newest = self.newest_place();
        let places = 0..self.sets.len();
        places.filter(|place| Some(*place) != newest).collect()
    }

    /// Makes sure that there is a ReplicaSet of the current template, if `may_create`, and that it has the highest
    /// revision, which is the Deployment's too.
    pub(super) fn sync_revision(&mut self, may_create: bool) -> Result<(), ApiError> {
        let old = self.old_places();
        let old = old.into_iter().map(|place| revision(&self.sets[place]));
        let revision = old.max().unwrap_or_default() + 1;
        match self.newest_place() {
            Some(place) => self.update_newest(place, revision),
            None if may_create => self.create_newest(revision),
            None => Ok(()),
        }
    }

    fn update_newest(&mut self, place: usize, revision: i64) -> Result<(), ApiError> {
        let mut set = self.sets[place].clone();
        self.annotate_set(&mut set, revision);
        let min_ready = &self.spec()["minReadySeconds"];
        if int(&set["spec"]["minReadySeconds"]) != int(min_ready) {
            set["spec"]["minReadySeconds"] = int(min_ready).into();
        }
        if set != self.sets[place] {
            self.write_set(place, set)?;
        }
        let set = &self.sets[place];
        let revision = annotation(set, REVISION).unwrap_or_default().to_owned();
        let name = object::name(set).to_owned();
        let mut is_other = self.set_revision(&revision);
        if self.has_progress_deadline()
            && condition(&self.deployment["status"], PROGRESSING).is_none()
        {
            let message = format!("Found new replica set {name:?}");
            self.set_condition(PROGRESSING, "True", "FoundNewReplicaSet", message);
            is_other = true;
        }
        match is_other {
            true => self.write_deployment(),
            false => Ok(()),
        }
    }

    fn set_revision(&mut self, revision: &str) -> bool {
        let is_other = annotation(&self.deployment, REVISION) != Some(revision);
        if is_other {
            annotate(&mut self.deployment, REVISION, revision);
        }
        is_other
    }

    fn create_newest(&mut self, revision: i64) -> Result<(), ApiError> {
        let mut set = self.new_set();
        let mut replicas = self.replicas();
        if self.is_rolling() {
            replicas = self.newest_size(0);
        }
        set["spec"]["replicas"] = replicas.into();
        self.annotate_set(&mut set, revision);
        self.annotate_replicas(&mut set);
        let (namespace, name) = (
            object::namespace(&self.deployment).to_owned(),
            object::name(&set).to_owned(),
        );
        let options = Options::of(FIELD_MANAGER);
        let created = self.server.create(&REPLICA_SETS, &namespace, set, &options);
        let created = match created {
            Err(error) if error.reason == "AlreadyExists" => {
                return self.collided(&namespace, &name, error);
            }
            Err(error) => return self.not_created(&name, error),
            Ok(created) => created,
        };
        self.sets.push(created);
        if replicas > 0 {
            let message = format!("Scaled up replica set {name} from 0 to {replicas}");
            MANAGER.normal(self.server, &self.deployment, "ScalingReplicaSet", &message);
        }
        self.set_revision(&revision.to_string());
        if self.has_progress_deadline() {
            let message = format!("Created new replica set {name:?}");
            self.set_condition(PROGRESSING, "True", "NewReplicaSetCreated", message);
        }
        self.write_deployment()
    }

    fn new_set(&self) -> Value {
        let spec = self.spec();
        let hash = short_hash(
            &spec["template"],
            self.deployment["status"]["collisionCount"].as_i64(),
        );
        let mut template = spec["template"].clone();
        template["metadata"]["labels"][TEMPLATE_HASH] = hash.as_str().into();
        let mut selector = spec["selector"].clone();
        selector["matchLabels"][TEMPLATE_HASH] = hash.as_str().into();
        let name = object::name(&self.deployment);
        let name: String = name.chars().take(NAME_BYTES_MAX - hash.len() - 1).collect();
        let mut set = json!({
            "metadata": {
                "name": format!("{name}-{hash}"),
                "labels": template["metadata"]["labels"],
                "ownerReferences": [controller_reference(MANAGER.resource, &self.deployment)],
            },
            "spec": {"selector": selector, "template": template},
        });
        let min_ready = int(&spec["minReadySeconds"]);
        if min_ready > 0 {
            set["spec"]["minReadySeconds"] = min_ready.into();
        }
        set
    }

    /// There is one of this name: its own, which the index does not know yet, or one of another template.
    fn collided(&mut self, namespace: &str, name: &str, error: ApiError) -> Result<(), ApiError> {
        let set = self.server.object(&REPLICA_SETS, namespace, name);
        let own = set.filter(|set| {
            let template = &set["spec"]["template"];
            is_controlled_by(set, &self.deployment)
                && is_same_template(template, &self.spec()["template"])
        });
        if let Some(own) = own {
            self.sets.push(own);
            return Ok(());
        }
        let collisions = int(&self.deployment["status"]["collisionCount"]);
        self.deployment["status"]["collisionCount"] = (collisions + 1).into();
        self.write_deployment()?;
        Err(error)
    }

    fn not_created(&mut self, name: &str, error: ApiError) -> Result<(), ApiError> {
        const REASON: &str = "ReplicaSetCreateError";
        let message = format!("Failed to create new replica set {name:?}: {error}");
        if self.has_progress_deadline() {
            self.set_condition(PROGRESSING, "False", REASON, message.clone());
            self.write_deployment()?;
        }
        MANAGER.warning(self.server, &self.deployment, REASON, &message);
        Err(error)
    }

    /// Gives a ReplicaSet the annotations of the Deployment, and this revision if it is higher than its own.
    fn annotate_set(&self, set: &mut Value, new: i64) {
        let annotations = self.deployment["metadata"]["annotations"].as_object();
        for (name, value) in annotations.into_iter().flatten() {
            if !NOT_COPIED.contains(&name.as_str()) {
                set["metadata"]["annotations"][name] = value.clone();
            }
        }
        let old = annotation(set, REVISION).map(str::to_owned);
        if revision(set) >= new {
            return;
        }
        annotate(set, REVISION, &new.to_string());
        // It had one: this is a rollback.
        if let Some(old) = old {
            let history = annotation(set, REVISION_HISTORY).unwrap_or_default();
            let history = with_revision(history, &old);
            annotate(set, REVISION_HISTORY, &history);
        }
    }

    /// Notes in a ReplicaSet how many pods all of them shall have, by which a change of that is seen.
    pub(super) fn annotate_replicas(&self, set: &mut Value) {
        let replicas = self.replicas();
        let most = replicas + self.max_surge();
        annotate(set, DESIRED_REPLICAS, &replicas.to_string());
        annotate(set, MAX_REPLICAS, &most.to_string());
    }

    pub(super) fn write_set(&mut self, place: usize, set: Value) -> Result<(), ApiError> {
        let (namespace, name) = (
            object::namespace(&set).to_owned(),
            object::name(&set).to_owned(),
        );
        let options = Options::of(FIELD_MANAGER);
        let updated = self
            .server
            .update(&REPLICA_SETS, &namespace, &name, set, &options);
        self.sets[place] = updated?;
        Ok(())
    }

    /// Deletes ReplicaSets without pods, oldest revision first, of which there are more than shall be kept.
    pub(super) fn clean_up(&mut self) -> Result<(), ApiError> {
        use crate::server::verbs::delete::DeleteOptions;
        let limit = self.spec()["revisionHistoryLimit"].as_i64();
        let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else {
            return Ok(());
        };
        let old = self.old_places().into_iter();
        let old = old.map(|place| self.sets[place].clone());
        let mut old: Vec<Value> = old.filter(|set| !object::is_deleted(set)).collect();
        old.sort_by(|one, other| revision(one).cmp(&revision(other)).then(by_age(one, other)));
        let surplus = old.len().saturating_sub(limit);
        for set in &old[..surplus] {
            let generation = int(&set["metadata"]["generation"]);
            let is_observed = generation <= int(&set["status"]["observedGeneration"]);
            if int(&set["status"]["replicas"]) != 0 || wanted(set) != 0 || !is_observed {
                continue;
            }
            let (namespace, name) = (object::namespace(set), object::name(set));
            let options = DeleteOptions::background();
            match self.server.delete(&REPLICA_SETS, namespace, name, &options) {
                Ok(_) => self.sets.retain(|one| object::name(one) != name),
                Err(error) if error.code == StatusCode::NOT_FOUND => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The list of former revisions with one more; the first ones go when it is too long.
fn with_revision(history: &str, revision: &str) -> String {
    let mut revisions: Vec<&str> = history.split(',').filter(|one| !one.is_empty()).collect();
    revisions.push(revision);
    let bytes = |revisions: &[&str]| revisions.iter().map(|one| one.len() + 1).sum::<usize>();
    while bytes(&revisions) > HISTORY_BYTES_MAX {
        revisions.remove(0);
    }
    revisions.join(",")
}
