//! Kubernetes wire formats in and out; knows nothing of WebAssembly.
//!
//! A manifest passes these modules in order: `yaml` turns bytes into a `tree` of values with positions;
//! `objects` finds the objects in its documents and lists; `decode` makes a Kubernetes type of each, noting every
//! unknown field and wrong type, and asking [`support`] what becomes of each field; `convert` checks the rules of
//! Kubernetes and fills in its defaults; `across` looks at all objects together. [`check()`] shows what was found. In the other
//! direction, [`pod_status`] turns the status of a pod into Kubernetes' JSON.
//!
//! [`static_pods`], [`ephemeral_container`] and [`load_pod_tests`] are other ways in: a folder that is watched, a container
//! that joins a pod, and what pods are tested with.

mod across;
mod check;
mod convert;
mod decode;
mod ephemeral;
pub mod error;
mod log;
mod names;
mod nearest;
mod objects;
mod pod_test;
mod quantity;
pub mod server;
mod single;
pub mod static_pods;
mod status;
pub mod support;
mod tree;
mod words;
mod yaml;

use seedpod_core::spec::Objects;

pub use check::{Check, check};
pub use ephemeral::ephemeral_container;
pub use error::{Location, ManifestError, Note, NoteKind, Position, Problem};
pub use pod_test::{NameError, POD_TEST_KIND, POD_TEST_VERSION, check_names, load_pod_tests};
pub use seedpod_core::limits::MANIFEST_BYTES_MAX;
pub use status::pod_status;

/// A file, or what came from standard input.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name for messages: a path, or `-`.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What the manifests ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// All objects, in the order of the files.
    pub objects: Objects,
    /// Ignored fields and likely mistakes, in the order of the files.
    pub notes: Vec<Note>,
}

/// Reads manifests. All errors of all sources come at once, in the order of the files; with an error there is nothing
/// to run.
pub fn load(sources: &[Source]) -> Result<Loaded, Vec<ManifestError>> {
    let (objects, log) = objects::read(sources, objects::Fields::Dropped);
    if log.errors.is_empty() {
        Ok(Loaded {
            objects,
            notes: log.notes,
        })
    } else {
        Err(log.errors)
    }
}
