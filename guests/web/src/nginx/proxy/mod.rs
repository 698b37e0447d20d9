//! `proxy_pass`: the request goes to another server, its answer to the client.

mod answer;
mod request;

pub use request::{CLIENT_BODY_MAX, read_piece};

use super::config::{Level, NextUpstream, ProxyTarget};
use super::error::os_error;
use super::exchange::{Exchange, UpstreamSeen};
use super::respond::{Flow, TIMEOUT};
use super::world::{First, World, race, timeout};
use crate::stream::{self, Read, Write};
use answer::AnswerHead;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A failed attempt.
pub(super) struct Failure {
    /// What the client gets, if no other server helps.
    status: u16,
    message: String,
    /// Whether the server may have acted on the request.
    sent: bool,
    /// Which condition of `proxy_next_upstream` it is.
    kind: FailureKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FailureKind {
    Error,
    Timeout,
    InvalidHeader,
    /// The client's fault: no other server helps.
    Client,
}

enum Servers {
    Balanced(usize),
    Fixed(SocketAddr),
}

/// Passes the request on and the answer back.
pub async fn pass<W: World>(exchange: &mut Exchange<'_, W>) -> io::Result<Flow> {
    let (servers, target) = match destination(exchange) {
        Ok(destination) => destination,
        Err(message) => {
            exchange.log_error(Level::Error, &message);
            return Ok(Flow::Status(502));
        }
    };
    let whole = match request::buffer_chunked(exchange).await {
        Ok(whole) => whole,
        Err(flow) => return Ok(flow),
    };
    let mut tried = Vec::new();
    let mut status = 502;
    let has_body = exchange.body.is_some() || whole.is_some();
    loop {
        let Some((address, index)) = pick(exchange, &servers, &tried) else {
            if tried.is_empty() {
                exchange.log_error(
                    Level::Error,
                    "no live upstreams while connecting to upstream",
                );
            }
            return Ok(Flow::Status(status));
        };
        tried.push(index);
        let started_ns = exchange.state.world.now_ns();
        let result = timed_attempt(exchange, address, &target, whole.as_deref()).await;
        let now_ns = exchange.state.world.now_ns();
        let failed = result
            .as_ref()
            .is_err_and(|failure| failure.kind != FailureKind::Client);
        release(exchange, &servers, index, failed, now_ns);
        let (head, reader) = match result {
            Ok(answered) => answered,
            Err(failure) if goes_on(exchange, &failure, has_body) => {
                status = failure.status;
                continue;
            }
            Err(failure) => return Ok(Flow::Status(failure.status)),
        };
        let next = exchange
            .location
            .scope
            .proxy_next_upstream
            .unwrap_or(NextUpstream::DEFAULT);
        let more = matches!(servers, Servers::Balanced(upstream) if {
            exchange.state.balancers[upstream].borrow().upstream().peers.len() > tried.len()
        });
        if next.statuses.contains(&head.status)
            && more
            && !has_body
            && is_idempotent(exchange, next)
        {
            status = head.status;
            continue;
        }
        return answer::send(exchange, head, reader, started_ns).await;
    }
}

/// One attempt, with what logs tell about it.
async fn timed_attempt<W: World>(
    exchange: &mut Exchange<'_, W>,
    address: SocketAddr,
    target: &str,
    whole: Option<&[u8]>,
) -> Result<Answered<W>, Failure> {
    let name = match &exchange.sent.upstream {
        Some(before) => format!("{}, {address}", before.address),
        None => address.to_string(),
    };
    exchange.sent.upstream = Some(UpstreamSeen {
        address: name,
        ..UpstreamSeen::default()
    });
    let started_ns = exchange.state.world.now_ns();
    let result = attempt(exchange, address, target, whole).await;
    let time = Duration::from_nanos(exchange.state.world.now_ns().saturating_sub(started_ns));
    if let Err(failure) = &result {
        let level = if failure.kind == FailureKind::Client {
            Level::Info
        } else {
            Level::Error
        };
        exchange.log_error(level, &failure.message);
    }
    if let Some(seen) = &mut exchange.sent.upstream {
        seen.time = time;
        seen.status = result.as_ref().err().map_or(0, |failure| failure.status);
    }
    result
}

fn goes_on<W: World>(exchange: &Exchange<'_, W>, failure: &Failure, has_body: bool) -> bool {
    let next = exchange
        .location
        .scope
        .proxy_next_upstream
        .unwrap_or(NextUpstream::DEFAULT);
    let wanted = match failure.kind {
        FailureKind::Error => next.error,
        FailureKind::Timeout => next.timeout,
        FailureKind::InvalidHeader => next.invalid_header,
        FailureKind::Client => false,
    };
    wanted && (!failure.sent || (!has_body && is_idempotent(exchange, next)))
}

fn is_idempotent<W: World>(exchange: &Exchange<'_, W>, next: NextUpstream) -> bool {
    next.non_idempotent || !matches!(exchange.request.method.as_str(), "POST" | "LOCK" | "PATCH")
}

fn pick<W: World>(
    exchange: &Exchange<'_, W>,
    servers: &Servers,
    tried: &[usize],
) -> Option<(SocketAddr, usize)> {
    match servers {
        Servers::Fixed(address) => tried.is_empty().then_some((*address, 0)),
        Servers::Balanced(upstream) => {
            let mut balancer = exchange.state.balancers[*upstream].borrow_mut();
            let index = balancer.pick(tried, exchange.state.world.now_ns())?;
            Some((balancer.upstream().peers[index].address, index))
        }
    }
}

fn release<W: World>(
    exchange: &Exchange<'_, W>,
    servers: &Servers,
    index: usize,
    failed: bool,
    now_ns: u64,
) {
    if let Servers::Balanced(upstream) = servers {
        exchange.state.balancers[*upstream]
            .borrow_mut()
            .release(index, failed, now_ns);
    }
}

/// Where the request goes, and the path it gets there.
fn destination<W: World>(exchange: &Exchange<'_, W>) -> Result<(Servers, String), String> {
    let location = exchange.location.clone();
    let Some(proxy) = &location.proxy else {
        return Err("no server to pass the request to".to_owned());
    };
    match &proxy.target {
        ProxyTarget::Upstream(index) => Ok((
            Servers::Balanced(*index),
            request::target(exchange, proxy.uri.as_deref()),
        )),
        ProxyTarget::Template(template) => {
            let url = exchange.eval_text(template);
            let rest = url
                .strip_prefix("http://")
                .ok_or_else(|| format!("invalid URL prefix in \"{url}\""))?;
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, uri) = rest.split_at(end);
            let target = match uri {
                "" => request::target(exchange, None),
                uri if uri.starts_with('?') => format!("/{uri}"),
                uri => uri.to_owned(),
            };
            let mut upstreams = exchange.state.balancers.iter();
            if let Some(index) =
                upstreams.position(|known| known.borrow().upstream().name == authority)
            {
                return Ok((Servers::Balanced(index), target));
            }
            let bare = authority.trim_start_matches('[').trim_end_matches(']');
            let address = authority.parse().ok().or_else(|| {
                bare.parse::<IpAddr>()
                    .ok()
                    .map(|ip| SocketAddr::new(ip, 80))
            });
            let address =
                address.ok_or_else(|| format!("no resolver defined to resolve {authority}"))?;
            Ok((Servers::Fixed(address), target))
        }
    }
}

