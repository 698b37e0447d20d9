//! A source that holds one thing.

use std::cell::RefCell;

use crate::error::{Location, ManifestError, Problem};
use crate::log::{Log, Object, SourceName};
use crate::tree::NodeId;
use crate::{Source, yaml};

/// Reads the first document with `read`, which is given its root. All errors at once, in the order of the file.
pub(crate) fn read<T>(
    source: &Source,
    read: impl FnOnce(&Object<'_>, NodeId) -> Option<T>,
) -> Result<T, Vec<ManifestError>> {
    let log = RefCell::new(Log::default());
    let name = SourceName {
        order: 0,
        name: &source.name,
    };
    let file = yaml::read(&source.bytes);
    for (position, problem) in file.errors {
        log.borrow_mut()
            .error(name.at(position), String::new(), problem);
    }
    let found = file.documents.first().and_then(|root| {
        let object = Object {
            source: &name,
            tree: &file.tree,
            root: *root,
            log: &log,
            broken: RefCell::default(),
        };
        read(&object, *root)
    });
    let mut errors = log.into_inner().errors;
    match found {
        Some(found) if errors.is_empty() => Ok(found),
        _ => {
            if errors.is_empty() {
                errors.push(error(source, Problem::Empty));
            }
            errors.sort_by(|a, b| a.location.cmp(&b.location));
            Err(errors)
        }
    }
}

/// Something about a source as a whole.
pub(crate) fn error(source: &Source, problem: Problem) -> ManifestError {
    let location = Location {
        order: 0,
        file: source.name.clone(),
        position: None,
    };
    ManifestError {
        location,
        path: String::new(),
        problem,
    }
}
