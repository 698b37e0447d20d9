//! `curl`, for plain HTTP. Texts and statuses are those of curl 7.88.

use super::reason;
use super::sleep::duration;
use crate::http::{Deadline, Failure, Request, Response, Url, connect, exchange};
use crate::sys::{Desc, How};
use crate::tool::{Options, Ran, Tool};
use std::time::{Duration, Instant};

mod facts;
mod options;
mod trouble;

use facts::Facts;
use trouble::{Trouble, returned_error};

/// Redirections that `-L` follows unless told otherwise.
const REDIRECTS_MAX: u32 = 50;
/// The longest pause between retries.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(600);

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = match options::read(arguments) {
        Ok(options) => options,
        Err(message) => {
            tool.write_error(
                format!("curl: {message}\ncurl: try 'curl --help' or 'curl --manual' for more information\n")
                    .as_bytes(),
            );
            return Ok(2);
        }
    };
    if options.has('V') {
        tool.line("curl 7.88.1 (compatible; seedpod busybox)\nProtocols: http");
        return Ok(0);
    }
    let urls: Vec<String> = options
        .operands
        .iter()
        .map(String::as_str)
        .chain(options.values('\u{1}'))
        .map(str::to_owned)
        .collect();
    if urls.is_empty() {
        tool.write_error(b"curl: try 'curl --help' or 'curl --manual' for more information\n");
        return Ok(2);
    }
    let mut code = 0;
    for (index, url) in urls.iter().enumerate() {
        let mut transfer = match Transfer::new(&options, url, index) {
            Ok(transfer) => transfer,
            Err(trouble) => {
                report(tool, &options, &trouble);
                return Ok(trouble.code);
            }
        };
        code = transfer.run(tool);
    }
    Ok(code)
}

fn report(tool: &mut Tool, options: &Options, trouble: &Trouble) {
    if !options.has('s') || options.has('S') {
        tool.flush();
        tool.write_error(format!("curl: ({}) {}\n", trouble.code, trouble.message).as_bytes());
    }
}

struct Transfer<'a> {
    options: &'a Options,
    url: Url,
    method: String,
    body: Option<Vec<u8>>,
    output: Option<String>,
    facts: Facts,
    /// When this attempt began.
    started: Instant,
}

