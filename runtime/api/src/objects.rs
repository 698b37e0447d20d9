//! The objects of all sources: documents, lists, kinds.

use std::cell::RefCell;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as api;
use seedpod_core::limits;
use seedpod_core::spec::{Meta, Objects};

use crate::across;
use crate::convert;
use crate::decode::{decode, describe};
use crate::error::{Location, Problem};
use crate::log::{Log, Object, SourceName};
use crate::nearest::nearest;
use crate::tree::{NodeId, Path, Scalar, Tree, Value};
use crate::{Source, words, yaml};

/// Whether honoured fields are kept for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fields {
    Kept,
    Dropped,
}

/// Reads all sources. Errors and notes come in the order of the files.
pub(crate) fn read(sources: &[Source], fields: Fields) -> (Objects, Log) {
    let log = RefCell::new(Log {
        records_fields: fields == Fields::Kept,
        ..Log::default()
    });
    let mut reader = Reader {
        log: &log,
        objects: Objects::default(),
        defined: BTreeMap::new(),
    };
    for (order, source) in sources.iter().enumerate() {
        reader.source(order, source);
    }
    let Reader {
        objects, defined, ..
    } = reader;
    if defined.is_empty() && log.borrow().errors.is_empty() {
        let file = sources
            .first()
            .map(|source| source.name.clone())
            .unwrap_or_default();
        let location = Location {
            order: 0,
            file,
            position: None,
        };
        log.borrow_mut()
            .error(location, String::new(), Problem::Empty);
    }
    let mut log = log.into_inner();
    across::check(&objects, &defined, &mut log);
    log.errors.sort_by(|a, b| a.location.cmp(&b.location));
    if log.is_full() {
        let location = log
            .errors
            .last()
            .map(|error| error.location.clone())
            .unwrap_or_default();
        log.errors.push(crate::ManifestError {
            location,
            path: String::new(),
            problem: Problem::TooMany,
        });
    }
    log.notes.sort_by(|a, b| a.location.cmp(&b.location));
    log.fields.sort_by(|a, b| a.location.cmp(&b.location));
    (objects, log)
}

/// Kind, namespace and name.
pub(crate) type Key = (Kind, String, String);

/// Where each object was defined.
pub(crate) type Defined = BTreeMap<Key, Location>;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Pod,
    ConfigMap,
    Secret,
    Service,
}

impl Kind {
    const ALL: [(&'static str, Self); 4] = [
        ("Pod", Self::Pod),
        ("ConfigMap", Self::ConfigMap),
        ("Secret", Self::Secret),
        ("Service", Self::Service),
    ];

    /// As kubectl prints it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
            Self::Service => "service",
        }
    }
}

struct Reader<'l> {
    log: &'l RefCell<Log>,
    objects: Objects,
    defined: Defined,
}

