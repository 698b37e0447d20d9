//! The head of a request: its limits, its parts, and its path in normal form.

use super::config::ServerSettings;

/// Most headers of a request; nginx counts only their bytes.
const HEADERS_MAX: usize = 512;

#[derive(Clone, Debug)]
pub struct Header {
    pub name: String,
    pub value: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The request line, for logs.
    pub line: Vec<u8>,
    pub method: String,
    /// As the client sent it.
    pub target: Vec<u8>,
    /// Decoded and without dots, as locations see it.
    pub uri: String,
    pub args: String,
    /// HTTP/1.1 rather than 1.0.
    pub http_11: bool,
    pub headers: Vec<Header>,
    /// Without the port, in lower case.
    pub host: String,
    pub content_length: Option<u64>,
    pub chunked: bool,
    pub keepalive: bool,
    /// Bytes of the head.
    pub length: usize,
}

impl Request {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.as_slice())
    }

    pub fn has_body(&self) -> bool {
        self.chunked || self.content_length.is_some_and(|length| length > 0)
    }

    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }
}

/// What to do with the bytes of a head so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    More,
    /// The head ends before this offset.
    Complete(usize),
    /// Answer with this status.
    Refuse(u16),
}

/// nginx' own status for headers that are too large; it is shown as 400.
pub const HEADER_TOO_LARGE: u16 = 494;

/// Looks for the end of a head, within the limits. Empty lines before it must be gone.
pub fn scan(bytes: &[u8], settings: &ServerSettings) -> Scan {
    let (count, line_max) = settings.header_buffers;
    if let Some(first) = bytes.first()
        && !(first.is_ascii_uppercase() || matches!(first, b'_' | b'-'))
    {
        return Scan::Refuse(400);
    }
    let mut start = 0;
    while let Some(len) = bytes[start..].iter().position(|&byte| byte == b'\n') {
        let line = &bytes[start..start + len];
        if line.len() > line_max {
            return Scan::Refuse(if start == 0 { 414 } else { HEADER_TOO_LARGE });
        }
        start += len + 1;
        if line.is_empty() || line == b"\r" {
            return Scan::Complete(start);
        }
    }
    match bytes.len() - start {
        rest if rest > line_max => Scan::Refuse(if start == 0 { 414 } else { HEADER_TOO_LARGE }),
        _ if bytes.len() > count * line_max => Scan::Refuse(HEADER_TOO_LARGE),
        _ => Scan::More,
    }
}

/// Parses a complete head. A wrong one gives a status, and as much of the request as was understood.
pub fn parse(bytes: &[u8], merge_slashes: bool) -> Result<Request, (u16, Box<Request>)> {
    let mut request = Request {
        length: bytes.len(),
        ..Request::default()
    };
    let status = match parse_into(&mut request, bytes, merge_slashes) {
        Ok(()) => return Ok(request),
        Err(status) => status,
    };
    request.keepalive = false;
    Err((status, Box::new(request)))
}

fn parse_into(request: &mut Request, bytes: &[u8], merge_slashes: bool) -> Result<(), u16> {
    let line_end = bytes
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(bytes.len() - 1);
    let line = bytes[..line_end]
        .strip_suffix(b"\r")
        .unwrap_or(&bytes[..line_end]);
    request.line = line.to_vec();
    let authority = request_line(request, merge_slashes)?;
    let mut headers = vec![httparse::EMPTY_HEADER; HEADERS_MAX];
    let parsed = match httparse::parse_headers(&bytes[line_end + 1..], &mut headers) {
        Ok(httparse::Status::Complete((_, parsed))) => parsed,
        Err(httparse::Error::TooManyHeaders) => return Err(HEADER_TOO_LARGE),
        Ok(httparse::Status::Partial) | Err(_) => return Err(400),
    };
    // nginx leaves out headers with any other character (`ignore_invalid_headers`).
    let usual = |header: &&httparse::Header<'_>| {
        header
            .name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let header = |header: &httparse::Header<'_>| Header {
        name: header.name.to_owned(),
        value: header.value.to_vec(),
    };
    request.headers = parsed.iter().filter(usual).map(header).collect();
    host(request, authority.as_deref())?;
    body(request)
}

