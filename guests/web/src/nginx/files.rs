//! Answers from files: index, types, conditions, ranges, listings.

use super::config::{IfModifiedSince, Level, TryLast};
use super::error::os_error;
use super::exchange::Exchange;
use super::listing;
use super::range::{self, Ranges};
use super::request::escape;
use super::respond::{Flow, Framing, Head};
use super::world::World;
use crate::date;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes of a file in memory at a time.
const PIECE: usize = 32 * 1024;

/// The file a request names; `None` if there is no such path.
pub fn path<W: World>(exchange: &Exchange<'_, W>) -> Option<String> {
    path_of(exchange, &exchange.uri)
}

fn path_of<W: World>(exchange: &Exchange<'_, W>, uri: &str) -> Option<String> {
    let root = exchange.location.scope.root.as_ref()?;
    let base = exchange.eval_text(&root.path);
    let rest = match (root.alias, root.strip) {
        (true, usize::MAX) => "",
        (true, strip) => uri.get(strip..).unwrap_or_default(),
        (false, _) => uri,
    };
    if rest.split('/').any(|segment| segment == "..") || rest.contains('\0') {
        return None;
    }
    let base = if root.alias {
        base.as_str()
    } else {
        base.trim_end_matches('/')
    };
    Some(format!("{base}{rest}"))
}

/// Goes through `try_files`. `None`: a file was found and `uri` names it.
pub fn try_files<W: World>(exchange: &mut Exchange<'_, W>) -> Option<Flow> {
    let location = exchange.location.clone();
    let try_files = location.try_files.as_ref()?;
    let strip = location
        .scope
        .root
        .as_ref()
        .filter(|root| root.alias)
        .map_or(0, |root| root.strip);
    for template in &try_files.files {
        let mut uri = exchange.eval_text(template);
        if strip > 0 && strip != usize::MAX && uri.len() < strip {
            uri.clone_from(&exchange.uri);
        }
        let Some(path) = path_of(exchange, &uri) else {
            continue;
        };
        let Ok(metadata) = fs::metadata(path.trim_end_matches('/')) else {
            continue;
        };
        if metadata.is_dir() == uri.ends_with('/') {
            exchange.internal |= uri != exchange.uri;
            exchange.uri = uri;
            return None;
        }
    }
    Some(match &try_files.last {
        TryLast::Status(status) => Flow::Status(*status),
        TryLast::Named(name) => Flow::Named(name.clone()),
        TryLast::Uri(template) => {
            let target = exchange.eval_text(template);
            let (uri, args) = target.split_once('?').unwrap_or((&target, &exchange.args));
            Flow::Redirect {
                uri: uri.to_owned(),
                args: args.to_owned(),
            }
        }
    })
}

/// Answers from the file system.
pub async fn serve<W: World>(exchange: &mut Exchange<'_, W>) -> io::Result<Flow> {
    if exchange.uri.ends_with('/') {
        return directory(exchange).await;
    }
    if !matches!(exchange.request.method.as_str(), "GET" | "HEAD" | "POST") {
        return Ok(Flow::Status(405));
    }
    let Some(path) = path(exchange) else {
        return Ok(Flow::Status(404));
    };
    let metadata = match fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) => return Ok(Flow::Status(missing(exchange, &path, &error))),
    };
    if metadata.is_dir() {
        let mut target = escape(&exchange.uri) + "/";
        if !exchange.args.is_empty() {
            target = format!("{target}?{}", exchange.args);
        }
        return exchange.redirect(&target).await;
    }
    if !metadata.is_file() {
        exchange.log_error(Level::Crit, &format!("\"{path}\" is not a regular file"));
        return Ok(Flow::Status(404));
    }
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) => return Ok(Flow::Status(missing(exchange, &path, &error))),
    };
    if exchange.request.method == "POST" {
        return Ok(Flow::Status(405));
    }
    let modified = metadata.modified().map_or(0, date::seconds);
    send_file(exchange, file, metadata.len(), modified).await
}

fn missing<W: World>(exchange: &Exchange<'_, W>, path: &str, error: &io::Error) -> u16 {
    use io::ErrorKind;
    let status = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => 404,
        ErrorKind::PermissionDenied => 403,
        _ => 500,
    };
    if status != 404 || exchange.location.scope.log_not_found.unwrap_or(true) {
        let level = if status == 500 {
            Level::Crit
        } else {
            Level::Error
        };
        exchange.log_error(
            level,
            &format!("open() \"{path}\" failed ({})", os_error(error)),
        );
    }
    status
}

