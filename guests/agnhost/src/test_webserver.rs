//! `test-webserver`: serves the files of the container.

use crate::command::Command;
use crate::flags::{Flag, Parsed};
use crate::form;
use crate::http::{
    self, Answer, Body, Exchange, Sender, escape_html, listen_and_serve, not_found, redirect, set,
    sniff, typed,
};
use crate::system;
use hyper::Response;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_LENGTH, LAST_MODIFIED,
};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Component, Path, PathBuf};
use web::{date, rt};

pub(crate) const COMMAND: Command = Command {
    name: "test-webserver",
    short: "Starts a simple HTTP fileserver",
    long: "Starts a simple HTTP fileserver on the given --port, which serves any file specified in the URL path, if it exists.",
    flags: &[Flag::int("port", "80", "Port number.")],
    operands: false,
    run,
};

/// Bytes read from a file at a time.
const CHUNK: usize = 64 * 1024;

fn run(flags: &Parsed) -> u8 {
    let port = system::port(flags.int("port"));
    system::run(|_| {
        listen_and_serve(port, |exchange| {
            Box::pin(async move {
                let mut response = serve(&exchange)?;
                decorate(&mut response);
                Ok(response)
            })
        })
    })
}

fn decorate(response: &mut Response<Body>) {
    let headers = [
        (CACHE_CONTROL, "private"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "DNT,X-Mx-ReqToken,Keep-Alive,User-Agent,X-Requested-With,Cache-Control,Content-Type",
        ),
    ];
    for (name, value) in headers {
        set(response, name, value);
    }
}

fn serve(exchange: &Exchange) -> Answer {
    let path = exchange.path();
    if path.ends_with("/index.html") {
        return Ok(redirect(exchange, "./", 301));
    }
    let Some(decoded) = form::unescape(&path.replace('+', "%2B")) else {
        return Ok(http::error(400, "400 Bad Request"));
    };
    let file = clean(&decoded);
    let meta = match fs::metadata(&file) {
        Ok(meta) => meta,
        Err(error) => return Ok(failure(&error)),
    };
    if !meta.is_dir() && path.ends_with('/') {
        return Ok(redirect(exchange, &format!("../{}", last(path)), 301));
    }
    if !meta.is_dir() {
        return Ok(content(&file));
    }
    if !path.ends_with('/') {
        return Ok(redirect(exchange, &format!("{}/", last(path)), 301));
    }
    let index = file.join("index.html");
    if index.exists() {
        return Ok(content(&index));
    }
    Ok(listing(&file).unwrap_or_else(|error| failure(&error)))
}

/// The file that a path of a URL means; nothing is above the root.
fn clean(path: &str) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean
}

/// The last name of a path.
fn last(path: &str) -> &str {
    path.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
}

fn failure(error: &io::Error) -> Response<Body> {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => not_found(),
        ErrorKind::PermissionDenied => http::error(403, "403 Forbidden"),
        _ => http::error(500, "500 Internal Server Error"),
    }
}

fn listing(folder: &Path) -> io::Result<Response<Body>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let slash = match entry.file_type()?.is_dir() {
            true => "/",
            false => "",
        };
        names.push(format!("{}{slash}", entry.file_name().to_string_lossy()));
    }
    names.sort();
    let mut page = String::from(
        "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n",
    );
    for name in names {
        let address: String = name
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                    char::from(byte).to_string()
                }
                byte => format!("%{byte:02X}"),
            })
            .collect();
        page += &format!("<a href=\"{address}\">{}</a>\n", escape_html(&name));
    }
    page += "</pre>\n";
    Ok(typed(200, Some(http::HTML), page.into_bytes().into()))
}

fn content(path: &Path) -> Response<Body> {
    let opened = File::open(path).and_then(|mut file| {
        let meta = file.metadata()?;
        let mut start = vec![0; CHUNK];
        let count = file.read(&mut start)?;
        start.truncate(count);
        Ok((file, meta, start))
    });
    let (file, meta, start) = match opened {
        Ok(opened) => opened,
        Err(error) => return failure(&error),
    };
    let (sender, body) = Body::channel();
    let mut response = typed(200, Some(kind(path, &start)), body);
    set(&mut response, CONTENT_LENGTH, &meta.len().to_string());
    if let Ok(modified) = meta.modified() {
        let modified = date::http(date::seconds(modified));
        set(&mut response, LAST_MODIFIED, &modified);
    }
    rt::spawn(send(file, start, sender, meta.len()));
    response
}

/// Sends what the file had when it was opened, even if it grows.
async fn send(mut file: File, start: Vec<u8>, sender: Sender, len: u64) {
    let mut left = len;
    let mut chunk = start;
    while left > 0 && !chunk.is_empty() {
        chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= chunk.len() as u64;
        if sender.send(chunk).await.is_err() {
            return;
        }
        chunk = vec![0; CHUNK];
        let count = file.read(&mut chunk).unwrap_or(0);
        chunk.truncate(count);
    }
    if left > 0 {
        sender.disconnect();
    }
}

fn kind(path: &Path, start: &[u8]) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "htm") => http::HTML,
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("xml") => "text/xml; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("pdf") => "application/pdf",
        Some("wasm") => "application/wasm",
        _ => sniff(start),
    }
}
