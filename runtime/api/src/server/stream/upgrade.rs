//! Which protocol a client and this server agree on.

use super::StreamKind;
use crate::server::request::{Request, Response};
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// What a connection becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// It stays what it is.
    None,
    /// RFC 6455
    WebSocket {
        /// `Sec-WebSocket-Key`, for `Sec-WebSocket-Accept`.
        key: String,
        /// The subprotocol; empty when the client has named none.
        protocol: &'static str,
    },
    /// SPDY/3.1
    Spdy {
        /// `X-Stream-Protocol-Version`; empty when the client has named none.
        version: &'static str,
    },
}

/// Over the bytes of SPDY in messages of a WebSocket.
pub const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";

const COMMAND_WEBSOCKET: &[&str] = &[
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
    "",
];
const COMMAND_SPDY: &[&str] = &[
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v3.channel.k8s.io",
    "v2.channel.k8s.io",
    "channel.k8s.io",
    "",
];
const FORWARD_WEBSOCKET: &[&str] = &[TUNNEL, "v4.channel.k8s.io", "v4.base64.channel.k8s.io", ""];
const FORWARD_SPDY: &[&str] = &["portforward.k8s.io"];
const LOG_WEBSOCKET: &[&str] = &["binary.k8s.io", "base64.binary.k8s.io", ""];

const STREAM_VERSION: &str = "x-stream-protocol-version";
const STREAM_VERSIONS_ACCEPTED: &str = "x-accepted-stream-protocol-versions";

/// Agrees on a protocol for a stream.
///
/// # Errors
/// With the response for a client that speaks none of them.
pub fn negotiate(request: &Request, kind: &StreamKind) -> Result<Upgrade, Box<Response>> {
    let (websocket, spdy) = match kind {
        StreamKind::Log { .. } => (LOG_WEBSOCKET, &[][..]),
        StreamKind::Exec { .. } | StreamKind::Attach { .. } => (COMMAND_WEBSOCKET, COMMAND_SPDY),
        StreamKind::PortForward { .. } => (FORWARD_WEBSOCKET, FORWARD_SPDY),
        StreamKind::Proxy(_) => return Ok(Upgrade::None),
    };
    let has = |name: HeaderName, word: &str| {
        let mut words = words(&request.headers, name.as_str());
        words.any(|one| one.eq_ignore_ascii_case(word))
    };
    if !has(CONNECTION, "upgrade") {
        return Ok(Upgrade::None);
    }
    if has(UPGRADE, "websocket") {
        let offered: Vec<&str> = words(&request.headers, "sec-websocket-protocol").collect();
        let protocol = choose(&offered, websocket);
        let key = request.header("sec-websocket-key");
        return match (key, protocol, request.header("sec-websocket-version")) {
            (Some(key), Some(protocol), Some("13")) => Ok(Upgrade::WebSocket {
                key: key.to_owned(),
                protocol,
            }),
            (Some(_), None, Some("13")) => Err(refused(StatusCode::FORBIDDEN, String::new())),
            _ => {
                let text = "expected Sec-WebSocket-Key and Sec-WebSocket-Version: 13";
                Err(refused(StatusCode::BAD_REQUEST, text.to_owned()))
            }
        };
    }
    if has(UPGRADE, "SPDY/3.1") && !spdy.is_empty() {
        let offered: Vec<&str> = words(&request.headers, STREAM_VERSION).collect();
        if let Some(version) = choose(&offered, spdy) {
            return Ok(Upgrade::Spdy { version });
        }
        let supported: Vec<&str> = spdy
            .iter()
            .copied()
            .filter(|word| !word.is_empty())
            .collect();
        let text = format!(
            "unable to upgrade: unable to negotiate protocol: client supports [{}], server accepts [{}]",
            offered.join(" "),
            supported.join(" ")
        );
        let mut response = refused(StatusCode::FORBIDDEN, text);
        for version in supported {
            let name = HeaderName::from_static(STREAM_VERSIONS_ACCEPTED);
            let value = HeaderValue::from_static(version);
            response.headers.append(name, value);
        }
        return Err(response);
    }
    Ok(Upgrade::None)
}

impl Upgrade {
    /// `101 Switching Protocols`; of a WebSocket the world adds `Sec-WebSocket-Accept`.
    pub fn response(&self) -> Response {
        let (upgrade, name, protocol) = match self {
            Self::Spdy { version } => ("SPDY/3.1", STREAM_VERSION, *version),
            Self::WebSocket { protocol, .. } => ("websocket", "sec-websocket-protocol", *protocol),
            Self::None => ("", STREAM_VERSION, ""),
        };
        let mut response = Response::text(StatusCode::SWITCHING_PROTOCOLS, "");
        response.headers.clear();
        let headers = &mut response.headers;
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(upgrade));
        if !protocol.is_empty() {
            let name = HeaderName::from_static(name);
            headers.insert(name, HeaderValue::from_static(protocol));
        }
        response
    }
}

fn refused(status: StatusCode, text: String) -> Box<Response> {
    Box::new(Response::text(status, text))
}

/// The first that the client has offered and this server knows.
fn choose(offered: &[&str], known: &[&'static str]) -> Option<&'static str> {
    let find = |word: &&str| known.iter().copied().find(|one| one == word);
    match offered {
        [] => find(&""),
        offered => offered.iter().find_map(find),
    }
}

fn words<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests;
