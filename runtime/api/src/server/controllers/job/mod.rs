//! Job: pods that run until so many of them have succeeded.
//!
//! Each pod has a finalizer that keeps it until it is counted: its uid goes into `status.uncountedTerminatedPods`, then
//! its finalizer goes, then the uid becomes one more in `succeeded` or `failed`. So none is counted twice or never,
//! whenever the server stops.

mod backoff;
mod finish;
mod index;
mod manage;
mod orphan;
mod policy;
mod track;

pub(super) use orphan::OrphanPods;

use super::Controller;
use super::conditions::{condition, is_true, push_condition};
use super::pods::{Manager, ONLY_PODS, int, is_active, is_ready, is_terminating, phase};
use super::times::{seconds, time};
use crate::server::error::ApiError;
use crate::server::indexes::Indexes;
use crate::server::registry::{JOBS, PODS, Resource};
use crate::server::verbs::delete::{DeleteOptions, Propagation};
use crate::server::{Server, object};
use finish::Finish;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const MANAGER: Manager = Manager {
    resource: &JOBS,
    component: "job-controller",
};

/// What keeps a pod until it is counted.
const FINALIZER: &str = "batch.kubernetes.io/job-tracking";

#[derive(Debug)]
pub(super) struct JobController;

impl Controller for JobController {
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
        let Some(job) = server.object(MANAGER.resource, namespace, name) else {
            return Ok(None);
        };
        let manager = job["spec"]["managedBy"].as_str();
        if manager.is_some_and(|manager| manager != "kubernetes.io/job-controller") {
            return Ok(None);
        }
        if let Some(finished) = finished_at(&job) {
            return expire(server, &job, finished);
        }
        let pods = server.owned_or_free(&PODS, &job);
        let pods = MANAGER.claim(server, &job, &PODS, pods, Some(FINALIZER))?;
        Sync::new(server, job, pods).run()
    }
}

/// Whether a Job has ended.
pub(super) fn is_finished(job: &Value) -> bool {
    finished_at(job).is_some()
}

fn finished_at(job: &Value) -> Option<&Value> {
    let status = &job["status"];
    let kind = ["Complete", "Failed"]
        .into_iter()
        .find(|kind| is_true(status, kind))?;
    condition(status, kind).map(|condition| &condition["lastTransitionTime"])
}

/// Deletes a Job, with its pods first, some time after it has ended.
fn expire(
    server: &mut Server,
    job: &Value,
    finished: &Value,
) -> Result<Option<Duration>, ApiError> {
    let delay = seconds(&job["spec"]["ttlSecondsAfterFinished"]);
    let (Some(delay), Some(finished)) = (delay, time(finished)) else {
        return Ok(None);
    };
    if object::is_deleted(job) {
        return Ok(None);
    }
    if let Some(left) = server.time_until(finished, delay) {
        return Ok(Some(left));
    }
    let options = DeleteOptions {
        propagation: Some(Propagation::Foreground),
        uid: Some(object::uid(job).to_owned()),
        ..DeleteOptions::default()
    };
    server.delete(
        MANAGER.resource,
        object::namespace(job),
        object::name(job),
        &options,
    )?;
    Ok(None)
}

/// Whether a pod has not been counted yet.
fn is_tracked(pod: &Value) -> bool {
    let finalizers = pod["metadata"]["finalizers"].as_array();
    finalizers.is_some_and(|finalizers| finalizers.iter().any(|one| one == FINALIZER))
}

/// One sync.
struct Sync<'s> {
    server: &'s mut Server,
    /// Its status becomes what is written.
    job: Value,
    pods: Vec<Value>,
    active: Vec<Value>,
    terminating: i64,
    ready: i64,
    succeeded: i64,
    failed: i64,
    /// Uids of pods that are about to be counted.
    uncounted: Uncounted,
    /// Of an indexed Job: those that had succeeded before, and with what is new.
    succeeded_before: Indexes,
    succeeded_indexes: Indexes,
    /// Those that are given up, when each has its own limit.
    failed_indexes: Option<Indexes>,
    /// The last pod of each index that has failed and is to be replaced; it is kept until then.
    to_replace: BTreeMap<i64, Value>,
    finish: Option<Finish>,
    /// When to look again.
    again: Option<Duration>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Uncounted {
    succeeded: BTreeSet<String>,
    failed: BTreeSet<String>,
}

