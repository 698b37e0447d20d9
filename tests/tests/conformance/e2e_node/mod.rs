//! `test/e2e_node`.

mod conditions;
mod deleted_pods;
mod fixture;
mod hostname;
mod init;
mod regular;
mod sidecars;
mod sigkill;
mod termination;

use crate::cases::{Case, File};

const fn lifecycle(cases: &'static [Case]) -> File {
    File {
        path: "e2e_node/container_lifecycle_test.go",
        cases,
    }
}

pub(crate) const FILES: &[File] = &[
    lifecycle(init::CASES),
    lifecycle(regular::CASES),
    lifecycle(sidecars::CASES),
    lifecycle(termination::CASES),
    conditions::FILE,
    deleted_pods::FILE,
    hostname::FILE,
    sigkill::FILE,
];