/// Takes the request line apart. Returns the authority of an absolute URL.
fn request_line(request: &mut Request, merge_slashes: bool) -> Result<Option<String>, u16> {
    let text = std::str::from_utf8(&request.line).map_err(|_| 400_u16)?;
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(400);
    };
    if !method
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-'))
    {
        return Err(400);
    }
    if target.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err(400);
    }
    let (authority, path) = split_target(target).ok_or(400_u16)?;
    match version {
        "HTTP/1.0" => {}
        "HTTP/1.1" => request.http_11 = true,
        _ if is_newer_version(version) => return Err(505),
        _ => return Err(400),
    }
    let (authority, path) = (authority.map(str::to_owned), path.to_owned());
    (request.method, request.target) = (method.to_owned(), target.as_bytes().to_vec());
    (request.uri, request.args) = normalize(&path, merge_slashes).ok_or(400_u16)?;
    Ok(authority)
}

fn is_newer_version(version: &str) -> bool {
    matches!(
        version.strip_prefix("HTTP/").map(str::as_bytes),
        Some([b'2'..=b'9', ..])
    )
}

/// Splits `http://host/path`; a path alone has no authority.
fn split_target(target: &str) -> Option<(Option<&str>, &str)> {
    if target.starts_with('/') {
        return Some((None, target));
    }
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let path = if end == rest.len() { "/" } else { &rest[end..] };
    Some((Some(&rest[..end]), path))
}

fn host(request: &mut Request, authority: Option<&str>) -> Result<(), u16> {
    let mut hosts = request
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("host"));
    let first = hosts.next();
    let repeated = hosts.next().is_some();
    if first.is_none() && request.http_11 {
        return Err(400);
    }
    let value = match (authority, first) {
        (Some(authority), _) => authority.as_bytes(),
        (None, Some(header)) => header.value.as_slice(),
        (None, None) => return Ok(()),
    };
    let text = std::str::from_utf8(value).map_err(|_| 400_u16)?;
    let bare = match text.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(end) => &text[..end + 2],
        None => text.split(':').next().unwrap_or_default(),
    };
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    if bare.is_empty()
        || bare
            .bytes()
            .any(|byte| byte <= b' ' || byte == 0x7f || matches!(byte, b'/' | b'\\'))
        || bare.contains("..")
    {
        return Err(400);
    }
    request.host = bare.to_ascii_lowercase();
    if repeated { Err(400) } else { Ok(()) }
}

fn body(request: &mut Request) -> Result<(), u16> {
    let mut lengths = request
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("content-length"));
    if let Some(header) = lengths.next() {
        let digits = std::str::from_utf8(&header.value)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let length = digits
            .and_then(|text| text.parse::<u64>().ok())
            .ok_or(400_u16)?;
        if lengths.next().is_some() {
            return Err(400);
        }
        request.content_length = Some(length);
    }
    let mut codings = request
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("transfer-encoding"));
    if let Some(header) = codings.next() {
        if request.content_length.is_some() || !request.http_11 || codings.next().is_some() {
            return Err(400);
        }
        if !header.value.eq_ignore_ascii_case(b"chunked") {
            return Err(501);
        }
        request.chunked = true;
    }
    let connection = request
        .header("connection")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let has = |word: &[u8]| connection.windows(word.len()).any(|window| window == word);
    request.keepalive = if request.http_11 {
        !has(b"close")
    } else {
        has(b"keep-alive") && !has(b"close")
    };
    Ok(())
}

/// Decodes a path and takes its dots and double slashes out. `None` where nginx would answer 400.
pub fn normalize(target: &str, merge_slashes: bool) -> Option<(String, String)> {
    let target = target.split('#').next().unwrap_or_default();
    let (path, args) = target.split_once('?').unwrap_or((target, ""));
    let decoded = decode(path)?;
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut directory = false;
    let mut parts = decoded.split(|&byte| byte == b'/').peekable();
    parts.next();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        directory = last && matches!(part, b"" | b"." | b"..");
        match part {
            b"." => {}
            b".." => {
                segments.pop()?;
            }
            b"" if last || merge_slashes => {}
            part => segments.push(part),
        }
    }
    let mut uri = vec![b'/'];
    uri.extend(segments.join(&b'/'));
    if directory && uri.last() != Some(&b'/') {
        uri.push(b'/');
    }
    Some((String::from_utf8_lossy(&uri).into_owned(), args.to_owned()))
}