impl<'s> Sync<'s> {
    fn new(server: &'s mut Server, job: Value, pods: Vec<Value>) -> Self {
        let active: Vec<Value> = pods.iter().filter(|pod| is_active(pod)).cloned().collect();
        let uids = |name: &str| {
            let uids = job["status"]["uncountedTerminatedPods"][name].as_array();
            let uids = uids.into_iter().flatten().filter_map(Value::as_str);
            uids.map(str::to_owned).collect()
        };
        let count = |is_counted: &dyn Fn(&Value) -> bool, pods: &[Value]| -> i64 {
            let counted = pods.iter().filter(|pod| is_counted(pod)).count();
            i64::try_from(counted).unwrap_or(i64::MAX)
        };
        Self {
            terminating: count(&is_terminating, &pods),
            ready: count(&is_ready, &active),
            uncounted: Uncounted {
                succeeded: uids("succeeded"),
                failed: uids("failed"),
            },
            server,
            job,
            pods,
            active,
            succeeded: 0,
            failed: 0,
            succeeded_before: Indexes::default(),
            succeeded_indexes: Indexes::default(),
            failed_indexes: None,
            to_replace: BTreeMap::new(),
            finish: None,
            again: None,
        }
    }

    fn run(mut self) -> Result<Option<Duration>, ApiError> {
        self.count_new();
        if self.job["status"]["startTime"].is_null() && !self.is_suspended() {
            self.job["status"]["startTime"] = self.server.wall().into();
        }
        self.judge();
        let managed = match self.finish {
            Some(_) => self.delete_active(),
            None => self.manage_and_judge(),
        };
        let (active, managed) = match managed {
            Ok(active) => (active, Ok(())),
            Err(error) => (self.count_active(), Err(error)),
        };
        let (ready, terminating) = (self.ready, self.terminating);
        let status = &mut self.job["status"];
        set_count(status, "active", active);
        status["ready"] = ready.into();
        status["terminating"] = terminating.into();
        self.track()?;
        managed?;
        Ok(self.again)
    }

    fn spec(&self) -> &Value {
        &self.job["spec"]
    }

    fn is_suspended(&self) -> bool {
        self.spec()["suspend"] == true
    }

    fn is_indexed(&self) -> bool {
        self.spec()["completionMode"] == "Indexed"
    }

    fn has_limit_per_index(&self) -> bool {
        self.is_indexed() && self.spec()["backoffLimitPerIndex"].is_i64()
    }

    /// `None` when any success is enough.
    fn completions(&self) -> Option<i64> {
        self.spec()["completions"].as_i64()
    }

    /// Whether a pod is replaced only when it has ended, not when it is about to.
    fn replaces_only_failed(&self) -> bool {
        self.spec()["podReplacementPolicy"] == "Failed"
    }

    /// Whether a pod counts as one that has failed.
    fn is_failed(&self, pod: &Value) -> bool {
        let is_going = object::is_deleted(pod) && phase(pod) != "Succeeded";
        phase(pod) == "Failed" || (is_going && !self.replaces_only_failed())
    }

    fn count_active(&self) -> i64 {
        i64::try_from(self.active.len()).unwrap_or(i64::MAX)
    }

    /// The index of a pod, if the Job has it.
    fn index_of(&self, pod: &Value) -> Option<i64> {
        let completions = self.completions().unwrap_or_default();
        index::index_of(pod).filter(|index| *index < completions)
    }

    /// Whether a pod has ended and stands in no count yet.
    fn is_new(&self, pod: &Value, counted: &BTreeSet<String>) -> bool {
        is_tracked(pod)
            && !counted.contains(object::uid(pod))
            && (!self.is_indexed() || self.index_of(pod).is_some())
    }

