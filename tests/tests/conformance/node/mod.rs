//! `test/e2e/common/node`.

mod configmap;
mod containers;
mod downwardapi;
mod expansion;
mod init_container;
mod kubelet;
mod runtime;
mod secrets;
mod security_context;
mod without_cases;

use crate::cases::File;

pub(crate) const FILES: &[File] = &[
    configmap::FILE,
    containers::FILE,
    downwardapi::FILE,
    expansion::FILE,
    init_container::FILE,
    kubelet::FILE,
    runtime::FILE,
    secrets::FILE,
    security_context::FILE,
];

pub(crate) const WITHOUT_CASES: &[File] = without_cases::FILES;
