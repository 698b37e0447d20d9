//! The request of a probe or hook, as Go's `net/http` writes it.

use crate::probe_client::go::{canonical_header, is_token, quote};
use crate::probe_client::url::Url;
use crate::probe_client::{Purpose, user_agent};
use bytes::Bytes;
use std::collections::BTreeMap;

/// The headers a manifest asks for, with the kubelet's own.
#[derive(Debug)]
pub(super) struct Headers(BTreeMap<String, Vec<String>>);

impl Headers {
    /// Headers of the manifest replace the kubelet's, an empty `Accept` removes it (`pkg/probe/http`, `newProbeRequest`).
    pub(super) fn new(purpose: Purpose, written: &[(String, String)]) -> Self {
        let mut headers = BTreeMap::<_, Vec<_>>::new();
        for (name, value) in written {
            let values = headers.entry(canonical_header(name)).or_default();
            values.push(value.clone());
        }
        headers
            .entry("User-Agent".to_owned())
            .or_insert_with(|| vec![user_agent(purpose).to_owned()]);
        let accept = headers
            .entry("Accept".to_owned())
            .or_insert_with(|| vec!["*/*".to_owned()]);
        if accept.first().is_some_and(String::is_empty) {
            headers.remove("Accept");
        }
        Self(headers)
    }

    /// Why no request can have these headers.
    pub(super) fn check(&self) -> Result<(), String> {
        for (name, values) in &self.0 {
            if !is_token(name) {
                let name = quote(name.as_bytes());
                return Err(format!("net/http: invalid header field name {name}"));
            }
            let is_wrong = |c: char| c.is_ascii_control() && c != '\t';
            if values.iter().any(|value| value.contains(is_wrong)) {
                let name = quote(name.as_bytes());
                return Err(format!("net/http: invalid header field value for {name}"));
            }
        }
        Ok(())
    }

    pub(super) fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), vec![value]);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The first value, empty when there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0
            .get(name)
            .and_then(|values| values.first())
            .map_or("", String::as_str)
    }

    /// The request. Go writes `Host`, then `User-Agent`, then the others by name, then its own.
    pub(super) fn request(&self, url: &Url, host: &str) -> Bytes {
        let mut text = format!("GET {} HTTP/1.1\r\nHost: {host}\r\n", url.request_uri());
        let mut push = |name: &str, value: &str| {
            for part in [name, ": ", value.trim(), "\r\n"] {
                text.push_str(part);
            }
        };
        let user_agent = self.get("User-Agent");
        if !user_agent.is_empty() {
            push("User-Agent", user_agent);
        }
        for (name, values) in &self.0 {
            if !WRITTEN_ELSEWHERE.contains(&name.as_str()) {
                values.iter().for_each(|value| push(name, value));
            }
        }
        if !self.decides_about_the_connection() {
            push("Connection", "close");
        }
        text.push_str("\r\n");
        text.into()
    }

    /// Whether the manifest itself closes the connection or turns it into something else.
    fn decides_about_the_connection(&self) -> bool {
        let values = self.0.get("Connection").into_iter().flatten();
        let tokens: Vec<_> = values.flat_map(|value| value.split(',')).collect();
        let has = |token: &str| tokens.iter().any(|t| t.trim().eq_ignore_ascii_case(token));
        has("close") || (has("upgrade") && !self.get("Upgrade").is_empty())
    }
}

/// What Go does not copy into a request.
const WRITTEN_ELSEWHERE: [&str; 5] = [
    "Host",
    "User-Agent",
    "Content-Length",
    "Transfer-Encoding",
    "Trailer",
];
