//! `test/e2e/common/storage` and `test/e2e/storage`.

mod configmap_volume;
mod downward;
mod downwardapi_volume;
mod empty_dir;
mod empty_dir_wrapper;
mod host_path;
mod payload;
mod projected_combined;
mod projected_configmap;
mod projected_downwardapi;
mod projected_secret;
mod secrets_volume;
mod subpath;

use crate::cases::File;

pub(crate) const FILES: &[File] = &[
    configmap_volume::FILE,
    downwardapi_volume::FILE,
    empty_dir::FILE,
    empty_dir_wrapper::FILE,
    host_path::FILE,
    projected_combined::FILE,
    projected_configmap::FILE,
    projected_downwardapi::FILE,
    projected_secret::FILE,
    secrets_volume::FILE,
    subpath::FILE,
];
