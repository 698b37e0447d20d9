//! `test/e2e/common/storage`.

mod configmap_volume;
mod downward;
mod downwardapi_volume;
mod empty_dir;
mod host_path;
mod payload;
mod projected_combined;
mod projected_configmap;
mod projected_downwardapi;
mod projected_secret;
mod secrets_volume;

use crate::cases::File;

pub(crate) const FILES: &[File] = &[
    configmap_volume::FILE,
    downwardapi_volume::FILE,
    empty_dir::FILE,
    host_path::FILE,
    projected_combined::FILE,
    projected_configmap::FILE,
    projected_downwardapi::FILE,
    projected_secret::FILE,
    secrets_volume::FILE,
];
