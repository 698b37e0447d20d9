//! One request on its way through the server, and what variables say about it.

use super::body::Body;
use super::config::{Config, Http, Level, Location, Server};
use super::log::Logs;
use super::request::{Header, Request, escape};
use super::template::{Part, Template};
use super::upstream::Balancer;
use super::world::World;
use super::{NAME, VERSION};
use crate::date;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// What all connections share.
pub struct State<W: World> {
    pub world: W,
    pub config: Config,
    pub http: Http,
    pub logs: Logs,
    pub balancers: Vec<RefCell<Balancer>>,
    pub hostname: String,
    /// No further request is taken.
    pub stopping: Cell<bool>,
}

pub struct Connection<W: World> {
    pub reader: W::Reader,
    pub writer: W::Writer,
    /// What was read and not yet used.
    pub buffer: Vec<u8>,
    pub peer: SocketAddr,
    pub local: SocketAddr,
    pub number: u64,
    pub requests: u64,
}

/// What logs tell about the answer.
#[derive(Default)]
pub struct Sent {
    pub status: u16,
    pub bytes: u64,
    /// Of these, the bytes of the head.
    pub head_bytes: u64,
    pub headers: Vec<Header>,
    pub upstream: Option<UpstreamSeen>,
}

#[derive(Clone, Default)]
pub struct UpstreamSeen {
    pub address: String,
    pub status: u16,
    pub time: Duration,
    pub headers: Vec<Header>,
}

pub struct Exchange<'a, W: World> {
    pub state: &'a State<W>,
    pub connection: &'a mut Connection<W>,
    pub server: Rc<Server>,
    pub location: Rc<Location>,
    pub captures: Vec<String>,
    pub request: Request,
    /// Of the request, or of the last internal redirect.
    pub uri: String,
    pub args: String,
    /// Of the request, as far as it has not been read.
    pub body: Option<Body>,
    pub keepalive: bool,
    /// Whether `uri` is no longer what the client asked for.
    pub internal: bool,
    /// The status that an error page keeps.
    pub error_status: Option<u16>,
    /// One error page is used per request.
    pub error_page_used: bool,
    /// Length of the file whose range was asked for in vain.
    pub range_length: Option<u64>,
    pub sent: Sent,
    pub started_ns: u64,
}

