//! Files of kind PodTest.

mod drive;
mod fault;
mod names;
mod property;
mod wire;
mod world;

pub use names::{NameError, check_names};

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use seedpod_core::limits;
use seedpod_core::podtest::{Explore, Expression, PodTest, parse_duration};

use crate::decode::{decode, describe};
use crate::error::{Location, ManifestError, Problem};
use crate::log::{Log, Object, SourceName};
use crate::tree::{NodeId, Path, Value};
use crate::{Source, objects, words, yaml};
use wire::{OneOrMore, Quantity};

/// `apiVersion` of a test.
pub const POD_TEST_VERSION: &str = "seedpod.dev/v1alpha1";
/// `kind` of a test.
pub const POD_TEST_KIND: &str = "PodTest";

/// Reads tests: one for each document of the sources. All errors of all sources come at once, in the order of the files.
/// Names of containers, volumes and pods are not looked at: [`check_names`] does that when the manifest is known.
///
/// # Errors
/// As those of a manifest, with file, line, column and path.
pub fn load_pod_tests(sources: &[Source]) -> Result<Vec<PodTest>, Vec<ManifestError>> {
    let log = RefCell::new(Log::default());
    let mut reader = Reader {
        log: &log,
        tests: Vec::new(),
        defined: BTreeMap::new(),
    };
    for (order, source) in sources.iter().enumerate() {
        reader.source(order, source);
    }
    let Reader { tests, defined, .. } = reader;
    let mut errors = log.into_inner().errors;
    if errors.is_empty() && defined.is_empty() {
        errors.push(ManifestError {
            location: Location {
                order: 0,
                file: sources
                    .first()
                    .map_or_else(String::new, |one| one.name.clone()),
                position: None,
            },
            path: String::new(),
            problem: Problem::Empty,
        });
    }
    errors.sort_by(|a, b| a.location.cmp(&b.location));
    match errors.is_empty() {
        true => Ok(tests),
        false => Err(errors),
    }
}

struct Reader<'l> {
    log: &'l RefCell<Log>,
    tests: Vec<PodTest>,
    /// Where each name was used first.
    defined: BTreeMap<String, Location>,
}

impl Reader<'_> {
    fn source(&mut self, order: usize, source: &Source) {
        let name = SourceName {
            order,
            name: &source.name,
        };
        let file = yaml::read(&source.bytes);
        for (position, problem) in file.errors {
            let mut log = self.log.borrow_mut();
            log.error(name.at(position), String::new(), problem);
        }
        for root in file.documents {
            let object = Object {
                source: &name,
                tree: &file.tree,
                root,
                log: self.log,
                broken: RefCell::default(),
            };
            self.document(&object, root);
        }
    }

    fn document(&mut self, object: &Object<'_>, root: NodeId) {
        let at = Path::Root;
        if !matches!(object.tree[root].value, Value::Map(_)) {
            let problem = Problem::WrongType {
                expected: "an object with apiVersion, kind, metadata and spec".to_owned(),
                found: describe(&object.tree[root].value),
                hint: String::new(),
            };
            return object.error(&at, problem);
        }
        let found = object.tree[root].size.values;
        let max = limits::MANIFEST_OBJECT_VALUES_MAX;
        if found > max {
            let problem = Problem::TooLarge {
                what: "the test",
                found,
                unit: "values",
                max,
            };
            return object.error(&at, problem);
        }
        let (version, kind) = (
            objects::text(object.tree, root, "apiVersion"),
            objects::text(object.tree, root, "kind"),
        );
        match (version, kind) {
            (Some(POD_TEST_VERSION), Some(POD_TEST_KIND)) => {}
            (Some(version), Some(kind)) => {
                let field = match kind {
                    POD_TEST_KIND => "apiVersion",
                    _ => "kind",
                };
                let problem = Problem::NotATest {
                    kind: words::plain(kind).into_owned(),
                    version: words::plain(version).into_owned(),
                };
                return object.error(&at.field(field), problem);
            }
            (version, kind) => {
                for (field, text) in [("apiVersion", version), ("kind", kind)] {
                    if text.is_none() {
                        object.required(&at.field(field), "");
                    }
                }
                return;
            }
        }
        if let Some(written) = decode::<wire::PodTest>(object, root, &at) {
            self.test(object, written);
        }
    }

    fn test(&mut self, object: &Object<'_>, written: wire::PodTest) {
        let at = Path::Root;
        let name = written.metadata.unwrap_or_default().name;
        let metadata = at.field("metadata");
        let name_at = metadata.field("name");
        let name = required(object, &name_at, name);
        match self.defined.get(&name) {
            Some(first) => object.error(
                &name_at,
                Problem::DuplicateObject {
                    object: format!("test {}", words::plain(&name)),
                    first: first.clone(),
                },
            ),
            None => {
                self.defined.insert(name.clone(), object.location(&name_at));
            }
        }
        let mut test = PodTest::new(name);
        object.source.name.clone_into(&mut test.source);
        let spec_at = at.field("spec");
        match written.spec {
            None => object.required(&spec_at, "it says at least which manifest is tested"),
            Some(spec) => spec_of(object, &spec_at, spec, &mut test),
        }
        self.tests.push(test);
    }
}

