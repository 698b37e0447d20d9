//! Writing answers: the head in nginx' order, and bodies with or without a known length.

use super::config::{Expires, Level};
use super::exchange::Exchange;
use super::pages;
use super::request::{HEADER_TOO_LARGE, Header};
use super::world::{World, timeout};
use crate::date;
use crate::stream;
use std::io;
use std::time::Duration;

pub const TIMEOUT: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(75);

/// The head of an answer.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub status: u16,
    /// The text of the status, where a proxied server sent its own.
    pub reason: Option<Vec<u8>>,
    pub content_type: Option<String>,
    /// Unknown: the body is sent in chunks, or ends with the connection.
    pub length: Option<u64>,
    pub last_modified: Option<Vec<u8>>,
    pub location: Option<String>,
    /// nginx writes a `Location` that it did not complete itself after `Connection`.
    pub location_last: bool,
    /// The file's time, for `expires modified`.
    pub modified: Option<i64>,
    pub headers: Vec<Header>,
    /// What nginx writes after the headers of `add_header`.
    pub last_headers: Vec<Header>,
    /// `Connection: upgrade`, after which bytes go through unchanged.
    pub upgrade: bool,
}

impl Head {
    pub fn new(status: u16) -> Self {
        Head {
            status,
            ..Head::default()
        }
    }

    /// Adds a header that is about ranges.
    pub fn last_header(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.last_headers.push(Header {
            name: name.to_owned(),
            value: value.into(),
        });
    }

    pub fn header(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.headers.push(Header {
            name: name.to_owned(),
            value: value.into(),
        });
    }
}

/// How the body that follows a head is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body follows.
    None,
    Plain,
    Chunked,
}

/// What else is to be done for a request.
#[derive(Debug)]
pub enum Flow {
    /// The answer is sent.
    Done,
    /// The answer is an error, or nginx' page for that status.
    Status(u16),
    /// Start again with this path and arguments.
    Redirect { uri: String, args: String },
    /// Go on in the named location.
    Named(String),
}

