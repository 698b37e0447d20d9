//! `podFailurePolicy` and `successPolicy`.

use crate::server::indexes::Indexes;
use crate::server::kinds::items;
use crate::server::object;
use serde_json::Value;

/// What a policy says of a pod that has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Whether it counts for the limits.
    pub(super) is_counted: bool,
    /// Whether its index is given up.
    pub(super) fails_index: bool,
    /// Why the whole Job has failed.
    pub(super) fails_job: Option<String>,
}

/// The first rule that matches decides.
pub(super) fn judge(policy: &Value, pod: &Value) -> Verdict {
    let mut verdict = Verdict {
        is_counted: true,
        fails_index: false,
        fails_job: None,
    };
    let rules = policy["rules"].as_array().into_iter().flatten();
    for (number, rule) in rules.enumerate() {
        let Some(what) = matched(rule, pod) else {
            continue;
        };
        let action = rule["action"].as_str().unwrap_or_default();
        match action {
            "Ignore" => verdict.is_counted = false,
            "FailIndex" => verdict.fails_index = true,
            "FailJob" => {
                let message = format!("{what} matching {action} rule at index {number}");
                verdict.fails_job = Some(message);
            }
            _ => {}
        }
        return verdict;
    }
    verdict
}

/// Why a pod makes the whole Job fail.
pub(super) fn fail_message(policy: &Value, pod: &Value) -> Option<String> {
    judge(policy, pod).fails_job
}

/// What of a pod a rule matches.
fn matched(rule: &Value, pod: &Value) -> Option<String> {
    let status = &pod["status"];
    let (namespace, name) = (object::namespace(pod), object::name(pod));
    let codes = &rule["onExitCodes"];
    if !codes.is_null() {
        let lists = ["containerStatuses", "initContainerStatuses"];
        let mut containers = lists.iter().flat_map(|list| items(&status[*list]));
        let container = containers.find(|container| exit_code_matches(codes, container))?;
        let code = &container["state"]["terminated"]["exitCode"];
        let container = container["name"].as_str().unwrap_or_default();
        return Some(format!(
            "Container {container} for pod {namespace}/{name} failed with exit code {code}"
        ));
    }
    let patterns = items(&rule["onPodConditions"]);
    let mut conditions = items(&status["conditions"]).iter();
    let condition = conditions.find(|condition| {
        let is_same = |field: &str, pattern: &Value| condition[field] == pattern[field];
        let mut patterns = patterns.iter();
        patterns.any(|pattern| is_same("type", pattern) && is_same("status", pattern))
    })?;
    let kind = condition["type"].as_str().unwrap_or_default();
    Some(format!("Pod {namespace}/{name} has condition {kind}"))
}

fn exit_code_matches(codes: &Value, container: &Value) -> bool {
    let wanted = &codes["containerName"];
    let code = &container["state"]["terminated"]["exitCode"];
    if !(wanted.is_null() || *wanted == container["name"]) || code.as_i64().unwrap_or(0) == 0 {
        return false;
    }
    let is_listed = items(&codes["values"]).contains(code);
    match codes["operator"].as_str() {
        Some("In") => is_listed,
        Some("NotIn") => !is_listed,
        _ => false,
    }
}

/// Why enough indexes have succeeded, if they have.
pub(super) fn success_message(
    policy: &Value,
    completions: i64,
    succeeded: &Indexes,
) -> Option<String> {
    if succeeded.is_empty() {
        return None;
    }
    let is_met = |rule: &Value| {
        let count = rule["succeededCount"].as_i64();
        match rule["succeededIndexes"].as_str() {
            None => count.is_some_and(|count| succeeded.len() >= count),
            Some(text) => {
                let required = Indexes::parse(text, completions);
                let found = succeeded.count_of(&required);
                !required.is_empty()
                    && (found == required.len() || count.is_some_and(|count| found >= count))
            }
        }
    };
    let number = items(&policy["rules"]).iter().position(is_met)?;
    Some(format!("Matched rules at index {number}"))
}
