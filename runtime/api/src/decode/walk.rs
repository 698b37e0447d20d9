//! What one walk over an object finds.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use seedpod_core::limits;

use crate::error::{Location, Note, NoteKind, Problem};
use crate::log::{FieldUse, Object};
use crate::support::Treatment;
use crate::tree::{NodeId, Path};

/// One walk over an object.
pub(super) struct Walk<'c> {
    pub(super) object: &'c Object<'c>,
    /// Values that a visitor refused before; they count as `null`.
    pub(super) poisoned: BTreeSet<NodeId>,
    pub(super) found: RefCell<Found>,
}

#[derive(Default)]
pub(super) struct Found {
    pub(super) errors: Vec<(Location, String, Problem)>,
    pub(super) notes: Vec<Note>,
    pub(super) fields: Vec<FieldUse>,
}

impl Walk<'_> {
    pub(super) fn location(&self, node: NodeId) -> Location {
        self.object.source.at(Some(self.object.tree[node].position))
    }

    pub(super) fn error(&self, node: NodeId, path: &Path<'_>, problem: Problem) {
        let mut found = self.found.borrow_mut();
        if found.errors.len() < limits::MANIFEST_ERRORS_MAX {
            found
                .errors
                .push((self.location(node), path.to_string(), problem));
        }
    }

    pub(super) fn field(
        &self,
        node: NodeId,
        path: &Path<'_>,
        treatment: Treatment,
        reason: &'static str,
    ) {
        let mut found = self.found.borrow_mut();
        if let Some(kind) = NoteKind::of(treatment)
            && found.notes.len() < limits::MANIFEST_NOTES_MAX
        {
            let text = reason.to_owned();
            found.notes.push(Note {
                location: self.location(node),
                path: path.to_string(),
                kind,
                text,
            });
        }
        if self.object.log.borrow().records_fields
            && found.fields.len() < limits::MANIFEST_NOTES_MAX
        {
            found.fields.push(FieldUse {
                location: self.location(node),
                path: path.to_string(),
                treatment,
                reason,
            });
        }
    }
}

/// What a visitor of serde refused, and where.
#[derive(Debug)]
pub(super) struct Error {
    pub(super) at: Option<(NodeId, Location, String)>,
    pub(super) message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            at: None,
            message: message.to_string(),
        }
    }
}
