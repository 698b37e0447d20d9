//! Hashes in names and labels.

use crate::server::LETTERS;
use seedpod_core::hash::fnv1a;
use serde_json::Value;

/// A word for a value, another when `collisions` says that there is one of the same already. Its form is that of
/// Kubernetes: a decimal number of 32 bits in letters that make no words.
pub(super) fn short_hash(value: &Value, collisions: Option<i64>) -> String {
    let collisions = collisions.map(i64::to_le_bytes).unwrap_or_default();
    let text = value.to_string();
    let hash = fnv1a(text.bytes().chain(collisions));
    let hash = (hash >> 32) ^ (hash & u64::from(u32::MAX));
    let letter = |digit: u8| char::from(LETTERS[usize::from(digit) % LETTERS.len()]);
    hash.to_string().bytes().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hashes_differ_by_value_and_collisions() {
        let (one, other) = (json!({"a": 1}), json!({"a": 2}));
        assert_eq!(short_hash(&one, None), short_hash(&one, None));
        assert_ne!(short_hash(&one, None), short_hash(&other, None));
        assert_ne!(short_hash(&one, None), short_hash(&one, Some(1)));
        let hash = short_hash(&one, None);
        assert!(hash.len() <= 10 && hash.bytes().all(|byte| LETTERS.contains(&byte)));
    }
}
