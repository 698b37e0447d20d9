//! A file as read: every value with its line and column. Aliases point at their anchor's value, so that a small
//! file stays small; what it would be when written out is known as [`Size`].

use std::borrow::Cow;
use std::fmt;

use crate::error::Position;
use crate::words;

/// All values of one file.
#[derive(Debug, Default)]
pub(crate) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
}

/// One value of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

/// A value and where it begins.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) position: Position,
    pub(crate) value: Value<'a>,
    pub(crate) size: Size,
}

/// What stands there.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Scalar(Scalar, Cow<'a, str>),
    List(Vec<NodeId>),
    Map(Vec<Entry>),
}

/// What a scalar means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    String,
}

/// One line of a map. The key is a scalar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) key: NodeId,
    pub(crate) value: NodeId,
}

/// A value written out, aliases included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) values: u64,
    pub(crate) bytes: u64,
    pub(crate) depth: u32,
}

impl Size {
    pub(crate) fn add_child(&mut self, child: Self) {
        self.values = self.values.saturating_add(child.values);
        self.bytes = self.bytes.saturating_add(child.bytes);
        self.depth = self.depth.max(child.depth.saturating_add(1));
    }
}

/// Of what was never text.
const NOWHERE: Position = Position { line: 1, column: 1 };

impl<'a> Tree<'a> {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn push(&mut self, position: Position, value: Value<'a>) -> NodeId {
        let mut size = Size {
            values: 1,
            bytes: 0,
            depth: 0,
        };
        match &value {
            Value::Scalar(_, text) => size.bytes = text.len() as u64,
            Value::List(items) => items
                .iter()
                .for_each(|item| size.add_child(self[*item].size)),
            Value::Map(entries) => {
                for entry in entries {
                    size.add_child(self[entry.key].size);
                    size.add_child(self[entry.value].size);
                }
            }
        }
        let id = NodeId(
            u32::try_from(self.nodes.len()).expect("the number of values of a file is bounded"),
        );
        self.nodes.push(Node {
            position,
            value,
            size,
        });
        id
    }

    /// A value of an object that was JSON already, with all that is in it. It has no position of its own.
    pub(crate) fn push_json(&mut self, value: &'a serde_json::Value) -> NodeId {
        let value = match value {
            serde_json::Value::Null => Value::Scalar(Scalar::Null, Cow::Borrowed("null")),
            serde_json::Value::Bool(value) => {
                let text = if *value { "true" } else { "false" };
                Value::Scalar(Scalar::Bool(*value), Cow::Borrowed(text))
            }
            serde_json::Value::Number(number) => {
                let scalar = match (number.as_i64(), number.as_u64()) {
                    (Some(number), _) => Scalar::Int(number.into()),
                    (None, Some(number)) => Scalar::Int(number.into()),
                    (None, None) => Scalar::Float(number.as_f64().unwrap_or_default()),
                };
                Value::Scalar(scalar, Cow::Owned(number.to_string()))
            }
            serde_json::Value::String(text) => {
                Value::Scalar(Scalar::String, Cow::Borrowed(text.as_str()))
            }
            serde_json::Value::Array(items) => {
                Value::List(items.iter().map(|item| self.push_json(item)).collect())
            }
            serde_json::Value::Object(fields) => {
                let fields = fields.iter();
                let fields = fields.map(|(name, value)| (name.as_str(), self.push_json(value)));
                let fields = fields.collect();
                return self.push_map(fields);
            }
        };
        self.push(NOWHERE, value)
    }

    /// A map of values that are there already.
    pub(crate) fn push_map(&mut self, fields: Vec<(&'a str, NodeId)>) -> NodeId {
        let entries = fields.into_iter().map(|(name, value)| {
            let name = Value::Scalar(Scalar::String, Cow::Borrowed(name));
            let key = self.push(NOWHERE, name);
            Entry { key, value }
        });
        let entries = entries.collect();
        self.push(NOWHERE, Value::Map(entries))
    }

    /// The text of a key, as Kubernetes turns keys that are no strings into one.
    pub(crate) fn key(&self, entry: Entry) -> Cow<'_, str> {
        match &self[entry.key].value {
            Value::Scalar(Scalar::Bool(value), _) => {
                Cow::Borrowed(if *value { "true" } else { "false" })
            }
            Value::Scalar(Scalar::Int(value), _) => Cow::Owned(value.to_string()),
            Value::Scalar(_, text) => Cow::Borrowed(text),
            Value::List(_) | Value::Map(_) => Cow::Borrowed(""),
        }
    }

    pub(crate) fn get(&self, map: NodeId, name: &str) -> Option<Entry> {
        match &self[map].value {
            Value::Map(entries) => entries
                .iter()
                .copied()
                .find(|entry| self.key(*entry) == name),
            Value::Scalar(..) | Value::List(_) => None,
        }
    }

    pub(crate) fn is_null(&self, id: NodeId) -> bool {
        matches!(self[id].value, Value::Scalar(Scalar::Null, _))
    }

    /// Where `path` stands below `root`, or the innermost part of it that is there.
    pub(crate) fn position(&self, root: NodeId, path: &Path<'_>) -> Position {
        self.find(root, path).unwrap_or_else(|position| position)
    }

    fn find(&self, root: NodeId, path: &Path<'_>) -> Result<Position, Position> {
        fn walk(tree: &Tree<'_>, root: NodeId, path: &Path<'_>) -> Result<NodeId, NodeId> {
            match path {
                Path::Root => Ok(root),
                Path::Field(parent, name) | Path::Key(parent, name) => {
                    let parent = walk(tree, root, parent)?;
                    tree.get(parent, name)
                        .map(|entry| entry.value)
                        .ok_or(parent)
                }
                Path::Index(parent, index) => {
                    let parent = walk(tree, root, parent)?;
                    match &tree[parent].value {
                        Value::List(items) => items.get(*index).copied().ok_or(parent),
                        Value::Scalar(..) | Value::Map(_) => Err(parent),
                    }
                }
            }
        }
        match walk(self, root, path) {
            Ok(id) => Ok(self[id].position),
            Err(id) => Err(self[id].position),
        }
    }
}

impl<'a> std::ops::Index<NodeId> for Tree<'a> {
    type Output = Node<'a>;

    fn index(&self, id: NodeId) -> &Self::Output {
        &self.nodes[id.0 as usize]
    }
}

/// A path in an object, such as `spec.containers[0].ports[1].hostPort` or `data[nginx.conf]`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path<'p> {
    Root,
    Field(&'p Path<'p>, &'p str),
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl Path<'_> {
    pub(crate) fn field<'p>(&'p self, name: &'p str) -> Path<'p> {
        Path::Field(self, name)
    }

    pub(crate) fn key<'p>(&'p self, name: &'p str) -> Path<'p> {
        Path::Key(self, name)
    }

    pub(crate) fn index(&self, index: usize) -> Path<'_> {
        Path::Index(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Field(Path::Root, name) => f.write_str(&words::plain(name)),
            Path::Field(parent, name) => write!(f, "{parent}.{}", words::plain(name)),
            Path::Key(parent, name) => write!(f, "{parent}[{}]", words::plain(name)),
            Path::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