impl<W: World> Exchange<'_, W> {
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let limit = self.location.scope.send_timeout.unwrap_or(TIMEOUT);
        timeout(
            &self.state.world,
            limit,
            stream::write_all(&mut self.connection.writer, bytes),
        )
        .await?;
        self.sent.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Sends the head and says how the body must follow.
    pub async fn send_head(&mut self, mut head: Head) -> io::Result<Framing> {
        if let Some(status) = self.error_status.take()
            && head.status != status
        {
            head.status = status;
            head.reason = None;
        }
        if !matches!(head.status, 200 | 206 | 304) {
            head.last_modified = None;
        }
        if head.status == 204 {
            head.length = None;
        }
        self.filter(&mut head);
        let last = std::mem::take(&mut head.last_headers);
        head.headers.extend(last);
        let no_body = self.request.is_head() || matches!(head.status, 204 | 304) || head.upgrade;
        let mut framing = if no_body {
            Framing::None
        } else {
            Framing::Plain
        };
        let mut chunked = false;
        if head.length.is_none() && !matches!(head.status, 204 | 304) && !head.upgrade {
            chunked = self.request.http_11 && !no_body;
            self.keepalive &= chunked || no_body;
            if chunked {
                framing = Framing::Chunked;
            }
        }
        let text = self.serialize(&head, chunked);
        self.sent.status = if head.status == HEADER_TOO_LARGE {
            400
        } else {
            head.status
        };
        self.sent.headers = sent_headers(&head);
        self.write(&text).await?;
        self.sent.head_bytes += text.len() as u64;
        Ok(framing)
    }

    fn serialize(&self, head: &Head, chunked: bool) -> Vec<u8> {
        let shown = if head.status == HEADER_TOO_LARGE {
            400
        } else {
            head.status
        };
        let mut out = format!("HTTP/1.1 {shown} ").into_bytes();
        match &head.reason {
            Some(reason) => out.extend_from_slice(reason),
            None => out.extend_from_slice(pages::reason(shown).as_bytes()),
        }
        let mut line = |name: &str, value: &[u8]| {
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend(header_bytes(value));
        };
        line("Server", self.server_token().as_bytes());
        line(
            "Date",
            date::http(date::seconds(self.state.world.wall())).as_bytes(),
        );
        if let Some(kind) = &head.content_type {
            line("Content-Type", kind.as_bytes());
        }
        if let Some(length) = head.length {
            line("Content-Length", length.to_string().as_bytes());
        }
        if let Some(time) = &head.last_modified {
            line("Last-Modified", time);
        }
        if let Some(location) = head.location.as_ref().filter(|_| !head.location_last) {
            line("Location", location.as_bytes());
        }
        if chunked {
            line("Transfer-Encoding", b"chunked");
        }
        if head.upgrade {
            line("Connection", b"upgrade");
        } else if self.keepalive {
            line("Connection", b"keep-alive");
            if let Some(time) = self.location.scope.keepalive_header {
                line(
                    "Keep-Alive",
                    format!("timeout={}", time.as_secs()).as_bytes(),
                );
            }
        } else {
            line("Connection", b"close");
        }
        if let Some(location) = head.location.as_ref().filter(|_| head.location_last) {
            line("Location", location.as_bytes());
        }
        for header in &head.headers {
            line(&header.name, &header.value);
        }
        out.extend_from_slice(b"\r\n\r\n");
        out
    }

    /// Adds what `charset`, `expires` and `add_header` say.
    fn filter(&self, head: &mut Head) {
        let scope = &self.location.scope;
        if let (Some(charset), Some(kind)) = (&scope.charset, &mut head.content_type)
            && &**charset != "off"
            && CHARSET_TYPES.contains(&kind.as_str())
        {
            *kind = format!("{kind}; charset={charset}");
        }
        let usual = matches!(head.status, 200 | 201 | 204 | 206 | 301..=304 | 307 | 308);
        if let Some(expires) = scope.expires.filter(|_| usual) {
            self.expires(head, expires);
        }
        for add in scope.add_header.iter().flat_map(|headers| headers.iter()) {
            if usual || add.always {
                let value = self.eval(&add.value);
                if !value.is_empty() {
                    head.header(&add.name, value);
                }
            }
        }
    }

    fn expires(&self, head: &mut Head, expires: Expires) {
        let now = date::seconds(self.state.world.wall());
        let (expires, cache) = match expires {
            Expires::Off => return,
            Expires::Epoch => (
                "Thu, 01 Jan 1970 00:00:01 GMT".to_owned(),
                "no-cache".to_owned(),
            ),
            Expires::Max => (
                "Thu, 31 Dec 2037 23:55:55 GMT".to_owned(),
                "max-age=315360000".to_owned(),
            ),
            Expires::After(seconds) => (date::http(now + seconds), cache_control(seconds)),
            Expires::Modified(seconds) => match head.modified {
                Some(modified) => (
                    date::http(modified + seconds),
                    cache_control(modified + seconds - now),
                ),
                None => return,
            },
        };
        head.header("Expires", expires);
        head.header("Cache-Control", cache);
    }

    /// Sends a whole body that is in memory.
    pub async fn send(&mut self, mut head: Head, body: &[u8]) -> io::Result<Flow> {
        head.length = Some(body.len() as u64);
        if self.send_head(head).await? != Framing::None {
            self.write(body).await?;
        }
        Ok(Flow::Done)
    }

    /// Sends a piece of a body.
    pub async fn send_piece(&mut self, framing: Framing, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() || framing == Framing::None {
            return Ok(());
        }
        if framing == Framing::Chunked {
            let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
            chunk.extend_from_slice(bytes);
            chunk.extend_from_slice(b"\r\n");
            self.write(&chunk).await?;
        } else {
            self.write(bytes).await?;
        }
        Ok(())
    }

    pub async fn send_end(&mut self, framing: Framing) -> io::Result<()> {
        if framing == Framing::Chunked {
            self.write(b"0\r\n\r\n").await?;
        }
        Ok(())
    }

    /// Answers with an error: by the configured page, or the built-in one.
    pub async fn special(&mut self, status: u16, location: Option<String>) -> io::Result<Flow> {
        if matches!(status, 400 | 413 | 414 | HEADER_TOO_LARGE | 500 | 501) {
            self.keepalive = false;
        }
        self.error_status = None;
        if let Some(flow) = self.error_page(status).await? {
            return Ok(flow);
        }
        let padded = self.request.header("user-agent").is_some_and(|agent| {
            let agent = String::from_utf8_lossy(agent);
            (agent.contains("MSIE ") && !agent.contains("Opera")) || agent.contains("Chrome/")
        });
        let mut head = Head {
            location,
            ..Head::new(status)
        };
        let body = pages::page(status, self.server_token(), padded).unwrap_or_default();
        if !body.is_empty() {
            head.content_type = Some("text/html".to_owned());
        }
        if status == 416 && self.range_length.is_some() {
            let length = self.range_length.unwrap_or(0);
            head.header("Content-Range", format!("bytes */{length}"));
        }
        self.send(head, body.as_bytes()).await
    }

    async fn error_page(&mut self, status: u16) -> io::Result<Option<Flow>> {
        use super::config::ErrorAnswer;
        let pages = self.location.scope.error_pages.clone();
        let page = pages
            .iter()
            .flat_map(|pages| pages.iter())
            .find(|page| page.statuses.contains(&status))
            .cloned();
        let Some(page) = page.filter(|_| !self.error_page_used) else {
            return Ok(None);
        };
        self.error_page_used = true;
        self.error_status = match page.answer {
            ErrorAnswer::Keep => Some(status),
            ErrorAnswer::OfPage => None,
            ErrorAnswer::Fixed(fixed) => Some(fixed),
        };
        let target = self.eval_text(&page.target);
        if target.starts_with('@') {
            return Ok(Some(Flow::Named(target)));
        }
        if target.starts_with('/') {
            if !self.request.is_head() {
                self.request.method = "GET".to_owned();
            }
            let (uri, args) = target.split_once('?').unwrap_or((&target, ""));
            return Ok(Some(Flow::Redirect {
                uri: uri.to_owned(),
                args: args.to_owned(),
            }));
        }
        let redirect = self
            .error_status
            .take()
            .filter(|status| matches!(status, 301..=303 | 307 | 308))
            .unwrap_or(302);
        let body = pages::page(redirect, self.server_token(), false).unwrap_or_default();
        let mut head = Head {
            location: Some(target),
            location_last: true,
            ..Head::new(redirect)
        };
        head.content_type = Some("text/html".to_owned());
        self.send(head, body.as_bytes()).await.map(Some)
    }

    /// Answers with a redirect to a path of this server.
    pub async fn redirect(&mut self, target: &str) -> io::Result<Flow> {
        let location = self.absolute(target);
        self.special(301, Some(location)).await
    }

    /// Completes a path to the URL under which the client reached this server.
    pub fn absolute(&self, target: &str) -> String {
        let scope = &self.location.scope;
        if !target.starts_with('/') || !scope.absolute_redirect.unwrap_or(true) {
            return target.to_owned();
        }
        let by_name = scope.server_name_in_redirect.unwrap_or(false);
        let host = match self.request.host.as_str() {
            host if !by_name && !host.is_empty() => host.to_owned(),
            _ if !self.server.name().is_empty() => self.server.name().to_owned(),
            _ => self.connection.local.ip().to_string(),
        };
        match self.connection.local.port() {
            port if port != 80 && scope.port_in_redirect.unwrap_or(true) => {
                format!("http://{host}:{port}{target}")
            }
            _ => format!("http://{host}{target}"),
        }
    }

    /// How long a connection may wait for its next request; `None` closes it.
    pub fn keepalive_timeout(&self) -> Duration {
        self.location
            .scope
            .keepalive_timeout
            .unwrap_or(KEEPALIVE_TIMEOUT)
    }

    pub fn client_error(&self, message: &str) {
        self.log_error(Level::Info, message);
    }
}

