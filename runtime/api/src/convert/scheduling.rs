//! Rules for fields that choose a node. There is one node, so the fields have no effect, but a mistake in them is one in
//! a cluster too.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use super::label_map;
use crate::log::Object;
use crate::names;
use crate::tree::Path;

const NOT_POSITIVE: &str = "must be greater than zero";
const NO_OPERATOR: &str = "not a valid selector operator";

/// All of them, `at` the spec of the pod.
pub(super) fn scheduling(object: &Object<'_>, at: &Path<'_>, pod: &api::PodSpec) {
    tolerations(object, &at.field("tolerations"), pod.tolerations.as_deref());
    scheduling_gates(object, at, pod);
    let subdomains = [
        ("priorityClassName", &pod.priority_class_name),
        ("runtimeClassName", &pod.runtime_class_name),
    ];
    for (field, name) in subdomains {
        if let Some(name) = name.as_ref().filter(|name| !name.is_empty())
            && let Some(rule) = names::dns_subdomain(name)
        {
            object.invalid(&at.field(field), name, rule);
        }
    }
    if let Some(policy) = &pod.preemption_policy {
        let words = ["PreemptLowerPriority", "Never"].map(|word| (word, ()));
        object.word(&at.field("preemptionPolicy"), policy, &words);
    }
    if let Some(affinity) = &pod.affinity {
        self::affinity(object, &at.field("affinity"), affinity);
    }
    let constraints = pod.topology_spread_constraints.as_deref();
    spread(
        object,
        &at.field("topologySpreadConstraints"),
        constraints.unwrap_or_default(),
    );
}

fn scheduling_gates(object: &Object<'_>, at: &Path<'_>, pod: &api::PodSpec) {
    let gates = pod.scheduling_gates.as_deref().unwrap_or_default();
    if !gates.is_empty() && pod.node_name.as_ref().is_some_and(|name| !name.is_empty()) {
        let detail = "cannot be set until all schedulingGates have been cleared";
        object.forbidden(&at.field("nodeName"), detail);
    }
    let at = at.field("schedulingGates");
    let mut seen = BTreeSet::new();
    for (index, gate) in gates.iter().enumerate() {
        let at = at.index(index);
        if let Some(rule) = names::qualified_name(&gate.name) {
            object.invalid(&at, &gate.name, rule);
        }
        if !seen.insert(&gate.name) {
            object.duplicate(&at, &gate.name);
        }
    }
}

fn tolerations(object: &Object<'_>, at: &Path<'_>, tolerations: Option<&[api::Toleration]>) {
    for (index, toleration) in tolerations.unwrap_or_default().iter().enumerate() {
        let at = at.index(index);
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let (key, operator) = (text(&toleration.key), text(&toleration.operator));
        let (effect, value) = (text(&toleration.effect), text(&toleration.value));
        if key.is_empty() {
            if operator != "Exists" {
                let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
                object.invalid(&at.field("operator"), &operator, detail);
            }
        } else if let Some(rule) = names::qualified_name(&key) {
            object.invalid(&at.field("key"), &key, rule);
        }
        if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            object.invalid(&at.field("effect"), &effect, detail);
        }
        match operator.as_str() {
            "" | "Equal" => {
                if let Some(rule) = names::label_value(&value) {
                    object.invalid(&at.field("operator"), &value, rule);
                }
            }
            "Exists" if !value.is_empty() => {
                let detail = "value must be empty when `operator` is 'Exists'";
                object.invalid(&at.field("operator"), &value, detail);
            }
            word => {
                let words = ["Equal", "Exists"].map(|word| (word, ()));
                object.word(&at.field("operator"), word, &words);
            }
        }
        if !effect.is_empty() {
            let words = ["NoSchedule", "PreferNoSchedule", "NoExecute"].map(|word| (word, ()));
            object.word(&at.field("effect"), &effect, &words);
        }
    }
}

