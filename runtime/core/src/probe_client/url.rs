//! URLs as Go's `net/url` reads and writes them, as far as probes and redirects need it.

use super::{Target, join_host_port};
use crate::spec::Scheme;
use std::borrow::Cow;
use std::fmt;

/// `http` or another scheme, a host, and what comes after it, all as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) scheme: String,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    port: Option<u16>,
    /// Begins with `/` unless empty.
    path: String,
    query: Option<String>,
    /// Never sent, but shown.
    fragment: Option<String>,
}

/// Neither absolute nor relative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Url {
    /// `httpGet` of a manifest. A path that is none is all path (`formatURL` of `pkg/probe/http`).
    pub(super) fn of_manifest(scheme: Scheme, host: String, port: u16, path: &str) -> Self {
        let reference = Reference::parse(path).unwrap_or(Reference {
            path: escape_literal(path.as_bytes()),
            ..Reference::default()
        });
        let slash = if reference.path.is_empty() || reference.path.starts_with('/') {
            ""
        } else {
            "/"
        };
        Self {
            scheme: match scheme {
                Scheme::Http => "http".to_owned(),
                Scheme::Https => "https".to_owned(),
            },
            host,
            port: Some(port),
            path: format!("{slash}{}", reference.path),
            query: reference.query,
            fragment: reference.fragment,
        }
    }

    /// The URL that `location` means here, and whether it is absolute.
    pub(super) fn join(&self, location: &str) -> Result<(Self, bool), Malformed> {
        let reference = Reference::parse(location).ok_or(Malformed)?;
        let absolute = reference.scheme.is_some();
        let mut url = Self {
            scheme: reference.scheme.unwrap_or_else(|| self.scheme.clone()),
            query: reference.query,
            fragment: reference.fragment,
            ..self.clone()
        };
        if let Some((host, port)) = reference.authority {
            (url.host, url.port) = (host, port);
            url.path = resolve(&reference.path);
        } else if absolute {
            (url.host, url.port) = (String::new(), None);
            url.path = resolve(&reference.path);
        } else if reference.path.is_empty() {
            if url.query.is_none() {
                url.query.clone_from(&self.query);
            }
        } else if reference.path.starts_with('/') {
            url.path = resolve(&reference.path);
        } else {
            let folder = self
                .path
                .rfind('/')
                .map_or("/", |slash| &self.path[..=slash]);
            url.path = resolve(&format!("{folder}{}", reference.path));
        }
        Ok((url, absolute))
    }

    pub(super) fn target(&self) -> Target {
        let secure = self.scheme == "https";
        Target {
            host: self.host.clone(),
            port: self.port.unwrap_or(if secure { 443 } else { 80 }),
            secure,
        }
    }

    /// What `Host` says.
    pub(super) fn authority(&self) -> String {
        match self.port {
            Some(port) => join_host_port(&self.host, port),
            None if self.host.contains(':') => format!("[{}]", self.host),
            None => self.host.clone(),
        }
    }

    /// What stands in the first line of a request.
    pub(super) fn request_uri(&self) -> String {
        let path = if self.path.is_empty() {
            "/"
        } else {
            &self.path
        };
        match &self.query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority(), self.path)?;
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        if let Some(fragment) = &self.fragment {
            write!(f, "#{fragment}")?;
        }
        Ok(())
    }
}

/// The parts of a text that is a URL or a part of one. The path is escaped.
#[derive(Debug, Default)]
struct Reference {
    scheme: Option<String>,
    authority: Option<(String, Option<u16>)>,
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

impl Reference {
    fn parse(text: &str) -> Option<Self> {
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            return None;
        }
        let (rest, fragment) = cut(text, '#');
        let (rest, query) = cut(rest, '?');
        let (scheme, rest) = match scheme(rest) {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, rest),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) if scheme.is_some() || !rest.starts_with('/') => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(parse_authority(authority)?), path)
            }
            Some(_) | None => (None, rest),
        };
        let first = path.split('/').next().unwrap_or_default();
        if scheme.is_none() && first.contains(':') {
            return None;
        }
        Some(Self {
            scheme,
            authority,
            path: escape_path(path)?.into_owned(),
            query: query.map(str::to_owned),
            fragment: fragment.map(str::to_owned),
        })
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
    is_scheme.then_some((scheme, rest))
}

