//! A client for HTTP/1.1 without encryption, as `curl` and `wget` need it.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Bytes of a response's head.
const HEAD_MAX: usize = 256 * 1024;
/// Headers in a response.
const HEADERS_MAX: usize = 256;
/// Bytes of a line that gives the size of a chunk.
const CHUNK_LINE_MAX: usize = 4096;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    pub scheme: String,
    /// `name:password`.
    pub user: Option<String>,
    pub host: String,
    pub port: u16,
    /// With the query, beginning with `/`.
    pub path: String,
}

impl Url {
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let scheme = scheme.to_ascii_lowercase();
        let rest = rest.split('#').next().unwrap_or(rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(user.to_owned()), address),
            None => (None, authority),
        };
        let default = if scheme == "https" { 443 } else { 80 };
        let (host, port) = match address.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                (host, port.strip_prefix(':'))
            }
            None => address
                .split_once(':')
                .map_or((address, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            None | Some("") => default,
            Some(port) => port.parse().ok()?,
        };
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        let is_valid = !host.is_empty() && !text.chars().any(|c| c.is_control() || c == ' ');
        is_valid.then(|| Self {
            scheme,
            user,
            host: host.to_owned(),
            port,
            path,
        })
    }

    /// What the `Host` header says.
    pub fn host_header(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == if self.scheme == "https" { 443 } else { 80 } {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// The URL a `Location` header leads to.
    pub fn join(&self, location: &str) -> Option<Self> {
        if location.contains("://") {
            return Self::parse(location);
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{}://{rest}", self.scheme));
        }
        let path = if location.starts_with('/') {
            location.to_owned()
        } else {
            let base = self.path.split('?').next().unwrap_or("/");
            format!(
                "{}/{location}",
                base.rsplit_once('/').map_or("", |(directory, _)| directory)
            )
        };
        Some(Self {
            path,
            ..self.clone()
        })
    }

    pub fn text(&self) -> String {
        format!("{}://{}{}", self.scheme, self.host_header(), self.path)
    }
}

/// Why there is no response.
#[derive(Debug)]
pub enum Failure {
    Resolve,
    Connect(SocketAddr, io::Error),
    Timeout,
    /// The connection ended before anything came.
    Empty,
    /// The connection ended before all had come.
    Partial(u64),
    Receive(io::Error),
    /// The response is none.
    Invalid,
    /// Whoever takes the body does not want more.
    Sink(String),
}

/// When all must be done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deadline(pub Option<Instant>);

impl Deadline {
    pub fn after(duration: Option<Duration>) -> Self {
        Self(duration.and_then(|duration| Instant::now().checked_add(duration)))
    }

    fn left(self) -> Result<Option<Duration>, Failure> {
        let left = self
            .0
            .map(|until| until.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            Err(Failure::Timeout)
        } else {
            Ok(left)
        }
    }

    /// Waits until `stream` has something to read.
    fn wait(self, stream: &TcpStream) -> Result<(), Failure> {
        let Some(left) = self.left()? else {
            return Ok(());
        };
        let mut poll = libc::pollfd {
            fd: stream.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let milliseconds = i32::try_from(left.as_millis().max(1)).unwrap_or(i32::MAX);
        // SAFETY: one entry, as told.
        match unsafe { libc::poll(&raw mut poll, 1, milliseconds) } {
            0 => Err(Failure::Timeout),
            _ => Ok(()),
        }
    }
}

/// Connects to the first address of a host that answers; `accept` chooses among addresses.
pub fn connect(
    host: &str,
    port: u16,
    deadline: Deadline,
    accept: impl Fn(IpAddr) -> bool,
) -> Result<(TcpStream, SocketAddr), Failure> {
    let addresses = (host, port)
        .to_socket_addrs()
        .map_err(|_| Failure::Resolve)?;
    let mut failure = Failure::Resolve;
    for address in addresses.filter(|address| accept(address.ip())) {
        let connected = match deadline.left()? {
            Some(left) => TcpStream::connect_timeout(&address, left),
            None => TcpStream::connect(address),
        };
        match connected {
            Ok(stream) => {
                // Only slower if it is refused.
                let _ = stream.set_nodelay(true);
                return Ok((stream, address));
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(Failure::Timeout),
            Err(error) => failure = Failure::Connect(address, error),
        }
    }
    Err(failure)
}

#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn head(&self) -> String {
        let headers: String = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        format!("{} {} HTTP/1.1\r\n{headers}\r\n", self.method, self.path)
    }
}

/// A response whose body is still to be read.
pub struct Response {
    pub version: u8,
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(String, String)>,
    /// As received.
    pub head: Vec<u8>,
    stream: TcpStream,
    buffer: Vec<u8>,
    deadline: Deadline,
    has_body: bool,
}

/// Sends a request and reads the head of its response.
pub fn exchange(
    mut stream: TcpStream,
    request: &Request,
    deadline: Deadline,
) -> Result<Response, Failure> {
    let mut message = request.head().into_bytes();
    message.extend_from_slice(&request.body);
    // A server may answer and close before it has read everything: its answer counts.
    let sent = stream.write_all(&message);
    let mut buffer = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut headers);
        match parsed.parse(&buffer) {
            Ok(httparse::Status::Complete(length)) => {
                let status = parsed.code.unwrap_or(0);
                if status == 100 {
                    buffer.drain(..length);
                    continue;
                }
                let value = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let rest = buffer.split_off(length);
                let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
                let mut parsed = httparse::Response::new(&mut headers);
                parsed.parse(&buffer).map_err(|_| Failure::Invalid)?;
                return Ok(Response {
                    version: parsed.version.unwrap_or(1),
                    status,
                    reason: parsed.reason.unwrap_or("").to_owned(),
                    headers: parsed
                        .headers
                        .iter()
                        .map(|header| (header.name.to_owned(), value(header.value)))
                        .collect(),
                    head: buffer,
                    stream,
                    buffer: rest,
                    deadline,
                    has_body: request.method != "HEAD"
                        && status >= 200
                        && status != 204
                        && status != 304,
                });
            }
            Ok(httparse::Status::Partial) if buffer.len() < HEAD_MAX => {}
            Ok(httparse::Status::Partial) | Err(_) => return Err(Failure::Invalid),
        }
        if receive(&mut stream, &mut buffer, deadline)? == 0 {
            return Err(match sent {
                Err(error) => Failure::Receive(error),
                Ok(()) => Failure::Empty,
            });
        }
    }
}

