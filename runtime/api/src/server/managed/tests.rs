//! Who manages what, against a model that has nothing but one value and a set of managers for each key.

use super::managers::{Manager, Managers, Operation};
use super::{Writer, apply, track};
use crate::server::registry::CONFIG_MAPS;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::{collection, option};
use seedpod_core::time::WallTime;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const KEYS: &[&str] = &["a", "b", "c", "d"];
const MANAGERS: &[&str] = &["one", "two", "three"];

type Values = BTreeMap<&'static str, u8>;

#[derive(Clone, Debug)]
enum Step {
    /// Sets or removes keys.
    Update(&'static str, BTreeMap<&'static str, Option<u8>>),
    Apply(&'static str, Values, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || proptest::sample::select(KEYS);
    let manager = || proptest::sample::select(MANAGERS);
    let update = (
        manager(),
        collection::btree_map(key(), option::of(0..2_u8), 1..3),
    );
    let apply = (
        manager(),
        collection::btree_map(key(), 0..2_u8, 0..4),
        any::<bool>(),
    );
    let step = prop_oneof![
        update.prop_map(|(manager, changes)| Step::Update(manager, changes)),
        apply.prop_map(|(manager, config, force)| Step::Apply(manager, config, force)),
    ];
    collection::vec(step, 1..24).prop_flat_map(Just)
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    values: Values,
    managers: BTreeMap<(&'static str, Operation), BTreeSet<&'static str>>,
}

impl Model {
    fn lose(&mut self, key: &str, but: Option<(&str, Operation)>) {
        for (manager, keys) in &mut self.managers {
            if Some(*manager) != but {
                keys.remove(key);
            }
        }
    }

    fn update(&mut self, name: &'static str, changes: &BTreeMap<&'static str, Option<u8>>) {
        for (key, value) in changes {
            if self.values.get(key).copied() == *value {
                continue;
            }
            self.lose(key, None);
            match value {
                Some(value) => {
                    self.values.insert(key, *value);
                    self.managers
                        .entry((name, Operation::Update))
                        .or_default()
                        .insert(key);
                }
                None => {
                    self.values.remove(key);
                }
            }
        }
    }

    /// Whether there is no conflict.
    fn apply(&mut self, name: &'static str, config: &Values, force: bool) -> bool {
        let me = (name, Operation::Apply);
        let others: BTreeSet<&str> = self
            .managers
            .iter()
            .filter(|(manager, _)| **manager != me)
            .flat_map(|(_, keys)| keys.iter().copied())
            .collect();
        let changed: Vec<_> = config
            .iter()
            .filter(|(key, value)| self.values.get(*key) != Some(value))
            .collect();
        if !force && changed.iter().any(|(key, _)| others.contains(**key)) {
            return false;
        }
        for key in self.managers.remove(&me).unwrap_or_default() {
            if !config.contains_key(key) && !others.contains(key) {
                self.values.remove(key);
            }
        }
        for (key, value) in changed {
            self.values.insert(key, *value);
            self.lose(key, None);
        }
        self.managers.insert(me, config.keys().copied().collect());
        true
    }
}

fn data(values: &Values) -> Value {
    let values = values.iter();
    values
        .map(|(key, value)| ((*key).to_owned(), json!(value.to_string())))
        .collect()
}

/// What an object says, as the model has it.
fn model_of(object: &Value) -> Model {
    let values = object["data"].as_object().into_iter().flatten();
    let key = |text: &str| KEYS.iter().copied().find(|key| *key == text).unwrap();
    let values = values.map(|(name, value)| (key(name), value.as_str().unwrap().parse().unwrap()));
    let values = values.collect();
    let mut managers = BTreeMap::new();
    for entry in object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let name = entry["manager"].as_str().unwrap();
        let name = MANAGERS.iter().copied().find(|one| *one == name).unwrap();
        let operation = match entry["operation"].as_str() {
            Some("Apply") => Operation::Apply,
            _ => Operation::Update,
        };
        let fields = entry["fieldsV1"]["f:data"]
            .as_object()
            .into_iter()
            .flatten();
        let keys = fields.filter_map(|(field, _)| Some(key(field.strip_prefix("f:")?)));
        managers.insert((name, operation), keys.collect());
    }
    let model = Model { values, managers };
    with_managers_of_something(model)
}

fn with_managers_of_something(mut model: Model) -> Model {
    model.managers.retain(|_, keys| !keys.is_empty());
    model
}

fn check(steps: &[Step]) {
    let mut model = Model::default();
    let mut object =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {}});
    let writer = |manager: &'static str| Writer {
        manager,
        subresource: "",
        resource: &CONFIG_MAPS,
        time: WallTime::default(),
    };
    // Fields of an object that somebody has made are tracked from its beginning.
    object["metadata"]["labels"] = json!({"made": "yes"});
    track(None, &mut object, &writer("one"));
    for step in steps {
        match step {
            Step::Update(manager, changes) => {
                let mut new = object.clone();
                for (key, value) in changes {
                    match value {
                        Some(value) => new["data"][key] = value.to_string().into(),
                        None => {
                            if let Some(data) = new["data"].as_object_mut() {
                                data.remove(*key);
                            }
                        }
                    }
                }
                track(Some(&object), &mut new, &writer(manager));
                object = new;
                model.update(manager, changes);
            }
            Step::Apply(manager, config, force) => {
                let config_object = json!({
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data(config),
                });
                let applied = apply(Some(&object), &config_object, &writer(manager), *force);
                assert_eq!(
                    applied.is_ok(),
                    model.apply(manager, config, *force),
                    "{step:?}"
                );
                object = applied.unwrap_or(object);
            }
        }
        assert_eq!(
            model_of(&object),
            with_managers_of_something(model.clone()),
            "after {step:?}"
        );
        let written = &object["metadata"]["managedFields"];
        let managers = Managers::parse(written, &CONFIG_MAPS).unwrap();
        assert_eq!(managers.encode(&CONFIG_MAPS), *written);
    }
}

proptest! {
    #[test]
    fn managers_are_those_of_a_simple_model(steps in steps()) {
        check(&steps);
    }
}

#[test]
fn managers_are_ordered_by_name_first() {
    let manager = |name: &str, operation| Manager {
        name: name.to_owned(),
        operation,
        subresource: String::new(),
    };
    assert!(manager("a", Operation::Update) < manager("b", Operation::Apply));
}
