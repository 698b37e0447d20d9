//! `$(NAME)` in texts of a manifest (Kubernetes `third_party/forked/golang/expansion`).

/// Replaces every `$(NAME)` by what `resolve` knows. An unknown name stays as it is, `$$` becomes `$`, any other `$` means
/// nothing. Results are not looked at again.
pub fn expand(text: &str, mut resolve: impl FnMut(&str) -> Option<String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let reference = rest.strip_prefix('(').and_then(|open| open.split_once(')'));
        if let Some((name, after)) = reference {
            match resolve(name) {
                Some(value) => expanded.push_str(&value),
                None => {
                    expanded.push_str("$(");
                    expanded.push_str(name);
                    expanded.push(')');
                }
            }
            rest = after;
        } else {
            expanded.push('$');
            rest = rest.strip_prefix('$').unwrap_or(rest);
        }
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rules() {
        let check = |text: &str, expanded: &str| {
            let resolve = |name: &str| match name {
                "A" => Some("a".to_owned()),
                "B" => Some("$(A)".to_owned()),
                "EMPTY" => Some(String::new()),
                _ => None,
            };
            assert_eq!(expand(text, resolve), expanded, "{text}");
        };
        check("", "");
        check("plain", "plain");
        check("$(A)", "a");
        check("-$(A)$(A)-", "-aa-");
        check("$(B)", "$(A)");
        check("x$(EMPTY)y", "xy");
        check("$(MISSING)", "$(MISSING)");
        check("$()", "$()");
        check("$$", "$");
        check("$$(A)", "$(A)");
        check("$$$(A)", "$a");
        check("$$$$(A)", "$$(A)");
        check("$A", "$A");
        check("$", "$");
        check("$(A", "$(A");
        check("$(A$(A)", "$(A$(A)");
        check("$($(A))", "$($(A))");
        check("é$(A)é$é", "éaé$é");
        check("${A}", "${A}");
    }

    proptest! {
        #[test]
        fn text_without_references_is_only_unescaped(text in "[a-z$(]{0,20}") {
            prop_assert_eq!(expand(&text, |_| None), text.replace("$$", "$"));
        }
    }
}
