//! What a proxied server is sent.

use super::super::config::{Level, Matcher};
use super::super::exchange::Exchange;
use super::super::request::escape;
use super::super::respond::{Flow, TIMEOUT, header_bytes};
use super::super::world::{World, timeout};
use super::{Failure, client_failure, failure};
use crate::nginx::body::Body;
use crate::stream;
use std::io;

/// A chunked body whose length the server must know is kept in memory, up to this size.
const BUFFERED_MAX: u64 = 16 << 20;
/// `client_max_body_size` where it is not set.
pub const CLIENT_BODY_MAX: u64 = 1 << 20;

/// Headers nginx sets itself, unless told otherwise; of the client's it passes none of these.
const OWN: [(&str, &str); 8] = [
    ("Host", "$proxy_host"),
    ("Connection", "close"),
    ("Content-Length", ""),
    ("Transfer-Encoding", ""),
    ("TE", ""),
    ("Keep-Alive", ""),
    ("Expect", ""),
    ("Upgrade", ""),
];

/// The path for the server: as the client sent it, or with the location's prefix replaced.
pub(super) fn target<W: World>(exchange: &Exchange<'_, W>, uri: Option<&str>) -> String {
    let Some(replacement) = uri else {
        return match exchange.internal {
            false if exchange.request.target.starts_with(b"/") => {
                String::from_utf8_lossy(&exchange.request.target).into_owned()
            }
            _ => exchange.escaped_target(),
        };
    };
    let prefix = match &exchange.location.matcher {
        Matcher::Prefix { prefix, .. } | Matcher::Exact(prefix) => prefix.len(),
        Matcher::None | Matcher::Regex(_) | Matcher::Named(_) => 0,
    };
    let rest = exchange.uri.get(prefix..).unwrap_or_default();
    let slash = if replacement.starts_with('?') {
        "/"
    } else {
        ""
    };
    let mut target = format!("{slash}{replacement}{}", escape(rest));
    if !exchange.args.is_empty() {
        target += if replacement.contains('?') { "&" } else { "?" };
        target += &exchange.args;
    }
    target
}