fn affinity(object: &Object<'_>, at: &Path<'_>, affinity: &api::Affinity) {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    if let Some(node) = &affinity.node_affinity {
        let at = at.field("nodeAffinity");
        if let Some(required) = &node.required_during_scheduling_ignored_during_execution {
            node_selector(object, &at.field(REQUIRED), required);
        }
        let preferred = &node.preferred_during_scheduling_ignored_during_execution;
        let at = at.field(PREFERRED);
        for (index, term) in preferred.iter().flatten().enumerate() {
            let at = at.index(index);
            weight(object, &at, term.weight);
            selector_term(object, &at.field("preference"), &term.preference);
        }
    }
    let pods = affinity.pod_affinity.as_ref().map(|pods| {
        let required = &pods.required_during_scheduling_ignored_during_execution;
        let preferred = &pods.preferred_during_scheduling_ignored_during_execution;
        ("podAffinity", required, preferred)
    });
    let others = affinity.pod_anti_affinity.as_ref().map(|pods| {
        let required = &pods.required_during_scheduling_ignored_during_execution;
        let preferred = &pods.preferred_during_scheduling_ignored_during_execution;
        ("podAntiAffinity", required, preferred)
    });
    for (field, required, preferred) in pods.into_iter().chain(others) {
        let at = at.field(field);
        let at_required = at.field(REQUIRED);
        for (index, term) in required.iter().flatten().enumerate() {
            pod_term(object, &at_required.index(index), term);
        }
        let at_preferred = at.field(PREFERRED);
        for (index, term) in preferred.iter().flatten().enumerate() {
            let at = at_preferred.index(index);
            weight(object, &at, term.weight);
            pod_term(
                object,
                &at.field("podAffinityTerm"),
                &term.pod_affinity_term,
            );
        }
    }
}

fn weight(object: &Object<'_>, at: &Path<'_>, weight: i32) {
    if !(1..=100).contains(&weight) {
        object.invalid_number(
            &at.field("weight"),
            weight.into(),
            "must be in the range 1-100",
        );
    }
}

fn node_selector(object: &Object<'_>, at: &Path<'_>, selector: &api::NodeSelector) {
    let at = at.field("nodeSelectorTerms");
    if selector.node_selector_terms.is_empty() {
        object.required(&at, "must have at least one node selector term");
    }
    for (index, term) in selector.node_selector_terms.iter().enumerate() {
        selector_term(object, &at.index(index), term);
    }
}

fn selector_term(object: &Object<'_>, at: &Path<'_>, term: &api::NodeSelectorTerm) {
    let at_expressions = at.field("matchExpressions");
    for (index, one) in term.match_expressions.iter().flatten().enumerate() {
        let at = at_expressions.index(index);
        let count = one.values.as_ref().map_or(0, Vec::len);
        match one.operator.as_str() {
            "Gt" | "Lt" if count != 1 => {
                let detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                object.required(&at.field("values"), detail);
            }
            "Gt" | "Lt" => {}
            operator => set_operator(object, &at, operator, count),
        }
        label_key(object, &at.field("key"), &one.key);
        label_values(object, &at.field("values"), one.values.as_deref());
    }
    let at_fields = at.field("matchFields");
    for (index, one) in term.match_fields.iter().flatten().enumerate() {
        let at = at_fields.index(index);
        match one.operator.as_str() {
            "In" | "NotIn" if one.values.as_ref().map_or(0, Vec::len) == 1 => {}
            "In" | "NotIn" => {
                let detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
                object.required(&at.field("values"), detail);
            }
            operator => object.invalid(&at.field("operator"), operator, NO_OPERATOR),
        }
        if one.key != "metadata.name" {
            let detail = "not a valid field selector key";
            object.invalid(&at.field("key"), &one.key, detail);
        }
    }
}

fn set_operator(object: &Object<'_>, at: &Path<'_>, operator: &str, count: usize) {
    match operator {
        "In" | "NotIn" if count == 0 => {
            let detail = "must be specified when `operator` is 'In' or 'NotIn'";
            object.required(&at.field("values"), detail);
        }
        "Exists" | "DoesNotExist" if count > 0 => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            object.forbidden(&at.field("values"), detail);
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        _ => object.invalid(&at.field("operator"), operator, NO_OPERATOR),
    }
}

fn label_key(object: &Object<'_>, at: &Path<'_>, key: &str) {
    if let Some(rule) = names::qualified_name(key) {
        object.invalid(at, key, rule);
    }
}

fn label_values(object: &Object<'_>, at: &Path<'_>, values: Option<&[String]>) {
    for (index, value) in values.unwrap_or_default().iter().enumerate() {
        if let Some(rule) = names::label_value(value) {
            object.invalid(&at.index(index), value, rule);
        }
    }
}

