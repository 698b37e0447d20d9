//! What differs from run to run.

use regex::Regex;
use std::sync::LazyLock;

static MASKS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let masks = [
        // Tables: how wide a column is depends on what was masked.
        (r" {3,}", "   "),
        (r"[ \t]+(?m:$)", ""),
        (
            r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b",
            "UID",
        ),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (
            r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}",
            "TIME",
        ),
        (r#"(resourceVersion"?: )"?\d+"?"#, "${1}\"REVISION\""),
        (r"\b10\.244\.\d+\.\d+\b", "POD-IP"),
        (r"\b10\.96\.\d+\.([1-9]\d+|[2-9])\b", "CLUSTER-IP"),
        (r"\b127\.0\.0\.1:\d{4,5}\b", "ADDRESS"),
        // Ages: alone in their column, at the end of a line, or in brackets.
        (
            r"(?m)(^|  |\()(\d+[dhms]){1,2}( ago|\)|  |$)",
            "${1}AGE${3}",
        ),
        (
            r"\b-[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b",
            "-HASH-NAME",
        ),
    ];
    let masks = masks.map(|(pattern, by)| (Regex::new(pattern).unwrap(), by));
    masks.into_iter().collect()
});

/// The text without what differs from run to run.
pub(crate) fn mask(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, by) in &*MASKS {
        text = pattern.replace_all(&text, *by).into_owned();
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
