//! One request and its answer, for who drives a pod by hand.

use super::response::Response;
use crate::limits::PROBE_BODY_BYTES;
use crate::podtest::HttpRequest;
use bytes::Bytes;

/// One request of HTTP/1.1 and its answer, of whose body 10 KiB are kept.
#[derive(Debug)]
pub struct Exchange {
    has_body: bool,
    response: Response,
}

impl Exchange {
    /// An exchange, and the bytes to send for it.
    pub fn new(request: &HttpRequest, body: &[u8]) -> (Self, Bytes) {
        let HttpRequest {
            to,
            method,
            path,
            headers,
            ..
        } = request;
        let mut text = format!("{method} {path} HTTP/1.1\r\n");
        let own = [
            ("Host", to.clone()),
            ("User-Agent", "seedpod".to_owned()),
            ("Connection", "close".to_owned()),
        ];
        let has = |name: &str| headers.keys().any(|known| known.eq_ignore_ascii_case(name));
        for (name, value) in own.iter().filter(|(name, _)| !has(name)) {
            push(&mut text, name, value);
        }
        headers
            .iter()
            .for_each(|(name, value)| push(&mut text, name, value));
        let is_read = matches!(method.as_str(), "GET" | "HEAD");
        let has_length = !is_read || !body.is_empty();
        if has_length && !has("Content-Length") {
            push(&mut text, "Content-Length", &body.len().to_string());
        }
        text.push_str("\r\n");
        let exchange = Self {
            has_body: method != "HEAD",
            response: Response::default(),
        };
        (exchange, Bytes::from([text.as_bytes(), body].concat()))
    }

    /// Takes what has come; status and body when that is all of it.
    ///
    /// # Errors
    /// When it is no HTTP.
    pub fn handle(&mut self, bytes: &[u8]) -> Result<Option<(u16, Bytes)>, String> {
        self.response
            .handle(bytes)
            .map_err(|error| error.to_string())?;
        let is_complete = self.response.is_complete(PROBE_BODY_BYTES)
            || (!self.has_body && self.response.head().is_some());
        Ok(is_complete.then(|| self.answer()))
    }

    /// The server sends no more: status and body.
    ///
    /// # Errors
    /// When something is missing.
    pub fn end(&mut self) -> Result<(u16, Bytes), String> {
        if self.response.may_end() {
            return Ok(self.answer());
        }
        if self.response.is_begun() {
            self.response
                .check_end_of_head()
                .map_err(|error| error.to_string())?;
        }
        Err("the connection was closed before the end of the answer".to_owned())
    }

    fn answer(&self) -> (u16, Bytes) {
        let status = self.response.head().map_or(0, |head| head.status);
        (status, Bytes::copy_from_slice(self.response.body()))
    }
}

fn push(text: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value.trim(), "\r\n"] {
        text.push_str(part);
    }
}