const CHARSET_TYPES: [&str; 6] = [
    "text/html",
    "text/xml",
    "text/plain",
    "text/vnd.wap.wml",
    "application/javascript",
    "application/rss+xml",
];

fn cache_control(seconds: i64) -> String {
    if seconds < 0 {
        "no-cache".to_owned()
    } else {
        format!("max-age={seconds}")
    }
}

/// The value of a header without anything that would end it: a variable may hold what a client chose.
pub fn header_bytes(value: &[u8]) -> impl Iterator<Item = u8> {
    value.iter().map(|&byte| {
        if matches!(byte, b'\r' | b'\n' | 0) {
            b' '
        } else {
            byte
        }
    })
}

/// What `$sent_http_…` finds.
fn sent_headers(head: &Head) -> Vec<Header> {
    let mut headers = head.headers.clone();
    let mut add = |name: &str, value: Option<Vec<u8>>| {
        if let Some(value) = value {
            headers.push(Header {
                name: name.to_owned(),
                value,
            });
        }
    };
    add(
        "Content-Type",
        head.content_type.clone().map(String::into_bytes),
    );
    add(
        "Content-Length",
        head.length.map(|length| length.to_string().into_bytes()),
    );
    add("Last-Modified", head.last_modified.clone());
    add("Location", head.location.clone().map(String::into_bytes));
    headers
}