/// The head of the request; `length` is that of a body that was chunked.
pub(super) fn head<W: World>(
    exchange: &Exchange<'_, W>,
    target: &str,
    length: Option<usize>,
) -> Vec<u8> {
    let scope = &exchange.location.scope;
    let http_11 = scope.proxy_http_11.unwrap_or(false);
    let version = if http_11 { "1.1" } else { "1.0" };
    let target = whole_word(target);
    let mut out = format!("{} {target} HTTP/{version}\r\n", exchange.request.method).into_bytes();
    let mut line = |name: &str, value: &[u8]| {
        if !value.is_empty() {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend(header_bytes(value));
            out.extend_from_slice(b"\r\n");
        }
    };
    let set = scope.proxy_set_header.clone().unwrap_or_default();
    for (name, value) in set.iter() {
        line(name, &exchange.eval(value));
    }
    let is_set = |name: &str| {
        set.iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    for (name, value) in OWN.iter().filter(|(name, _)| !is_set(name)) {
        let body_length = match (length, &exchange.body) {
            (Some(length), _) => Some(length as u64),
            (None, Some(Body::Length(length))) => Some(*length),
            (None, _) => exchange.request.content_length,
        };
        match *name {
            "Host" => line(name, proxy_host(exchange).as_bytes()),
            "Content-Length" => line(
                name,
                body_length
                    .map_or(String::new(), |length| length.to_string())
                    .as_bytes(),
            ),
            "Transfer-Encoding"
                if length.is_none() && matches!(exchange.body, Some(Body::Chunked(_))) =>
            {
                line(name, b"chunked");
            }
            _ => line(name, value.as_bytes()),
        }
    }
    for header in &exchange.request.headers {
        let own = OWN
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(&header.name));
        if !own && !is_set(&header.name) {
            line(&header.name, &header.value);
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Encodes what would end the path in a request line: a variable may hold what a client chose.
fn whole_word(target: &str) -> String {
    let mut out = String::with_capacity(target.len());
    for letter in target.chars() {
        match letter {
            '\0'..=' ' | '\x7f' => out.push_str(&format!("%{:02X}", letter as u32)),
            letter => out.push(letter),
        }
    }
    out
}

fn proxy_host<W: World>(exchange: &Exchange<'_, W>) -> String {
    use super::super::config::ProxyTarget;
    match exchange.location.proxy.as_ref() {
        Some(proxy) => match &proxy.target {
            ProxyTarget::Upstream(_) => proxy.host.clone(),
            ProxyTarget::Template(template) => {
                let url = exchange.eval_text(template);
                let rest = url.strip_prefix("http://").unwrap_or_default();
                rest.split(['/', '?']).next().unwrap_or_default().to_owned()
            }
        },
        None => String::new(),
    }
}

/// Reads a chunked body where the server must know its length.
pub(super) async fn buffer_chunked<W: World>(
    exchange: &mut Exchange<'_, W>,
) -> Result<Option<Vec<u8>>, Flow> {
    let scope = &exchange.location.scope;
    let streams =
        scope.proxy_http_11.unwrap_or(false) && scope.proxy_request_buffering == Some(false);
    if streams || !matches!(exchange.body, Some(Body::Chunked(_))) {
        return Ok(None);
    }
    let mut whole = Vec::new();
    loop {
        match read_piece(exchange).await {
            Ok(Some(piece)) => whole.extend_from_slice(&piece),
            Ok(None) => return Ok(Some(whole)),
            Err(status) => return Err(Flow::Status(status)),
        }
        if whole.len() as u64 > limit(exchange) {
            exchange.log_error(
                Level::Error,
                "client intended to send too large chunked body",
            );
            return Err(Flow::Status(413));
        }
    }
}

fn limit<W: World>(exchange: &Exchange<'_, W>) -> u64 {
    match exchange
        .location
        .scope
        .client_max_body_size
        .unwrap_or(CLIENT_BODY_MAX)
    {
        0 => BUFFERED_MAX,
        limit => limit.min(BUFFERED_MAX),
    }
}

/// The next piece of the client's body, `None` at its end, or the status that its failure gets.
pub async fn read_piece<W: World>(exchange: &mut Exchange<'_, W>) -> Result<Option<Vec<u8>>, u16> {
    let patience = exchange
        .location
        .scope
        .client_body_timeout
        .unwrap_or(TIMEOUT);
    if exchange.body.is_some()
        && exchange
            .request
            .header("expect")
            .is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
    {
        exchange
            .request
            .headers
            .retain(|header| !header.name.eq_ignore_ascii_case("expect"));
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
        exchange.write(interim).await.map_err(|_| 400_u16)?;
    }
    loop {
        let Some(body) = &mut exchange.body else {
            return Ok(None);
        };
        let mut piece = Vec::new();
        let buffer = &mut exchange.connection.buffer;
        let used = body.take(buffer, &mut piece).map_err(|_| 400_u16)?;
        buffer.drain(..used);
        if body.is_done() {
            exchange.body = None;
        }
        if !piece.is_empty() {
            return Ok(Some(piece));
        }
        if exchange.body.is_none() {
            return Ok(None);
        }
        let mut bytes = [0; 8192];
        let read = stream::read(&mut exchange.connection.reader, &mut bytes);
        match timeout(&exchange.state.world, patience, read).await {
            Ok(0) => return Err(400),
            Ok(len) => exchange.connection.buffer.extend_from_slice(&bytes[..len]),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(408),
            Err(_) => return Err(400),
        }
    }
}

/// Sends the body: the one kept in memory, or the client's as it comes.
pub(super) async fn send_body<W: World>(
    exchange: &mut Exchange<'_, W>,
    writer: &mut W::Writer,
    whole: Option<&[u8]>,
) -> Result<(), Failure> {
    let limit = exchange
        .location
        .scope
        .proxy_send_timeout
        .unwrap_or(TIMEOUT);
    let body_max = exchange
        .location
        .scope
        .client_max_body_size
        .unwrap_or(CLIENT_BODY_MAX);
    let chunked = matches!(exchange.body, Some(Body::Chunked(_)));
    let sending = |error: &io::Error| failure(error, "sending request to upstream", true);
    if let Some(whole) = whole {
        let sent = timeout(
            &exchange.state.world,
            limit,
            stream::write_all(writer, whole),
        )
        .await;
        return sent.map_err(|error| sending(&error));
    }
    let mut total = 0_u64;
    loop {
        let piece = match read_piece(exchange).await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(status) => {
                exchange.keepalive = false;
                return Err(client_failure(
                    status,
                    "client prematurely closed connection",
                ));
            }
        };
        total += piece.len() as u64;
        if chunked && body_max > 0 && total > body_max {
            return Err(client_failure(
                413,
                "client intended to send too large chunked body",
            ));
        }
        let mut bytes = Vec::with_capacity(piece.len() + 16);
        if chunked {
            bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            bytes.extend_from_slice(&piece);
            bytes.extend_from_slice(b"\r\n");
        } else {
            bytes = piece;
        }
        let sent = timeout(
            &exchange.state.world,
            limit,
            stream::write_all(writer, &bytes),
        )
        .await;
        sent.map_err(|error| sending(&error))?;
    }
    if chunked {
        let sent = timeout(
            &exchange.state.world,
            limit,
            stream::write_all(writer, b"0\r\n\r\n"),
        )
        .await;
        sent.map_err(|error| sending(&error))?;
    }
    Ok(())
}
