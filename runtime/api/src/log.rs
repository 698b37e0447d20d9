//! What reading a set of manifests finds: errors, notes, and what became of every field.

use std::cell::RefCell;
use std::net::IpAddr;

use seedpod_core::limits;
use seedpod_core::spec::{ObjectRef, Protocol};

use crate::error::{Location, ManifestError, Note, NoteKind, Position, Problem};
use crate::support::Treatment;
use crate::tree::{NodeId, Path, Tree};
use crate::words;

/// Findings of all sources.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) errors: Vec<ManifestError>,
    pub(crate) notes: Vec<Note>,
    /// Only filled when [`Log::records_fields`].
    pub(crate) fields: Vec<FieldUse>,
    pub(crate) records_fields: bool,
    /// Where each object begins, as `kind/name`; only filled when [`Log::records_fields`].
    pub(crate) objects: Vec<(Location, String)>,
    /// Objects that pods need, and where they say so.
    pub(crate) references: Vec<Reference>,
    /// Fixed addresses of Services, and who wants them.
    pub(crate) addresses: Vec<(Location, String, IpAddr)>,
    /// Ports of the machine.
    pub(crate) claims: Vec<(Location, String, Claim)>,
}

/// A ConfigMap or Secret that a pod cannot start without.
#[derive(Clone, Debug)]
pub(crate) struct Referent {
    pub(crate) namespace: String,
    pub(crate) source: ObjectRef,
    /// The whole object when `None`.
    pub(crate) key: Option<String>,
}

/// Where a [`Referent`] is named.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) location: Location,
    pub(crate) path: String,
    pub(crate) referent: Referent,
}

/// A port of the machine that an object wants.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// `pod default/mc1`
    pub(crate) holder: String,
    /// Every address when `None`.
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
}

/// A field that a manifest sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldUse {
    pub(crate) location: Location,
    pub(crate) path: String,
    pub(crate) treatment: Treatment,
    pub(crate) reason: &'static str,
}

impl Log {
    pub(crate) fn is_full(&self) -> bool {
        self.errors.len() >= limits::MANIFEST_ERRORS_MAX
    }

    pub(crate) fn field(&mut self, field: FieldUse) {
        if self.records_fields && self.fields.len() < limits::MANIFEST_NOTES_MAX {
            self.fields.push(field);
        }
    }

    pub(crate) fn error(&mut self, location: Location, path: String, problem: Problem) {
        if !self.is_full() {
            self.errors.push(ManifestError {
                location,
                path,
                problem,
            });
        }
    }

    pub(crate) fn note(&mut self, note: Note) {
        if self.notes.len() < limits::MANIFEST_NOTES_MAX {
            self.notes.push(note);
        }
    }

    pub(crate) fn warn(&mut self, location: Location, path: String, text: String) {
        self.note(Note {
            location,
            path,
            kind: NoteKind::Warning,
            text,
        });
    }
}

/// One object of a source, and where to report what is wrong with it.
pub(crate) struct Object<'t> {
    pub(crate) source: &'t SourceName<'t>,
    pub(crate) tree: &'t Tree<'t>,
    /// Root of the document; the object itself may be an item of a List there.
    pub(crate) root: NodeId,
    pub(crate) log: &'t RefCell<Log>,
    /// Paths whose values could not be read: what follows from that is no error of its own.
    pub(crate) broken: RefCell<Vec<String>>,
}

/// Name of a source and its place among all.
#[derive(Debug)]
pub(crate) struct SourceName<'s> {
    pub(crate) order: usize,
    pub(crate) name: &'s str,
}

impl SourceName<'_> {
    pub(crate) fn at(&self, position: Option<Position>) -> Location {
        Location {
            order: self.order,
            file: self.name.to_owned(),
            position,
        }
    }
}

