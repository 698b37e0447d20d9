//! Text with variables, as `proxy_set_header` or `log_format` take it.

use std::rc::Rc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(Rc<str>),
    Variable(Rc<str>),
    /// `$1` to `$9` of the location's expression.
    Capture(usize),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    pub parts: Vec<Part>,
}

impl Template {
    /// The text, where it has no variable.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    pub fn parse(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let Some(dollar) = rest.find('$') else {
                parts.push(Part::Text(rest.into()));
                break;
            };
            if dollar > 0 {
                parts.push(Part::Text(rest[..dollar].into()));
            }
            rest = &rest[dollar + 1..];
            if let Some(digit @ b'1'..=b'9') = rest.bytes().next() {
                parts.push(Part::Capture(usize::from(digit - b'0')));
                rest = &rest[1..];
                continue;
            }
            let braced = rest.starts_with('{');
            let name_text = &rest[usize::from(braced)..];
            let len = name_text
                .bytes()
                .take_while(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
                .count();
            if braced && !name_text[len..].starts_with('}') {
                return Err(format!(
                    "the closing bracket in \"{}\" variable is missing",
                    &name_text[..len]
                ));
            }
            if len == 0 {
                return Err("invalid variable name".to_owned());
            }
            parts.push(Part::Variable(name_text[..len].to_ascii_lowercase().into()));
            rest = &name_text[len + usize::from(braced)..];
        }
        Ok(Template { parts })
    }

    /// Names of all variables in it.
    pub fn variables(&self) -> impl Iterator<Item = &Rc<str>> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name),
            Part::Text(_) | Part::Capture(_) => None,
        })
    }
}

/// Variables with a fixed name.
const VARIABLES: &[&str] = &[
    "args",
    "body_bytes_sent",
    "bytes_sent",
    "connection",
    "connection_requests",
    "content_length",
    "content_type",
    "document_root",
    "document_uri",
    "host",
    "hostname",
    "https",
    "is_args",
    "msec",
    "nginx_version",
    "pid",
    "pipe",
    "proxy_add_x_forwarded_for",
    "proxy_host",
    "proxy_port",
    "query_string",
    "remote_addr",
    "remote_port",
    "remote_user",
    "request",
    "request_completion",
    "request_filename",
    "request_length",
    "request_method",
    "request_time",
    "request_uri",
    "scheme",
    "server_addr",
    "server_name",
    "server_port",
    "server_protocol",
    "status",
    "time_iso8601",
    "time_local",
    "upstream_addr",
    "upstream_response_time",
    "upstream_status",
    "uri",
];

/// Beginnings of names whose rest names a header, an argument or a cookie.
const VARIABLE_PREFIXES: &[&str] = &["arg_", "cookie_", "http_", "sent_http_", "upstream_http_"];

pub fn is_variable(name: &str) -> bool {
    VARIABLES.contains(&name)
        || VARIABLE_PREFIXES.iter().any(|prefix| {
            name.strip_prefix(prefix)
                .is_some_and(|rest| !rest.is_empty())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_variables_where_nginx_does() {
        check("plain", "t:plain");
        check("$host", "v:host");
        check("a${Host}b$1", "t:a v:host t:b c:1");
        check("$a-$b", "v:a t:- v:b");
        check("$", "error: invalid variable name");
        check(
            "${a",
            "error: the closing bracket in \"a\" variable is missing",
        );
    }

    fn check(text: &str, expected: &str) {
        let shown = match Template::parse(text) {
            Ok(template) => template
                .parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => format!("t:{text}"),
                    Part::Variable(name) => format!("v:{name}"),
                    Part::Capture(number) => format!("c:{number}"),
                })
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(shown, expected, "of {text:?}");
    }
}
