//! The pods of a Job that is not at its end.

use super::index::all_failures;
use super::{FINALIZER, MANAGER, Sync, backoff, track};
use crate::server::controllers::pods::{from_template, int, is_ready, sort_for_deletion};
use crate::server::error::ApiError;
use seedpod_core::limits::PODS_PER_SYNC;
use serde_json::{Value, json};
use std::time::Duration;

impl Sync<'_> {
    /// Makes pods that are missing or deletes those that are too many. How many are active then.
    pub(super) fn manage(&mut self) -> Result<i64, ApiError> {
        let active = self.count_active();
        if self.is_suspended() {
            return self.delete_pods(self.active.clone());
        }
        let parallelism = int(&self.spec()["parallelism"]);
        let wanted = match self.completions() {
            None if self.succeeded > 0 => active,
            None => parallelism,
            Some(completions) => (completions - self.succeeded).clamp(0, parallelism.max(0)),
        };
        let mut surplus = self.surplus(usize::try_from(active - wanted).unwrap_or_default());
        if !surplus.is_empty() {
            surplus.truncate(PODS_PER_SYNC);
            return self.delete_pods(surplus);
        }
        let terminating = match self.replaces_only_failed() {
            true => self.terminating,
            false => 0,
        };
        let missing = usize::try_from(wanted - terminating - active).unwrap_or_default();
        match missing.min(PODS_PER_SYNC) {
            0 => Ok(active),
            missing => self.make_pods(missing),
        }
    }

    /// Pods to be deleted: those with a wrong index, and of the others so many that it makes `least`.
    fn surplus(&self, least: usize) -> Vec<Value> {
        let (mut surplus, mut left) = match self.is_indexed() {
            true => self.split_superfluous(),
            false => (Vec::new(), self.active.clone()),
        };
        if surplus.len() < least {
            sort_for_deletion(&mut left, self.server.now.wall);
            surplus.extend(left.into_iter().take(least - surplus.len()));
        }
        surplus
    }

    /// Deletes pods that count neither as succeeded nor as failed.
    fn delete_pods(&mut self, pods: Vec<Value>) -> Result<i64, ApiError> {
        let mut failed = None;
        let mut left = self.count_active();
        for pod in pods {
            let deleted = track::remove_finalizer(self.server, &pod)
                .and_then(|()| MANAGER.delete_pod(self.server, &self.job, &pod));
            match deleted {
                Ok(()) => {
                    left -= 1;
                    self.terminating += i64::from(self.is_still_there(&pod));
                }
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
            self.ready -= i64::from(is_ready(&pod));
            self.pods
                .retain(|one| one["metadata"]["uid"] != pod["metadata"]["uid"]);
        }
        failed.map_or(Ok(left), Err)
    }

    fn make_pods(&mut self, missing: usize) -> Result<i64, ApiError> {
        if !self.has_limit_per_index()
            && let Some(delay) = self.backoff()
        {
            self.look_again_in(delay);
            return Ok(self.count_active());
        }
        let mut pod = from_template(MANAGER.resource, &self.job, &self.spec()["template"]);
        match pod
            .pointer_mut("/metadata/finalizers")
            .and_then(Value::as_array_mut)
        {
            Some(finalizers) => finalizers.push(FINALIZER.into()),
            None => pod["metadata"]["finalizers"] = json!([FINALIZER]),
        }
        let pods: Vec<Value> = match self.is_indexed() {
            false => vec![pod; missing],
            true => {
                let indexes = self.due_indexes(missing).into_iter();
                let pods = indexes.map(|index| self.with_index(pod.clone(), index));
                pods.collect()
            }
        };
        let made = i64::try_from(pods.len()).unwrap_or(i64::MAX);
        MANAGER.create_pods(self.server, &self.job, pods)?;
        Ok(self.count_active() + made)
    }

    /// Indexes that need a pod now; others wait until theirs is due.
    fn due_indexes(&mut self, missing: usize) -> Vec<i64> {
        let mut due = Vec::new();
        let mut first: Option<Duration> = None;
        for index in self.missing_indexes(missing) {
            let delay = self.to_replace.get(&index).and_then(|pod| {
                let failures = usize::try_from(all_failures(pod)).unwrap_or_default() + 1;
                self.delay_after(failures, backoff::finished_at(pod)?)
            });
            match delay {
                None => due.push(index),
                Some(delay) => first = Some(first.map_or(delay, |first| first.min(delay))),
            }
        }
        if let Some(delay) = first {
            self.look_again_in(delay);
        }
        due
    }
}