fn parse_authority(text: &str) -> Option<(String, Option<u16>)> {
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let (host, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let port = match port.strip_prefix(':') {
        Some("") => None,
        Some(port) => Some(port.parse().ok()?),
        None if port.is_empty() => None,
        None => return None,
    };
    let is_host = |c: char| !c.is_whitespace() && !"\"<>\\^`{}|%".contains(c);
    host.chars().all(is_host).then(|| (host.to_owned(), port))
}

/// As it is when it is well escaped, else what it means, escaped anew. `None` when `%` begins no escape.
fn escape_path(path: &str) -> Option<Cow<'_, str>> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    let mut well_escaped = true;
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            well_escaped &= is_plain(byte) || b"!'()*[]".contains(&byte);
            decoded.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        decoded.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(if well_escaped {
        path.into()
    } else {
        escape_literal(&decoded).into()
    })
}

fn escape_literal(path: &[u8]) -> String {
    path.iter()
        .map(|byte| match byte {
            byte if is_plain(*byte) => char::from(*byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// What Go does not escape in a path.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte)
}

/// Without `.` and `..` (RFC 3986, 5.2.4).
fn resolve(path: &str) -> String {
    let mut segments = Vec::new();
    let mut folder = false;
    for segment in path.split('/').skip(usize::from(path.starts_with('/'))) {
        folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    if path.is_empty() {
        return String::new();
    }
    let slash = if folder && !segments.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{slash}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(path: &str) -> Url {
        Url::of_manifest(Scheme::Http, "10.244.0.2".to_owned(), 8080, path)
    }

    #[test]
    fn paths_of_manifests() {
        let check = |path: &str, url: &str, uri: &str| {
            assert_eq!(
                base(path).to_string(),
                format!("http://10.244.0.2:8080{url}")
            );
            assert_eq!(base(path).request_uri(), uri);
        };
        check("/", "/", "/");
        check("", "", "/");
        check("healthz", "/healthz", "/healthz");
        check("/a?b=c&d#e", "/a?b=c&d#e", "/a?b=c&d");
        check("/a b/ü", "/a%20b/%C3%BC", "/a%20b/%C3%BC");
        check("/%41!(x)", "/%41!(x)", "/%41!(x)");
        check("/%41 !", "/A%20%21", "/A%20%21");
        check("/50%?x", "/50%25%3Fx", "/50%25%3Fx");
        check("a:b", "/b", "/b");
        check("//other/path", "/path", "/path");
    }

    #[test]
    fn ipv6_addresses_stand_in_brackets() {
        let url = Url::of_manifest(Scheme::Https, "fd00::1".to_owned(), 443, "/x");
        assert_eq!(url.to_string(), "https://[fd00::1]:443/x");
        assert!(url.target().secure);
        assert_eq!(url.target().host, "fd00::1");
    }

    #[test]
    fn locations_are_relative_to_the_request() {
        let check = |location: &str, joined: &str| {
            let url = base("/a/b?q")
                .join(location)
                .map(|(url, _)| url.to_string());
            assert_eq!(url.as_deref().unwrap_or("malformed"), joined);
        };
        check("/new", "http://10.244.0.2:8080/new");
        check("c/../d?x", "http://10.244.0.2:8080/a/d?x");
        check("..", "http://10.244.0.2:8080/");
        check("../../../e", "http://10.244.0.2:8080/e");
        check("", "http://10.244.0.2:8080/a/b?q");
        check("?r", "http://10.244.0.2:8080/a/b?r");
        check("//[::1]:9/x", "http://[::1]:9/x");
        check("HTTPS://user@example.com", "https://example.com");
        check("http://example.com:/x", "http://example.com/x");
        check("http:///x", "http:///x");
        check("http://a:b/", "malformed");
        check("http://a:99999/", "malformed");
        check("http://[::1/", "malformed");
        check("/%zz", "malformed");
        check("/a\u{7f}", "malformed");
        check("1:2", "malformed");
    }
}
