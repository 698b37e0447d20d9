//! Sets of fields of an object, and their form in `fieldsV1`.

use serde_json::{Map, Number, Value};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

/// One step of a path. The order is that of `structured-merge-diff`, which `fieldsV1` is written in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Element {
    /// `f:name`: a field of a struct or an entry of a map.
    Field(String),
    /// `k:{"name":"a"}`: an item of a list with keys, by its keys in order.
    Key(Vec<(String, Scalar)>),
    /// `v:"a"`: an item of a set.
    Item(Scalar),
    /// `i:0`: a place in a list.
    Index(i64),
}

/// A value without parts.
#[derive(Clone, Debug)]
pub(crate) enum Scalar {
    Number(Number),
    Text(String),
    Bool(bool),
}

impl Scalar {
    /// `None` for null, lists and maps.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Some(Self::Number(number.clone())),
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Bool(bool) => Some(Self::Bool(*bool)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

impl From<&Scalar> for Value {
    fn from(scalar: &Scalar) -> Self {
        match scalar {
            Scalar::Number(number) => Self::Number(number.clone()),
            Scalar::Text(text) => Self::String(text.clone()),
            Scalar::Bool(bool) => Self::Bool(*bool),
        }
    }
}

impl Ord for Scalar {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(two)) => match (one.as_i64(), two.as_i64()) {
                (Some(one), Some(two)) => one.cmp(&two),
                _ => {
                    let float = |number: &Number| number.as_f64().unwrap_or_default();
                    float(one).total_cmp(&float(two))
                }
            },
            (Self::Text(one), Self::Text(two)) => one.cmp(two),
            (Self::Bool(one), Self::Bool(two)) => one.cmp(two),
            (Self::Number(_), _) | (Self::Text(_), Self::Bool(_)) => Ordering::Less,
            (_, Self::Number(_)) | (Self::Bool(_), Self::Text(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Scalar {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scalar {}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Value::from(self).fmt(f)
    }
}

impl Element {
    /// `f:name`
    pub(crate) fn field(name: &str) -> Self {
        Self::Field(name.to_owned())
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self::field(rest)),
            "v" => Scalar::of(&serde_json::from_str(rest).ok()?).map(Self::Item),
            "i" => rest.parse().ok().map(Self::Index),
            "k" => {
                let keys: Map<String, Value> = serde_json::from_str(rest).ok()?;
                let keys = keys.into_iter();
                let keys = keys.map(|(name, value)| Some((name, Scalar::of(&value)?)));
                Some(Self::Key(keys.collect::<Option<_>>()?))
            }
            _ => None,
        }
    }

    fn encode(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Item(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
            Self::Key(keys) => {
                let keys = keys.iter();
                let keys: Map<_, _> = keys
                    .map(|(name, value)| (name.clone(), value.into()))
                    .collect();
                format!("k:{}", Value::Object(keys))
            }
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Item(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Key(keys) => {
                let keys: Vec<_> = keys
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                write!(f, "[{}]", keys.join(","))
            }
        }
    }
}

/// `.spec.containers[name="a"].image`
pub(crate) fn display(path: &[Element]) -> String {
    path.iter().map(Element::to_string).collect()
}

/// `fieldsV1` that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fieldsV1 has {0:?}, which names no field")]
pub(crate) struct NoFields(String);

/// Fields, as a tree of their paths. No node is there for nothing: it is a member, or has one below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    is_member: bool,
    children: BTreeMap<Element, FieldSet>,
}

impl FieldSet {
    /// A field and those below it.
    pub(crate) fn of(is_member: bool, children: BTreeMap<Element, Self>) -> Self {
        Self {
            is_member,
            children,
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_member && self.children.is_empty()
    }

    /// Whether this field itself is one of them.
    pub(crate) fn is_member(&self) -> bool {
        self.is_member
    }

    /// The fields below.
    pub(crate) fn child(&self, element: &Element) -> Option<&Self> {
        self.children.get(element)
    }

    /// All steps from here.
    pub(crate) fn children(&self) -> impl Iterator<Item = (&Element, &Self)> {
        self.children.iter()
    }

    /// Adds a field.
    pub(crate) fn insert(&mut self, path: &[Element]) {
        let mut node = self;
        for element in path {
            node = node.children.entry(element.clone()).or_default();
        }
        node.is_member = true;
    }

    /// The set with this field too.
    pub(crate) fn with(mut self, fields: &[&str]) -> Self {
        let path: Vec<_> = fields.iter().map(|field| Element::field(field)).collect();
        self.insert(&path);
        self
    }

    /// Adds all of `other`.
    pub(crate) fn union(&mut self, other: &Self) {
        self.is_member |= other.is_member;
        for (element, child) in &other.children {
            self.children
                .entry(element.clone())
                .or_default()
                .union(child);
        }
    }

    /// Takes the fields of `other` out, but not what is below them.
    pub(crate) fn subtract(&mut self, other: &Self) {
        self.is_member &= !other.is_member;
        for (element, child) in &other.children {
            if let Some(mine) = self.children.get_mut(element) {
                mine.subtract(child);
                if mine.is_empty() {
                    self.children.remove(element);
                }
            }
        }
    }

    /// Takes the fields of `other` out with all that is below them.
    pub(crate) fn subtract_below(&mut self, other: &Self) {
        for (element, child) in &other.children {
            let Some(mine) = self.children.get_mut(element) else {
                continue;
            };
            match child.is_member {
                true => *mine = Self::default(),
                false => mine.subtract_below(child),
            }
            if mine.is_empty() {
                self.children.remove(element);
            }
        }
    }

    /// The fields that are in both.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let children = self.children.iter().filter_map(|(element, child)| {
            let both = child.intersection(other.children.get(element)?);
            (!both.is_empty()).then(|| (element.clone(), both))
        });
        Self {
            is_member: self.is_member && other.is_member,
            children: children.collect(),
        }
    }

    /// All paths, in order.
    pub(crate) fn paths(&self) -> Vec<Vec<Element>> {
        let mut paths = Vec::new();
        self.collect_paths(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect_paths(&self, path: &mut Vec<Element>, paths: &mut Vec<Vec<Element>>) {
        if self.is_member {
            paths.push(path.clone());
        }
        for (element, child) in &self.children {
            path.push(element.clone());
            child.collect_paths(path, paths);
            path.pop();
        }
    }

    /// `fieldsV1`
    pub(crate) fn encode(&self) -> Value {
        let children = self.children.iter();
        let mut fields: Map<_, _> = children
            .map(|(element, child)| (element.encode(), child.encode()))
            .collect();
        if self.is_member && !self.children.is_empty() {
            fields.insert(".".to_owned(), Value::Object(Map::new()));
        }
        Value::Object(fields)
    }

    /// Reads `fieldsV1`.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn parse(fields: &Value) -> Result<Self, NoFields> {
        let mut set = Self::parse_at(fields)?;
        set.is_member = false;
        Ok(set)
    }

    fn parse_at(fields: &Value) -> Result<Self, NoFields> {
        let bad = || NoFields(fields.to_string().chars().take(80).collect());
        let fields = fields.as_object().ok_or_else(bad)?;
        let mut set = Self {
            is_member: fields.is_empty() || fields.contains_key("."),
            children: BTreeMap::new(),
        };
        for (text, child) in fields.iter().filter(|(text, _)| *text != ".") {
            let element = Element::parse(text).ok_or_else(|| NoFields(text.clone()))?;
            set.children.insert(element, Self::parse_at(child)?);
        }
        Ok(set)
    }
}
