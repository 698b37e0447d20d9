//! The insides of lists and maps; unknown fields and the support table are looked at here.

use std::borrow::Cow;
use std::slice::Iter;

use serde::de::{DeserializeSeed, IntoDeserializer};

use super::{Cursor, Error};
use crate::error::{Problem, UnknownFieldHint};
use crate::nearest::nearest;
use crate::support::{self, Treatment};
use crate::tree::{Entry, NodeId, Scalar, Value};
use crate::words;

pub(super) struct ListAccess<'c, 'p> {
    list: Cursor<'c, 'p>,
    items: std::iter::Enumerate<Iter<'c, NodeId>>,
}

impl<'c, 'p> ListAccess<'c, 'p> {
    pub(super) fn new(list: Cursor<'c, 'p>, items: &'c [NodeId]) -> Self {
        Self {
            list,
            items: items.iter().enumerate(),
        }
    }
}

impl<'de> serde::de::SeqAccess<'de> for ListAccess<'_, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some((index, node)) = self.items.next() else {
            return Ok(None);
        };
        let path = self.list.path.index(index);
        seed.deserialize(Cursor {
            node: *node,
            label: *node,
            path: &path,
            ..self.list
        })
        .map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

pub(super) struct MapAccess<'c, 'p> {
    map: Cursor<'c, 'p>,
    entries: Iter<'c, Entry>,
    current: Option<Entry>,
}

impl<'c, 'p> MapAccess<'c, 'p> {
    pub(super) fn new(map: Cursor<'c, 'p>, entries: &'c [Entry]) -> Self {
        Self {
            map,
            entries: entries.iter(),
            current: None,
        }
    }
}

impl<'de> serde::de::MapAccess<'de> for MapAccess<'_, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.current = self.entries.next().copied();
        let Some(entry) = self.current else {
            return Ok(None);
        };
        let key = self.map.walk.object.tree.key(entry);
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let entry = self
            .current
            .take()
            .expect("serde asks for a value after its key");
        let key = self.map.walk.object.tree.key(entry);
        let path = self.map.path.key(&key);
        seed.deserialize(Cursor {
            node: entry.value,
            label: entry.key,
            path: &path,
            ..self.map
        })
    }
}

pub(super) struct StructAccess<'c, 'p> {
    cursor: Cursor<'c, 'p>,
    kind: &'static str,
    fields: &'static [&'static str],
    entries: Iter<'c, Entry>,
    current: Option<(Entry, Cow<'c, str>, bool)>,
}

impl<'c, 'p> StructAccess<'c, 'p> {
    pub(super) fn new(
        cursor: Cursor<'c, 'p>,
        kind: &'static str,
        fields: &'static [&'static str],
        entries: &'c [Entry],
    ) -> Self {
        Self {
            cursor,
            kind,
            fields,
            entries: entries.iter(),
            current: None,
        }
    }

    fn unknown(&self, entry: Entry, name: &str) {
        let hint = unknown_hint(self.kind, name, self.fields);
        let path = self.cursor.path.field(name);
        self.cursor.walk.error(
            entry.key,
            &path,
            Problem::UnknownField {
                name: words::cut(name).into_owned(),
                hint,
            },
        );
    }

    /// Looks a field up in the support table; says whether what is below it is to be looked up as well.
    fn treat(&self, entry: Entry, name: &str) -> Descend {
        let walk = self.cursor.walk;
        if self.cursor.quiet {
            return Descend::Quietly;
        }
        let Some(line) = support::support(self.kind, name) else {
            return Descend::Normally;
        };
        let path = self.cursor.path.field(name);
        match line.treatment {
            Treatment::Honoured => {
                if self.is_leaf(entry.value) && !matches!(name, "apiVersion" | "kind") {
                    walk.field(entry.key, &path, Treatment::Honoured, "");
                }
                return Descend::Normally;
            }
            _ if self.says_nothing(entry.value, name) => {}
            Treatment::Refused => {
                walk.field(entry.key, &path, Treatment::Refused, line.reason);
                walk.error(entry.key, &path, Problem::Refused(line.reason.to_owned()));
            }
            Treatment::Shown | Treatment::Ignored => {
                walk.field(entry.key, &path, line.treatment, line.reason);
            }
        }
        Descend::Quietly
    }

    fn is_leaf(&self, node: NodeId) -> bool {
        let tree = self.cursor.walk.object.tree;
        match &tree[node].value {
            Value::Scalar(..) => true,
            Value::List(items) => items
                .iter()
                .all(|item| matches!(tree[*item].value, Value::Scalar(..))),
            Value::Map(_) => false,
        }
    }

    fn says_nothing(&self, node: NodeId, name: &str) -> bool {
        match &self.cursor.walk.object.tree[node].value {
            Value::Scalar(Scalar::Null | Scalar::Bool(false), _) => true,
            Value::Scalar(_, text) => text.is_empty() || support::is_default(self.kind, name, text),
            Value::List(items) => items.is_empty(),
            Value::Map(_) => false,
        }
    }
}

enum Descend {
    Normally,
    Quietly,
}

fn unknown_hint(kind: &str, name: &str, fields: &[&str]) -> UnknownFieldHint {
    if let Some(same) = fields.iter().find(|field| field.eq_ignore_ascii_case(name)) {
        return UnknownFieldHint::Nearest((*same).to_owned());
    }
    if let Some(owner) = support::owner_near(kind, name) {
        return UnknownFieldHint::BelongsTo(owner.to_owned());
    }
    match nearest(name, fields) {
        Some(nearest) => UnknownFieldHint::Nearest(nearest.to_owned()),
        None => UnknownFieldHint::OneOf(fields.iter().map(|field| (*field).to_owned()).collect()),
    }
}

impl<'de> serde::de::MapAccess<'de> for StructAccess<'_, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        while let Some(entry) = self.entries.next().copied() {
            let key = self.cursor.walk.object.tree.key(entry);
            if !self.fields.contains(&&*key) {
                self.unknown(entry, &key);
                continue;
            }
            let quiet = match self.treat(entry, &key) {
                Descend::Normally => false,
                Descend::Quietly => true,
            };
            let field = seed.deserialize(key.clone().into_deserializer())?;
            self.current = Some((entry, key, quiet));
            return Ok(Some(field));
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (entry, key, quiet) = self
            .current
            .take()
            .expect("serde asks for a value after its key");
        let path = self.cursor.path.field(&key);
        seed.deserialize(Cursor {
            node: entry.value,
            label: entry.key,
            path: &path,
            quiet,
            ..self.cursor
        })
    }
}