fn label_selector(object: &Object<'_>, at: &Path<'_>, selector: Option<&LabelSelector>) {
    let Some(selector) = selector else { return };
    if let Some(labels) = &selector.match_labels {
        label_map(object, &at.field("matchLabels"), labels);
    }
    let at = at.field("matchExpressions");
    for (index, one) in selector.match_expressions.iter().flatten().enumerate() {
        let at = at.index(index);
        let LabelSelectorRequirement {
            key,
            operator,
            values,
        } = one;
        set_operator(object, &at, operator, values.as_ref().map_or(0, Vec::len));
        label_key(object, &at.field("key"), key);
        label_values(object, &at.field("values"), values.as_deref());
    }
}

fn pod_term(object: &Object<'_>, at: &Path<'_>, term: &api::PodAffinityTerm) {
    label_selector(
        object,
        &at.field("labelSelector"),
        term.label_selector.as_ref(),
    );
    let namespaces = term.namespace_selector.as_ref();
    label_selector(object, &at.field("namespaceSelector"), namespaces);
    for name in term.namespaces.iter().flatten() {
        if let Some(rule) = names::dns_label(name) {
            object.invalid(&at.field("namespace"), name, rule);
        }
    }
    let keys = [
        ("matchLabelKeys", &term.match_label_keys),
        ("mismatchLabelKeys", &term.mismatch_label_keys),
    ];
    for (field, keys) in keys {
        label_keys(
            object,
            &at.field(field),
            keys.as_deref(),
            term.label_selector.is_some(),
        );
    }
    let at_match = at.field("matchLabelKeys");
    for (index, key) in term.match_label_keys.iter().flatten().enumerate() {
        if term
            .mismatch_label_keys
            .iter()
            .flatten()
            .any(|other| other == key)
        {
            let detail = "exists in both matchLabelKeys and mismatchLabelKeys";
            object.invalid(&at_match.index(index), key, detail);
        }
    }
    let at = at.field("topologyKey");
    if term.topology_key.is_empty() {
        object.required(&at, "can not be empty");
    } else {
        label_key(object, &at, &term.topology_key);
    }
}

fn label_keys(object: &Object<'_>, at: &Path<'_>, keys: Option<&[String]>, has_selector: bool) {
    let keys = keys.unwrap_or_default();
    if !keys.is_empty() && !has_selector {
        object.forbidden(at, "must not be specified when labelSelector is not set");
        return;
    }
    for (index, key) in keys.iter().enumerate() {
        label_key(object, &at.index(index), key);
    }
}

fn spread(object: &Object<'_>, at: &Path<'_>, constraints: &[api::TopologySpreadConstraint]) {
    for (index, one) in constraints.iter().enumerate() {
        let at = at.index(index);
        let action = one.when_unsatisfiable.as_str();
        if one.max_skew <= 0 {
            object.invalid_number(&at.field("maxSkew"), one.max_skew.into(), NOT_POSITIVE);
        }
        if one.topology_key.is_empty() {
            object.required(&at.field("topologyKey"), "can not be empty");
        }
        let actions = ["DoNotSchedule", "ScheduleAnyway"].map(|word| (word, ()));
        object.word(&at.field("whenUnsatisfiable"), action, &actions);
        let repeats = |other: &api::TopologySpreadConstraint| {
            other.topology_key == one.topology_key && other.when_unsatisfiable == action
        };
        if constraints[index + 1..].iter().any(repeats) {
            let value = format!("{{{}, {action}}}", one.topology_key);
            object.duplicate(&at.field("{topologyKey, whenUnsatisfiable}"), &value);
        }
        if let Some(domains) = one.min_domains {
            let at = at.field("minDomains");
            if domains <= 0 {
                object.invalid_number(&at, domains.into(), NOT_POSITIVE);
            }
            if action != "DoNotSchedule" {
                let detail = format!(
                    "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
                );
                object.invalid_number(&at, domains.into(), detail);
            }
        }
        let policies = [
            ("nodeAffinityPolicy", &one.node_affinity_policy),
            ("nodeTaintsPolicy", &one.node_taints_policy),
        ];
        for (field, policy) in policies {
            if let Some(policy) = policy {
                let words = ["Honor", "Ignore"].map(|word| (word, ()));
                object.word(&at.field(field), policy, &words);
            }
        }
        let has_selector = one.label_selector.is_some();
        let keys = one.match_label_keys.as_deref();
        label_keys(object, &at.field("matchLabelKeys"), keys, has_selector);
        label_selector(
            object,
            &at.field("labelSelector"),
            one.label_selector.as_ref(),
        );
    }
}
