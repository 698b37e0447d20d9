//! Addresses as `listen`, `server` and `proxy_pass` write them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

/// Splits `host`, `host:port` or `[v6]:port`. `None` where the port is not one.
pub(super) fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.find(']')) {
        Some(end) => (
            &text[..end + 2],
            text[end + 2..]
                .strip_prefix(':')
                .or(text[end + 2..].is_empty().then_some("")),
        ),
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port).filter(|port| !port.is_empty())),
            None => (text, Some("")),
        },
    };
    match port? {
        "" => Some((host, None)),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits
            .parse()
            .ok()
            .filter(|&port| port > 0)
            .map(|port| (host, Some(port))),
        _ => None,
    }
}

/// All addresses of a host; empty where it has none.
pub(super) fn resolve(host: &str, port: u16) -> Vec<SocketAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => (bare, port)
            .to_socket_addrs()
            .map(Iterator::collect)
            .unwrap_or_default(),
    }
}

/// The address of a `listen` directive, or what is wrong with it.
pub(super) fn listen(text: &str) -> Result<Vec<SocketAddr>, &'static str> {
    const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    const DEFAULT_PORT: u16 = 80;
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let port = text
            .parse()
            .ok()
            .filter(|&port: &u16| port > 0)
            .ok_or("invalid port")?;
        return Ok(vec![SocketAddr::new(ANY, port)]);
    }
    if text.starts_with("unix:") {
        return Err("the unix domain sockets are not supported");
    }
    let (host, port) = split(text).ok_or("invalid port")?;
    let port = port.unwrap_or(DEFAULT_PORT);
    match host {
        "" => Err("no host"),
        "*" => Ok(vec![SocketAddr::new(ANY, port)]),
        _ => match resolve(host, port) {
            addresses if addresses.is_empty() && host.starts_with('[') => {
                Err("invalid IPv6 address")
            }
            addresses if addresses.is_empty() => Err("host not found"),
            addresses => Ok(addresses),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listens_where_nginx_would() {
        let cases = [
            ("80", "0.0.0.0:80"),
            ("*:8080", "0.0.0.0:8080"),
            ("127.0.0.1", "127.0.0.1:80"),
            ("127.0.0.1:81", "127.0.0.1:81"),
            ("[::]:80", "[::]:80"),
            ("[::1]", "[::1]:80"),
            ("0", "invalid port"),
            ("65536", "invalid port"),
            ("1.2.3.4:x", "invalid port"),
            ("[::g]:80", "invalid IPv6 address"),
        ];
        for (text, expected) in cases {
            let shown = match listen(text) {
                Ok(addresses) => addresses
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" "),
                Err(complaint) => complaint.to_owned(),
            };
            assert_eq!(shown, expected, "of {text:?}");
        }
    }
}