impl Object<'_> {
    /// Where a path stands, or the innermost part of it that does.
    pub(crate) fn location(&self, at: &Path<'_>) -> Location {
        self.source.at(Some(self.tree.position(self.root, at)))
    }

    pub(crate) fn error(&self, at: &Path<'_>, problem: Problem) {
        if self.log.borrow().is_full() {
            return;
        }
        let path = at.to_string();
        if !self.is_inside_of_broken(&path) {
            self.log
                .borrow_mut()
                .error(self.location(at), path, problem);
        }
    }

    fn is_inside_of_broken(&self, path: &str) -> bool {
        let is_inside = |broken: &String| {
            path.strip_prefix(broken.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.broken.borrow().iter().any(is_inside)
    }

    /// Whether anything below a path could not be read.
    pub(crate) fn is_broken_below(&self, at: &Path<'_>) -> bool {
        let path = at.to_string();
        self.broken
            .borrow()
            .iter()
            .any(|broken| broken.starts_with(&path))
    }

    pub(crate) fn refer(&self, at: &Path<'_>, referent: Referent) {
        let reference = Reference {
            location: self.location(at),
            path: at.to_string(),
            referent,
        };
        self.log.borrow_mut().references.push(reference);
    }

    pub(crate) fn claim_address(&self, at: &Path<'_>, address: IpAddr) {
        let (location, path) = (self.location(at), at.to_string());
        self.log
            .borrow_mut()
            .addresses
            .push((location, path, address));
    }

    pub(crate) fn claim(&self, at: &Path<'_>, claim: Claim) {
        self.log
            .borrow_mut()
            .claims
            .push((self.location(at), at.to_string(), claim));
    }

    /// What becomes of a value, where it is not what becomes of its field in general.
    pub(crate) fn treated(&self, at: &Path<'_>, treatment: Treatment, reason: &'static str) {
        let (location, path) = (self.location(at), at.to_string());
        let mut log = self.log.borrow_mut();
        if let Some(kind) = NoteKind::of(treatment) {
            let text = reason.to_owned();
            log.note(Note {
                location: location.clone(),
                path: path.clone(),
                kind,
                text,
            });
        }
        log.field(FieldUse {
            location,
            path,
            treatment,
            reason,
        });
    }

    pub(crate) fn required(&self, at: &Path<'_>, detail: &str) {
        self.error(at, Problem::Required(detail.to_owned()));
    }

    pub(crate) fn invalid(&self, at: &Path<'_>, value: &str, detail: impl Into<String>) {
        self.error(
            at,
            Problem::Invalid {
                value: format!("{:?}", words::cut(value)),
                detail: detail.into(),
            },
        );
    }

    /// An error that Kubernetes reports of a list as a whole, though one item of it is meant.
    pub(crate) fn invalid_in(
        &self,
        list: &Path<'_>,
        item: &Path<'_>,
        value: &str,
        detail: impl Into<String>,
    ) {
        let value = format!("{:?}", words::cut(value));
        let detail = detail.into();
        let problem = Problem::Invalid { value, detail };
        if !self.is_inside_of_broken(&item.to_string()) {
            let location = self.location(item);
            self.log
                .borrow_mut()
                .error(location, list.to_string(), problem);
        }
    }

    /// A list that is wrong as a whole, shown as Kubernetes does.
    pub(crate) fn invalid_list(&self, at: &Path<'_>, list: &[String], detail: impl Into<String>) {
        let (list, detail) = (
            words::cut(&format!("{list:?}")).replace(", ", ","),
            detail.into(),
        );
        self.error(
            at,
            Problem::Invalid {
                value: list,
                detail,
            },
        );
    }

    pub(crate) fn invalid_number(&self, at: &Path<'_>, value: i64, detail: impl Into<String>) {
        self.error(
            at,
            Problem::Invalid {
                value: value.to_string(),
                detail: detail.into(),
            },
        );
    }

    pub(crate) fn duplicate(&self, at: &Path<'_>, value: &str) {
        self.error(at, Problem::Duplicate(format!("{:?}", words::cut(value))));
    }

    pub(crate) fn forbidden(&self, at: &Path<'_>, detail: &str) {
        self.error(at, Problem::Forbidden(detail.to_owned()));
    }

    pub(crate) fn refused(&self, at: &Path<'_>, reason: &str) {
        self.error(at, Problem::Refused(reason.to_owned()));
    }

    /// One of a few words, in the order in which Kubernetes names them in errors.
    pub(crate) fn word<T: Clone>(
        &self,
        at: &Path<'_>,
        value: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let found = words
            .iter()
            .find(|(word, _)| *word == value)
            .map(|(_, meaning)| meaning.clone());
        if found.is_none() {
            let supported = words.iter().map(|(word, _)| (*word).to_owned()).collect();
            self.error(
                at,
                Problem::NotOneOf {
                    value: words::cut(value).into_owned(),
                    supported,
                },
            );
        }
        found
    }
}
