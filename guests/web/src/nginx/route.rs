//! Which server and which location a request belongs to.

use super::config::{Http, Location, Locations, Matcher, Server, ServerName};
use std::net::SocketAddr;
use std::rc::Rc;

/// Returns the server for a host name among those that share the address.
pub fn server<'a>(http: &'a Http, listen: usize, host: &str) -> &'a Rc<Server> {
    let candidates = &http.listens[listen].servers;
    let mut best: Option<(u8, usize, usize)> = None;
    for (order, &index) in candidates.iter().enumerate() {
        for name in &http.servers[index].names {
            let rank = match name {
                ServerName::Exact(name) if name == host => (3, usize::MAX),
                ServerName::Suffix(suffix)
                    if host.ends_with(suffix.as_str()) && host.len() > suffix.len() =>
                {
                    (2, suffix.len())
                }
                ServerName::Prefix(prefix) if host.starts_with(prefix.as_str()) => {
                    (1, prefix.len())
                }
                ServerName::Regex(regex, _) if regex.is_match(host) => (0, usize::MAX - order),
                _ => continue,
            };
            if best.is_none_or(|(kind, len, _)| rank > (kind, len)) {
                best = Some((rank.0, rank.1, index));
            }
        }
    }
    &http.servers[best.map_or(candidates[0], |(_, _, index)| index)]
}

/// The entry of `listens` for a connection to `local`, accepted on the listener of `bound`.
pub fn listen(http: &Http, bound: usize, local: SocketAddr) -> usize {
    http.listens
        .iter()
        .position(|listen| listen.address == local)
        .unwrap_or(bound)
}

pub struct Found {
    pub location: Rc<Location>,
    /// Groups of the location's expression, from `$1`.
    pub captures: Vec<String>,
}

/// Finds the location of a path; `None` is the server itself.
pub fn location(locations: &Locations, uri: &str) -> Option<Found> {
    find(locations, uri).0
}

/// Returns the location, and whether expressions further out may still win.
fn find(locations: &Locations, uri: &str) -> (Option<Found>, bool) {
    let mut best: Option<(&Rc<Location>, usize, bool)> = None;
    for location in &locations.fixed {
        match &location.matcher {
            Matcher::Exact(path) if path == uri => {
                return (
                    Some(Found {
                        location: location.clone(),
                        captures: Vec::new(),
                    }),
                    false,
                );
            }
            Matcher::Prefix { prefix, final_ }
                if uri.starts_with(prefix.as_str())
                    && best.is_none_or(|(_, len, _)| prefix.len() > len) =>
            {
                best = Some((location, prefix.len(), *final_));
            }
            _ => {}
        }
    }
    let mut result = None;
    let mut try_regex = true;
    if let Some((location, _, final_)) = best {
        match find(&location.children, uri) {
            (Some(found), false) => return (Some(found), false),
            (nested, _) => {
                result = nested.or_else(|| {
                    Some(Found {
                        location: location.clone(),
                        captures: Vec::new(),
                    })
                });
            }
        }
        try_regex = !final_;
    }
    if try_regex {
        for location in &locations.regex {
            let Matcher::Regex(regex) = &location.matcher else {
                continue;
            };
            let Some(captures) = regex.captures(uri) else {
                continue;
            };
            let captures: Vec<String> = captures
                .iter()
                .skip(1)
                .map(|group| group.map_or(String::new(), |group| group.as_str().to_owned()))
                .collect();
            let nested = find(&location.children, uri).0;
            return (
                Some(nested.unwrap_or_else(|| Found {
                    location: location.clone(),
                    captures,
                })),
                false,
            );
        }
    }
    (result, try_regex)
}

/// Whether a path without its slash asks for a location that ends with one and passes requests on.
pub fn lacks_slash(locations: &Locations, uri: &str) -> bool {
    let mut redirect = false;
    for location in &locations.fixed {
        match &location.matcher {
            Matcher::Exact(path) | Matcher::Prefix { prefix: path, .. } if path == uri => {
                return false;
            }
            Matcher::Prefix { prefix, .. } if location.proxy.is_some() => {
                redirect |= prefix.strip_suffix('/') == Some(uri);
            }
            _ => {}
        }
    }
    redirect
}