fn receive(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    deadline: Deadline,
) -> Result<usize, Failure> {
    let mut bytes = [0; 16 * 1024];
    loop {
        deadline.wait(stream)?;
        match stream.read(&mut bytes) {
            Ok(count) => {
                buffer.extend_from_slice(&bytes[..count]);
                return Ok(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::Receive(error)),
        }
    }
}

type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), String>;

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The status line, without its end.
    pub fn status_line(&self) -> String {
        format!("HTTP/1.{} {} {}", self.version, self.status, self.reason)
    }

    /// Reads the body to its end; returns its length.
    pub fn body(mut self, sink: Sink<'_>) -> Result<u64, Failure> {
        if !self.has_body {
            return Ok(0);
        }
        if self
            .header("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
        {
            return self.chunked(sink);
        }
        let length = self
            .header("content-length")
            .and_then(|value| value.trim().parse::<u64>().ok());
        self.sized(length, sink)
    }

    fn fill(&mut self) -> Result<usize, Failure> {
        receive(&mut self.stream, &mut self.buffer, self.deadline)
    }

    fn sized(&mut self, length: Option<u64>, sink: Sink<'_>) -> Result<u64, Failure> {
        let mut total = 0;
        loop {
            let left = length.map_or(u64::MAX, |length| length - total);
            let count = (self.buffer.len() as u64).min(left);
            if count > 0 {
                sink(&self.buffer[..count as usize]).map_err(Failure::Sink)?;
                self.buffer.drain(..count as usize);
                total += count;
            }
            if length == Some(total) {
                return Ok(total);
            }
            if self.buffer.is_empty() && self.fill()? == 0 {
                return match length {
                    Some(length) => Err(Failure::Partial(length - total)),
                    None => Ok(total),
                };
            }
        }
    }

    fn chunked(&mut self, sink: Sink<'_>) -> Result<u64, Failure> {
        let mut total = 0;
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or("").trim();
            let size = u64::from_str_radix(size, 16).map_err(|_| Failure::Invalid)?;
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(total);
            }
            total += self.sized(Some(size), &mut *sink)?;
            if !self.line()?.is_empty() {
                return Err(Failure::Invalid);
            }
        }
    }

    fn line(&mut self) -> Result<String, Failure> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.buffer.len() > CHUNK_LINE_MAX {
                return Err(Failure::Invalid);
            }
            if self.fill()? == 0 {
                return Err(Failure::Partial(1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn reads_urls() {
        for (text, expected) in [
            ("http://localhost:80", Some(("localhost", 80, "/"))),
            ("localhost", Some(("localhost", 80, "/"))),
            ("http://a:8080/x?y#z", Some(("a", 8080, "/x?y"))),
            ("http://u:p@h?q", Some(("h", 80, "/?q"))),
            ("http://[::1]:81/", Some(("::1", 81, "/"))),
            ("https://h/", Some(("h", 443, "/"))),
            ("http://", None),
            ("http://h:x/", None),
            ("http://h:99999/", None),
            ("http://h/a\r\nb", None),
        ] {
            let url = Url::parse(text);
            let shown = url
                .as_ref()
                .map(|url| (url.host.as_str(), url.port, url.path.as_str()));
            assert_eq!(shown, expected, "{text}");
        }
    }

    #[test]
    fn joins_locations() {
        let base = Url::parse("http://h:81/a/b?c").unwrap();
        for (location, expected) in [
            ("/x", "http://h:81/x"),
            ("x", "http://h:81/a/x"),
            ("http://g/", "http://g/"),
            ("//g/y", "http://g/y"),
        ] {
            assert_eq!(base.join(location).unwrap().text(), expected);
        }
    }

    #[test]
    fn reads_bodies() {
        for (response, expected) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd",
                "Ok(3) abc",
            ),
            ("HTTP/1.1 200 OK\r\n\r\nabc", "Ok(3) abc"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n",
                "Ok(3) abc",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "Err(Invalid) ",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
                "Err(Partial(3)) ab",
            ),
            ("HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n", "Ok(0) "),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
                "Ok(1) x",
            ),
            ("", "Empty"),
            ("nonsense\r\n\r\n", "Invalid"),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let (stream, _) = connect("127.0.0.1", port, Deadline::default(), |_| true).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            server.write_all(response.as_bytes()).unwrap();
            server.shutdown(std::net::Shutdown::Write).unwrap();
            let request = Request {
                method: "GET".to_owned(),
                path: "/".to_owned(),
                ..Request::default()
            };
            let shown = match exchange(stream, &request, Deadline::default()) {
                Ok(response) => {
                    let mut body = Vec::new();
                    let result = response.body(&mut |bytes| {
                        body.extend_from_slice(bytes);
                        Ok(())
                    });
                    format!("{result:?} {}", String::from_utf8_lossy(&body))
                }
                Err(failure) => format!("{failure:?}"),
            };
            assert_eq!(shown, expected, "{response}");
        }
    }
}
