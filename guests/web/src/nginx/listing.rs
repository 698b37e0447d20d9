//! Listings of directories (`autoindex`).

use super::exchange::Exchange;
use super::respond::{Flow, Head};
use super::world::World;
use crate::date;
use std::fs;
use std::io;

/// Entries of a directory that a listing shows.
const LISTING_MAX: usize = 10_000;
/// Longest name in a listing, as nginx shows it.
const LISTING_NAME_MAX: usize = 50;

struct Entry {
    name: String,
    directory: bool,
    size: u64,
    modified: i64,
}

/// Answers with the names in a directory.
pub async fn serve<W: World>(exchange: &mut Exchange<'_, W>, directory: &str) -> io::Result<Flow> {
    let mut entries = Vec::new();
    let Ok(found) = fs::read_dir(directory) else {
        return Ok(Flow::Status(403));
    };
    for entry in found.take(LISTING_MAX) {
        let Ok(entry) = entry else {
            return Ok(Flow::Status(500));
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(metadata) = fs::metadata(entry.path()) else {
            continue;
        };
        if !name.starts_with('.') {
            let modified = metadata.modified().map_or(0, date::seconds);
            entries.push(Entry {
                name,
                directory: metadata.is_dir(),
                size: metadata.len(),
                modified,
            });
        }
    }
    entries.sort_by(|a, b| {
        b.directory
            .cmp(&a.directory)
            .then_with(|| a.name.cmp(&b.name))
    });
    let title = escape_html(&exchange.uri);
    let mut page = format!(
        "<html>\r\n<head><title>Index of {title}</title></head>\r\n<body>\r\n<h1>Index of {title}</h1><hr><pre>\
         <a href=\"../\">../</a>\r\n"
    );
    for entry in &entries {
        let slash = if entry.directory { "/" } else { "" };
        let count = entry.name.chars().count() + slash.len();
        let shown = match count > LISTING_NAME_MAX {
            true => entry
                .name
                .chars()
                .take(LISTING_NAME_MAX - 3)
                .collect::<String>(),
            false => entry.name.clone(),
        };
        let (tail, padding) = match count > LISTING_NAME_MAX {
            true => ("..&gt;</a>", String::new()),
            false => ("</a>", " ".repeat(LISTING_NAME_MAX - count)),
        };
        let size = if entry.directory {
            "-".to_owned()
        } else {
            entry.size.to_string()
        };
        let slash_shown = if count > LISTING_NAME_MAX { "" } else { slash };
        page += &format!(
            "<a href=\"{}{slash}\">{}{slash_shown}{tail}{padding} {} {size:>19}\r\n",
            escape_component(&entry.name),
            escape_html(&shown),
            date::listing(entry.modified)
        );
    }
    page += "</pre><hr></body>\r\n</html>\r\n";
    let head = Head {
        content_type: Some("text/html".to_owned()),
        ..Head::new(200)
    };
    let framing = exchange.send_head(head).await?;
    exchange.send_piece(framing, page.as_bytes()).await?;
    exchange.send_end(framing).await?;
    Ok(Flow::Done)
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Encodes a name for a link: everything but what never means anything in a URI.
fn escape_component(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
