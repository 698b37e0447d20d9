//! Reading, watching and deleting.

use crate::check;

#[test]
fn get() {
    check("get");
}

#[test]
fn watch() {
    check("watch");
}

#[test]
fn delete() {
    check("delete");
}

#[test]
fn pods_are_read_and_deleted() {
    check("pods_read");
}
