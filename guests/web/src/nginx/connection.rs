//! A client's connection: one request after another.

use super::body::{Body, Chunked};
use super::config::{AccessLog, Level, Location, Matcher, Server, ServerSettings};
use super::exchange::{Connection, Exchange, Sent, State};
use super::proxy::{self, CLIENT_BODY_MAX};
use super::request::{self, Request, Scan};
use super::respond::{Flow, Head};
use super::world::{World, timeout};
use super::{files, pages, route};
use crate::stream::{self, Write};
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// Internal redirects of one request.
const CYCLES_MAX: usize = 10;
/// Requests of one connection.
const KEEPALIVE_REQUESTS: u64 = 1000;
/// How long a client may go on sending what nobody wants before the connection closes.
const LINGERING_TIMEOUT: Duration = Duration::from_secs(5);
const LINGERING_BYTES_MAX: u64 = 16 << 20;

/// Serves requests until the connection ends. `bound` is the listener's index; `busy` gives a guard that is held while a
/// request is answered.
pub async fn serve<W: World, G>(
    state: &State<W>,
    mut connection: Connection<W>,
    bound: usize,
    busy: impl Fn() -> G,
) {
    let listen = route::listen(&state.http, bound, connection.local);
    let mut patience = None;
    loop {
        let server = route::server(&state.http, listen, "").clone();
        let wait = patience.unwrap_or(server.settings.client_header_timeout);
        let Ok(read) = read_head(state, &mut connection, &server, wait).await else {
            return;
        };
        let working = busy();
        connection.requests += 1;
        let (request, refused) = match read {
            Scan::More => return,
            Scan::Refuse(status) => (
                refused_request(&connection.buffer, &server.settings),
                Some(status),
            ),
            Scan::Complete(len) => {
                let head: Vec<u8> = connection.buffer.drain(..len).collect();
                match request::parse(&head, server.settings.merge_slashes) {
                    Ok(request) => (request, None),
                    Err((status, request)) => (*request, Some(status)),
                }
            }
        };
        let server = route::server(&state.http, listen, &request.host).clone();
        let mut exchange = exchange(state, &mut connection, server, request, refused.is_some());
        let answered = answer(&mut exchange, refused).await;
        log(&exchange);
        let keepalive = answered.is_ok() && exchange.keepalive;
        let next = exchange.keepalive_timeout();
        let unread = exchange.body.is_some() || refused.is_some();
        if answered.is_err() {
            return;
        }
        let drained = match keepalive {
            true => drain(&mut exchange).await,
            false => Ok(()),
        };
        if stream::flush(&mut connection.writer).await.is_err() || drained.is_err() {
            return;
        }
        drop(working);
        if !keepalive || next.is_zero() || state.stopping.get() {
            if unread {
                linger(state, &mut connection).await;
            }
            return;
        }
        patience = Some(next);
    }
}

/// Reads until a head is complete or refused. `More` means that the connection is over.
async fn read_head<W: World>(
    state: &State<W>,
    connection: &mut Connection<W>,
    server: &Server,
    wait: Duration,
) -> io::Result<Scan> {
    let mut bytes = [0; 4096];
    loop {
        let blank = connection
            .buffer
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        connection.buffer.drain(..blank);
        if !connection.buffer.is_empty() {
            let scan = request::scan(&connection.buffer, &server.settings);
            if scan != Scan::More {
                return Ok(scan);
            }
        }
        let limit = if connection.buffer.is_empty() {
            wait
        } else {
            server.settings.client_header_timeout
        };
        let len = timeout(
            &state.world,
            limit,
            stream::read(&mut connection.reader, &mut bytes),
        )
        .await?;
        if len == 0 {
            return Ok(Scan::More);
        }
        connection.buffer.extend_from_slice(&bytes[..len]);
    }
}

