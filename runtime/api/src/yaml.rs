//! Bytes to a tree of values with positions: YAML as kubectl reads it, or JSON, which is YAML.
//!
//! # Which YAML crate
//!
//! The workspace's `serde_yaml` is the package `serde-saphyr`, of which we use the event parser it exports
//! (`granit_parser`). Compared in 2026, after the original `serde_yaml` was archived:
//!
//! | | `serde_yaml_ng` 0.10 | `serde_norway` 0.9 | `serde-saphyr` 2.1 |
//! |---|---|---|---|
//! | maintained | no release since 2024 | no release since 2024 | active, several releases a year |
//! | parser | `unsafe-libyaml`, C turned into `unsafe` Rust | a fork of the same | own, `forbid(unsafe_code)` |
//! | positions | of the first error only | the same | of every event; `Spanned<T>` for values |
//! | bombs | recursion limit, alias repetition limit | the same | nesting limits in the parser, budgets in serde |
//! | after an error | stops | stops | goes on with the next document |
//! | plain `0644`, `yes` as for kubectl | no, texts | no, texts | octal by an option, `yes` where a bool is asked for |
//!
//! None of their serde halves can do what a person needs here: all errors of a file at once, each with its place,
//! and the words of a scalar next to its meaning. So the events are composed into a [`Tree`] in this module, and
//! `decode` walks it.
//!
//! # Which YAML
//!
//! kubectl reads manifests with `sigs.k8s.io/yaml`, that is go-yaml v2, and a manifest means here what it means
//! there: plain `yes`, `no`, `on`, `off`, `y`, `n` are booleans, `0644` is octal, `1_000` is 1000, a plain date is a
//! text, `<<` merges, a key twice in one map is an error, keys that are numbers or booleans become texts. A scalar
//! in quotes is always a text. The rules for scalars stand in `yaml/scalar.rs`.

mod scalar;

pub(crate) use scalar::plain;

use std::borrow::Cow;
use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};

use seedpod_core::limits;
use serde_yaml::granit_parser::{
    ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, Tag, options,
};

use crate::error::{Position, Problem};
use crate::tree::{Entry, NodeId, Scalar, Size, Tree, Value};
use crate::words;

/// One file, read.
#[derive(Debug, Default)]
pub(crate) struct File<'a> {
    pub(crate) tree: Tree<'a>,
    /// The root of every document that is not empty.
    pub(crate) documents: Vec<NodeId>,
    pub(crate) errors: Vec<(Option<Position>, Problem)>,
}

/// Reads a file; a syntax error ends its document only.
pub(crate) fn read(bytes: &[u8]) -> File<'_> {
    let mut composer = Composer::default();
    match text(bytes) {
        Ok(text) => composer.run(text),
        Err((position, problem)) => composer.file.errors.push((position, problem)),
    }
    composer.file
}

fn text(bytes: &[u8]) -> Result<&str, (Option<Position>, Problem)> {
    let max = limits::MANIFEST_BYTES_MAX;
    if bytes.len() > max {
        return Err((None, Problem::FileTooLarge { max }));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = &bytes[..error.valid_up_to()];
        let line_start = good
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let position = Position {
            line: number(good.iter().filter(|byte| **byte == b'\n').count() + 1),
            column: number(String::from_utf8_lossy(&good[line_start..]).chars().count() + 1),
        };
        let hint = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => ", it looks like UTF-16: save it as UTF-8",
            _ => "",
        };
        let byte = bytes[error.valid_up_to()];
        (
            Some(position),
            Problem::Syntax(format!("not UTF-8: byte 0x{byte:02x}{hint}")),
        )
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// A value without its positions, aliases written out.
pub(crate) fn to_json(tree: &Tree<'_>, node: NodeId) -> serde_json::Value {
    use serde_json::Value as Json;
    match &tree[node].value {
        Value::Scalar(Scalar::Null, _) => Json::Null,
        Value::Scalar(Scalar::Bool(value), _) => (*value).into(),
        Value::Scalar(Scalar::Int(value), _) => match i64::try_from(*value) {
            Ok(value) => value.into(),
            Err(_) => u64::try_from(*value).unwrap_or(u64::MAX).into(),
        },
        Value::Scalar(Scalar::Float(value), _) => (*value).into(),
        Value::Scalar(Scalar::String, text) => text.as_ref().into(),
        Value::List(items) => items.iter().map(|item| to_json(tree, *item)).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| (tree.key(*entry).into_owned(), to_json(tree, entry.value)))
            .collect(),
    }
}

fn is_indented_by_tab(line: &str) -> bool {
    line[..line.len() - line.trim_start().len()].contains('\t')
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[derive(Default)]
struct Composer<'a> {
    file: File<'a>,
    stack: Vec<Frame>,
    anchors: BTreeMap<usize, NodeId>,
    /// All documents so far, aliases written out.
    size: Size,
    /// Entries that `<<` copied so far.
    merged: u64,
    /// Where a plain `<<` stands: quoted, it is a key like any other.
    merge_keys: BTreeSet<Position>,
}