impl<'a> Transfer<'a> {
    fn new(options: &'a Options, text: &str, index: usize) -> Result<Self, Trouble> {
        let text = if options.has('G') {
            let data = options::data(options)?.unwrap_or_default();
            let separator = if text.contains('?') { '&' } else { '?' };
            format!("{text}{separator}{}", String::from_utf8_lossy(&data))
        } else {
            text.to_owned()
        };
        let url = Url::parse(&text)
            .ok_or_else(|| Trouble::new(3, "URL using bad/illegal format or missing URL"))?;
        check(&url)?;
        let body = match options.value('T') {
            _ if options.has('G') => None,
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                Trouble::new(26, format!("Can't open '{path}': {}", reason(&error)))
            })?),
            None => options::data(options)?,
        };
        let method = match options.value('X') {
            Some(method) => method,
            None if options.has('I') => "HEAD",
            None if options.has('T') => "PUT",
            None if body.is_some() => "POST",
            None => "GET",
        };
        let output = match options.values('o').nth(index) {
            Some(path) if path != "-" => Some(path.to_owned()),
            None if options.has('O') => {
                let name = url
                    .path
                    .split('?')
                    .next()
                    .and_then(|path| path.rsplit('/').next())
                    .unwrap_or("");
                if name.is_empty() {
                    return Err(Trouble::new(23, "Remote file name has no length!"));
                }
                Some(name.to_owned())
            }
            _ => None,
        };
        let method = method.to_owned();
        Ok(Self {
            options,
            url,
            method,
            body,
            output,
            facts: Facts::default(),
            started: Instant::now(),
        })
    }

    /// Tries as often as asked; the status is curl's.
    fn run(&mut self, tool: &mut Tool) -> u8 {
        let number = |letter: char| {
            self.options
                .value(letter)
                .and_then(|text| text.parse::<u64>().ok())
                .unwrap_or(0)
        };
        let (mut retries, fixed_delay) = (number('\u{2}'), number('\u{3}'));
        let mut delay = Duration::from_secs(1);
        loop {
            self.started = Instant::now();
            let (url, method) = (self.url.clone(), self.method.clone());
            let result = self.follow(tool);
            self.facts.total_time = self.started.elapsed();
            let trouble = result.err();
            let transient = match &trouble {
                Some(trouble) => {
                    trouble.transient
                        || (trouble.refused && self.options.has('\u{4}'))
                        || self.options.has('\u{5}')
                }
                None => matches!(self.facts.status, 408 | 429 | 500 | 502 | 503 | 504),
            };
            if !transient || retries == 0 {
                return self.end(tool, trouble);
            }
            let pause = if fixed_delay > 0 {
                Duration::from_secs(fixed_delay)
            } else {
                delay
            };
            if !self.options.has('s') {
                let problem = match &trouble {
                    Some(trouble) if trouble.refused => "connection refused",
                    Some(trouble) if trouble.code == 28 => "timeout",
                    Some(_) => "error",
                    None => "HTTP error",
                };
                let seconds = pause.as_secs();
                tool.write_error(
                    format!("Warning: Problem: {problem}. Will retry in {seconds} seconds. {retries} retries left.\n").as_bytes(),
                );
            }
            retries -= 1;
            std::thread::sleep(pause);
            delay = (delay * 2).min(RETRY_DELAY_MAX);
            (self.url, self.method) = (url, method);
        }
    }

    fn end(&mut self, tool: &mut Tool, trouble: Option<Trouble>) -> u8 {
        tool.flush();
        if let Some(trouble) = &trouble {
            report(tool, self.options, trouble);
            self.facts.exit_code = trouble.code;
            self.facts.error.clone_from(&trouble.message);
        }
        if let Some(format) = self.options.value('w') {
            let text = self.written(format);
            tool.print(text);
        }
        trouble.map_or(0, |trouble| trouble.code)
    }

    fn follow(&mut self, tool: &mut Tool) -> Result<(), Trouble> {
        let most = self
            .options
            .value('\u{6}')
            .and_then(|text| text.parse().ok())
            .unwrap_or(REDIRECTS_MAX);
        let deadline = Deadline::after(seconds(self.options.value('m'))?);
        self.facts.redirects = 0;
        loop {
            let response = self.request(tool, deadline)?;
            let target = match (response.status, response.header("location")) {
                (301 | 302 | 303 | 307 | 308, Some(location)) => self.url.join(location),
                _ => None,
            };
            self.facts.redirect_url = target.as_ref().map_or(String::new(), Url::text);
            let Some(target) = target.filter(|_| self.options.has('L')) else {
                return self.receive(tool, response, true);
            };
            if self.facts.redirects >= most {
                return Err(Trouble::new(
                    47,
                    format!("Maximum ({most}) redirects followed"),
                ));
            }
            let status = response.status;
            self.receive(tool, response, false)?;
            check(&target)?;
            self.facts.redirects += 1;
            let keeps_method =
                matches!(status, 307 | 308) || self.options.has('X') || self.method == "HEAD";
            if !keeps_method {
                self.method = "GET".to_owned();
                self.body = None;
            }
            if self.options.has('v') {
                tool.write_error(
                    format!("* Issue another request to this URL: '{}'\n", target.text())
                        .as_bytes(),
                );
            }
            self.url = target;
        }
    }

    fn note(&self, tool: &mut Tool, text: &str) {
        if self.options.has('v') {
            tool.flush();
            tool.write_error(format!("* {text}\n").as_bytes());
        }
    }

    fn request(&mut self, tool: &mut Tool, deadline: Deadline) -> Result<Response, Trouble> {
        let connect_limit = seconds(self.options.value('\u{7}'))?;
        let connect_deadline = match (Deadline::after(connect_limit).0, deadline.0) {
            (Some(a), Some(b)) => Deadline(Some(a.min(b))),
            (a, b) => Deadline(a.or(b)),
        };
        self.facts.url = self.url.text();
        self.facts.method.clone_from(&self.method);
        self.facts.status = 0;
        let accept = |address: std::net::IpAddr| match self.options.last_of("46") {
            Some('4') => address.is_ipv4(),
            Some(_) => address.is_ipv6(),
            None => true,
        };
        let begun = Instant::now();
        let connected = connect(&self.url.host, self.url.port, connect_deadline, accept);
        if let Ok((_, address)) | Err(Failure::Connect(address, _)) = &connected {
            self.note(tool, &format!("  Trying {address}..."));
        }
        let elapsed = begun.elapsed().as_millis();
        let (stream, address) =
            connected.map_err(|failure| self.cannot_connect(tool, failure, elapsed))?;
        self.facts.connect_time = self.started.elapsed();
        (self.facts.remote, self.facts.local) = (Some(address), stream.local_addr().ok());
        self.note(
            tool,
            &format!(
                "Connected to {} ({}) port {} (#0)",
                self.url.host,
                address.ip(),
                address.port()
            ),
        );
        let request = self.message()?;
        if self.options.has('v') {
            let head: String = request
                .head()
                .lines()
                .map(|line| format!("> {line}\n"))
                .collect();
            tool.write_error(head.as_bytes());
        }
        let response =
            exchange(stream, &request, deadline).map_err(|failure| self.broken(failure))?;
        self.facts.first_byte_time = self.started.elapsed();
        self.facts.status = response.status;
        self.facts.version = response.version;
        self.facts.head_size = response.head.len();
        self.facts.content_type = response.header("content-type").unwrap_or("").to_owned();
        if self.options.has('v') {
            let head = String::from_utf8_lossy(&response.head).into_owned();
            let head: String = head.lines().map(|line| format!("< {line}\n")).collect();
            tool.write_error(head.as_bytes());
        }
        Ok(response)
    }

    fn message(&self) -> Result<Request, Trouble> {
        let mut headers = vec![
            ("Host".to_owned(), self.url.host_header()),
            (
                "User-Agent".to_owned(),
                self.options.value('A').unwrap_or("curl/7.88.1").to_owned(),
            ),
            ("Accept".to_owned(), "*/*".to_owned()),
        ];
        if let Some(user) = self.options.value('u').or(self.url.user.as_deref()) {
            headers.push((
                "Authorization".to_owned(),
                format!("Basic {}", super::bytes::encode(user.as_bytes())),
            ));
        }
        for (letter, name) in [('e', "Referer"), ('b', "Cookie")] {
            headers.extend(
                self.options
                    .value(letter)
                    .map(|value| (name.to_owned(), value.to_owned())),
            );
        }
        if let Some(range) = self.options.value('r') {
            headers.push(("Range".to_owned(), format!("bytes={range}")));
        }
        let is_form = self.body.is_some() && !self.options.has('T');
        if let Some(body) = &self.body {
            headers.push(("Content-Length".to_owned(), body.len().to_string()));
        }
        if is_form {
            let kind = if self.options.has('J') {
                "application/json"
            } else {
                "application/x-www-form-urlencoded"
            };
            headers.push(("Content-Type".to_owned(), kind.to_owned()));
        }
        for header in self.options.values('H') {
            if header.contains(['\r', '\n']) {
                return Err(Trouble::new(2, "header with a line break"));
            }
            let (name, value) = match (header.split_once(':'), header.strip_suffix(';')) {
                (Some((name, value)), _) => (name, value.trim()),
                (None, Some(name)) => (name, ""),
                (None, None) => continue,
            };
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            if !value.is_empty() || header.ends_with(';') {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(Request {
            method: self.method.clone(),
            path: self.url.path.clone(),
            headers,
            body: self.body.clone().unwrap_or_default(),
        })
    }

    /// Reads a response; `last` says that its body is what was asked for.
    fn receive(&mut self, tool: &mut Tool, response: Response, last: bool) -> Result<(), Trouble> {
        self.facts.size = 0;
        let failed =
            last && response.status >= 400 && (self.options.has('f') || self.options.has('\u{8}'));
        let status = response.status;
        if failed && self.options.has('f') {
            return Err(returned_error(status));
        }
        let file: Option<Desc> = match &self.output {
            Some(path) if last => {
                if let Some((directory, _)) =
                    path.rsplit_once('/').filter(|_| self.options.has('\u{9}'))
                {
                    // If it cannot be made, creating the file says why.
                    let _ = std::fs::create_dir_all(directory);
                }
                let created = tool.create(path, How::CREATE);
                Some(
                    created
                        .map_err(|_| Trouble::new(23, "Failure writing output to destination"))?,
                )
            }
            _ => None,
        };
        let write = |tool: &mut Tool, bytes: &[u8]| match &file {
            Some(file) => file
                .write(bytes)
                .map_err(|_| "Failure writing output to destination".to_owned()),
            None => {
                tool.write(bytes);
                tool.flush();
                Ok(())
            }
        };
        if let Some(path) = self.options.value('D') {
            let head = String::from_utf8_lossy(&response.head).into_owned();
            match path {
                "-" => tool.print(head),
                path => {
                    let file = tool
                        .create(path, How::CREATE)
                        .map_err(|error| Trouble::new(23, error))?;
                    file.write(head.as_bytes())
                        .map_err(|error| Trouble::new(23, error.to_string()))?;
                }
            }
        }
        if self.options.has('i') || self.options.has('I') {
            write(tool, &response.head).map_err(|error| Trouble::new(23, error))?;
        }
        let mut size = 0;
        let read = response.body(&mut |bytes| {
            size += bytes.len() as u64;
            if last { write(tool, bytes) } else { Ok(()) }
        });
        self.facts.size = size;
        read.map_err(|failure| self.broken(failure))?;
        let host = &self.url.host;
        self.note(tool, &format!("Connection #0 to host {host} left intact"));
        if failed {
            Err(returned_error(status))
        } else {
            Ok(())
        }
    }
}

fn check(url: &Url) -> Result<(), Trouble> {
    if url.scheme == "http" {
        return Ok(());
    }
    Err(Trouble::new(
        1,
        format!(
            "Protocol \"{}\" not supported or disabled in libcurl",
            url.scheme
        ),
    ))
}

fn seconds(text: Option<&str>) -> Result<Option<Duration>, Trouble> {
    let Some(text) = text else { return Ok(None) };
    match duration(text) {
        Ok(limit) => Ok(limit.filter(|limit| !limit.is_zero())),
        Err(_) => Err(Trouble::new(
            2,
            format!("expected a proper numerical parameter, not '{text}'"),
        )),
    }
}
