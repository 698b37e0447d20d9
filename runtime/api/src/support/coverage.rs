//! Asks k8s-openapi for every field below the objects that seedpod reads, and compares with the table.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1 as api;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{Deserialize, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::*;

#[test]
fn the_table_has_every_field() {
    let known = known_fields();
    let mut listed: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in table() {
        for field in line.fields {
            *listed.entry((line.kind, field)).or_default() += 1;
        }
        assert_eq!(
            line.reason.is_empty(),
            line.treatment == Treatment::Honoured,
            "{line:?}"
        );
    }
    let twice: Vec<_> = listed.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "listed more than once: {twice:?}");
    let listed: BTreeSet<_> = listed.into_keys().collect();
    let missing: Vec<_> = known.difference(&listed).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
    let unknown: Vec<_> = listed.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "unknown to Kubernetes or below a field without effect: {unknown:?}"
    );
}

#[test]
fn defaults_and_neighbours_are_in_the_table() {
    for (kind, field, _) in DEFAULTS {
        assert!(support(kind, field).is_some(), "{kind}.{field}");
    }
    for (kind, owner, _) in NEAR {
        for kind in [kind, owner] {
            assert!(table().any(|line| line.kind == *kind), "{kind}");
        }
    }
}

/// Type and name of every field below Pod, ConfigMap, Secret and Service that is not below one without effect.
fn known_fields() -> BTreeSet<(&'static str, &'static str)> {
    let seen = RefCell::default();
    let probe = Probe { seen: &seen };
    api::Pod::deserialize(probe).expect("a Pod of examples");
    api::ConfigMap::deserialize(probe).expect("a ConfigMap of examples");
    api::Secret::deserialize(probe).expect("a Secret of examples");
    api::Service::deserialize(probe).expect("a Service of examples");
    seen.into_inner()
}

/// Gives every type an example of what it asks for, and writes down the fields of each struct.
#[derive(Clone, Copy)]
struct Probe<'s> {
    seen: &'s RefCell<BTreeSet<(&'static str, &'static str)>>,
}

impl<'de> serde::Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i64(1)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(true)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str("")
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str("")
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Once { probe: Some(self) })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Fields {
            probe: self,
            kind: "",
            names: ["key"].iter(),
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        kind: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.seen
            .borrow_mut()
            .extend(names.iter().map(|name| (kind, *name)));
        visitor.visit_map(Fields {
            probe: self,
            kind,
            names: names.iter(),
        })
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier ignored_any
    }
}

struct Once<'s> {
    probe: Option<Probe<'s>>,
}

impl<'de> SeqAccess<'de> for Once<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.probe
            .take()
            .map(|probe| seed.deserialize(probe))
            .transpose()
    }
}

struct Fields<'s> {
    probe: Probe<'s>,
    kind: &'static str,
    names: std::slice::Iter<'static, &'static str>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    /// Leaves out what is not to be descended into; `apiVersion` and `kind` have only one good value.
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let descends = |name: &&&str| {
            let line = support(self.kind, name);
            !matches!(**name, "apiVersion" | "kind")
                && line.is_none_or(|line| line.treatment == Treatment::Honoured)
        };
        let Some(name) = self.names.by_ref().find(descends) else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, Error> = (*name).into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(self.probe)
    }
}
