//! Files of variables that a container leaves for the next ones: a strict subset of a shell's (kubelet `util/env`).

/// The file is not in the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid environment variable format at line {line}: {reason}")]
pub struct EnvFileError {
    /// From 1.
    line: usize,
    reason: &'static str,
}

/// The value of `key`: everything between the single quotes after `key=`, line feeds included. Empty when there is no such
/// key; what stands behind it in the file is not looked at.
///
/// # Errors
/// When a line before it breaks the rules.
pub fn value(text: &str, key: &str) -> Result<String, EnvFileError> {
    let mut lines = (1..).zip(text.lines());
    while let Some((line, content)) = lines.next() {
        let content = content.trim_start_matches(BLANK);
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let wrong = |reason| EnvFileError { line, reason };
        let (name, rest) = content
            .split_once('=')
            .ok_or_else(|| wrong("missing '='"))?;
        if name.trim_end_matches(BLANK).is_empty() {
            return Err(wrong("empty variable name"));
        }
        if name.ends_with(BLANK) {
            return Err(wrong("whitespace before '=' is not allowed"));
        }
        if rest.starts_with(BLANK) {
            // A shell would set it to nothing here.
            if name == key {
                return Ok(String::new());
            }
            continue;
        }
        let mut rest = rest
            .strip_prefix('\'')
            .ok_or_else(|| wrong("value must be enclosed in single quotes"))?;
        let mut value = String::new();
        let after = loop {
            if let Some((last, after)) = rest.split_once('\'') {
                value.push_str(last);
                break after.trim_start_matches(BLANK);
            }
            value.extend([rest, "\n"]);
            (_, rest) = lines.next().ok_or_else(|| wrong("unclosed single quote"))?;
        };
        if !after.is_empty() && !after.starts_with('#') {
            return Err(wrong("unexpected content after closing quote"));
        }
        if name == key {
            return Ok(value);
        }
    }
    Ok(String::new())
}

const BLANK: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let value = value(text, "K").map_err(|error| error.to_string());
            let wrong = |error: &str| {
                let prefix = "invalid environment variable format at ";
                error.strip_prefix(prefix).unwrap_or(error).to_owned()
            };
            let value = value.map_err(|error| wrong(&error));
            assert_eq!(
                value.as_deref().map_err(String::as_str),
                expected,
                "{text:?}"
            );
        };
        check("K='v'", Ok("v"));
        check("  K='v' # why", Ok("v"));
        check(
            "# K='no'\n\n\t\nA='1'\nK='two\n  lines'\n",
            Ok("two\n  lines"),
        );
        check("K='a \"$b\" \\n#'", Ok("a \"$b\" \\n#"));
        check("K='1'\nK='2'", Ok("1"));
        check("K= 'v'", Ok(""));
        check("A= 'v'\nK='1'", Ok("1"));
        check("A='1'", Ok(""));
        check("", Ok(""));
        check("K=''", Ok(""));
        check("K='1'\nbroken", Ok("1"));
        check("broken\nK='1'", Err("line 1: missing '='"));
        check("\n='1'", Err("line 2: empty variable name"));
        check(
            "K ='1'",
            Err("line 1: whitespace before '=' is not allowed"),
        );
        let quotes = "line 1: value must be enclosed in single quotes";
        check("K=v", Err(quotes));
        check("K=\"v\"", Err(quotes));
        check("K=", Err(quotes));
        check(
            "A='x\ny\nK='1'",
            Err("line 1: unexpected content after closing quote"),
        );
        check("A='x\ny\n", Err("line 1: unclosed single quote"));
        check(
            "K='v'x",
            Err("line 1: unexpected content after closing quote"),
        );
    }
}