async fn directory<W: World>(exchange: &mut Exchange<'_, W>) -> io::Result<Flow> {
    if !matches!(exchange.request.method.as_str(), "GET" | "HEAD" | "POST") {
        return Ok(Flow::Status(405));
    }
    let names = match exchange.location.scope.index.clone() {
        Some(names) => names.iter().map(|name| exchange.eval_text(name)).collect(),
        None => vec!["index.html".to_owned()],
    };
    let Some(directory) = path(exchange) else {
        return Ok(Flow::Status(404));
    };
    for name in names {
        if name.starts_with('/') {
            return Ok(Flow::Redirect {
                uri: name,
                args: exchange.args.clone(),
            });
        }
        let found = fs::metadata(format!("{directory}{name}"));
        if found.is_ok_and(|metadata| !metadata.is_dir()) {
            return Ok(Flow::Redirect {
                uri: format!("{}{name}", exchange.uri),
                args: exchange.args.clone(),
            });
        }
    }
    match fs::metadata(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if exchange.location.scope.log_not_found.unwrap_or(true) {
                let message = format!(
                    "\"{directory}index.html\" is not found ({})",
                    os_error(&error)
                );
                exchange.log_error(Level::Error, &message);
            }
            return Ok(Flow::Status(404));
        }
        Err(error) => return Ok(Flow::Status(missing(exchange, &directory, &error))),
        Ok(metadata) if !metadata.is_dir() => return Ok(Flow::Status(404)),
        Ok(_) => {}
    }
    if exchange.location.scope.autoindex == Some(true) && exchange.request.method != "POST" {
        return listing::serve(exchange, &directory).await;
    }
    exchange.log_error(
        Level::Error,
        &format!("directory index of \"{directory}\" is forbidden"),
    );
    Ok(Flow::Status(403))
}

async fn send_file<W: World>(
    exchange: &mut Exchange<'_, W>,
    mut file: File,
    length: u64,
    modified: i64,
) -> io::Result<Flow> {
    let mut head = Head::new(200);
    head.modified = Some(modified);
    head.length = Some(length);
    head.content_type = content_type(exchange);
    let last_modified = date::http(modified);
    head.last_modified = Some(last_modified.clone().into_bytes());
    let etag = exchange
        .location
        .scope
        .etag
        .unwrap_or(true)
        .then(|| format!("\"{modified:x}-{length:x}\""));
    if let Some(etag) = &etag {
        head.header("ETag", etag.as_str());
    }
    if exchange.error_status.is_none_or(|status| status == 200) {
        match condition(exchange, modified, etag.as_deref()) {
            200 => {}
            304 => {
                head.status = 304;
                head.length = None;
                head.content_type = None;
                exchange.send_head(head).await?;
                return Ok(Flow::Done);
            }
            status => return Ok(Flow::Status(status)),
        }
        let ranges = if_range(exchange, &last_modified, etag.as_deref());
        let ranges_max = exchange.location.scope.max_ranges.unwrap_or(u64::MAX);
        match ranges.map_or(Ranges::Whole, |header| {
            range::parse(&header, length, ranges_max)
        }) {
            Ranges::Whole => {}
            Ranges::Parts(parts) => return send_parts(exchange, head, file, length, &parts).await,
            Ranges::Unsatisfiable => {
                exchange.range_length = Some(length);
                return Ok(Flow::Status(416));
            }
        }
        if ranges_max > 0 {
            head.last_header("Accept-Ranges", "bytes");
        }
    }
    let framing = exchange.send_head(head).await?;
    copy(exchange, framing, &mut file, length).await?;
    Ok(Flow::Done)
}

async fn send_parts<W: World>(
    exchange: &mut Exchange<'_, W>,
    mut head: Head,
    mut file: File,
    length: u64,
    parts: &[(u64, u64)],
) -> io::Result<Flow> {
    head.status = 206;
    if let [(from, to)] = *parts {
        head.last_header("Content-Range", format!("bytes {from}-{}/{length}", to - 1));
        head.length = Some(to - from);
        let framing = exchange.send_head(head).await?;
        file.seek(SeekFrom::Start(from))?;
        copy(exchange, framing, &mut file, to - from).await?;
        return Ok(Flow::Done);
    }
    let number = exchange.connection.number * 1_000_000 + exchange.connection.requests;
    let boundary = format!("{number:020}");
    let kind = head.content_type.take().unwrap_or_default();
    head.content_type = Some(format!("multipart/byteranges; boundary={boundary}"));
    let part_head = |from: u64, to: u64| {
        format!(
            "\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: bytes {from}-{}/{length}\r\n\r\n",
            to - 1
        )
    };
    let end = format!("\r\n--{boundary}--\r\n");
    let total: u64 = parts
        .iter()
        .map(|&(from, to)| part_head(from, to).len() as u64 + to - from)
        .sum();
    head.length = Some(total + end.len() as u64);
    let framing = exchange.send_head(head).await?;
    for &(from, to) in parts {
        exchange
            .send_piece(framing, part_head(from, to).as_bytes())
            .await?;
        file.seek(SeekFrom::Start(from))?;
        copy(exchange, framing, &mut file, to - from).await?;
    }
    exchange.send_piece(framing, end.as_bytes()).await?;
    Ok(Flow::Done)
}

