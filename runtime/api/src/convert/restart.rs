//! Restart policies and rules of containers.

use k8s_openapi::api::core::v1 as api;
use seedpod_core::spec::{ExitCodesOperator, RestartAction, RestartPolicy, RestartRule};

use super::pod::RESTART_POLICIES;
use super::{non_empty, too_long};
use crate::log::Object;
use crate::tree::Path;

/// Entries of `restartPolicyRules`.
const RULES_MAX: usize = 20;

/// Exit codes of one rule.
const VALUES_MAX: usize = 255;

pub(super) fn restart_policy(
    object: &Object<'_>,
    at: &Path<'_>,
    policy: Option<String>,
    rules: &[api::ContainerRestartRule],
) -> Option<RestartPolicy> {
    let at = at.field("restartPolicy");
    match non_empty(policy) {
        Some(word) => {
            let mut words = RESTART_POLICIES;
            words.sort_unstable_by_key(|(word, _)| *word);
            object.word(&at, &word, &words)
        }
        None => {
            if !rules.is_empty() {
                object.required(
                    &at,
                    "must specify restartPolicy when restart rules are used",
                );
            }
            None
        }
    }
}

pub(super) fn restart_policy_rules(
    object: &Object<'_>,
    at: &Path<'_>,
    from: Vec<api::ContainerRestartRule>,
) -> Vec<RestartRule> {
    let at = at.field("restartPolicyRules");
    let actions = [
        ("Restart", RestartAction::Restart),
        ("RestartAllContainers", RestartAction::RestartAllContainers),
    ];
    let operators = [
        ("In", ExitCodesOperator::In),
        ("NotIn", ExitCodesOperator::NotIn),
    ];
    too_long(object, &at, from.len(), RULES_MAX);
    let mut rules = Vec::with_capacity(from.len().min(RULES_MAX));
    for (index, from) in from.into_iter().enumerate() {
        let at = at.index(index);
        let action = object.word(&at.field("action"), &from.action, &actions);
        let at = at.field("exitCodes");
        let Some(codes) = from.exit_codes else {
            object.required(&at, "must be specified");
            continue;
        };
        let operator = object.word(&at.field("operator"), &codes.operator, &operators);
        let values = codes.values.unwrap_or_default();
        too_long(object, &at.field("values"), values.len(), VALUES_MAX);
        if let (Some(action), Some(operator)) = (action, operator) {
            rules.push(RestartRule {
                action,
                operator,
                values,
            });
        }
    }
    rules
}
