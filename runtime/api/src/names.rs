//! What may be the name of what, with Kubernetes' own words (apimachinery `validation.go`).

/// `a-z`, `0-9`, `-`; begins and ends with a letter or digit; 63 at most.
pub(crate) fn dns_label(text: &str) -> Option<String> {
    const RULE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
        start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
        '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    const DOTS: &str = "must not contain dots";
    let rule = match text {
        _ if is_label(text) => None,
        _ if text.split('.').all(is_label) => Some(DOTS),
        _ => Some(RULE),
    };
    too_long(text, 63).or_else(|| rule.map(str::to_owned))
}

/// A DNS label that does not begin with a digit.
pub(crate) fn service_name(text: &str) -> Option<String> {
    const RULE: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
        alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
        validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    let good = is_label(text) && !text.starts_with(|c: char| c.is_ascii_digit());
    too_long(text, 63).or_else(|| (!good).then(|| RULE.to_owned()))
}

/// Labels joined by dots; 253 at most.
pub(crate) fn dns_subdomain(text: &str) -> Option<String> {
    const RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
        and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
        '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    too_long(text, 253).or_else(|| (!text.split('.').all(is_label)).then(|| RULE.to_owned()))
}

/// A DNS subdomain in which underscores are allowed: a search domain.
pub(crate) fn dns_search(text: &str) -> Option<String> {
    const RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or \
        '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
        '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";
    let is_part = |part: &str| is_label(&part.strip_prefix('_').unwrap_or(part).replace('_', "-"));
    let good = text.split('.').all(is_part);
    too_long(text, 253).or_else(|| (!good).then(|| RULE.to_owned()))
}

/// Name of a header of a request.
pub(crate) fn http_header(text: &str) -> Option<String> {
    const RULE: &str = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex \
        used for validation is '[-A-Za-z0-9]+')";
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (text.is_empty() || !text.bytes().all(good)).then(|| RULE.to_owned())
}

/// Name of a kernel parameter, with dots or slashes.
pub(crate) fn sysctl(text: &str) -> Option<String> {
    const RULE: &str = "must have at most 253 characters and match regex \
        ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
    let is_segment = |segment: &str| {
        let plain = segment.replace('_', "-");
        is_label(&plain)
    };
    let good = text.len() <= 253 && text.split(['.', '/']).all(is_segment);
    (!good).then(|| RULE.to_owned())
}

/// Name of a port: 15 at most, with a letter in it.
pub(crate) fn port_name(text: &str) -> Vec<String> {
    let mut rules = Vec::new();
    if text.len() > 15 {
        rules.push("must be no more than 15 characters".to_owned());
    }
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    {
        rules.push(
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned(),
        );
    }
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        rules.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        rules.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        rules.push("must not begin or end with a hyphen".to_owned());
    }
    rules
}

/// Name of an environment variable: printable ASCII without `=`.
pub(crate) fn env_name(text: &str) -> Option<String> {
    const RULE: &str = "a valid environment variable name must consist only of printable ASCII characters other than '='";
    let good = text
        .bytes()
        .all(|byte| (0x20..0x7f).contains(&byte) && byte != b'=');
    (text.is_empty() || !good).then(|| RULE.to_owned())
}

/// Key of a ConfigMap or Secret.
pub(crate) fn config_key(text: &str) -> Option<String> {
    const RULE: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
        'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.is_empty() || !text.bytes().all(good) {
        return Some(RULE.to_owned());
    }
    match text {
        "." => Some("must not be '.'".to_owned()),
        ".." => Some("must not be '..'".to_owned()),
        _ if text.starts_with("..") => Some("must not start with '..'".to_owned()),
        _ => too_long(text, 253),
    }
}

/// Key of a label or annotation: an optional DNS subdomain and `/`, then a name.
pub(crate) fn qualified_name(text: &str) -> Option<String> {
    const RULE: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
        an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
        '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let name = match text.split_once('/') {
        Some(("", _)) => return Some("prefix part must be non-empty".to_owned()),
        Some((prefix, name)) => {
            if let Some(rule) = dns_subdomain(prefix) {
                return Some(format!("prefix part {rule}"));
            }
            name
        }
        None => text,
    };
    if name.is_empty() {
        return Some("name part must be non-empty".to_owned());
    }
    if name.len() > 63 {
        return Some("name part must be no more than 63 characters".to_owned());
    }
    (!is_label_value(name)).then(|| RULE.to_owned())
}

/// Value of a label.
pub(crate) fn label_value(text: &str) -> Option<String> {
    const RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
        must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
        validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    too_long(text, 63)
        .or_else(|| (!text.is_empty() && !is_label_value(text)).then(|| RULE.to_owned()))
}

fn too_long(text: &str, max: usize) -> Option<String> {
    (text.len() > max).then(|| format!("must be no more than {max} characters"))
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_label_value(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && edge(text.chars().next())
        && edge(text.chars().last())
}
