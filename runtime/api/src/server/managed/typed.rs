//! Objects and their fields by the schema: which fields there are, which differ, what a merge of two is, what remains
//! when fields are removed. The rules are those of `structured-merge-diff`.

use super::set::{Element, FieldSet, Scalar};
use crate::server::kinds::items;
use crate::server::schema::{List, Shape, Type};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What a value is taken for.
#[derive(Clone, Copy)]
enum Parts {
    /// It has none that are told apart.
    None,
    Fields,
    Items(List),
}

/// A value that does not fit its type is a leaf: it is refused elsewhere.
fn parts(ty: Option<Type>, value: &Value) -> Parts {
    let (is_map, is_list) = (value.is_object(), value.is_array());
    match ty.map(|ty| (ty, ty.shape())) {
        None | Some((_, Shape::Any)) if is_map => Parts::Fields,
        Some((ty, Shape::Object | Shape::Map)) if is_map || value.is_null() => {
            match ty.is_atomic_map() {
                true => Parts::None,
                false => Parts::Fields,
            }
        }
        Some((_, Shape::List(list @ (List::Set | List::Map(_))))) if is_list || value.is_null() => {
            Parts::Items(list)
        }
        _ => Parts::None,
    }
}

/// The type of a field of an object or a value of a map.
fn field_type(ty: Option<Type>, name: &str) -> Option<Type> {
    ty?.field(name)
}

/// Whether a name is one of the known ones of an object.
fn is_declared(ty: Option<Type>, name: &str) -> bool {
    ty.is_some_and(|ty| ty.shape() == Shape::Object && ty.field(name).is_some())
}

fn item_type(ty: Option<Type>) -> Option<Type> {
    ty?.item()
}

/// What names an item of a list that is not atomic.
///
/// # Errors
/// When it has no name, in the words of `structured-merge-diff`.
pub(super) fn item_element(list: List, ty: Option<Type>, item: &Value) -> Result<Element, String> {
    let keys = match list {
        List::Map(keys) => keys,
        List::Set | List::Atomic => {
            return Scalar::of(item).map(Element::Item).ok_or_else(|| {
                let what = match item {
                    Value::Object(_) => {
                        "associative list without keys has an element that's a map type"
                    }
                    Value::Array(_) => "not supported: associative list with lists as elements",
                    _ => "associative list without keys has an element that's an explicit null",
                };
                what.to_owned()
            });
        }
    };
    if item.is_null() {
        return Err("associative list with keys may not have a null element".to_owned());
    }
    let fields = item
        .as_object()
        .ok_or("associative list with keys may not have non-map elements")?;
    let mut named = Vec::new();
    for key in keys {
        let default = || ty?.field(key)?.default();
        let value = fields.get(key).or_else(default).and_then(Scalar::of);
        named.extend(value.map(|value| (key.clone(), value)));
    }
    if named.is_empty() {
        let keys: Vec<_> = keys.iter().map(|key| format!("{key:?}")).collect();
        let keys = keys.join(" ");
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{keys}] (and doesn't have default \
             values for any key fields)"
        ));
    }
    named.sort();
    Ok(Element::Key(named))
}

/// What an item is called, for each of a list; `None` when one has no name.
fn elements(list: List, ty: Option<Type>, value: &Value) -> Option<Vec<(Element, &Value)>> {
    let named = items(value).iter().map(|item| {
        let element = item_element(list, item_type(ty), item).ok()?;
        Some((element, item))
    });
    named.collect()
}

/// The fields of a configuration that is applied.
pub(super) fn fields(value: &Value, ty: Option<Type>) -> FieldSet {
    let mut set = FieldSet::default();
    collect_fields(value, ty, &mut Vec::new(), &mut set);
    set
}

