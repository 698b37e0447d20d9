//! What a proxied server answers, and how it reaches the client.

use super::super::config::{Level, Matcher, ProxyRedirect};
use super::super::exchange::{Exchange, UpstreamSeen};
use super::super::request::Header;
use super::super::respond::{Flow, Framing, Head, TIMEOUT};
use super::super::world::{World, timeout};
use super::{Failure, Upstream, failure, invalid_answer, tunnel};
use crate::nginx::body::{Body, Chunked};
use crate::stream::{self, Read};
use std::io;
use std::time::Duration;

/// `proxy_buffer_size` where it is not set.
pub(super) const HEAD_MAX: usize = 8192;
/// Bytes passed on at a time.
pub(super) const PIECE: usize = 16 * 1024;
const HEADERS_MAX: usize = 256;

/// Headers of the server that the client does not get.
const HIDDEN: [&str; 8] = [
    "date",
    "server",
    "x-pad",
    "x-accel-expires",
    "x-accel-redirect",
    "x-accel-limit-rate",
    "x-accel-buffering",
    "x-accel-charset",
];

pub(super) struct AnswerHead {
    pub(super) status: u16,
    reason: Vec<u8>,
    http_11: bool,
    headers: Vec<Header>,
}

impl AnswerHead {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.as_slice())
    }
}

