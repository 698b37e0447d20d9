//! `podFailurePolicy` and `successPolicy`.

use crate::names::qualified_name;
use crate::server::error::FieldError;
use crate::server::indexes::Indexes;
use crate::server::kinds::items;
use crate::server::kinds::workload::checks::nonnegative;
use serde_json::Value;
use std::collections::BTreeSet;

/// Rules of one policy, and patterns of one rule.
const RULES_MAX: usize = 20;
/// Exit codes of one rule.
const EXIT_CODES_MAX: usize = 255;

const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS: [&str; 2] = ["In", "NotIn"];
const STATUSES: [&str; 3] = ["False", "True", "Unknown"];

fn at_most(items: &[Value], max: usize, path: &str) -> Option<FieldError> {
    (items.len() > max).then(|| FieldError::too_many(path, items.len(), max))
}

fn one_of(value: &Value, supported: &[&str], path: String) -> Option<FieldError> {
    match value.as_str() {
        None | Some("") => {
            let text = format!("valid values: {supported:?}").replace("\", \"", "\" \"");
            Some(FieldError::required(path, &text))
        }
        Some(word) if supported.contains(&word) => None,
        Some(_) => Some(FieldError::not_supported(path, value, supported)),
    }
}

fn without_value(path: &str, text: &str) -> FieldError {
    FieldError {
        reason: "FieldValueInvalid",
        path: path.to_owned(),
        message: format!("Invalid value: {text}"),
    }
}

pub(super) fn validate_pod_failure_policy(spec: &Value, path: &str) -> Vec<FieldError> {
    let policy = &spec["podFailurePolicy"];
    if policy.is_null() {
        return Vec::new();
    }
    let path = format!("{path}.podFailurePolicy.rules");
    let rules = items(&policy["rules"]);
    let mut errors: Vec<_> = at_most(rules, RULES_MAX, &path).into_iter().collect();
    for (number, rule) in rules.iter().enumerate() {
        let path = format!("{path}[{number}]");
        let action = &rule["action"];
        errors.extend(one_of(action, &ACTIONS, format!("{path}.action")));
        if action == "FailIndex" && spec["backoffLimitPerIndex"].is_null() {
            let text = "requires the backoffLimitPerIndex to be set";
            errors.push(FieldError::invalid(format!("{path}.action"), action, text));
        }
        let (codes, conditions) = (&rule["onExitCodes"], items(&rule["onPodConditions"]));
        if !codes.is_null() {
            errors.extend(validate_exit_codes(codes, &path, spec));
        }
        errors.extend(validate_conditions(conditions, &path));
        match (codes.is_null(), conditions.is_empty()) {
            (false, false) => {
                let text = "specifying both OnExitCodes and OnPodConditions is not supported";
                errors.push(without_value(&path, text));
            }
            (true, true) => {
                let text = "specifying one of OnExitCodes and OnPodConditions is required";
                errors.push(without_value(&path, text));
            }
            _ => {}
        }
    }
    errors
}

fn validate_conditions(patterns: &[Value], path: &str) -> Vec<FieldError> {
    let path = format!("{path}.onPodConditions");
    let mut errors: Vec<_> = at_most(patterns, RULES_MAX, &path).into_iter().collect();
    for (number, pattern) in patterns.iter().enumerate() {
        let path = format!("{path}[{number}]");
        if let Some(rule) = qualified_name(pattern["type"].as_str().unwrap_or_default()) {
            errors.push(FieldError::invalid(
                format!("{path}.type"),
                &pattern["type"],
                &rule,
            ));
        }
        errors.extend(one_of(
            &pattern["status"],
            &STATUSES,
            format!("{path}.status"),
        ));
    }
    errors
}

