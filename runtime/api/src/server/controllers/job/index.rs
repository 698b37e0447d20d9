//! Indexed Jobs: each completion has a number, and a pod knows its own.

use super::policy::judge;
use super::{Sync, backoff, is_tracked};
use crate::server::controllers::pods::{int, phase, sort_for_deletion};
use crate::server::indexes::Indexes;
use crate::server::object;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";
const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
const IGNORED_FAILURES: &str = "batch.kubernetes.io/job-index-ignored-failure-count";
const VARIABLE: &str = "JOB_COMPLETION_INDEX";

/// Bytes of the beginning of a generated name (`names.MaxGeneratedNameLength`).
const GENERATED_NAME_BYTES_MAX: usize = 58;

/// The index that a pod has, whether its Job knows it or not.
pub(super) fn index_of(pod: &Value) -> Option<i64> {
    let text = pod["metadata"]["annotations"][INDEX].as_str()?;
    text.parse().ok().filter(|index| *index >= 0)
}

fn failures(pod: &Value, annotation: &str) -> i64 {
    let text = pod["metadata"]["annotations"][annotation].as_str();
    let number = text.and_then(|text| text.parse::<u32>().ok());
    number.unwrap_or_default().into()
}

/// Failures of all pods of the index before this one.
pub(super) fn all_failures(pod: &Value) -> i64 {
    failures(pod, FAILURES) + failures(pod, IGNORED_FAILURES)
}

impl Sync<'_> {
    /// Which indexes have succeeded, failed for good, or wait for another pod.
    pub(super) fn count_indexes(&mut self) {
        let completions = self.completions().unwrap_or_default();
        let status = &self.job["status"];
        let text = |name: &str| status[name].as_str().unwrap_or_default();
        let before = Indexes::parse(text("completedIndexes"), completions);
        let tracked = || self.pods.iter().filter(|pod| is_tracked(pod));
        let new = tracked()
            .filter(|pod| phase(pod) == "Succeeded")
            .filter_map(|pod| self.index_of(pod));
        let succeeded = new.collect::<Indexes>().union(&before);
        let mut failed = None;
        if self.has_limit_per_index() {
            let old = Indexes::parse(text("failedIndexes"), completions);
            let new = tracked()
                .filter(|pod| self.is_index_failed(pod))
                .filter_map(|pod| self.index_of(pod));
            failed = Some(new.collect::<Indexes>().union(&old));
        }
        self.succeeded_before = before;
        self.succeeded = succeeded.len();
        self.succeeded_indexes = succeeded;
        self.failed_indexes = failed;
        if self.has_limit_per_index() {
            self.to_replace = self.find_to_replace();
        }
    }

    fn is_index_failed(&self, pod: &Value) -> bool {
        if !self.is_failed(pod) {
            return false;
        }
        let verdict = judge(&self.spec()["podFailurePolicy"], pod);
        let limit = int(&self.spec()["backoffLimitPerIndex"]);
        verdict.fails_index || (verdict.is_counted && failures(pod, FAILURES) >= limit)
    }

    fn find_to_replace(&self) -> BTreeMap<i64, Value> {
        let active: Indexes = self.active.iter().filter_map(index_of).collect();
        let failed = self.failed_indexes.clone().unwrap_or_default();
        let mut last: BTreeMap<i64, Value> = BTreeMap::new();
        let pods = self.pods.iter();
        for pod in pods.filter(|pod| is_tracked(pod) && self.is_failed(pod)) {
            let Some(index) = self.index_of(pod) else {
                continue;
            };
            let is_done = self.succeeded_indexes.contains(index) || failed.contains(index);
            if is_done || active.contains(index) {
                continue;
            }
            let age = |pod: &Value| (all_failures(pod), backoff::finished_at(pod));
            if last.get(&index).is_none_or(|other| age(other) <= age(pod)) {
                last.insert(index, pod.clone());
            }
        }
        last
    }

    /// The first indexes that have no pod and need one.
    pub(super) fn missing_indexes(&self, count: usize) -> Vec<i64> {
        let mut taken = self.succeeded_indexes.clone();
        let mut busy: Vec<&Value> = self.active.iter().collect();
        if self.replaces_only_failed() {
            let pods = self.pods.iter();
            busy.extend(pods.filter(|pod| super::is_terminating(pod)));
        }
        for index in busy.into_iter().filter_map(index_of) {
            taken.insert(index, index);
        }
        if let Some(failed) = &self.failed_indexes {
            taken = taken.union(failed);
        }
        taken.first_missing(count, self.completions().unwrap_or_default())
    }

    /// Active pods with an index that another has too, or that is none of the Job's; and the others.
    pub(super) fn split_superfluous(&self) -> (Vec<Value>, Vec<Value>) {
        let mut by_index: BTreeMap<Option<i64>, Vec<Value>> = BTreeMap::new();
        for pod in &self.active {
            by_index
                .entry(self.index_of(pod))
                .or_default()
                .push(pod.clone());
        }
        let mut superfluous = by_index.remove(&None).unwrap_or_default();
        let mut left = Vec::new();
        for mut pods in by_index.into_values() {
            sort_for_deletion(&mut pods, self.server.now.wall);
            left.extend(pods.pop());
            superfluous.extend(pods);
        }
        (superfluous, left)
    }

    /// Gives a pod its index.
    pub(super) fn with_index(&self, mut pod: Value, index: i64) -> Value {
        let text = index.to_string();
        let name = object::name(&self.job);
        let suffix = format!("-{index}-");
        let room = GENERATED_NAME_BYTES_MAX.saturating_sub(suffix.len());
        let prefix: String = name.chars().take(room).collect();
        pod["metadata"]["generateName"] = format!("{prefix}{suffix}").into();
        pod["metadata"]["annotations"][INDEX] = text.as_str().into();
        pod["metadata"]["labels"][INDEX] = text.as_str().into();
        pod["spec"]["hostname"] = format!("{name}-{index}").into();
        for list in ["initContainers", "containers"] {
            let containers = pod["spec"].get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                add_variable(container);
            }
        }
        if self.has_limit_per_index() {
            self.note_failures(&mut pod, self.to_replace.get(&index));
        }
        pod
    }

    fn note_failures(&self, pod: &mut Value, replaced: Option<&Value>) {
        let (mut counted, mut ignored) = (0, 0);
        if let Some(replaced) = replaced {
            let is_counted = judge(&self.spec()["podFailurePolicy"], replaced).is_counted;
            counted = failures(replaced, FAILURES) + i64::from(is_counted);
            ignored = failures(replaced, IGNORED_FAILURES) + i64::from(!is_counted);
        }
        let annotations = &mut pod["metadata"]["annotations"];
        annotations[FAILURES] = counted.to_string().into();
        if ignored > 0 {
            annotations[IGNORED_FAILURES] = ignored.to_string().into();
        }
    }
}

fn add_variable(container: &mut Value) {
    let variable = json!({
        "name": VARIABLE,
        "valueFrom": {"fieldRef": {"fieldPath": format!("metadata.labels['{INDEX}']")}},
    });
    match container.pointer_mut("/env").and_then(Value::as_array_mut) {
        Some(variables) if variables.iter().any(|one| one["name"] == VARIABLE) => {}
        Some(variables) => variables.push(variable),
        None => container["env"] = json!([variable]),
    }
}