struct Frame {
    position: Position,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<NodeId>),
    Map {
        entries: Vec<Entry>,
        key: Option<NodeId>,
    },
}

/// The rest of the file is not worth reading.
struct Stop;

impl<'a> Composer<'a> {
    fn run(&mut self, text: &'a str) {
        let options = options! {
            flow_nesting_limit: limits::MANIFEST_DEPTH_MAX as usize,
            block_nesting_limit: limits::MANIFEST_DEPTH_MAX as usize,
            emit_comments: false,
        };
        let mut parser = Parser::new_from_str_with_options(text, options);
        while let Some(event) = parser.next_event() {
            let result = match event {
                Ok((Event::StreamEnd, _)) => return,
                Ok((event, span)) => self.event(event, span),
                Err(error) => self.syntax(&error, text).and_then(|()| {
                    self.stack.clear();
                    self.anchors.clear();
                    match parser.proceed_next_document() {
                        Ok(true) => Ok(()),
                        Ok(false) | Err(_) => Err(Stop),
                    }
                }),
            };
            if result.is_err() {
                return;
            }
        }
    }

    fn syntax(&mut self, error: &ScanError, text: &str) -> Result<(), Stop> {
        let marker = error.marker();
        let position = Position {
            line: number(marker.line().max(1)),
            column: number(marker.col() + 1),
        };
        let mut lines = text.lines().skip(marker.line().saturating_sub(1)).take(2);
        let hint = if lines.any(is_indented_by_tab) {
            " (a tab may not indent YAML, use spaces)"
        } else {
            ""
        };
        let problem = match error.kind() {
            ErrorKind::RecursionLimitExceeded => {
                format!(
                    "more than {} levels of lists and objects",
                    limits::MANIFEST_DEPTH_MAX
                )
            }
            _ => format!("{}{hint}", error.info()),
        };
        self.error(position, Problem::Syntax(problem))
    }

    fn error(&mut self, position: Position, problem: Problem) -> Result<(), Stop> {
        self.file.errors.push((Some(position), problem));
        if self.file.errors.len() >= limits::MANIFEST_ERRORS_MAX {
            Err(Stop)
        } else {
            Ok(())
        }
    }

    fn event(&mut self, event: Event<'a>, span: Span) -> Result<(), Stop> {
        let position = Position {
            line: number(span.start.line().max(1)),
            column: number(span.start.col() + 1),
        };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(position, &text, style, tag.as_deref())?;
                self.node(position, anchor, Value::Scalar(value, text))
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag(position, tag.as_deref(), "seq")?;
                self.stack.push(Frame {
                    position,
                    anchor,
                    content: Content::List(Vec::new()),
                });
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag(position, tag.as_deref(), "map")?;
                self.stack.push(Frame {
                    position,
                    anchor,
                    content: Content::Map {
                        entries: Vec::new(),
                        key: None,
                    },
                });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Frame {
                    position,
                    anchor,
                    content: Content::List(items),
                }) => self.node(position, anchor, Value::List(items)),
                Some(Frame {
                    position,
                    anchor,
                    content: Content::Map { entries, .. },
                }) => {
                    let entries = self.merge(entries)?;
                    self.node(position, anchor, Value::Map(entries))
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(id) => self.place(*id),
                None => {
                    self.error(
                        position,
                        Problem::Syntax("an alias inside of its own anchor".to_owned()),
                    )?;
                    self.node(position, 0, Value::Scalar(Scalar::Null, Cow::Borrowed("")))
                }
            },
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn tag(&mut self, position: Position, tag: Option<&Tag>, core: &str) -> Result<(), Stop> {
        match tag {
            Some(tag) if !tag.is_yaml_core_schema_tag(core) => {
                self.error(position, scalar::unknown_tag(tag))
            }
            _ => Ok(()),
        }
    }

    fn node(&mut self, position: Position, anchor: usize, value: Value<'a>) -> Result<(), Stop> {
        if self.file.tree.len() as u64 >= limits::MANIFEST_VALUES_MAX {
            return self.too_large(
                position,
                "values",
                self.file.tree.len() as u64 + 1,
                limits::MANIFEST_VALUES_MAX,
            );
        }
        let id = self.file.tree.push(position, value);
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        self.place(id)
    }

    fn place(&mut self, id: NodeId) -> Result<(), Stop> {
        match self.stack.last_mut().map(|frame| &mut frame.content) {
            None => self.document(id),
            Some(Content::List(items)) => {
                items.push(id);
                Ok(())
            }
            Some(Content::Map { entries, key }) => match key.take() {
                Some(key) => {
                    entries.push(Entry { key, value: id });
                    Ok(())
                }
                None => {
                    *key = Some(id);
                    match &self.file.tree[id].value {
                        Value::Scalar(Scalar::Null, _) | Value::List(_) | Value::Map(_) => {
                            let position = self.file.tree[id].position;
                            self.error(position, Problem::Syntax("a key must be a text".to_owned()))
                        }
                        Value::Scalar(..) => Ok(()),
                    }
                }
            },
        }
    }

