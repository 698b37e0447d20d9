//! What the objects of each kind look like: the types of Kubernetes' OpenAPI documents, without the prose.
//!
//! They are read from `data/schema.json` when somebody first asks, and stay.

pub(crate) mod conform;
mod scalar;

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A type at its place: the type of a field, of the items of a list, of the values of a map, or of a whole object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Type {
    /// What is said at the place.
    place: &'static Schema,
    /// What is said of the type, with its name in the OpenAPI documents; the place itself when the type has no name.
    resolved: &'static Schema,
    name: &'static str,
}

/// What values of a type look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A map with known keys: [`Type::field`], [`Type::fields`].
    Object,
    /// A map with any keys: [`Type::item`] is the type of its values.
    Map,
    /// A list: [`Type::item`] is the type of its items.
    List(List),
    /// One value.
    Scalar(Scalar),
    /// Anything, which nobody looks into.
    Any,
}

/// How items of a list are told apart by who applies them (`x-kubernetes-list-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// They are not: the list is one value.
    Atomic,
    /// By their value.
    Set,
    /// By the values of these fields, some of which have a [default](Type::default).
    Map(&'static [String]),
}

/// What one value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Scalar {
    /// A text.
    String,
    /// A text that is base64.
    Bytes,
    /// A text that is a time of RFC 3339.
    Time,
    /// The same with microseconds.
    MicroTime,
    /// `true` or `false`.
    Boolean,
    /// 32 bits with a sign.
    Int32,
    /// 64 bits with a sign.
    Int64,
    /// A floating-point number.
    Double,
    /// `100m`, `1Gi` or a number.
    Quantity,
    /// A text or 32 bits with a sign.
    IntOrString,
}

/// `x-kubernetes-patch-strategy`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum PatchStrategy {
    /// A list is merged, not replaced.
    Merge,
    /// A map is replaced, not merged.
    Replace,
    /// Fields that a patch does not name go.
    RetainKeys,
}

impl Type {
    /// The type of the objects of a kind.
    pub(crate) fn of(group: &str, version: &str, kind: &str) -> Option<Self> {
        let key = match group {
            "" => format!("{version}/{kind}"),
            group => format!("{group}/{version}/{kind}"),
        };
        let (name, schema) = CATALOG.types.get_key_value(CATALOG.kinds.get(&key)?)?;
        Some(Self {
            place: schema,
            resolved: schema,
            name,
        })
    }

    fn at(place: &'static Schema) -> Self {
        let named = place
            .reference
            .as_ref()
            .and_then(|name| CATALOG.types.get_key_value(name));
        let (name, resolved) = named.map_or(("", place), |(name, schema)| (name.as_str(), schema));
        Self {
            place,
            resolved,
            name,
        }
    }

    /// What its values look like.
    pub(crate) fn shape(self) -> Shape {
        let schema = self.resolved;
        if schema.fields.is_some() {
            return Shape::Object;
        }
        if schema.values.is_some() {
            return Shape::Map;
        }
        if schema.items.is_some() {
            return Shape::List(match schema.list {
                Some(ListType::Set) => List::Set,
                Some(ListType::Map) => List::Map(&schema.keys),
                None => List::Atomic,
            });
        }
        schema.scalar.map_or(Shape::Any, Shape::Scalar)
    }

    /// Whether an object or map is one value for who applies it (`x-kubernetes-map-type`).
    pub(crate) fn is_atomic_map(self) -> bool {
        self.place.atomic || self.resolved.atomic
    }

