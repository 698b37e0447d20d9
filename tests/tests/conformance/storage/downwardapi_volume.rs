//! The downward API in volumes.

use super::downward::{Form, annotations_change, labels_change, mode, node_default, prints};
use super::payload::FS_GROUP;
use crate::cases::{Case, File, not_applicable, pass};

pub(crate) const FILE: File = File {
    path: "common/storage/downwardapi_volume.go",
    cases: CASES,
};

const FORM: Form = Form::Plain;

const CASES: &[Case] = &[
    pass(54, "should provide podname only", || {
        prints(FORM, "podname", "downwardapi-volume\n");
    }),
    pass(69, "should set DefaultMode on files", || {
        mode(FORM, "defaultMode: 0400", "");
    }),
    pass(85, "should set mode on item file", || {
        mode(FORM, "", "mode: 0400");
    }),
    not_applicable(
        95,
        "should provide podname as non-root with fsgroup",
        FS_GROUP,
    ),
    not_applicable(
        110,
        "should provide podname as non-root with fsgroup and defaultMode",
        FS_GROUP,
    ),
    pass(131, "should update labels on modification", || {
        labels_change(FORM);
    }),
    pass(163, "should update annotations on modification", || {
        annotations_change(FORM);
    }),
    pass(194, "should provide container's cpu limit", || {
        prints(FORM, "cpu_limit", "2\n");
    }),
    pass(208, "should provide container's memory limit", || {
        prints(FORM, "memory_limit", "134217728\n");
    }),
    pass(222, "should provide container's cpu request", || {
        prints(FORM, "cpu_request", "1\n");
    }),
    pass(236, "should provide container's memory request", || {
        prints(FORM, "memory_request", "33554432\n");
    }),
    pass(
        250,
        "should provide node allocatable (cpu) as default cpu limit if the limit is not set",
        || node_default(FORM, "cpu_limit"),
    ),
    pass(
        262,
        "should provide node allocatable (memory) as default memory limit if the limit is not set",
        || node_default(FORM, "memory_limit"),
    ),
];