    fn document(&mut self, root: NodeId) -> Result<(), Stop> {
        let position = self.file.tree[root].position;
        self.size.add_child(self.file.tree[root].size);
        let Size {
            values,
            bytes,
            depth,
        } = self.size;
        let bytes_max = limits::MANIFEST_BYTES_MAX as u64;
        if values > limits::MANIFEST_VALUES_MAX {
            return self.too_large(
                position,
                "values, aliases written out",
                values,
                limits::MANIFEST_VALUES_MAX,
            );
        }
        if bytes > bytes_max {
            return self.too_large(position, "bytes, aliases written out", bytes, bytes_max);
        }
        if depth > limits::MANIFEST_DEPTH_MAX {
            let max = u64::from(limits::MANIFEST_DEPTH_MAX);
            return self.too_large(
                position,
                "levels, aliases written out",
                u64::from(depth),
                max,
            );
        }
        if !self.file.tree.is_null(root) {
            self.file.documents.push(root);
        }
        Ok(())
    }

    fn too_large(
        &mut self,
        at: Position,
        unit: &'static str,
        found: u64,
        max: u64,
    ) -> Result<(), Stop> {
        self.error(
            at,
            Problem::TooLarge {
                what: "the file",
                found,
                unit,
                max,
            },
        )?;
        Err(Stop)
    }

    fn scalar(
        &mut self,
        position: Position,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
    ) -> Result<Scalar, Stop> {
        if text == "<<" && style == ScalarStyle::Plain && tag.is_none() {
            self.merge_keys.insert(position);
        }
        match scalar::resolve(text, style, tag) {
            Ok(value) => Ok(value),
            Err(problem) => {
                self.error(position, problem)?;
                Ok(Scalar::String)
            }
        }
    }

    /// Reports keys that stand twice and puts what `<<` names behind the map's own keys.
    fn merge(&mut self, entries: Vec<Entry>) -> Result<Vec<Entry>, Stop> {
        let mut first: BTreeMap<String, Position> = BTreeMap::new();
        let mut own = Vec::with_capacity(entries.len());
        let mut merged = Vec::new();
        for entry in entries {
            if self
                .merge_keys
                .contains(&self.file.tree[entry.key].position)
            {
                merged.extend(self.merge_sources(entry.value)?);
                continue;
            }
            let key = self.file.tree.key(entry).into_owned();
            let position = self.file.tree[entry.key].position;
            if let Some(Position { line, .. }) = first.get(&key) {
                let key = words::cut(&key).into_owned();
                self.error(position, Problem::DuplicateKey { key, line: *line })?;
            } else {
                first.insert(key, position);
                own.push(entry);
            }
        }
        for entry in merged {
            let key = self.file.tree.key(entry).into_owned();
            if let Slot::Vacant(slot) = first.entry(key) {
                slot.insert(self.file.tree[entry.key].position);
                own.push(entry);
            }
        }
        Ok(own)
    }

    fn merge_sources(&mut self, value: NodeId) -> Result<Vec<Entry>, Stop> {
        let maps = match &self.file.tree[value].value {
            Value::List(items) => items.clone(),
            Value::Scalar(..) | Value::Map(_) => vec![value],
        };
        let mut entries = Vec::new();
        for map in maps {
            let node = &self.file.tree[map];
            let position = node.position;
            let Value::Map(more) = &node.value else {
                self.error(
                    position,
                    Problem::Syntax("<< needs a map or a list of maps".to_owned()),
                )?;
                continue;
            };
            self.merged += more.len() as u64;
            if self.merged > limits::MANIFEST_VALUES_MAX {
                let (found, max) = (self.merged, limits::MANIFEST_VALUES_MAX);
                self.too_large(position, "entries copied by <<", found, max)?;
                break;
            }
            entries.extend_from_slice(more);
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            (-1e15..1e15).prop_map(|value: f64| Json::from(value + 0.5)),
            any::<String>().prop_map(Json::from),
            "[ -~\n\t]{0,30}".prop_map(Json::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
                prop::collection::btree_map("[ -~]{1,12}", inner, 0..6)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    fn check(text: &str, expected: &Json) -> Result<(), TestCaseError> {
        let file = read(text.as_bytes());
        prop_assert!(file.errors.is_empty(), "{text}: {:?}", file.errors);
        let found: Vec<Json> = file
            .documents
            .iter()
            .map(|root| to_json(&file.tree, *root))
            .collect();
        let expected = if expected.is_null() {
            Vec::new()
        } else {
            vec![expected.clone()]
        };
        prop_assert_eq!(found, expected, "{}", text);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn json_means_the_same_here(json in any_json()) {
            check(&json.to_string(), &json)?;
            check(&format!("{json:#}"), &json)?;
        }

        #[test]
        fn yaml_of_another_writer_means_the_same_here(json in any_json()) {
            let text = serde_yaml::to_string(&json).expect("JSON can be written as YAML");
            check(&text, &json)?;
        }
    }
}