/// As much of a refused request as can be understood.
fn refused_request(bytes: &[u8], settings: &ServerSettings) -> Request {
    /// As much of a wrong request line as logs show.
    const LINE_MAX: usize = 256;
    let whole = |line: &&[u8]| line.ends_with(b"\n") && line.len() <= settings.header_buffers.1;
    let mut head = bytes
        .split_inclusive(|&byte| byte == b'\n')
        .take_while(whole)
        .collect::<Vec<_>>()
        .concat();
    if !head.is_empty() {
        head.extend_from_slice(b"\r\n");
        return match request::parse(&head, settings.merge_slashes) {
            Ok(request) => request,
            Err((_, request)) => *request,
        };
    }
    Request {
        line: bytes[..bytes.len().min(LINE_MAX)].to_vec(),
        http_11: true,
        ..Request::default()
    }
}

fn exchange<'a, W: World>(
    state: &'a State<W>,
    connection: &'a mut Connection<W>,
    server: Rc<Server>,
    request: Request,
    refused: bool,
) -> Exchange<'a, W> {
    let location = server.fallback.clone();
    let body = match (request.chunked, request.content_length) {
        (true, _) => Some(Body::Chunked(Chunked::default())),
        (false, Some(length)) if length > 0 => Some(Body::Length(length)),
        _ => None,
    };
    let limit = location
        .scope
        .keepalive_requests
        .unwrap_or(KEEPALIVE_REQUESTS);
    let keepalive =
        request.keepalive && !refused && connection.requests < limit && !state.stopping.get();
    Exchange {
        state,
        server,
        location,
        captures: Vec::new(),
        uri: request.uri.clone(),
        args: request.args.clone(),
        body,
        keepalive,
        internal: false,
        error_status: None,
        error_page_used: false,
        range_length: None,
        sent: Sent::default(),
        started_ns: state.world.now_ns(),
        connection,
        request,
    }
}

/// Finds locations and lets them answer until one has.
async fn answer<W: World>(exchange: &mut Exchange<'_, W>, refused: Option<u16>) -> io::Result<()> {
    if let Some(status) = refused {
        exchange.client_error(&format!(
            "client sent invalid request, answered with {status}"
        ));
        exchange.error_page_used = true;
        exchange.special(status, None).await?;
        return Ok(());
    }
    let mut named: Option<String> = None;
    for _ in 0..=CYCLES_MAX {
        let mut flow = match locate(exchange, named.take()).await? {
            Some(flow) => flow,
            None => content(exchange).await?,
        };
        if let Flow::Status(status) = flow {
            flow = exchange.special(status, None).await?;
        }
        match flow {
            Flow::Done => return Ok(()),
            Flow::Status(status) => {
                exchange.special(status, None).await?;
                return Ok(());
            }
            Flow::Redirect { uri, args } => {
                exchange.uri = uri;
                exchange.args = args;
                exchange.internal = true;
            }
            Flow::Named(name) => {
                exchange.internal = true;
                named = Some(name);
            }
        }
    }
    exchange.log_error(Level::Error, "rewrite or internal redirection cycle");
    exchange.error_page_used = true;
    exchange.special(500, None).await?;
    Ok(())
}

/// Sets the location; an answer of the server itself comes first.
async fn locate<W: World>(
    exchange: &mut Exchange<'_, W>,
    named: Option<String>,
) -> io::Result<Option<Flow>> {
    let server = exchange.server.clone();
    if let Some(name) = named {
        let Some(location) = server.locations.named.get(&name) else {
            exchange.log_error(
                Level::Error,
                &format!("could not find named location \"{name}\""),
            );
            return Ok(Some(Flow::Status(500)));
        };
        exchange.location = location.clone();
        return Ok(None);
    }
    if server.redirect.is_some() {
        exchange.location = server.fallback.clone();
        return returned(exchange, true).await.map(Some);
    }
    let found = route::location(&server.locations, &exchange.uri);
    (exchange.location, exchange.captures) = match found {
        Some(found) => (found.location, found.captures),
        None => (server.fallback.clone(), Vec::new()),
    };
    let exact = matches!(exchange.location.matcher, Matcher::Regex(_));
    if !exact && route::lacks_slash(&server.locations, &exchange.uri) {
        let mut target = request::escape(&exchange.uri) + "/";
        if !exchange.args.is_empty() {
            target = format!("{target}?{}", exchange.args);
        }
        return exchange.redirect(&target).await.map(Some);
    }
    if exchange.location.internal && !exchange.internal {
        return Ok(Some(Flow::Status(404)));
    }
    Ok(None)
}

