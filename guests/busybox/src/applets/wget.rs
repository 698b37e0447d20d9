//! `wget`.

use super::reason;
use super::sleep::duration;
use crate::http::{Deadline, Failure, Request, Response, Url, connect, exchange};
use crate::sys::{Desc, How};
use crate::tool::{Options, Ran, Tool};

/// Redirections that are followed, as in busybox.
const REDIRECTS_MAX: u32 = 5;

const LONG: [(&str, char); 12] = [
    ("quiet", 'q'),
    ("output-document", 'O'),
    ("server-response", 'S'),
    ("spider", 's'),
    ("timeout", 'T'),
    ("header", 'H'),
    ("post-data", 'D'),
    ("user-agent", 'U'),
    ("directory-prefix", 'P'),
    ("no-check-certificate", 'k'),
    ("tries", 't'),
    ("no-verbose", 'q'),
];

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    // `-nv` is one option; no other begins with an n.
    let arguments: Vec<String> = arguments
        .iter()
        .map(|word| {
            if word == "-nv" {
                "-q".to_owned()
            } else {
                word.clone()
            }
        })
        .collect();
    let options = Options::read(&arguments, "qO:ST:H:D:U:P:kt:sc", &LONG)?;
    let Some(text) = options.operands.first() else {
        return Err("missing URL".to_owned());
    };
    let mut url = parse(text)?;
    let timeout = options.value('T').map(duration).transpose()?.flatten();
    for _ in 0..=REDIRECTS_MAX {
        let response = request(tool, &options, &url, timeout)?;
        if options.has('S') {
            let head = String::from_utf8_lossy(&response.head);
            let lines: String = head
                .lines()
                .filter(|line| !line.is_empty())
                .map(|line| format!("  {line}\n"))
                .collect();
            tool.write_error(lines.as_bytes());
        }
        match (response.status, response.header("location")) {
            (301 | 302 | 303 | 307 | 308, Some(location)) => {
                url = url
                    .join(location)
                    .ok_or_else(|| format!("bad redirection to '{location}'"))?;
                check(&url)?;
            }
            (200..=299, _) => return save(tool, &options, &url, response),
            _ => return Err(format!("server returned error: {}", response.status_line())),
        }
    }
    Err("too many redirections".to_owned())
}

fn parse(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok_or_else(|| format!("bad address '{text}'"))?;
    check(&url)?;
    Ok(url)
}

fn check(url: &Url) -> Result<(), String> {
    match url.scheme.as_str() {
        "http" => Ok(()),
        "https" => Err("https is not supported here: this program has no TLS".to_owned()),
        _ => Err(format!("not an http or ftp url: {}", url.text())),
    }
}

fn request(
    tool: &mut Tool,
    options: &Options,
    url: &Url,
    timeout: Option<std::time::Duration>,
) -> Result<Response, String> {
    let deadline = Deadline::after(timeout);
    let failed = |failure: Failure| match failure {
        Failure::Resolve => format!("bad address '{}'", url.host),
        Failure::Connect(address, error) => format!(
            "can't connect to remote host ({}): {}",
            address.ip(),
            reason(&error)
        ),
        Failure::Timeout => "download timed out".to_owned(),
        Failure::Empty | Failure::Partial(_) => "error getting response".to_owned(),
        Failure::Receive(error) => reason(&error),
        Failure::Invalid => "bad response".to_owned(),
        Failure::Sink(error) => error,
    };
    let connected = connect(&url.host, url.port, deadline, |_| true);
    let address = match &connected {
        Ok((_, address)) | Err(Failure::Connect(address, _)) => Some(*address),
        Err(_) => None,
    };
    if let Some(address) = address.filter(|_| !options.has('q')) {
        tool.write_error(format!("Connecting to {} ({address})\n", url.host_header()).as_bytes());
    }
    let (stream, _) = connected.map_err(failed)?;
    let request = message(options, url)?;
    exchange(stream, &request, deadline).map_err(failed)
}

fn message(options: &Options, url: &Url) -> Result<Request, String> {
    let mut headers = vec![
        ("Host".to_owned(), url.host_header()),
        (
            "User-Agent".to_owned(),
            options.value('U').unwrap_or("Wget").to_owned(),
        ),
        ("Connection".to_owned(), "close".to_owned()),
    ];
    if let Some(user) = &url.user {
        headers.push((
            "Authorization".to_owned(),
            format!("Basic {}", super::bytes::encode(user.as_bytes())),
        ));
    }
    for header in options.values('H') {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| format!("bad header '{header}'"))?;
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let body = options.value('D').map(|data| data.as_bytes().to_vec());
    if let Some(body) = &body {
        headers.push((
            "Content-Type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        ));
        headers.push(("Content-Length".to_owned(), body.len().to_string()));
    }
    let method = match (&body, options.has('s')) {
        (Some(_), _) => "POST",
        (None, true) => "HEAD",
        (None, false) => "GET",
    };
    Ok(Request {
        method: method.to_owned(),
        path: url.path.clone(),
        headers,
        body: body.unwrap_or_default(),
    })
}

fn save(tool: &mut Tool, options: &Options, url: &Url, response: Response) -> Ran {
    let quiet = options.has('q');
    if options.has('s') {
        if !quiet {
            tool.write_error(b"remote file exists\n");
        }
        return Ok(0);
    }
    let name = match options.value('O') {
        Some(name) => name.to_owned(),
        None => {
            let path = url.path.split('?').next().unwrap_or("");
            let name = path
                .rsplit('/')
                .next()
                .filter(|name| !name.is_empty())
                .unwrap_or("index.html");
            options.value('P').map_or_else(
                || name.to_owned(),
                |directory| format!("{directory}/{name}"),
            )
        }
    };
    let file: Option<Desc> = if name == "-" {
        None
    } else {
        Some(tool.create(&name, How::CREATE)?)
    };
    if !quiet {
        let text = if file.is_some() {
            format!("saving to '{name}'\n")
        } else {
            "writing to stdout\n".to_owned()
        };
        tool.write_error(text.as_bytes());
    }
    let read = response.body(&mut |bytes| match &file {
        Some(file) => file.write(bytes).map_err(|error| error.to_string()),
        None => {
            tool.write(bytes);
            tool.flush();
            Ok(())
        }
    });
    match read {
        Ok(_) => {}
        Err(Failure::Timeout) => return Err("download timed out".to_owned()),
        Err(Failure::Sink(error)) => return Err(format!("{name}: {error}")),
        Err(Failure::Receive(error)) => return Err(reason(&error)),
        Err(_) => return Err("connection closed prematurely".to_owned()),
    }
    if !quiet {
        let text = if file.is_some() {
            format!("'{name}' saved\n")
        } else {
            "written to stdout\n".to_owned()
        };
        tool.write_error(text.as_bytes());
    }
    Ok(0)
}
