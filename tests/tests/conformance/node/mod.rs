//! `test/e2e/common/node`.

mod configmap;
mod downwardapi;
mod expansion;
mod secrets;
mod security_context;
mod without_cases;

use crate::cases::File;

pub(crate) const FILES: &[File] = &[
    configmap::FILE,
    downwardapi::FILE,
    expansion::FILE,
    secrets::FILE,
    security_context::FILE,
];

pub(crate) const WITHOUT_CASES: &[File] = without_cases::FILES;