fn collect_fields(value: &Value, ty: Option<Type>, path: &mut Vec<Element>, set: &mut FieldSet) {
    match parts(ty, value) {
        Parts::None => set.insert(path),
        Parts::Fields => {
            for (name, child) in value.as_object().into_iter().flatten() {
                path.push(Element::field(name));
                collect_fields(child, field_type(ty, name), path, set);
                let is_empty = child.is_null() || child.as_object().is_some_and(Map::is_empty);
                if is_empty || !is_declared(ty, name) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        Parts::Items(list) => {
            let Some(named) = elements(list, ty, value) else {
                return set.insert(path);
            };
            let mut counts: BTreeMap<&Element, usize> = BTreeMap::new();
            for (element, _) in &named {
                *counts.entry(element).or_default() += 1;
            }
            for (element, item) in &named {
                path.push(element.clone());
                if counts.get(element) == Some(&1) {
                    collect_fields(item, item_type(ty), path, set);
                }
                set.insert(path);
                path.pop();
            }
        }
    }
}

/// How an object differs from what it was. No field is in two of the sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub(crate) removed: FieldSet,
    pub(crate) modified: FieldSet,
    pub(crate) added: FieldSet,
}

impl Comparison {
    /// How `new` differs from `old`.
    pub(crate) fn of(old: &Value, new: &Value, ty: Option<Type>) -> Self {
        let mut all = Self::default();
        all.compare(Some(old), Some(new), ty, &mut Vec::new());
        all
    }

    /// Leaves fields out with all that is below them.
    pub(crate) fn without(mut self, fields: &FieldSet) -> Self {
        self.removed.subtract_below(fields);
        self.modified.subtract_below(fields);
        self.added.subtract_below(fields);
        self
    }

    fn compare(
        &mut self,
        old: Option<&Value>,
        new: Option<&Value>,
        ty: Option<Type>,
        path: &mut Vec<Element>,
    ) {
        if old == new {
            return;
        }
        let Some(value) = new.filter(|new| !new.is_null()).or(old).or(new) else {
            return;
        };
        let other = old.unwrap_or(value);
        let is_leaf = match (parts(ty, value), parts(ty, other)) {
            (Parts::Fields, Parts::Fields) => !self.compare_maps(old, new, ty, path),
            (Parts::Items(list), Parts::Items(_)) => !self.compare_lists(list, old, new, ty, path),
            _ => true,
        };
        match (old, new) {
            (None, Some(_)) => self.added.insert(path),
            (Some(_), None) => self.removed.insert(path),
            (Some(_), Some(_)) if is_leaf => self.modified.insert(path),
            _ => {}
        }
    }

    /// Whether there was something to compare: empty maps are leaves.
    fn compare_maps(
        &mut self,
        old: Option<&Value>,
        new: Option<&Value>,
        ty: Option<Type>,
        path: &mut Vec<Element>,
    ) -> bool {
        let (old, new) = (Fields::of(old, ty), Fields::of(new, ty));
        let names: BTreeSet<&str> = old.names().chain(new.names()).collect();
        for name in &names {
            path.push(Element::field(name));
            let (old, new) = (old.get(name), new.get(name));
            self.compare(old, new, field_type(ty, name), path);
            path.pop();
        }
        !names.is_empty()
    }

    /// Whether there was something to compare: empty lists are leaves.
    fn compare_lists(
        &mut self,
        list: List,
        old: Option<&Value>,
        new: Option<&Value>,
        ty: Option<Type>,
        path: &mut Vec<Element>,
    ) -> bool {
        let empty = Value::Null;
        let old = elements(list, ty, old.unwrap_or(&empty));
        let new = elements(list, ty, new.unwrap_or(&empty));
        let (Some(old), Some(new)) = (old, new) else {
            return false;
        };
        let mut all: BTreeMap<Element, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
        let is_empty = old.is_empty() && new.is_empty();
        for (element, item) in old {
            all.entry(element).or_default().0.push(item);
        }
        for (element, item) in new {
            all.entry(element).or_default().1.push(item);
        }
        for (element, (old, new)) in all {
            path.push(element);
            let ty = item_type(ty);
            match (old.as_slice(), new.as_slice()) {
                ([] | [_], [] | [_]) => {
                    self.compare(old.first().copied(), new.first().copied(), ty, path);
                }
                ([_, _, ..], [_, _, ..]) if old != new => self.modified.insert(path),
                ([_, _, ..], [_, _, ..]) => {}
                ([_, _, ..], _) => {
                    self.compare(None, new.first().copied(), ty, path);
                    self.removed.insert(path);
                }
                (_, [_, _, ..]) => {
                    self.compare(old.first().copied(), None, ty, path);
                    self.added.insert(path);
                }
            }
            path.pop();
        }
        !is_empty
    }
}

/// The fields of a map or struct. A struct that is there has some fields even when nobody wrote them, as Go's has: those
/// that are structs themselves, and those whose default is zero.
struct Fields<'v> {
    written: Option<&'v Map<String, Value>>,
    implied: BTreeMap<&'static str, &'static Value>,
}