async fn content<W: World>(exchange: &mut Exchange<'_, W>) -> io::Result<Flow> {
    let location: Rc<Location> = exchange.location.clone();
    let scope = &location.scope;
    let body_max = scope.client_max_body_size.unwrap_or(CLIENT_BODY_MAX);
    if let Some(length) = exchange.request.content_length
        && body_max > 0
        && length > body_max
        && exchange.body.is_some()
    {
        exchange.log_error(
            Level::Error,
            &format!("client intended to send too large body: {length} bytes"),
        );
        exchange.keepalive = false;
        return Ok(Flow::Status(413));
    }
    if location.redirect.is_some() {
        return returned(exchange, false).await;
    }
    let peer = exchange.connection.peer.ip();
    let rule = scope
        .access
        .iter()
        .flat_map(|rules| rules.iter())
        .find(|rule| rule.matches(peer));
    if rule.is_some_and(|rule| !rule.allow) {
        exchange.log_error(Level::Error, "access forbidden by rule");
        return Ok(Flow::Status(403));
    }
    if let Some(flow) = files::try_files(exchange) {
        return Ok(flow);
    }
    match location.proxy {
        Some(_) => proxy::pass(exchange).await,
        None => files::serve(exchange).await,
    }
}

/// Does what `return` says.
async fn returned<W: World>(exchange: &mut Exchange<'_, W>, of_server: bool) -> io::Result<Flow> {
    let (server, location) = (exchange.server.clone(), exchange.location.clone());
    let rule = if of_server {
        &server.redirect
    } else {
        &location.redirect
    };
    let Some(rule) = rule else {
        return Ok(Flow::Status(500));
    };
    if rule.status == 444 {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let text = rule
        .text
        .as_ref()
        .map(|text| exchange.eval(text))
        .unwrap_or_default();
    if matches!(rule.status, 301..=303 | 307 | 308) {
        let target = String::from_utf8_lossy(&text);
        let location = exchange.absolute(&target);
        let page = pages::page(rule.status, exchange.server_token(), false).unwrap_or_default();
        let head = Head {
            location_last: location == target,
            location: (!text.is_empty()).then_some(location),
            content_type: Some("text/html".to_owned()),
            ..Head::new(rule.status)
        };
        return exchange.send(head, page.as_bytes()).await;
    }
    if rule.status >= 400 && text.is_empty() {
        return Ok(Flow::Status(rule.status));
    }
    let mut head = Head::new(rule.status);
    if rule.status != 204 {
        head.content_type = files::content_type(exchange);
    }
    exchange.send(head, &text).await
}

fn log<W: World>(exchange: &Exchange<'_, W>) {
    for log in exchange
        .location
        .scope
        .access_log
        .iter()
        .flat_map(|logs| logs.iter())
    {
        if let AccessLog::To { path, format } = log {
            let mut line = exchange.eval_log(format);
            line.push(b'\n');
            exchange.state.logs.write(path, &line);
        }
    }
}

/// Reads the rest of a body that nobody wanted, so that the next request can follow.
async fn drain<W: World>(exchange: &mut Exchange<'_, W>) -> io::Result<()> {
    let mut total = 0;
    while let Some(piece) = proxy::read_piece(exchange)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?
    {
        total += piece.len() as u64;
        if total > LINGERING_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(())
}

/// Ends the connection so that the answer is not lost: what the client still sends is read for a while.
async fn linger<W: World>(state: &State<W>, connection: &mut Connection<W>) {
    connection.writer.shutdown();
    let mut bytes = [0; 4096];
    let mut total = 0;
    while total < LINGERING_BYTES_MAX {
        match timeout(
            &state.world,
            LINGERING_TIMEOUT,
            stream::read(&mut connection.reader, &mut bytes),
        )
        .await
        {
            Ok(len) if len > 0 => total += len as u64,
            _ => return,
        }
    }
}