type Answered<R> = (AnswerHead, Upstream<R>);

/// The connection to a server, of which its answer is still to be read.
pub(super) struct Upstream<R: World> {
    pub(super) reader: R::Reader,
    pub(super) writer: R::Writer,
    /// What was read and not yet used.
    pub(super) buffer: Vec<u8>,
}

async fn attempt<W: World>(
    exchange: &mut Exchange<'_, W>,
    address: SocketAddr,
    target: &str,
    whole: Option<&[u8]>,
) -> Result<Answered<W>, Failure> {
    let scope = exchange.location.scope.clone();
    let world = &exchange.state.world;
    let connect_limit = scope.proxy_connect_timeout.unwrap_or(TIMEOUT);
    let connected = timeout(world, connect_limit, world.connect(address)).await;
    let (mut reader, mut writer) =
        connected.map_err(|error| failure(&error, "connecting to upstream", false))?;
    let head = request::head(exchange, target, whole.map(<[u8]>::len));
    let send_limit = scope.proxy_send_timeout.unwrap_or(TIMEOUT);
    timeout(world, send_limit, stream::write_all(&mut writer, &head))
        .await
        .map_err(|error| failure(&error, "sending request to upstream", true))?;
    let mut buffer = Vec::new();
    let limit = scope
        .proxy_buffer_size
        .filter(|&bytes| bytes > 0)
        .map_or(answer::HEAD_MAX, |bytes| bytes as usize);
    let early = {
        let send = request::send_body(exchange, &mut writer, whole);
        let read = answer::read_head(&mut reader, &mut buffer, limit);
        match race(send, read).await {
            First::Left(sent) => sent.map(|()| None)?,
            First::Right(head) => Some(head?),
        }
    };
    let mut head = match early {
        Some(head) => head,
        None => answer_in_time(exchange, &mut reader, &mut buffer, limit).await?,
    };
    while matches!(head.status, 100 | 102 | 103) {
        head = answer_in_time(exchange, &mut reader, &mut buffer, limit).await?;
    }
    Ok((
        head,
        Upstream {
            reader,
            writer,
            buffer,
        },
    ))
}