impl Reader<'_> {
    fn source(&mut self, order: usize, source: &Source) {
        let name = SourceName {
            order,
            name: &source.name,
        };
        let file = yaml::read(&source.bytes);
        for (position, problem) in file.errors {
            self.log
                .borrow_mut()
                .error(name.at(position), String::new(), problem);
        }
        for root in file.documents {
            if self.log.borrow().is_full() {
                return;
            }
            let broken = RefCell::default();
            let object = Object {
                source: &name,
                tree: &file.tree,
                root,
                log: self.log,
                broken,
            };
            self.object(&object, root, &Path::Root, None);
        }
    }

    /// One object or list at `node`; `listed` is the kind of its items when the list says it.
    fn object(&mut self, object: &Object<'_>, node: NodeId, at: &Path<'_>, listed: Option<Kind>) {
        if !matches!(object.tree[node].value, Value::Map(_)) {
            let expected = "an object with apiVersion, kind and metadata".to_owned();
            let found = describe(&object.tree[node].value);
            return object.error(
                at,
                Problem::WrongType {
                    expected,
                    found,
                    hint: String::new(),
                },
            );
        }
        let kind = text(object.tree, node, "kind");
        let version = text(object.tree, node, "apiVersion");
        let (kind, version) = match (kind, version, listed) {
            (Some(kind), Some(version), _) => (kind, version),
            (None, None, Some(kind)) => return self.decoded(object, node, at, kind),
            (kind, version, _) => {
                for (field, _) in [("apiVersion", version), ("kind", kind)]
                    .iter()
                    .filter(|(_, text)| text.is_none())
                {
                    object.required(&at.field(field), "");
                }
                return;
            }
        };
        if kind == crate::POD_TEST_KIND {
            return object.error(&at.field("kind"), Problem::IsTest);
        }
        let known = Kind::ALL
            .iter()
            .find(|(word, _)| *word == kind)
            .map(|(_, kind)| *kind);
        let list = kind.strip_suffix("List");
        let listed_kind = list
            .and_then(|item| Kind::ALL.iter().find(|(word, _)| *word == item))
            .map(|(_, kind)| *kind);
        match (known, listed_kind) {
            (Some(kind), _) if version == "v1" => self.decoded(object, node, at, kind),
            (None, listed)
                if version == "v1"
                    && (listed.is_some() || kind == "List")
                    && matches!(at, Path::Root) =>
            {
                self.list(object, node, listed);
            }
            _ => {
                let nearest = nearest(kind, &Kind::ALL.map(|(word, _)| word))
                    .filter(|nearest| *nearest != kind);
                let hint = nearest.map(|nearest| format!(" (did you mean {nearest}?)"));
                let (hint, kind) = (hint.unwrap_or_default(), words::plain(kind).into_owned());
                let version = words::plain(version).into_owned();
                let field = if known.is_some() {
                    "apiVersion"
                } else {
                    "kind"
                };
                object.error(
                    &at.field(field),
                    Problem::UnsupportedKind {
                        kind,
                        version,
                        hint,
                    },
                );
            }
        }
    }

    fn list(&mut self, object: &Object<'_>, node: NodeId, listed: Option<Kind>) {
        let at = Path::Root;
        let Value::Map(entries) = &object.tree[node].value else {
            return;
        };
        for entry in entries {
            let name = object.tree.key(*entry);
            if !["apiVersion", "kind", "metadata", "items"].contains(&&*name) {
                let names = ["apiVersion", "items", "kind", "metadata"]
                    .map(str::to_owned)
                    .to_vec();
                let hint = crate::error::UnknownFieldHint::OneOf(names);
                object.error(
                    &at.field(&name),
                    Problem::UnknownField {
                        name: name.to_string(),
                        hint,
                    },
                );
            }
        }
        let at = at.field("items");
        let items = object.tree.get(node, "items").map(|entry| entry.value);
        match items.map(|items| &object.tree[items].value) {
            None | Some(Value::Scalar(Scalar::Null, _)) => {}
            Some(Value::List(items)) => {
                for (index, item) in items.iter().enumerate() {
                    if self.log.borrow().is_full() {
                        return;
                    }
                    let object = Object {
                        broken: RefCell::default(),
                        ..*object
                    };
                    self.object(&object, *item, &at.index(index), listed);
                }
            }
            Some(value @ (Value::Scalar(..) | Value::Map(_))) => {
                let (expected, found) = ("a list".to_owned(), describe(value));
                object.error(
                    &at,
                    Problem::WrongType {
                        expected,
                        found,
                        hint: String::new(),
                    },
                );
            }
        }
    }

    fn decoded(&mut self, object: &Object<'_>, node: NodeId, at: &Path<'_>, kind: Kind) {
        let found = object.tree[node].size.values;
        let max = limits::MANIFEST_OBJECT_VALUES_MAX;
        if found > max {
            return object.error(
                at,
                Problem::TooLarge {
                    what: "the object",
                    found,
                    unit: "values",
                    max,
                },
            );
        }
        self.begin(object, node, at, kind);
        match kind {
            Kind::Pod => {
                let Some(decoded) = decode::<api::Pod>(object, node, at) else {
                    return;
                };
                let pod = convert::pod(object, at, decoded);
                self.define(object, at, kind, &pod.meta);
                self.objects.pods.push(pod);
            }
            Kind::ConfigMap => {
                let Some(decoded) = decode::<api::ConfigMap>(object, node, at) else {
                    return;
                };
                let map = convert::config_map(object, at, decoded);
                self.define(object, at, kind, &map.meta);
                self.objects.config_maps.push(map);
            }
            Kind::Secret => {
                let Some(decoded) = decode::<api::Secret>(object, node, at) else {
                    return;
                };
                let secret = convert::secret(object, at, decoded);
                self.define(object, at, kind, &secret.meta);
                self.objects.secrets.push(secret);
            }
            Kind::Service => {
                let Some(decoded) = decode::<api::Service>(object, node, at) else {
                    return;
                };
                let service = convert::service(object, at, decoded);
                self.define(object, at, kind, &service.meta);
                self.objects.services.push(service);
            }
        }
    }

    /// Notes where an object begins, under the name it has in commands.
    fn begin(&self, object: &Object<'_>, node: NodeId, at: &Path<'_>, kind: Kind) {
        let mut log = self.log.borrow_mut();
        if log.records_fields {
            let metadata = object.tree.get(node, "metadata").map(|entry| entry.value);
            let name = metadata.and_then(|metadata| text(object.tree, metadata, "name"));
            let name = format!("{}/{}", kind.word(), words::plain(name.unwrap_or("")));
            log.objects.push((object.location(at), name));
        }
    }

    fn define(&mut self, object: &Object<'_>, at: &Path<'_>, kind: Kind, meta: &Meta) {
        let location = object.location(&at.field("metadata").field("name"));
        let key = (kind, meta.namespace.clone(), meta.name.clone());
        if meta.name.is_empty() {
            return;
        }
        match self.defined.get(&key) {
            None => {
                self.defined.insert(key, location);
            }
            Some(first) => {
                let (word, namespace) = (kind.word(), words::plain(&meta.namespace));
                let name = format!("{word} {namespace}/{}", words::plain(&meta.name));
                let problem = Problem::DuplicateObject {
                    object: name,
                    first: first.clone(),
                };
                object.error(&at.field("metadata").field("name"), problem);
            }
        }
    }
}

pub(crate) fn text<'t>(tree: &'t Tree<'_>, map: NodeId, field: &str) -> Option<&'t str> {
    match &tree[tree.get(map, field)?.value].value {
        Value::Scalar(Scalar::String, text) if !text.is_empty() => Some(text),
        _ => None,
    }
}