    fn count_new(&mut self) {
        let status = &self.job["status"];
        let policy = &self.spec()["podFailurePolicy"];
        let new = |counted: &BTreeSet<String>, is_meant: &dyn Fn(&Value) -> bool| {
            let pods = self.pods.iter();
            let new = pods.filter(|pod| self.is_new(pod, counted) && is_meant(pod));
            i64::try_from(new.count() + counted.len()).unwrap_or(i64::MAX)
        };
        let succeeded = new(&self.uncounted.succeeded, &|pod| phase(pod) == "Succeeded");
        let failed = new(&self.uncounted.failed, &|pod| {
            self.is_failed(pod) && policy::judge(policy, pod).is_counted
        });
        let (succeeded, failed) = (
            int(&status["succeeded"]) + succeeded,
            int(&status["failed"]) + failed,
        );
        self.succeeded = succeeded;
        self.failed = failed;
        if self.is_indexed() {
            self.count_indexes();
        }
    }

    /// Deletes all active pods of a Job that has come to its end. It is only once all of them are going.
    fn delete_active(&mut self) -> Result<i64, ApiError> {
        let mut left = 0;
        let mut failed = None;
        for pod in self.active.clone() {
            match MANAGER.delete_pod(self.server, &self.job, &pod) {
                Ok(()) => self.terminating += i64::from(self.is_still_there(&pod)),
                Err(error) => {
                    left += 1;
                    failed.get_or_insert(error);
                }
            }
            self.ready -= i64::from(is_ready(&pod));
        }
        match failed {
            Some(error) => {
                self.finish = None;
                Err(error)
            }
            None => Ok(left),
        }
    }

    /// What is deleted is gone at once when it does not run anywhere.
    fn is_still_there(&self, pod: &Value) -> bool {
        let (namespace, name) = (object::namespace(pod), object::name(pod));
        let pod = self.server.object(&PODS, namespace, name);
        pod.is_some_and(|pod| is_terminating(&pod))
    }

    fn manage_and_judge(&mut self) -> Result<i64, ApiError> {
        let is_leaving = object::is_deleted(&self.job);
        let managed = match is_leaving {
            true => Ok(self.count_active()),
            false => self.manage(),
        };
        let Ok(active) = managed else {
            return managed;
        };
        let is_complete = match self.completions() {
            None => self.succeeded > 0 && active == 0,
            Some(completions) => self.succeeded >= completions && active == 0,
        };
        if is_complete {
            self.finish = Some(Finish::success());
        } else if !is_leaving {
            self.note_suspension();
        }
        managed
    }

    /// Says in a condition whether the Job is suspended; when it goes on, its time begins anew.
    fn note_suspension(&mut self) {
        const KIND: &str = "Suspended";
        let was_suspended = is_true(&self.job["status"], KIND);
        let now = self.server.wall();
        let (status, reason, message) = match (self.is_suspended(), was_suspended) {
            (true, false) => ("True", "JobSuspended", "Job suspended"),
            (false, true) => ("False", "JobResumed", "Job resumed"),
            _ => return,
        };
        let reason_of_event = &reason["Job".len()..];
        MANAGER.normal(self.server, &self.job, reason_of_event, message);
        let condition = json!({
            "type": KIND, "status": status, "reason": reason, "message": message,
            "lastProbeTime": now, "lastTransitionTime": now,
        });
        let job_status = &mut self.job["status"];
        let conditions = job_status
            .pointer_mut("/conditions")
            .and_then(Value::as_array_mut);
        let place = conditions.and_then(|all| all.iter_mut().find(|one| one["type"] == KIND));
        match place {
            Some(place) => *place = condition,
            None => push_condition(job_status, condition),
        }
        match was_suspended {
            true => job_status["startTime"] = now.into(),
            false => {
                if let Some(fields) = job_status.as_object_mut() {
                    fields.remove("startTime");
                }
            }
        }
    }
}

/// Sets a count that is left out when it is 0.
fn set_count(status: &mut Value, name: &str, count: i64) {
    if count != 0 {
        status[name] = count.into();
    } else if let Some(fields) = status.as_object_mut() {
        fields.remove(name);
    }
}
