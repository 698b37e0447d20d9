//! What can be wrong with a manifest, and how it is said: `file:line:column: path: message`.

use std::fmt;

use crate::support::Treatment;

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Which of the sources, in the order they were given.
    pub(crate) order: usize,
    /// Name of the source: a path, or `-` for standard input.
    pub file: String,
    /// Line and column; `None` when the whole file is meant.
    pub position: Option<Position>,
}

/// Line and column, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match self.position {
            Some(Position { line, column }) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

/// One thing that is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ManifestError {
    /// Where.
    pub location: Location,
    /// Path in the object, such as `spec.containers[0].image`; empty for the object itself.
    pub path: String,
    /// What.
    pub problem: Problem,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            location,
            path,
            problem,
        } = self;
        if path.is_empty() {
            write!(f, "{location}: {problem}")
        } else {
            write!(f, "{location}: {path}: {problem}")
        }
    }
}

/// What is wrong. Validation errors have the words of Kubernetes' `field.Error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Neither YAML nor JSON.
    #[error("{0}")]
    Syntax(String),
    /// A key twice in one map.
    #[error("key {key:?} is already set in line {line}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it stands first.
        line: u32,
    },
    /// A file of more bytes than are read.
    #[error("larger than {max} bytes, which is all that is read of one file")]
    FileTooLarge {
        /// The limit.
        max: usize,
    },
    /// Larger than the named limit.
    #[error("{what} has {found} {unit}, at most {max} are allowed")]
    TooLarge {
        /// The file, or an object of it.
        what: &'static str,
        /// Size found.
        found: u64,
        /// Bytes, values or levels.
        unit: &'static str,
        /// The limit.
        max: u64,
    },
    /// No document holds an object.
    #[error("no objects in it")]
    Empty,
    /// A field that Kubernetes does not know.
    #[error("unknown field {name:?}, {hint}")]
    UnknownField {
        /// As written.
        name: String,
        /// What may stand there.
        hint: UnknownFieldHint,
    },
    /// A value of another type than the field has.
    #[error("expected {expected}, found {found}{hint}")]
    WrongType {
        /// Type of the field.
        expected: String,
        /// Type and text of the value.
        found: String,
        /// Empty, or how to write it.
        hint: String,
    },
    /// A kind of object that seedpod does not run.
    #[error(
        "not supported: {kind} of apiVersion {version}{hint}; only v1 Pod, ConfigMap, Secret, Service and \
         lists of them are"
    )]
    UnsupportedKind {
        /// `kind` as written.
        kind: String,
        /// `apiVersion` as written.
        version: String,
        /// Empty, or the nearest kind.
        hint: String,
    },
    /// A test where pods are wanted.
    #[error("a PodTest is run with `seedpod test`; here belongs the manifest that it names")]
    IsTest,
    /// Something else where a test is wanted.
    #[error(
        "{kind} of apiVersion {version} is no test, which is a PodTest of apiVersion seedpod.dev/v1alpha1; a manifest is \
         named in spec.manifest of one"
    )]
    NotATest {
        /// `kind` as written.
        kind: String,
        /// `apiVersion` as written.
        version: String,
    },
    /// A text that is not what the field holds, such as base64 or a time.
    #[error("not readable: {0}")]
    Unreadable(String),
    /// A field or value of Kubernetes that seedpod refuses.
    #[error("not supported: {0}")]
    Refused(String),
    /// A field that must be there.
    #[error("Required value{}", detail(.0))]
    Required(String),
    /// A value outside what the field may have.
    #[error("Invalid value: {value}: {detail}")]
    Invalid {
        /// As written, texts in quotes.
        value: String,
        /// The rule.
        detail: String,
    },
    /// One of a few words was expected.
    #[error("Unsupported value: {value:?}: supported values: {}", quoted(.supported))]
    NotOneOf {
        /// As written.
        value: String,
        /// The words.
        supported: Vec<String>,
    },
    /// The same value twice in a list or file.
    #[error("Duplicate value: {0}")]
    Duplicate(String),
    /// A name that refers to nothing.
    #[error("Not found: {0:?}")]
    NotFound(String),
    /// A field that may not be set here.
    #[error("Forbidden: {0}")]
    Forbidden(String),
    /// A text or list beyond its limit in bytes.
    #[error("Too long: may not be more than {max} bytes")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// The same object twice.
    #[error("{object} is defined twice, first in {first}")]
    DuplicateObject {
        /// `pod default/mc1`
        object: String,
        /// Where it was defined first.
        first: Location,
    },
    /// A pod from a folder needs an API server.
    #[error("static pods may not reference {0}")]
    ApiReference(&'static str),
    /// Two pods from a folder have one name.
    #[error("error validating pod {pod} from file due to duplicate pod name {name:?}, ignoring")]
    DuplicateStaticPod {
        /// `name_namespace(uid)`
        pod: String,
        /// With the name of the node.
        name: String,
    },
    /// Two objects that want the same port of the machine.
    #[error("port {port} of the machine is already taken by {holder} in {first}")]
    PortTaken {
        /// `80/TCP`
        port: String,
        /// `pod default/mc1`
        holder: String,
        /// Where.
        first: Location,
    },
    /// More errors than are worth printing.
    #[error("too many errors, the rest is not shown")]
    TooMany,
}

/// What could have been meant by an unknown field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownFieldHint {
    /// A name of the same object is near.
    #[error("did you mean {0:?}?")]
    Nearest(String),
    /// The name is right one level up or down: most often an indentation slip.
    #[error("{0} has such a field, check the indentation")]
    BelongsTo(String),
    /// Nothing is near: all names.
    #[error("expected one of {}", .0.join(", "))]
    OneOf(Vec<String>),
}

fn detail(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    words.join(", ")
}

/// Something a person should know about a manifest that runs nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where.
    pub location: Location,
    /// Path in the object.
    pub path: String,
    /// Why it is noted.
    pub kind: NoteKind,
    /// The reason or what will happen.
    pub text: String,
}

/// Why something is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// A known field without effect.
    Ignored,
    /// A known field that is shown to guests or people, and otherwise without effect.
    Shown,
    /// Something that most likely is a mistake.
    Warning,
}

impl NoteKind {
    /// The kind of note that a treatment is worth.
    pub(crate) fn of(treatment: Treatment) -> Option<Self> {
        match treatment {
            Treatment::Ignored => Some(Self::Ignored),
            Treatment::Shown => Some(Self::Shown),
            Treatment::Honoured | Treatment::Refused => None,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            location,
            path,
            kind,
            text,
        } = self;
        let kind = match kind {
            NoteKind::Ignored => "ignored: ",
            NoteKind::Shown => "shown but not enforced: ",
            NoteKind::Warning => "",
        };
        if path.is_empty() {
            write!(f, "{location}: {kind}{text}")
        } else {
            write!(f, "{location}: {path}: {kind}{text}")
        }
    }
}