impl<W: World> Exchange<'_, W> {
    /// Writes to the error log, with the context nginx adds.
    pub fn log_error(&self, level: Level, message: &str) {
        let log = self
            .location
            .scope
            .error_log
            .as_ref()
            .unwrap_or(&self.state.config.error_log);
        if level > log.level {
            return;
        }
        let number = self.connection.number;
        let mut text = format!(
            "*{number} {message}, client: {}, server: {}",
            self.connection.peer.ip(),
            self.server.name()
        );
        if !self.request.line.is_empty() {
            text += &format!(
                ", request: \"{}\"",
                String::from_utf8_lossy(&self.request.line)
            );
        }
        if let Some(seen) = &self.sent.upstream {
            text += &format!(
                ", upstream: \"http://{}{}\"",
                seen.address,
                String::from_utf8_lossy(&self.request.target)
            );
        }
        if let Some(host) = self.request.header("host") {
            text += &format!(", host: \"{}\"", String::from_utf8_lossy(host));
        }
        let world = &self.state.world;
        self.state
            .logs
            .error(log, level, world.wall(), world.pid(), &text);
    }

    pub fn eval(&self, template: &Template) -> Vec<u8> {
        self.eval_with(template, b"", false)
    }

    pub fn eval_text(&self, template: &Template) -> String {
        String::from_utf8_lossy(&self.eval(template)).into_owned()
    }

    /// A line of the access log: absent values are `-`, and nothing in it can end the line or a quotation.
    pub fn eval_log(&self, template: &Template) -> Vec<u8> {
        self.eval_with(template, b"-", true)
    }

    fn eval_with(&self, template: &Template, absent: &[u8], escaped: bool) -> Vec<u8> {
        let mut out = Vec::new();
        for part in &template.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Capture(number) => {
                    let group = self.captures.get(number - 1);
                    out.extend_from_slice(group.map_or(&b""[..], String::as_bytes));
                }
                Part::Variable(name) => match self.variable(name) {
                    Some(value) if escaped => escape_log(&value, &mut out),
                    Some(value) => out.extend_from_slice(&value),
                    None => out.extend_from_slice(absent),
                },
            }
        }
        out
    }

    fn variable(&self, name: &str) -> Option<Vec<u8>> {
        let request = &self.request;
        let text = match name {
            "args" | "query_string" => Some(self.args.clone()).filter(|args| !args.is_empty())?,
            "connection" => self.connection.number.to_string(),
            "connection_requests" => self.connection.requests.to_string(),
            "document_root" => self
                .location
                .scope
                .root
                .as_ref()
                .map(|root| self.eval_text(&root.path))?,
            "host" if request.host.is_empty() => self.server.name().to_owned(),
            "host" => request.host.clone(),
            "hostname" => self.state.hostname.clone(),
            "is_args" => if self.args.is_empty() { "" } else { "?" }.to_owned(),
            "nginx_version" => VERSION.to_owned(),
            "pid" => self.state.world.pid().to_string(),
            "pipe" => ".".to_owned(),
            "proxy_add_x_forwarded_for" => return Some(self.forwarded_for()),
            "proxy_host" => self.location.proxy.as_ref()?.host.clone(),
            "proxy_port" => self.location.proxy.as_ref()?.port.to_string(),
            "remote_addr" => self.connection.peer.ip().to_string(),
            "remote_port" => self.connection.peer.port().to_string(),
            "request" => return (!request.line.is_empty()).then(|| request.line.clone()),
            "request_completion" => if self.sent.status == 0 { "" } else { "OK" }.to_owned(),
            "request_filename" => super::files::path(self)?,
            "request_length" => request.length.to_string(),
            "request_method" => (!request.method.is_empty()).then(|| request.method.clone())?,
            "request_uri" => return Some(request.target.clone()),
            "scheme" => "http".to_owned(),
            "server_addr" => self.connection.local.ip().to_string(),
            "server_name" => self.server.name().to_owned(),
            "server_port" => self.connection.local.port().to_string(),
            "server_protocol" => if request.http_11 {
                "HTTP/1.1"
            } else {
                "HTTP/1.0"
            }
            .to_owned(),
            "uri" | "document_uri" if self.uri.is_empty() && !request.target.starts_with(b"/") => {
                return None;
            }
            "uri" | "document_uri" => self.uri.clone(),
            _ => {
                return self
                    .variable_of_answer(name)
                    .or_else(|| self.variable_by_prefix(name));
            }
        };
        Some(text.into_bytes())
    }

    fn variable_of_answer(&self, name: &str) -> Option<Vec<u8>> {
        let world = &self.state.world;
        let seconds =
            |duration: Duration| format!("{}.{:03}", duration.as_secs(), duration.subsec_millis());
        let upstream = self.sent.upstream.as_ref();
        let text = match name {
            "body_bytes_sent" => (self.sent.bytes - self.sent.head_bytes).to_string(),
            "bytes_sent" => self.sent.bytes.to_string(),
            "status" => format!("{:03}", self.sent.status),
            "request_time" => seconds(Duration::from_nanos(
                world.now_ns().saturating_sub(self.started_ns),
            )),
            "msec" => seconds(
                world
                    .wall()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap_or_default(),
            ),
            "time_local" => date::log(world.wall()),
            "time_iso8601" => date::iso8601(world.wall()),
            "upstream_addr" => upstream?.address.clone(),
            "upstream_status" => upstream?.status.to_string(),
            "upstream_response_time" => seconds(upstream?.time),
            _ => return None,
        };
        Some(text.into_bytes())
    }

    fn variable_by_prefix(&self, name: &str) -> Option<Vec<u8>> {
        if name == "content_length" || name == "content_type" {
            return self
                .request
                .header(&name.replace('_', "-"))
                .map(<[u8]>::to_vec);
        }
        if let Some(header) = name.strip_prefix("http_") {
            let mut values = self
                .request
                .headers
                .iter()
                .filter(|known| is_header(&known.name, header))
                .map(|known| &known.value);
            let mut all = values.next()?.clone();
            let separator: &[u8] = if header == "cookie" { b"; " } else { b", " };
            for value in values {
                all.extend_from_slice(separator);
                all.extend_from_slice(value);
            }
            return Some(all);
        }
        let find = |headers: &[Header], name: &str| {
            headers
                .iter()
                .find(|known| is_header(&known.name, name))
                .map(|known| known.value.clone())
        };
        if let Some(header) = name.strip_prefix("sent_http_") {
            return find(&self.sent.headers, header);
        }
        if let Some(header) = name.strip_prefix("upstream_http_") {
            return find(&self.sent.upstream.as_ref()?.headers, header);
        }
        if let Some(argument) = name.strip_prefix("arg_") {
            let pair = self.args.split('&').filter_map(|pair| pair.split_once('='));
            return pair
                .into_iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(argument))
                .map(|(_, value)| value.into());
        }
        let cookie = name.strip_prefix("cookie_")?;
        let all = String::from_utf8_lossy(self.request.header("cookie")?).into_owned();
        let mut pairs = all
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='));
        pairs
            .find(|(key, _)| key.eq_ignore_ascii_case(cookie))
            .map(|(_, value)| value.into())
    }

    fn forwarded_for(&self) -> Vec<u8> {
        let mut value = self
            .variable_by_prefix("http_x_forwarded_for")
            .unwrap_or_default();
        if !value.is_empty() {
            value.extend_from_slice(b", ");
        }
        value.extend_from_slice(self.connection.peer.ip().to_string().as_bytes());
        value
    }

    /// The name in the `Server` header and on error pages.
    pub fn server_token(&self) -> &'static str {
        if self.location.scope.server_tokens.unwrap_or(true) {
            NAME
        } else {
            "nginx"
        }
    }

    /// Path and arguments as they are now, encoded.
    pub fn escaped_target(&self) -> String {
        let mut target = escape(&self.uri);
        if !self.args.is_empty() {
            target += "?";
            target += &self.args;
        }
        target
    }
}

/// Whether a header is the one a variable's name means.
fn is_header(name: &str, variable: &str) -> bool {
    name.len() == variable.len()
        && name
            .bytes()
            .zip(variable.bytes())
            .all(|(a, b)| a.to_ascii_lowercase() == b || (a == b'-' && b == b'_'))
}

fn escape_log(value: &[u8], out: &mut Vec<u8>) {
    for &byte in value {
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f..=0xff => {
                out.extend_from_slice(format!("\\x{byte:02X}").as_bytes());
            }
            byte => out.push(byte),
        }
    }
}