    /// The type of a field of an object, or of the value of any key of a map.
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        match (&self.resolved.fields, &self.resolved.values) {
            (Some(fields), _) => fields.get(name).map(Self::at),
            (None, Some(values)) => Some(Self::at(values)),
            (None, None) => None,
        }
    }

    /// The type of a field of an object, and the name of the field.
    fn named_field(self, name: &str) -> Option<(&'static str, Self)> {
        let (name, place) = self.resolved.fields.as_ref()?.get_key_value(name)?;
        Some((name, Self::at(place)))
    }

    /// The fields of an object, by name.
    pub(crate) fn fields(self) -> impl Iterator<Item = (&'static str, Self)> {
        let fields = self.resolved.fields.as_ref();
        let fields = fields.into_iter().flatten();
        fields.map(|(name, place)| (name.as_str(), Self::at(place)))
    }

    /// The type of the items of a list or of the values of a map.
    pub(crate) fn item(self) -> Option<Self> {
        let item = self.resolved.items.as_ref();
        let item = item.or(self.resolved.values.as_ref());
        item.map(|item| Self::at(item))
    }

    /// Whether an object must have a field, and so has it even when it is empty.
    pub(crate) fn requires(self, field: &str) -> bool {
        self.resolved.required.iter().any(|name| name == field)
    }

    /// Whether a strategic merge patch does this here.
    pub(crate) fn has_strategy(self, strategy: PatchStrategy) -> bool {
        self.place.strategy.contains(&strategy)
    }

    /// The field by which a strategic merge patch tells the items of a list apart; `None` for a list of plain values.
    pub(crate) fn merge_key(self) -> Option<&'static str> {
        self.place.merge_key.as_deref()
    }

    /// What an absent field is taken for, where the types say so.
    pub(crate) fn default(self) -> Option<&'static Value> {
        let default = self.place.default.as_ref();
        default.or(self.resolved.default.as_ref())
    }

    /// The name of the type in Go without its package, such as `PodSpec`; empty when it has none.
    pub(crate) fn go_name(self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or_default()
    }

    /// The type in Go as its errors write it: `v1.PodSpec`, `[]v1.Container`, `map[string]string`, `int64`.
    pub(crate) fn go_type(self) -> String {
        let item = || self.item().map(Self::go_type).unwrap_or_default();
        match self.shape() {
            Shape::Map => format!("map[string]{}", item()),
            Shape::List(_) => format!("[]{}", item()),
            Shape::Scalar(Scalar::Bytes) => "[]uint8".to_owned(),
            Shape::Scalar(Scalar::Boolean) => "bool".to_owned(),
            Shape::Scalar(Scalar::Int32) => "int32".to_owned(),
            Shape::Scalar(Scalar::Int64) => "int64".to_owned(),
            Shape::Scalar(Scalar::Double) => "float64".to_owned(),
            Shape::Scalar(Scalar::String) => "string".to_owned(),
            Shape::Object | Shape::Any | Shape::Scalar(_) => {
                let mut parts = self.name.rsplit('.');
                let (name, package) = (parts.next(), parts.next());
                format!(
                    "{}.{}",
                    package.unwrap_or_default(),
                    name.unwrap_or_default()
                )
            }
        }
    }
}

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let text = include_str!("../../../data/schema.json");
    serde_json::from_str(text).expect("a test reads the same file")
});

#[derive(Debug, Deserialize)]
struct Catalog {
    /// Names of types by `v1/Pod`, `apps/v1/Deployment`.
    kinds: BTreeMap<String, String>,
    types: BTreeMap<String, Schema>,
}

