//! Strategic merge patches of a list with keys, against a model that is a map.

use super::strategic::patched;
use crate::server::schema::Type;
use proptest::prelude::{Strategy, any, proptest};
use proptest::{collection, option, sample};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NAMES: &[&str] = &["a", "b", "c", "d", "e"];

type Images = BTreeMap<&'static str, u8>;

fn images() -> impl Strategy<Value = Images> {
    collection::btree_map(sample::select(NAMES), any::<u8>(), 1..5)
}

fn pod(images: &Images) -> Value {
    let containers = images.iter();
    let containers = containers
        .map(|(name, image)| json!({"name": name, "image": image.to_string(), "args": ["kept"]}));
    let containers: Value = containers.collect();
    json!({"metadata": {"name": "x"}, "spec": {"containers": containers}})
}

fn images_of(pod: &Value) -> BTreeMap<String, String> {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let images = containers.map(|one| (text(&one["name"]), text(&one["image"])));
    images.collect()
}

fn merged(old: &Value, patch: &Value) -> Value {
    patched(old, patch.clone(), Type::of("", "v1", "Pod")).unwrap()
}

proptest! {
    #[test]
    fn a_list_with_keys_is_merged_as_a_map(
        old in images(),
        changes in collection::btree_map(sample::select(NAMES), option::of(any::<u8>()), 0..5),
        order in sample::subsequence(NAMES, 0..=NAMES.len()),
    ) {
        let mut expected = old.clone();
        let mut items = Vec::new();
        for (name, image) in &changes {
            match image {
                Some(image) => {
                    expected.insert(name, *image);
                    items.push(json!({"name": name, "image": image.to_string()}));
                }
                None => {
                    expected.remove(name);
                    items.push(json!({"name": name, "$patch": "delete"}));
                }
            }
        }
        let patch = json!({"spec": {"containers": items}});
        let new = merged(&pod(&old), &patch);
        let expected = expected.iter().map(|(name, image)| ((*name).to_owned(), image.to_string()));
        let expected: BTreeMap<_, _> = expected.collect();
        assert_eq!(images_of(&new), expected);
        assert_eq!(merged(&new, &patch), new, "a second time changes nothing");
        let kept = new["spec"]["containers"].as_array().into_iter().flatten();
        for one in kept.filter(|one| old.contains_key(one["name"].as_str().unwrap())) {
            assert_eq!(one["args"], json!(["kept"]));
        }

        // Whatever else is there, items stand in the order that is asked for.
        let names: Vec<_> = order.iter().map(|name| json!({"name": name})).collect();
        let sorted = merged(&new, &json!({"spec": {"$setElementOrder/containers": names}}));
        assert_eq!(images_of(&sorted), expected);
        let all = sorted["spec"]["containers"].as_array().into_iter().flatten();
        let places = all.filter_map(|one| order.iter().position(|name| one["name"] == **name));
        let places: Vec<_> = places.collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn a_patch_of_a_whole_list_replaces_it(old in images(), new in images()) {
        let mut items = vec![json!({"$patch": "replace"})];
        items.extend(pod(&new)["spec"]["containers"].as_array().cloned().unwrap_or_default());
        let replaced = merged(&pod(&old), &json!({"spec": {"containers": items}}));
        assert_eq!(replaced, pod(&new));
    }
}