fn decode(path: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        match (high * 16 + low) as u8 {
            0 => return None,
            decoded => out.push(decoded),
        }
    }
    Some(out)
}

/// Encodes a path again, as nginx does for `Location` and for a proxied request.
pub fn escape(uri: &str) -> String {
    let mut out = String::with_capacity(uri.len());
    for byte in uri.bytes() {
        match byte {
            0..=0x20
            | 0x7f..=0xff
            | b'"'
            | b'#'
            | b'%'
            | b'<'
            | b'>'
            | b'?'
            | b'\\'
            | b'^'
            | b'`'
            | b'{'
            | b'|'
            | b'}' => {
                out.push_str(&format!("%{byte:02X}"));
            }
            byte => out.push(char::from(byte)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_normal() {
        let cases = [
            ("/", Some("/")),
            ("/a//b", Some("/a/b")),
            ("/a/./b/../c", Some("/a/c")),
            ("/a/..", Some("/")),
            ("/a/b/.", Some("/a/b/")),
            ("/a/b/", Some("/a/b/")),
            ("/%61%2fb", Some("/a/b")),
            ("/a%20b?x=%20", Some("/a b?x=%20")),
            ("/..", None),
            ("/a/../..", None),
            ("/%2e%2e/etc/passwd", None),
            ("/a/%2e%2e/%2e%2e/etc", None),
            ("/%00", None),
            ("/%zz", None),
            ("/%4", None),
            ("/...", Some("/...")),
            ("/a#b?c", Some("/a")),
        ];
        for (target, expected) in cases {
            let shown = normalize(target, true).map(|(uri, args)| {
                if args.is_empty() {
                    uri
                } else {
                    uri + "?" + &args
                }
            });
            assert_eq!(shown.as_deref(), expected, "of {target:?}");
        }
        assert_eq!(
            normalize("/a//b/", false).map(|(uri, _)| uri).as_deref(),
            Some("/a//b/")
        );
    }

    #[test]
    fn heads_are_accepted_or_refused_as_nginx_does() {
        check("GET / HTTP/1.1\r\nHost: A.b:80\r\n\r\n", "a.b / keep");
        check("GET /x?y HTTP/1.0\r\n\r\n", " /x close");
        check("GET http://Q/x HTTP/1.1\r\nHost: r\r\n\r\n", "q /x keep");
        check(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "a / close",
        );
        check("GET / HTTP/1.1\r\n\r\n", "400");
        check("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400");
        check("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400");
        check("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505");
        check("GET x HTTP/1.1\r\nHost: a\r\n\r\n", "400");
        check("GET /\r\n\r\n", "400");
        check("GeT / HTTP/1.1\r\nHost: a\r\n\r\n", "400");
        check(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            "400",
        );
        check(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400",
        );
        check(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            "501",
        );
    }

    fn check(head: &str, expected: &str) {
        let shown = match parse(head.as_bytes(), true) {
            Ok(request) => {
                format!(
                    "{} {} {}",
                    request.host,
                    request.uri,
                    if request.keepalive { "keep" } else { "close" }
                )
            }
            Err((status, _)) => status.to_string(),
        };
        assert_eq!(shown, expected, "of {head:?}");
    }

    #[test]
    fn heads_have_bounds() {
        let settings = ServerSettings {
            merge_slashes: true,
            client_header_timeout: std::time::Duration::ZERO,
            header_buffers: (4, 100),
        };
        let long = "x".repeat(101);
        let many = "a: b\r\n".repeat(100);
        let cases = [
            (
                "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody".to_owned(),
                Scan::Complete(27),
            ),
            ("GET / HT".to_owned(), Scan::More),
            ("\x16\x03\x01".to_owned(), Scan::Refuse(400)),
            (format!("GET /{long}"), Scan::Refuse(414)),
            (
                format!("GET / HTTP/1.1\r\na: {long}"),
                Scan::Refuse(HEADER_TOO_LARGE),
            ),
            (
                format!("GET / HTTP/1.1\r\n{many}"),
                Scan::Refuse(HEADER_TOO_LARGE),
            ),
        ];
        for (bytes, expected) in cases {
            assert_eq!(scan(bytes.as_bytes(), &settings), expected, "of {bytes:?}");
        }
    }
}