/// Sends `length` bytes of the file from where it stands. One that became shorter breaks the connection.
async fn copy<W: World>(
    exchange: &mut Exchange<'_, W>,
    framing: Framing,
    file: &mut File,
    length: u64,
) -> io::Result<()> {
    if framing == Framing::None {
        return Ok(());
    }
    let mut piece = vec![0; PIECE.min(usize::try_from(length).unwrap_or(PIECE))];
    let mut left = length;
    while left > 0 {
        let want = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let len = file.read(&mut piece[..want])?;
        if len == 0 {
            exchange.log_error(Level::Alert, "file became shorter while it was sent");
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        exchange.send_piece(framing, &piece[..len]).await?;
        left -= len as u64;
        exchange.state.world.yield_now().await;
    }
    Ok(())
}

/// The type that `types` and `default_type` give the path.
pub fn content_type<W: World>(exchange: &Exchange<'_, W>) -> Option<String> {
    let name = exchange.uri.rsplit('/').next().unwrap_or_default();
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase());
    let scope = &exchange.location.scope;
    let known = extension.and_then(|extension| match &scope.types {
        Some(types) => types.get(&extension).map(ToString::to_string),
        None => match extension.as_str() {
            "html" => Some("text/html".to_owned()),
            "gif" => Some("image/gif".to_owned()),
            "jpg" => Some("image/jpeg".to_owned()),
            _ => None,
        },
    });
    let kind = known.unwrap_or_else(|| {
        scope
            .default_type
            .as_deref()
            .unwrap_or("text/plain")
            .to_owned()
    });
    (!kind.is_empty()).then_some(kind)
}

/// 200, 304 or 412, by the headers that make the request conditional.
fn condition<W: World>(exchange: &Exchange<'_, W>, modified: i64, etag: Option<&str>) -> u16 {
    let header = |name: &str| {
        exchange
            .request
            .header(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    };
    if let Some(text) = header("if-unmodified-since")
        && date::parse_http(&text).is_some_and(|time| modified > time)
    {
        return 412;
    }
    if let Some(list) = header("if-match")
        && !matches_etag(&list, etag, false)
    {
        return 412;
    }
    let since = header("if-modified-since");
    let none_match = header("if-none-match");
    if since.is_none() && none_match.is_none() {
        return 200;
    }
    if let Some(text) = since {
        let time = date::parse_http(&text);
        let fresh = match exchange
            .location
            .scope
            .if_modified_since
            .unwrap_or(IfModifiedSince::Exact)
        {
            IfModifiedSince::Off => false,
            IfModifiedSince::Exact => time == Some(modified),
            IfModifiedSince::Before => time.is_some_and(|time| time >= modified),
        };
        if !fresh {
            return 200;
        }
    }
    match none_match {
        Some(list) if !matches_etag(&list, etag, true) => 200,
        _ => 304,
    }
}

fn matches_etag(list: &str, etag: Option<&str>, weak: bool) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let Some(etag) = etag else { return false };
    list.split(',')
        .map(str::trim)
        .any(|known| known == etag || (weak && known.strip_prefix("W/") == Some(etag)))
}

/// The `Range` header, unless `If-Range` takes it away.
fn if_range<W: World>(
    exchange: &Exchange<'_, W>,
    last_modified: &str,
    etag: Option<&str>,
) -> Option<String> {
    let range = exchange.request.header("range")?;
    if let Some(condition) = exchange.request.header("if-range") {
        let condition = String::from_utf8_lossy(condition);
        let unchanged = match condition.starts_with('"') {
            true => etag == Some(&condition),
            false => condition == last_modified,
        };
        if !unchanged {
            return None;
        }
    }
    Some(String::from_utf8_lossy(range).into_owned())
}