impl<'v> Fields<'v> {
    fn of(value: Option<&'v Value>, ty: Option<Type>) -> Self {
        let written = value.and_then(Value::as_object);
        let mut implied = BTreeMap::new();
        if written.is_some()
            && let Some(ty) = ty
        {
            let zeros = ty
                .fields()
                .filter_map(|(name, field)| Some((name, zero(ty, name, field)?)));
            implied = zeros.collect();
        }
        Self { written, implied }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let written = self.written.into_iter().flatten();
        let written = written.map(|(name, _)| name.as_str());
        written.chain(self.implied.keys().copied())
    }

    fn get(&self, name: &str) -> Option<&Value> {
        let written = self.written.and_then(|fields| fields.get(name));
        written.or_else(|| self.implied.get(name).copied())
    }
}

static NULL: Value = Value::Null;

fn zero(ty: Type, name: &str, field: Type) -> Option<&'static Value> {
    let is_zero = |value: &&Value| match value {
        Value::Object(fields) => fields.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Bool(bool) => !bool,
        Value::Null | Value::Array(_) => false,
    };
    match field.shape() {
        Shape::List(_) if ty.requires(name) => Some(&NULL),
        _ => field.default().filter(is_zero),
    }
}

/// `live` with `config` over it.
pub(super) fn merge(live: &Value, config: &Value, ty: Option<Type>) -> Value {
    merged(Some(live), Some(config), ty).unwrap_or_else(|| Value::Object(Map::new()))
}

fn merged(live: Option<&Value>, config: Option<&Value>, ty: Option<Type>) -> Option<Value> {
    let other = live.or(config)?;
    let value = config.unwrap_or(other);
    let is_empty = |value: Option<&Value>| {
        value.is_none_or(|value| match value {
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            value => value.is_null(),
        })
    };
    if is_empty(live) && is_empty(config) {
        return Some(value.clone());
    }
    match (parts(ty, value), parts(ty, other)) {
        (Parts::Fields, Parts::Fields) => {
            let empty = Map::new();
            let live = live.and_then(Value::as_object).unwrap_or(&empty);
            let config = config.and_then(Value::as_object).unwrap_or(&empty);
            let names: BTreeSet<&String> = live.keys().chain(config.keys()).collect();
            let all = names.into_iter().filter_map(|name| {
                let value = merged(live.get(name), config.get(name), field_type(ty, name))?;
                Some((name.clone(), value))
            });
            let all: Map<_, _> = all.collect();
            (!all.is_empty()).then_some(Value::Object(all))
        }
        (Parts::Items(list), Parts::Items(_)) => {
            let live = elements(list, ty, live.unwrap_or(&NULL));
            let config = elements(list, ty, config.unwrap_or(&NULL));
            let (Some(live), Some(config)) = (live, config) else {
                return Some(value.clone());
            };
            let items = merged_items(&live, &config, item_type(ty));
            (!items.is_empty()).then_some(Value::Array(items))
        }
        _ => Some(value.clone()),
    }
}

