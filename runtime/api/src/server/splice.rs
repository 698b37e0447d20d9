//! The fields of an encoded object without reading what is in them, so that lists and watches send what is stored.

/// The fields of a JSON object: names as they are written, and where the values are. Of anything else, none.
pub(crate) fn fields(json: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = json.strip_prefix(b"{").unwrap_or_default();
    std::iter::from_fn(move || {
        let name_end = string_end(rest)?;
        let (name, after) = rest.split_at(name_end);
        let after = after.strip_prefix(b":")?;
        let value_end = value_end(after);
        let (value, after) = after.split_at(value_end);
        rest = after.strip_prefix(b",").unwrap_or_default();
        Some((&name[1..name.len() - 1], value))
    })
}

/// The value of a field.
pub(crate) fn field<'j>(json: &'j [u8], name: &str) -> Option<&'j [u8]> {
    let mut all = fields(json);
    let (_, value) = all.find(|(field, _)| *field == name.as_bytes())?;
    Some(value)
}

/// Appends an object without the fields that say what it is, as items of a list are.
pub(crate) fn push_item(to: &mut Vec<u8>, json: &[u8]) {
    to.push(b'{');
    let mut is_first = true;
    for (name, value) in fields(json).filter(|(name, _)| !matches!(*name, b"kind" | b"apiVersion"))
    {
        if !std::mem::take(&mut is_first) {
            to.push(b',');
        }
        to.push(b'"');
        to.extend_from_slice(name);
        to.extend_from_slice(b"\":");
        to.extend_from_slice(value);
    }
    to.push(b'}');
}

fn string_end(json: &[u8]) -> Option<usize> {
    let mut at = 1;
    if json.first() != Some(&b'"') {
        return None;
    }
    loop {
        match json.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn value_end(json: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => {
                at += string_end(&json[at..]).unwrap_or(json.len() - at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b',' | b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
    use serde_json::{Map, Value, json};

    fn check(object: &Value) {
        let text = object.to_string();
        let spliced: Map<String, Value> = fields(text.as_bytes())
            .map(|(name, value)| {
                let name = format!("\"{}\"", String::from_utf8_lossy(name));
                let name = serde_json::from_str(&name).unwrap();
                (name, serde_json::from_slice(value).unwrap())
            })
            .collect();
        assert_eq!(Value::Object(spliced), *object);
        let mut item = Vec::new();
        push_item(&mut item, text.as_bytes());
        let mut without = object.clone();
        for field in ["kind", "apiVersion"] {
            without.as_object_mut().unwrap().remove(field);
        }
        assert_eq!(String::from_utf8(item).unwrap(), without.to_string());
    }

    #[test]
    fn an_item_does_not_say_what_it_is() {
        check(&json!({}));
        check(&json!({"apiVersion": "v1", "kind": "Pod"}));
        check(
            &json!({"action": "a", "apiVersion": "v1", "kind": "Event", "metadata": {"kind": "x"}}),
        );
        check(&json!({"a\"\\": "}{][,:\"\\", "kind": [{"b": ["]"]}], "z": null}));
        assert_eq!(fields(b"[1]").count(), 0);
        assert_eq!(fields(b"{\"a").count(), 0);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z{}\\[\\]\"\\\\,: \u{e9}]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let names = "[a-z\"\\\\,:]{0,3}|kind|apiVersion";
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(names, inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_object_is_split_as_it_was_written(
            fields in proptest::collection::btree_map("[a-z\"\\\\]{0,3}|kind|apiVersion", values(), 0..5)
        ) {
            check(&Value::Object(fields.into_iter().collect()));
        }
    }
}