fn validate_exit_codes(codes: &Value, path: &str, spec: &Value) -> Vec<FieldError> {
    let path = format!("{path}.onExitCodes");
    let operator = &codes["operator"];
    let mut errors = Vec::new();
    errors.extend(one_of(operator, &OPERATORS, format!("{path}.operator")));
    let container = &codes["containerName"];
    let lists = ["containers", "initContainers"];
    let mut containers = lists
        .iter()
        .flat_map(|list| items(&spec["template"]["spec"][*list]));
    if !container.is_null() && !containers.any(|one| one["name"] == *container) {
        let text = "must be one of the container or initContainer names in the pod template";
        errors.push(FieldError::invalid(
            format!("{path}.containerName"),
            container,
            text,
        ));
    }
    let path = format!("{path}.values");
    let values = items(&codes["values"]);
    if values.is_empty() {
        let text = "at least one value is required";
        errors.push(FieldError::invalid(path.as_str(), &codes["values"], text));
    }
    errors.extend(at_most(values, EXIT_CODES_MAX, &path));
    let mut seen = BTreeSet::new();
    for (number, value) in values.iter().enumerate() {
        let path = format!("{path}[{number}]");
        if operator == "In" && *value == 0 {
            let text = "must not be 0 for the In operator";
            errors.push(FieldError::invalid(path.as_str(), value, text));
        }
        if !seen.insert(value.as_i64()) {
            errors.push(FieldError::duplicate(path, value));
        }
    }
    if !values.is_sorted_by_key(Value::as_i64) {
        errors.push(FieldError::invalid(
            path,
            &codes["values"],
            "must be ordered",
        ));
    }
    errors
}

pub(super) fn validate_success_policy(spec: &Value, path: &str) -> Vec<FieldError> {
    let policy = &spec["successPolicy"];
    if policy.is_null() {
        return Vec::new();
    }
    let path = format!("{path}.successPolicy");
    if spec["completionMode"] != "Indexed" {
        let text = "requires indexed completion mode";
        return vec![FieldError::invalid(path, policy, text)];
    }
    let path = format!("{path}.rules");
    let rules = items(&policy["rules"]);
    let mut errors: Vec<_> = at_most(rules, RULES_MAX, &path).into_iter().collect();
    if rules.is_empty() {
        let text = "at least one rules must be specified when the successPolicy is specified";
        errors.push(FieldError::required(path.as_str(), text));
    }
    let completions = spec["completions"].as_i64().unwrap_or_default();
    for (number, rule) in rules.iter().enumerate() {
        errors.extend(validate_success_rule(
            rule,
            completions,
            &format!("{path}[{number}]"),
        ));
    }
    errors
}

fn validate_success_rule(rule: &Value, completions: i64, path: &str) -> Vec<FieldError> {
    let (indexes, count) = (&rule["succeededIndexes"], &rule["succeededCount"]);
    let mut errors = Vec::new();
    if indexes.is_null() && count.is_null() {
        let text = "at least one of succeededCount or succeededIndexes must be specified";
        errors.push(FieldError::required(path, text));
    }
    let mut listed = None;
    if let Some(text) = indexes.as_str() {
        match Indexes::parse_strictly(text, completions) {
            Ok(indexes) => listed = Some(indexes.len()),
            Err(error) => {
                let text = format!("error parsing succeededIndexes: {error}");
                errors.push(FieldError::invalid(
                    format!("{path}.succeededIndexes"),
                    indexes,
                    &text,
                ));
            }
        }
    }
    if let Some(number) = count.as_i64() {
        errors.extend(nonnegative(rule, path, &["succeededCount"]));
        let path = format!("{path}.succeededCount");
        if number > completions {
            let text = format!(
                "must be less than or equal to {completions} (the number of specified completions)"
            );
            errors.push(FieldError::invalid(path.as_str(), count, &text));
        }
        if let Some(listed) = listed.filter(|listed| number > *listed) {
            let text = format!(
                "must be less than or equal to {listed} (the number of indexes in the specified succeededIndexes field)"
            );
            errors.push(FieldError::invalid(path, count, &text));
        }
    }
    errors
}
