//! Counts pods that have ended, exactly once.

use super::policy::judge;
use super::{FINALIZER, MANAGER, Sync, is_tracked, set_count};
use crate::server::controllers::MANAGER as FIELD_MANAGER;
use crate::server::controllers::conditions::{is_true, push_condition};
use crate::server::controllers::pods::{int, phase, remove_from};
use crate::server::error::ApiError;
use crate::server::registry::PODS;
use crate::server::verbs::Options;
use crate::server::{Server, object};
use seedpod_core::limits::PODS_PER_SYNC;
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl Sync<'_> {
    /// Takes pods that have ended into the counts, and ends the Job when it has come so far.
    pub(super) fn track(&mut self) -> Result<(), ApiError> {
        let mut tracked: BTreeSet<String> = self
            .pods
            .iter()
            .filter(|pod| is_tracked(pod))
            .map(|pod| object::uid(pod).to_owned())
            .collect();
        self.settle(&tracked);
        let (to_release, is_all) = self.take_in();
        self.write_indexes();
        if let Some(finish) = self.finish.clone()
            && !is_true(&self.job["status"], finish.target())
        {
            let target = finish.condition(finish.target(), &self.server.wall());
            push_condition(&mut self.job["status"], target);
        }
        self.write_uncounted();
        self.flush()?;
        let mut failed = None;
        for pod in to_release {
            match remove_finalizer(self.server, &pod) {
                Ok(()) => {
                    tracked.remove(object::uid(&pod));
                }
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        self.settle(&tracked);
        self.write_uncounted();
        let is_over = is_all && failed.is_none() && self.end();
        self.flush()?;
        if is_over {
            self.tell_end();
        }
        failed.map_or(Ok(()), Err)
    }

    /// What no longer has a finalizer becomes part of the counts.
    fn settle(&mut self, tracked: &BTreeSet<String>) {
        let settle = |uids: &mut BTreeSet<String>| {
            let before = uids.len();
            uids.retain(|uid| tracked.contains(uid));
            i64::try_from(before - uids.len()).unwrap_or(i64::MAX)
        };
        let (succeeded, failed) = (
            settle(&mut self.uncounted.succeeded),
            settle(&mut self.uncounted.failed),
        );
        let status = &mut self.job["status"];
        for (name, more) in [("succeeded", succeeded), ("failed", failed)] {
            let count = int(&status[name]) + more;
            set_count(status, name, count);
        }
    }

    /// Takes in what has ended: the pods whose finalizer may go, and whether these are all. Pods by their index, so that
    /// those with the lowest come first.
    fn take_in(&mut self) -> (Vec<Value>, bool) {
        let mut pods = self.pods.clone();
        pods.sort_by_key(|pod| self.index_of(pod));
        let mut to_release = Vec::new();
        for pod in pods.into_iter().filter(is_tracked) {
            if to_release.len() >= PODS_PER_SYNC {
                return (to_release, false);
            }
            let is_failed = self.is_failed(&pod);
            if !self.may_release(&pod, is_failed) {
                continue;
            }
            let uid = object::uid(&pod).to_owned();
            let has_index = !self.is_indexed() || self.index_of(&pod).is_some();
            let is_lost = self
                .finish
                .as_ref()
                .is_some_and(|finish| !finish.is_success);
            if phase(&pod) == "Succeeded" && !self.uncounted.failed.contains(&uid) {
                if !self.is_indexed() {
                    self.uncounted.succeeded.insert(uid);
                }
            } else if (is_failed || is_lost) && has_index {
                let policy = &self.spec()["podFailurePolicy"];
                if judge(policy, &pod).is_counted {
                    self.uncounted.failed.insert(uid);
                }
            }
            to_release.push(pod);
        }
        (to_release, true)
    }

    fn may_release(&self, pod: &Value, is_failed: bool) -> bool {
        if object::is_deleted(&self.job) || self.finish.is_some() || phase(pod) == "Succeeded" {
            return true;
        }
        let is_to_be_replaced = || {
            let last = self
                .index_of(pod)
                .and_then(|index| self.to_replace.get(&index));
            last.is_some_and(|last| object::uid(last) == object::uid(pod))
        };
        is_failed && !is_to_be_replaced()
    }

    fn write_indexes(&mut self) {
        if !self.is_indexed() {
            return;
        }
        let status = &mut self.job["status"];
        set_count(status, "succeeded", self.succeeded_indexes.len());
        match self.succeeded_indexes.is_empty() {
            true => {
                if let Some(fields) = status.as_object_mut() {
                    fields.remove("completedIndexes");
                }
            }
            false => status["completedIndexes"] = self.succeeded_indexes.to_string().into(),
        }
        if let Some(failed) = &self.failed_indexes {
            status["failedIndexes"] = failed.to_string().into();
        }
    }

    fn write_uncounted(&mut self) {
        let mut uncounted = json!({});
        let lists = [
            ("succeeded", &self.uncounted.succeeded),
            ("failed", &self.uncounted.failed),
        ];
        for (name, uids) in lists.into_iter().filter(|(_, uids)| !uids.is_empty()) {
            uncounted[name] = uids.iter().map(String::as_str).collect();
        }
        self.job["status"]["uncountedTerminatedPods"] = uncounted;
    }

    fn flush(&mut self) -> Result<(), ApiError> {
        let (namespace, name) = (object::namespace(&self.job), object::name(&self.job));
        let Some(now) = self.server.object(MANAGER.resource, namespace, name) else {
            return Ok(());
        };
        self.job = MANAGER.update_status(self.server, &now, self.job["status"].clone())?;
        Ok(())
    }

    /// Whether the Job ends here: all its pods are gone and counted.
    fn end(&mut self) -> bool {
        let Some(finish) = &self.finish else {
            return false;
        };
        let is_counted = self.uncounted.succeeded.is_empty() && self.uncounted.failed.is_empty();
        if !is_counted || self.terminating > 0 {
            return false;
        }
        let now = self.server.wall();
        let condition = finish.condition(finish.end(), &now);
        let status = &mut self.job["status"];
        if finish.is_success {
            status["completionTime"] = now.into();
        }
        push_condition(status, condition);
        true
    }

    fn tell_end(&mut self) {
        let Some(finish) = self.finish.clone() else {
            return;
        };
        if !finish.is_success {
            MANAGER.warning(self.server, &self.job, &finish.reason, &finish.message);
            return;
        }
        let succeeded = int(&self.job["status"]["succeeded"]);
        if self.completions().is_some_and(|wanted| succeeded > wanted) {
            let message = "Too many succeeded pods running after completion count reached";
            MANAGER.warning(self.server, &self.job, "TooManySucceededPods", message);
        }
        MANAGER.normal(self.server, &self.job, "Completed", "Job completed");
    }
}

/// Lets a pod go that is counted, or shall not be.
pub(super) fn remove_finalizer(server: &mut Server, pod: &Value) -> Result<(), ApiError> {
    let (namespace, name) = (object::namespace(pod), object::name(pod));
    let Some(mut now) = server.object(&PODS, namespace, name) else {
        return Ok(());
    };
    if object::uid(&now) != object::uid(pod) || !is_tracked(&now) {
        return Ok(());
    }
    remove_from(&mut now, "finalizers", |finalizer| finalizer == FINALIZER);
    server.update(&PODS, namespace, name, now, &Options::of(FIELD_MANAGER))?;
    Ok(())
}
