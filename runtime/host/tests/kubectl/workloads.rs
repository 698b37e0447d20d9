//! The commands about what makes pods: create deployment, job and cronjob, scale, rollout, set and expose.

use crate::check_with;

const NEWER: &[&str] = &["1.32", "newest"];

#[test]
fn deployments() {
    check_with("deployments", NEWER);
}

#[test]
fn jobs() {
    check_with("jobs", NEWER);
}

#[test]
fn daemons_and_databases() {
    check_with("sets", NEWER);
}