/// Reads the head of an answer; what follows it stays in `buffer`.
pub(super) async fn read_head<R: Read>(
    reader: &mut R,
    buffer: &mut Vec<u8>,
    limit: usize,
) -> Result<AnswerHead, Failure> {
    loop {
        if !buffer.is_empty()
            && let Some((head, used)) = parse(buffer)?
        {
            buffer.drain(..used);
            return Ok(head);
        }
        if buffer.len() >= limit {
            return Err(invalid_answer("upstream sent too big header"));
        }
        let mut bytes = [0; 4096];
        let room = bytes.len().min(limit - buffer.len());
        match stream::read(reader, &mut bytes[..room]).await {
            Ok(0) => {
                let mut failure = invalid_answer("upstream prematurely closed connection");
                failure.kind = super::FailureKind::Error;
                return Err(failure);
            }
            Ok(len) => buffer.extend_from_slice(&bytes[..len]),
            Err(error) => {
                return Err(failure(
                    &error,
                    "reading response header from upstream",
                    true,
                ));
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Option<(AnswerHead, usize)>, Failure> {
    let mut headers = vec![httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut headers);
    match httparse::ParserConfig::default().parse_response(&mut parsed, bytes) {
        Ok(httparse::Status::Complete(used)) => {
            let header = |header: &httparse::Header<'_>| Header {
                name: header.name.to_owned(),
                value: header.value.to_vec(),
            };
            let head = AnswerHead {
                status: parsed.code.unwrap_or(502),
                reason: parsed.reason.unwrap_or_default().as_bytes().to_vec(),
                http_11: parsed.version == Some(1),
                headers: parsed.headers.iter().map(header).collect(),
            };
            Ok(Some((head, used)))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(invalid_answer("upstream sent invalid header")),
    }
}

/// Sends the answer on.
pub(super) async fn send<W: World>(
    exchange: &mut Exchange<'_, W>,
    answer: AnswerHead,
    upstream: Upstream<W>,
    started_ns: u64,
) -> io::Result<Flow> {
    let scope = exchange.location.scope.clone();
    if let Some(seen) = &mut exchange.sent.upstream {
        *seen = UpstreamSeen {
            status: answer.status,
            headers: answer.headers.clone(),
            ..seen.clone()
        };
    }
    if answer.status == 101 && exchange.request.header("upgrade").is_some() {
        let head = Head {
            upgrade: true,
            ..convert(exchange, &answer)
        };
        exchange.send_head(head).await?;
        exchange.keepalive = false;
        tunnel(exchange, upstream).await?;
        return Ok(Flow::Done);
    }
    let pages = scope.error_pages.iter().flat_map(|pages| pages.iter());
    if scope.proxy_intercept_errors == Some(true)
        && answer.status >= 300
        && pages
            .into_iter()
            .any(|page| page.statuses.contains(&answer.status))
    {
        return Ok(Flow::Status(answer.status));
    }
    let body = match body(exchange, &answer) {
        Ok(body) => body,
        Err(message) => {
            exchange.log_error(Level::Error, message);
            return Ok(Flow::Status(502));
        }
    };
    let mut head = convert(exchange, &answer);
    head.length = match &body {
        Some(Body::Length(length)) => Some(*length),
        Some(Body::Chunked(_) | Body::UntilClose) => None,
        None => answer
            .header("content-length")
            .and_then(length)
            .filter(|_| exchange.request.is_head())
            .or_else(|| (!exchange.request.is_head()).then_some(0)),
    };
    let framing = exchange.send_head(head).await?;
    if let Some(body) = body {
        copy(
            exchange,
            framing,
            body,
            upstream,
            scope.proxy_read_timeout.unwrap_or(TIMEOUT),
        )
        .await?;
    }
    exchange.send_end(framing).await?;
    let now_ns = exchange.state.world.now_ns();
    if let Some(seen) = &mut exchange.sent.upstream {
        seen.time = Duration::from_nanos(now_ns.saturating_sub(started_ns));
    }
    Ok(Flow::Done)
}

async fn copy<W: World>(
    exchange: &mut Exchange<'_, W>,
    framing: Framing,
    mut body: Body,
    upstream: Upstream<W>,
    patience: Duration,
) -> io::Result<()> {
    let Upstream {
        mut reader,
        buffer: mut input,
        writer: _writer,
    } = upstream;
    let mut bytes = vec![0; PIECE];
    loop {
        let mut piece = Vec::new();
        if body.take(&input, &mut piece).is_err() {
            exchange.log_error(
                Level::Error,
                "upstream sent invalid chunked response while reading upstream",
            );
            return Err(io::ErrorKind::InvalidData.into());
        }
        exchange.send_piece(framing, &piece).await?;
        if body.is_done() {
            return Ok(());
        }
        exchange.state.world.yield_now().await;
        let len = match timeout(
            &exchange.state.world,
            patience,
            stream::read(&mut reader, &mut bytes),
        )
        .await
        {
            Ok(len) => len,
            Err(error) => {
                exchange.log_error(
                    Level::Error,
                    &failure(&error, "reading upstream", true).message,
                );
                return Err(error);
            }
        };
        if len == 0 {
            if body == Body::UntilClose {
                return Ok(());
            }
            exchange.log_error(
                Level::Error,
                "upstream prematurely closed connection while reading upstream",
            );
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        input.clear();
        input.extend_from_slice(&bytes[..len]);
    }
}

/// How the body that follows is framed; `None` without one.
fn body<W: World>(
    exchange: &Exchange<'_, W>,
    answer: &AnswerHead,
) -> Result<Option<Body>, &'static str> {
    if exchange.request.is_head() || matches!(answer.status, 204 | 304) {
        return Ok(None);
    }
    if answer.http_11
        && let Some(coding) = answer.header("transfer-encoding")
    {
        return match coding.eq_ignore_ascii_case(b"chunked") {
            true => Ok(Some(Body::Chunked(Chunked::default()))),
            false => Err(
                "upstream sent unknown \"Transfer-Encoding\" while reading response header from upstream",
            ),
        };
    }
    match answer.header("content-length") {
        Some(value) => match length(value) {
            Some(length) => Ok(Some(Body::Length(length))),
            None => Err(
                "upstream sent invalid \"Content-Length\" header while reading response header from upstream",
            ),
        },
        None => Ok(Some(Body::UntilClose)),
    }
}

fn length(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

fn convert<W: World>(exchange: &Exchange<'_, W>, answer: &AnswerHead) -> Head {
    let scope = &exchange.location.scope;
    let mut head = Head {
        reason: Some(answer.reason.clone()),
        ..Head::new(answer.status)
    };
    let listed = |list: &Option<std::rc::Rc<Vec<String>>>, name: &String| {
        list.as_ref().is_some_and(|list| list.contains(name))
    };
    for header in &answer.headers {
        let name = header.name.to_ascii_lowercase();
        let text = || String::from_utf8_lossy(&header.value).into_owned();
        match name.as_str() {
            "content-length" | "transfer-encoding" | "connection" | "keep-alive" => {}
            "upgrade" if answer.status != 101 => {}
            _ if listed(&scope.proxy_hide_header, &name) => {}
            hidden if HIDDEN.contains(&hidden) && !listed(&scope.proxy_pass_header, &name) => {}
            // The server has its own line for these.
            "date" | "server" => {}
            "content-type" => head.content_type = Some(text()),
            "last-modified" => head.last_modified = Some(header.value.clone()),
            "location" => head.location = Some(redirect(exchange, text())),
            _ => head.headers.push(header.clone()),
        }
    }
    head
}

/// Rewrites the `Location` of an answer as `proxy_redirect` says.
fn redirect<W: World>(exchange: &Exchange<'_, W>, location: String) -> String {
    let default = ProxyRedirect::Default;
    let pairs = match exchange
        .location
        .scope
        .proxy_redirect
        .as_deref()
        .unwrap_or(&default)
    {
        ProxyRedirect::Off => return location,
        ProxyRedirect::Default => default_redirect(exchange).into_iter().collect(),
        ProxyRedirect::Replace(pairs) => pairs
            .iter()
            .map(|(from, to)| (exchange.eval_text(from), exchange.eval_text(to)))
            .collect::<Vec<_>>(),
    };
    for (from, to) in pairs {
        if let Some(rest) = location.strip_prefix(&from) {
            return exchange.absolute(&format!("{to}{rest}"));
        }
    }
    location
}

fn default_redirect<W: World>(exchange: &Exchange<'_, W>) -> Option<(String, String)> {
    let proxy = exchange
        .location
        .proxy
        .as_ref()
        .filter(|proxy| !proxy.host.is_empty())?;
    let Matcher::Prefix { prefix, .. } = &exchange.location.matcher else {
        return None;
    };
    let uri = proxy.uri.as_deref().unwrap_or(prefix);
    Some((format!("http://{}{uri}", proxy.host), prefix.clone()))
}