/// Items keep the order of `config`; what only `live` has stays behind what it stood behind.
fn merged_items(
    live: &[(Element, &Value)],
    config: &[(Element, &Value)],
    ty: Option<Type>,
) -> Vec<Value> {
    let mut of_live: BTreeMap<&Element, Option<&Value>> = BTreeMap::new();
    for (element, item) in live {
        // Items that are there twice are not merged with.
        let item = (!of_live.contains_key(element)).then_some(*item);
        of_live.insert(element, item);
    }
    let of_config: BTreeSet<&Element> = config.iter().map(|(element, _)| element).collect();
    let shared = config.iter().map(|(element, _)| element);
    let mut shared = shared
        .filter(|element| of_live.contains_key(element))
        .peekable();
    let mut done: BTreeSet<&Element> = BTreeSet::new();
    let mut out = Vec::new();
    let (mut l, mut c) = (0, 0);
    while l < live.len() || c < config.len() {
        if let (Some((mine, _)), Some((theirs, _))) = (live.get(l), config.get(c))
            && mine != theirs
            && of_config.contains(mine)
            && shared.peek().is_some_and(|next| *next != mine)
        {
            l += 1;
            continue;
        }
        if let Some((mine, item)) = live.get(l) {
            let is_same = config.get(c).is_some_and(|(theirs, _)| theirs == mine);
            if !is_same && !of_config.contains(mine) {
                out.extend(merged(Some(item), None, ty));
                l += 1;
                continue;
            }
            if is_same || done.contains(mine) {
                l += 1;
            }
        }
        if let Some((theirs, item)) = config.get(c) {
            let mine = of_live.get(theirs).copied().flatten();
            out.extend(merged(mine, Some(item), ty));
            done.insert(theirs);
            shared.next_if(|next| *next == theirs);
            c += 1;
        }
    }
    out
}

/// What remains of a value without these fields; `None` when nothing does.
pub(super) fn removed(value: &Value, fields: &FieldSet, ty: Option<Type>) -> Option<Value> {
    let empty_like = |value: &Value| match value {
        Value::Object(_) => Some(Value::Object(Map::new())),
        Value::Array(_) => Some(Value::Array(Vec::new())),
        _ => None,
    };
    let without = |item: &Value, element: &Element, ty: Option<Type>| match fields.child(element) {
        None => Some(item.clone()),
        Some(child) if child.is_member() => None,
        Some(child) => removed(item, child, ty).or_else(|| empty_like(item)),
    };
    match parts(ty, value) {
        Parts::Fields => {
            let all = value.as_object().into_iter().flatten();
            let all = all.filter_map(|(name, child)| {
                let child = without(child, &Element::field(name), field_type(ty, name))?;
                Some((name.clone(), child))
            });
            let all: Map<_, _> = all.collect();
            (!all.is_empty()).then_some(Value::Object(all))
        }
        Parts::Items(list) => {
            let Some(named) = elements(list, ty, value) else {
                return Some(value.clone());
            };
            let all = named.into_iter();
            let all = all.filter_map(|(element, item)| without(item, &element, item_type(ty)));
            let all: Vec<_> = all.collect();
            (!all.is_empty()).then_some(Value::Array(all))
        }
        Parts::None => Some(value.clone()),
    }
}

/// A set with every field of an object that has members below as a member.
pub(super) fn with_named_fields(set: &FieldSet, ty: Option<Type>) -> FieldSet {
    let children = set.children().map(|(element, child)| {
        let (is_named, ty) = match element {
            Element::Field(name) => {
                let has_members = child.children().next().is_some();
                (has_members && is_declared(ty, name), field_type(ty, name))
            }
            Element::Key(_) => (false, item_type(ty)),
            Element::Item(_) | Element::Index(_) => (false, None),
        };
        let mut child = with_named_fields(child, ty);
        if is_named {
            child.insert(&[]);
        }
        (element.clone(), child)
    });
    FieldSet::of(set.is_member(), children.collect())
}
