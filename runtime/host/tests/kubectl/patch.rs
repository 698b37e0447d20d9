//! The commands that write: create, apply, diff, replace, patch, edit, label, annotate, set, scale.

use crate::check;

#[test]
fn applied_by_the_client() {
    check("apply");
}

#[test]
fn applied_by_the_server() {
    check("apply_server_side");
}

#[test]
fn patched_edited_labelled() {
    check("patch");
}

#[test]
fn replaced() {
    check("replace");
}
