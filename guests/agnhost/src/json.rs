//! JSON as Go's `encoding/json` writes it: keys in order, and no character that HTML takes for its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;

pub fn string(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _infallible = write!(json, "\\u{:04x}", c as u32);
            }
            c => json.push(c),
        }
    }
    json + "\""
}

pub fn list<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| string(text.as_ref())).collect();
    format!("[{}]", texts.join(","))
}

/// An object; the values are JSON already.
pub fn object<K: AsRef<str>>(fields: &BTreeMap<K, String>) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(key, value)| format!("{}:{value}", string(key.as_ref())))
        .collect();
    format!("{{{}}}", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_as_go_does() {
        assert_eq!(
            string("a<b>&\"\u{1}\n"),
            r#""a\u003cb\u003e\u0026\"\u0001\n""#
        );
        let fields = BTreeMap::from([("b", list(&["x"])), ("a", string("y"))]);
        assert_eq!(object(&fields), r#"{"a":"y","b":["x"]}"#);
    }
}