fn spec_of(object: &Object<'_>, at: &Path<'_>, spec: wire::TestSpec, test: &mut PodTest) {
    let manifest_at = at.field("manifest");
    test.manifests = match spec.manifest {
        Some(OneOrMore::One(path)) => vec![path],
        Some(OneOrMore::More(paths)) => paths,
        None => Vec::new(),
    };
    if test.manifests.iter().all(String::is_empty) {
        object.required(&manifest_at, "the path of the manifest that is tested");
    }
    if let Some(limit) = duration(object, &at.field("limit"), spec.limit) {
        test.limit = limit;
    }
    if let Some(settle) = duration(object, &at.field("settle"), spec.settle) {
        test.settle = settle;
    }
    if test.limit.saturating_add(test.settle) > limits::TEST_TIME_MAX {
        let detail = "limit and settle must not be longer than 30 days together";
        object.invalid(&at.field("limit"), &format!("{:?}", test.limit), detail);
    }
    test.explore = explore(object, at, spec.runs, spec.systematic, spec.strategy);
    test.explore.regressions = spec.regressions;
    if let Some(world) = spec.world {
        test.world = world::settings(object, &at.field("world"), world);
    }
    test.drive = drive::steps(object, &at.field("drive"), spec.drive);
    if let Some(faults) = spec.faults {
        test.faults = fault::script(object, &at.field("faults"), faults);
    }
    test.properties = property::properties(object, &at.field("properties"), spec.properties);
    if let Some(defaults) = spec.defaults {
        test.defaults = property::defaults(object, &at.field("defaults"), defaults);
    }
}

fn explore(
    object: &Object<'_>,
    at: &Path<'_>,
    runs: Option<u64>,
    systematic: Option<u64>,
    strategy: Option<String>,
) -> Explore {
    for (field, value) in [("runs", runs), ("systematic", systematic)] {
        if value == Some(0) {
            object.invalid_number(&at.field(field), 0, "must be at least 1");
        }
    }
    let default = Explore::default();
    Explore {
        runs,
        strategy: strategy.unwrap_or(default.strategy),
        systematic: systematic.unwrap_or(default.systematic),
        regressions: None,
    }
}

/// A text that must be there.
fn required(object: &Object<'_>, at: &Path<'_>, text: Option<String>) -> String {
    let text = text.unwrap_or_default();
    if text.is_empty() {
        object.required(at, "");
    }
    text
}

/// A value that is written as a text. `None` when it is not there, or wrong, which is reported.
fn parsed<T: FromStr<Err: Display>>(
    object: &Object<'_>,
    at: &Path<'_>,
    text: Option<Quantity>,
) -> Option<T> {
    read(object, at, text, |text| {
        text.parse().map_err(|error: T::Err| error.to_string())
    })
}

fn duration(object: &Object<'_>, at: &Path<'_>, text: Option<Quantity>) -> Option<Duration> {
    read(object, at, text, |text| {
        parse_duration(text).map_err(|error| error.to_string())
    })
}

fn read<T>(
    object: &Object<'_>,
    at: &Path<'_>,
    text: Option<Quantity>,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    match parse(words::cut(&text?.0).as_ref()) {
        Ok(value) => Some(value),
        Err(message) => {
            object.error(at, Problem::Unreadable(message));
            None
        }
    }
}

/// An expression that must be there.
fn expression(object: &Object<'_>, at: &Path<'_>, text: Option<String>) -> Expression {
    let text = required(object, at, text);
    if text.len() > limits::TEST_EXPRESSION_BYTES_MAX {
        let max = limits::TEST_EXPRESSION_BYTES_MAX;
        object.error(at, Problem::TooLong { max });
    }
    let place = place(object, at);
    Expression { text, place }
}

/// Where something stands, for messages that come later.
fn place(object: &Object<'_>, at: &Path<'_>) -> String {
    format!("{}: {at}", object.location(at))
}

/// Reports a list that is longer than a test may have; what is too much is cut off.
fn bounded<T>(object: &Object<'_>, at: &Path<'_>, list: &mut Vec<T>) {
    let max = limits::TEST_ITEMS_MAX;
    if list.len() > max {
        let found = list.len() as u64;
        let problem = Problem::TooLarge {
            what: "the list",
            found,
            unit: "items",
            max: max as u64,
        };
        object.error(at, problem);
        list.truncate(max);
    }
}

/// Reports an item that has none or several of what it can have one of; whether it has one.
fn one_of(object: &Object<'_>, at: &Path<'_>, choices: &[(&'static str, bool)]) -> bool {
    let mut there = choices.iter().filter(|(_, there)| *there);
    match (there.next(), there.next()) {
        (Some(_), None) => true,
        (Some((first, _)), Some((second, _))) => {
            let detail = format!("there is already {first}; write a list item for each");
            object.forbidden(&at.field(second), &detail);
            false
        }
        (None, _) => {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            object.required(at, &format!("one of {}", words.join(", ")));
            false
        }
    }
}