async fn answer_in_time<W: World>(
    exchange: &Exchange<'_, W>,
    reader: &mut W::Reader,
    buffer: &mut Vec<u8>,
    limit: usize,
) -> Result<AnswerHead, Failure> {
    let patience = exchange
        .location
        .scope
        .proxy_read_timeout
        .unwrap_or(TIMEOUT);
    let read = async { Ok(answer::read_head(reader, buffer, limit).await) };
    match timeout(&exchange.state.world, patience, read).await {
        Ok(head) => head,
        Err(error) => Err(failure(
            &error,
            "reading response header from upstream",
            true,
        )),
    }
}

/// A failure of the connection, in nginx' words.
pub(super) fn failure(error: &io::Error, doing: &str, sent: bool) -> Failure {
    if error.kind() == io::ErrorKind::TimedOut {
        let message = format!("upstream timed out (110: Operation timed out) while {doing}");
        return Failure {
            status: 504,
            message,
            sent,
            kind: FailureKind::Timeout,
        };
    }
    let call = match doing {
        "connecting to upstream" => "connect()",
        "sending request to upstream" => "writev()",
        _ => "recv()",
    };
    let message = format!("{call} failed ({}) while {doing}", os_error(error));
    Failure {
        status: 502,
        message,
        sent,
        kind: FailureKind::Error,
    }
}

pub(super) fn invalid_answer(message: &str) -> Failure {
    Failure {
        status: 502,
        message: format!("{message} while reading response header from upstream"),
        sent: true,
        kind: FailureKind::InvalidHeader,
    }
}

/// The client did not send its body.
pub(super) fn client_failure(status: u16, message: &str) -> Failure {
    Failure {
        status,
        message: message.to_owned(),
        sent: true,
        kind: FailureKind::Client,
    }
}

/// Passes bytes both ways until one side ends.
pub(super) async fn tunnel<W: World>(
    exchange: &mut Exchange<'_, W>,
    upstream: Upstream<W>,
) -> io::Result<()> {
    let patience = exchange
        .location
        .scope
        .proxy_read_timeout
        .unwrap_or(TIMEOUT);
    let Upstream {
        mut reader,
        mut writer,
        buffer,
    } = upstream;
    let connection = &mut *exchange.connection;
    let from_client = std::mem::take(&mut connection.buffer);
    let world = &exchange.state.world;
    let up = pipe(
        world,
        patience,
        from_client,
        &mut connection.reader,
        &mut writer,
    );
    let down = pipe(world, patience, buffer, &mut reader, &mut connection.writer);
    match race(up, down).await {
        First::Left(passed) | First::Right(passed) => {
            exchange.sent.bytes += passed?;
            Ok(())
        }
    }
}

async fn pipe<W: World>(
    world: &W,
    patience: Duration,
    first: Vec<u8>,
    reader: &mut impl Read,
    writer: &mut impl Write,
) -> io::Result<u64> {
    stream::write_all(writer, &first).await?;
    let mut passed = first.len() as u64;
    let mut piece = vec![0; answer::PIECE];
    loop {
        let len = timeout(world, patience, stream::read(reader, &mut piece)).await?;
        if len == 0 {
            return Ok(passed);
        }
        stream::write_all(writer, &piece[..len]).await?;
        passed += len as u64;
    }
}