/// A type as `data/generate.py` writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Schema {
    #[serde(rename = "ref")]
    reference: Option<String>,
    fields: Option<BTreeMap<String, Schema>>,
    required: Vec<String>,
    values: Option<Box<Schema>>,
    items: Option<Box<Schema>>,
    scalar: Option<Scalar>,
    list: Option<ListType>,
    keys: Vec<String>,
    atomic: bool,
    strategy: Vec<PatchStrategy>,
    merge_key: Option<String>,
    default: Option<Value>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum ListType {
    Set,
    Map,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::registry::RESOURCES;
    use expect_test::{Expect, expect};

    #[test]
    fn every_resource_has_a_type_and_every_name_a_meaning() {
        for resource in RESOURCES {
            let (group, version) = (resource.group, resource.version);
            let list = resource.verbs.contains(&"list");
            let list = list.then(|| format!("{}List", resource.kind));
            for kind in [resource.kind.to_owned()].into_iter().chain(list) {
                assert!(Type::of(group, version, &kind).is_some(), "{kind}");
            }
        }
        for kind in CATALOG.kinds.values() {
            assert!(CATALOG.types.contains_key(kind), "{kind}");
        }
        CATALOG.types.values().for_each(names_have_a_meaning);
    }

    fn names_have_a_meaning(schema: &Schema) {
        if let Some(name) = &schema.reference {
            assert!(CATALOG.types.contains_key(name), "{name}");
        }
        let fields = schema.fields.iter().flat_map(BTreeMap::values);
        let items = schema.items.iter().chain(&schema.values);
        fields
            .chain(items.map(|item| &**item))
            .for_each(names_have_a_meaning);
    }

    #[test]
    fn types_say_how_they_are_merged() {
        let check = |kind: &str, path: &str, expected: Expect| {
            let (api_version, kind) = kind.rsplit_once('/').unwrap();
            let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
            let root = Type::of(group, version, kind).unwrap();
            let found = path.split('.').filter(|part| !part.is_empty());
            let found = found.fold(root, |at, part| match part {
                "*" => at.item().unwrap(),
                field => at.field(field).unwrap(),
            });
            let strategies = [
                PatchStrategy::Merge,
                PatchStrategy::Replace,
                PatchStrategy::RetainKeys,
            ];
            let strategies = strategies.map(|one| found.has_strategy(one).then_some(one));
            let strategies: Vec<_> = strategies.into_iter().flatten().collect();
            expected.assert_eq(&format!(
                "{:?} of {} {strategies:?} by {:?} or {:?}{}",
                found.shape(),
                found.go_type(),
                found.merge_key(),
                found.default(),
                if found.is_atomic_map() {
                    ", atomic"
                } else {
                    ""
                },
            ));
        };
        check("v1/Pod", "", expect!["Object of v1.Pod [] by None or None"]);
        check(
            "v1/Pod",
            "spec.containers",
            expect![[r#"List(Map(["name"])) of []v1.Container [Merge] by Some("name") or None"#]],
        );
        check(
            "v1/Pod",
            "spec.containers.*.ports",
            expect![[
                r#"List(Map(["containerPort", "protocol"])) of []v1.ContainerPort [Merge] by Some("containerPort") or None"#
            ]],
        );
        check(
            "v1/Pod",
            "spec.containers.*.ports.*.protocol",
            expect![[r#"Scalar(String) of string [] by None or Some(String("TCP"))"#]],
        );
        check(
            "v1/Pod",
            "spec.containers.*.command",
            expect!["List(Atomic) of []string [] by None or None"],
        );
        check(
            "v1/Pod",
            "spec.volumes",
            expect![[
                r#"List(Map(["name"])) of []v1.Volume [Merge, RetainKeys] by Some("name") or None"#
            ]],
        );
        check(
            "v1/Pod",
            "spec.nodeSelector",
            expect!["Map of map[string]string [] by None or None, atomic"],
        );
        check(
            "v1/Pod",
            "spec.imagePullSecrets.*",
            expect!["Object of v1.LocalObjectReference [] by None or None, atomic"],
        );
        check(
            "v1/Pod",
            "metadata.finalizers",
            expect!["List(Set) of []string [Merge] by None or None"],
        );
        check(
            "v1/Pod",
            "metadata.labels",
            expect!["Map of map[string]string [] by None or None"],
        );
        check(
            "v1/Pod",
            "metadata.creationTimestamp",
            expect!["Scalar(Time) of v1.Time [] by None or None"],
        );
        check(
            "v1/Secret",
            "data",
            expect!["Map of map[string][]uint8 [] by None or None"],
        );
        check(
            "v1/Service",
            "spec.ports",
            expect![[
                r#"List(Map(["port", "protocol"])) of []v1.ServicePort [Merge] by Some("port") or None"#
            ]],
        );
        check(
            "v1/Service",
            "spec.ports.*.targetPort",
            expect!["Scalar(IntOrString) of intstr.IntOrString [] by None or None"],
        );
        check(
            "apps/v1/Deployment",
            "spec.strategy",
            expect!["Object of v1.DeploymentStrategy [RetainKeys] by None or Some(Object {})"],
        );
        check(
            "apps/v1/Deployment",
            "spec.selector",
            expect!["Object of v1.LabelSelector [] by None or None, atomic"],
        );
        check(
            "apps/v1/ControllerRevision",
            "data",
            expect!["Any of runtime.RawExtension [] by None or None"],
        );
    }
}
