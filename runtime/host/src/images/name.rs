//! Names of images, as Docker and containerd read them.

/// The repository of an image reference, without registry `docker.io`, `library/`, tag and digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository(String);

/// Why a text is no image reference. Texts are those of `distribution/reference`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Anything else.
    #[error("invalid reference format")]
    Format,
    /// An upper case letter in the path.
    #[error("invalid reference format: repository name ({0}) must be lowercase")]
    UpperCase(String),
    /// The path is longer than 255 characters.
    #[error("repository name must not be more than {NAME_BYTES_MAX} characters")]
    TooLong,
}

/// `NameTotalLengthMax` of `distribution/reference`.
const NAME_BYTES_MAX: usize = 255;

impl Repository {
    /// Reads `[registry/]path[:tag][@digest]`.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn parse(reference: &str) -> Result<Self, NameError> {
        let (name, digest) = match reference.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (reference, None),
        };
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match name[last..].find(':') {
            Some(colon) => (&name[..last + colon], Some(&name[last + colon + 1..])),
            None => (name, None),
        };
        if !tag.is_none_or(is_tag) || !digest.is_none_or(is_digest) {
            return Err(NameError::Format);
        }
        let (registry, path) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (Some(first), rest)
            }
            _ => (None, name),
        };
        if path.chars().any(|c| c.is_ascii_uppercase()) {
            let library = if registry.is_none() && !path.contains('/') {
                "library/"
            } else {
                ""
            };
            return Err(NameError::UpperCase(format!("{library}{path}")));
        }
        if path.len() > NAME_BYTES_MAX {
            return Err(NameError::TooLong);
        }
        if !path.split('/').all(is_component) || !registry.is_none_or(is_registry) {
            return Err(NameError::Format);
        }
        Ok(Self(match registry {
            None | Some("docker.io" | "index.docker.io") => {
                path.strip_prefix("library/").unwrap_or(path).to_owned()
            }
            Some(registry) => format!("{registry}/{path}"),
        }))
    }

    /// The short form: `nginx`, `training/webapp`, `k8s.gcr.io/pause`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Letters and digits with single separators between them: `.`, `_`, `__` or any number of `-`.
fn is_component(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separator = |s: &str| matches!(s, "." | "_" | "__") || s.bytes().all(|b| b == b'-');
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text
            .split(alphanumeric)
            .filter(|between| !between.is_empty())
            .all(separator)
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128
        && text.starts_with(word)
        && text.chars().all(|c| word(c) || matches!(c, '.' | '-'))
}

fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:");
    hex.is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let host_ok = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    host_ok && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reference: &str, expected: &Result<&str, NameError>) {
        let found = Repository::parse(reference);
        assert_eq!(
            found.as_ref().map(Repository::as_str).map_err(Clone::clone),
            *expected,
            "{reference}"
        );
    }

    #[test]
    fn references() {
        check("nginx", &Ok("nginx"));
        check("nginx:1.14.2", &Ok("nginx"));
        check("library/nginx", &Ok("nginx"));
        check("docker.io/training/webapp:latest", &Ok("training/webapp"));
        check("k8s.gcr.io/pause:3.1", &Ok("k8s.gcr.io/pause"));
        check("localhost:5000/a/b:t", &Ok("localhost:5000/a/b"));
        check(&format!("nginx@sha256:{}", "0f".repeat(32)), &Ok("nginx"));
        check("a__b.c--d", &Ok("a__b.c--d"));
    }

    #[test]
    fn what_is_no_reference() {
        let bad = [
            "",
            ":",
            "nginx:",
            "-a",
            "a-",
            "a..b",
            "a b",
            "a//b",
            "ng\u{ef}nx",
            "nginx@sha256:12",
            "nginx:@",
            "a/",
        ];
        for reference in bad {
            check(reference, &Err(NameError::Format));
        }
        check("a/B", &Err(NameError::UpperCase("a/B".to_owned())));
        check(&"a".repeat(256), &Err(NameError::TooLong));
    }
}
