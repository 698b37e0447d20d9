//! `nc`, `ip`, `ifconfig`, `nslookup`.

use super::reason;
use super::sleep::duration;
use crate::sys::{self, Desc};
use crate::tool::{CHUNK, Options, Ran, Tool};
use std::io::{ErrorKind, Read, Write};
use std::net::{
    IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket,
};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

/// How long `nc` looks at the socket before it looks at its standard input.
const TURN: Duration = Duration::from_millis(20);

pub fn nc(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "lp:zvw:uns:i:q:kN46", &[])?;
    let limit = options.value('w').map(duration).transpose()?.flatten();
    let port = |text: &str| {
        text.parse::<u16>()
            .map_err(|_| format!("bad port '{text}'"))
    };
    if options.has('l') {
        let number = match (options.value('p'), options.operands.as_slice()) {
            (Some(number), _) => number,
            (None, [number] | [_, number]) => number,
            _ => return Err("missing port".to_owned()),
        };
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port(number)?));
        return if options.has('u') {
            listen_udp(tool, address, limit)
        } else {
            listen(tool, &options, address, limit)
        };
    }
    let [host, number, ..] = options.operands.as_slice() else {
        return Err("missing host and port".to_owned());
    };
    let number = port(number)?;
    let addresses = (host.as_str(), number)
        .to_socket_addrs()
        .map_err(|_| format!("bad address '{host}'"))?;
    if options.has('u') {
        return send_udp(
            tool,
            &addresses.collect::<Vec<_>>(),
            limit,
            options.has('z'),
        );
    }
    let mut failure = None;
    for address in addresses {
        let connected = match limit {
            Some(limit) => TcpStream::connect_timeout(&address, limit),
            None => TcpStream::connect(address),
        };
        match connected {
            Ok(stream) => {
                if options.has('v') {
                    tool.write_error(format!("{host} ({address}) open\n").as_bytes());
                }
                if options.has('z') {
                    return Ok(0);
                }
                return pump(tool, stream, limit, options.has('l'));
            }
            Err(error) => failure = Some((address, error)),
        }
    }
    let Some((address, error)) = failure else {
        return Err(format!("bad address '{host}'"));
    };
    if options.has('z') && !options.has('v') {
        return Ok(1);
    }
    Err(format!(
        "can't connect to remote host ({}): {}",
        address.ip(),
        reason(&error)
    ))
}

fn listen(tool: &mut Tool, options: &Options, address: SocketAddr, limit: Option<Duration>) -> Ran {
    let listener =
        TcpListener::bind(address).map_err(|error| format!("bind: {}", reason(&error)))?;
    if options.has('v') {
        tool.write_error(format!("listening on {address} ...\n").as_bytes());
    }
    loop {
        if !is_readable(listener.as_raw_fd(), limit) {
            return Err("timed out".to_owned());
        }
        let (stream, peer) = listener
            .accept()
            .map_err(|error| format!("accept: {}", reason(&error)))?;
        if options.has('v') {
            tool.write_error(format!("connect to {} from {peer}\n", address.ip()).as_bytes());
        }
        let status = pump(tool, stream, limit, true)?;
        if !options.has('k') {
            return Ok(status);
        }
    }
}

/// Whether a socket has something to read, at the latest after `limit`.
fn is_readable(socket: RawFd, limit: Option<Duration>) -> bool {
    let mut poll = libc::pollfd {
        fd: socket,
        events: libc::POLLIN,
        revents: 0,
    };
    let milliseconds = limit.map_or(-1, |limit| {
        i32::try_from(limit.as_millis()).unwrap_or(i32::MAX)
    });
    // SAFETY: one entry, as told.
    unsafe { libc::poll(&raw mut poll, 1, milliseconds) != 0 }
}

/// Copies standard input to the socket and the socket to standard output, until the peer has no more.
fn pump(tool: &mut Tool, mut stream: TcpStream, limit: Option<Duration>, server: bool) -> Ran {
    let mut input: Option<Desc> = sys::inherited(0);
    let mut bytes = vec![0; CHUNK];
    let mut quiet_since = Instant::now();
    loop {
        let wait = if input.is_some() { Some(TURN) } else { limit };
        if is_readable(stream.as_raw_fd(), wait) {
            match stream.read(&mut bytes) {
                Ok(0) => return Ok(0),
                Ok(count) => {
                    tool.write(&bytes[..count]);
                    tool.flush();
                    quiet_since = Instant::now();
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                Err(error) => return Err(format!("read error: {}", reason(&error))),
            }
        } else if limit.is_some_and(|limit| quiet_since.elapsed() >= limit) {
            return Ok(u8::from(!server));
        }
        let Some(desc) = &input else { continue };
        if !desc.wait_readable(Duration::ZERO) {
            continue;
        }
        match desc.read(CHUNK) {
            Ok(more) if more.is_empty() => {
                input = None;
                // The peer may have closed first.
                let _ = stream.shutdown(Shutdown::Write);
            }
            Ok(more) => {
                stream
                    .write_all(&more)
                    .map_err(|error| format!("write error: {}", reason(&error)))?;
                quiet_since = Instant::now();
            }
            Err(sys::Error::Interrupted) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn listen_udp(tool: &mut Tool, address: SocketAddr, limit: Option<Duration>) -> Ran {
    let socket = UdpSocket::bind(address).map_err(|error| format!("bind: {}", reason(&error)))?;
    let mut bytes = vec![0; CHUNK];
    while is_readable(socket.as_raw_fd(), limit) {
        let count = socket.recv(&mut bytes).map_err(|error| reason(&error))?;
        tool.write(&bytes[..count]);
        tool.flush();
    }
    Ok(0)
}

fn send_udp(
    tool: &mut Tool,
    addresses: &[SocketAddr],
    limit: Option<Duration>,
    probe: bool,
) -> Ran {
    let address = *addresses.first().ok_or("bad address")?;
    let local: IpAddr = if address.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    };
    let socket =
        UdpSocket::bind((local, 0)).map_err(|error| format!("bind: {}", reason(&error)))?;
    socket
        .connect(address)
        .map_err(|error| format!("connect: {}", reason(&error)))?;
    if probe {
        socket.send(&[]).map_err(|error| reason(&error))?;
        return Ok(0);
    }
    let Some(mut input) = tool.open("-") else {
        return Ok(1);
    };
    let mut bytes = vec![0; CHUNK];
    loop {
        let chunk = input.chunk(tool)?;
        if chunk.is_empty() {
            break;
        }
        socket
            .send(&chunk)
            .map_err(|error| format!("write error: {}", reason(&error)))?;
    }
    // Without -w there is no sign that the last answer has come; one second is what other versions wait.
    while is_readable(
        socket.as_raw_fd(),
        Some(limit.unwrap_or(Duration::from_secs(1))),
    ) {
        let count = socket
            .recv(&mut bytes)
            .map_err(|error| format!("read error: {}", reason(&error)))?;
        tool.write(&bytes[..count]);
        tool.flush();
    }
    Ok(0)
}

/// An address of this pod.
#[derive(Debug, PartialEq)]
struct Local {
    address: Ipv4Addr,
    prefix: u8,
}

impl Local {
    fn interface(&self) -> &'static str {
        if self.address.is_loopback() {
            "lo"
        } else {
            "eth0"
        }
    }
}

/// The local addresses in the text of `/proc/net/fib_trie`, with the shortest network each lies in.
fn locals(trie: &str) -> Vec<Local> {
    let mut leaf = None;
    let mut addresses: Vec<Ipv4Addr> = Vec::new();
    let mut networks: Vec<(Ipv4Addr, u8)> = Vec::new();
    for line in trie.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse::<Ipv4Addr>().ok();
            continue;
        }
        let (Some(leaf), Some(rest)) = (leaf, line.strip_prefix('/')) else {
            continue;
        };
        let mut words = rest.split_whitespace();
        let (Some(prefix), Some(_scope), Some(kind)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let Ok(prefix) = prefix.parse::<u8>() else {
            continue;
        };
        match (prefix, kind) {
            (32, "LOCAL") if !addresses.contains(&leaf) => addresses.push(leaf),
            (1..32, "UNICAST" | "LOCAL") => networks.push((leaf, prefix)),
            _ => {}
        }
    }
    let lies_in = |address: Ipv4Addr, (network, prefix): &(Ipv4Addr, u8)| {
        let mask = u32::MAX << (32 - u32::from(*prefix));
        u32::from(address) & mask == u32::from(*network) & mask
    };
    let local = |address| {
        let prefix = networks
            .iter()
            .filter(|network| lies_in(address, network))
            .map(|(_, prefix)| *prefix)
            .max();
        let default = if address.is_loopback() { 8 } else { 32 };
        Local {
            address,
            prefix: prefix.unwrap_or(default),
        }
    };
    addresses.sort_by_key(|address| (!address.is_loopback(), *address));
    addresses.into_iter().map(local).collect()
}

fn read_locals() -> Result<Vec<Local>, String> {
    const PATH: &str = "/proc/net/fib_trie";
    let text =
        std::fs::read_to_string(PATH).map_err(|error| format!("{PATH}: {}", reason(&error)))?;
    Ok(locals(&text))
}

pub fn ip(tool: &mut Tool, arguments: &[String]) -> Ran {
    let words: Vec<&str> = arguments[1..]
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let object = words.first().copied().unwrap_or("");
    let is = |name: &str| !object.is_empty() && name.starts_with(object);
    let verb = words.get(1).copied().unwrap_or("show");
    if !matches!(verb, "show" | "list" | "ls" | "sh" | "s" | "l") {
        return Err(format!("{object} {verb}: Operation not permitted"));
    }
    let locals = read_locals()?;
    if is("address") || is("link") || object == "addr" {
        let wanted = words.iter().skip(2).find(|word| **word != "dev");
        show_interfaces(tool, &locals, !is("link") || object == "a", wanted.copied());
        return Ok(0);
    }
    if is("route") {
        for local in locals
            .iter()
            .filter(|local| !local.address.is_loopback() && local.prefix < 32)
        {
            let network = Ipv4Addr::from(
                u32::from(local.address) & (u32::MAX << (32 - u32::from(local.prefix))),
            );
            tool.line(format_args!(
                "{network}/{} dev eth0 scope link  src {}",
                local.prefix, local.address
            ));
        }
        return Ok(0);
    }
    Err(format!(
        "unknown object '{object}', expected address, link or route"
    ))
}

fn show_interfaces(tool: &mut Tool, locals: &[Local], addresses: bool, wanted: Option<&str>) {
    let interfaces = [
        (
            "lo",
            "<LOOPBACK,UP,LOWER_UP> mtu 65536",
            "loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00",
            "host",
        ),
        (
            "eth0",
            "<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500",
            "none",
            "global",
        ),
    ];
    for (index, (name, flags, link, scope)) in interfaces.iter().enumerate() {
        let own: Vec<&Local> = locals
            .iter()
            .filter(|local| local.interface() == *name)
            .collect();
        if own.is_empty() || wanted.is_some_and(|wanted| wanted != *name) {
            continue;
        }
        tool.line(format_args!(
            "{}: {name}: {flags} qdisc noqueue\n    link/{link}",
            index + 1
        ));
        for local in own.iter().filter(|_| addresses) {
            tool.line(format_args!(
                "    inet {}/{} scope {scope} {name}",
                local.address, local.prefix
            ));
            tool.line("       valid_lft forever preferred_lft forever");
        }
    }
}

pub fn ifconfig(tool: &mut Tool, arguments: &[String]) -> Ran {
    let wanted = arguments.get(1).filter(|name| *name != "-a");
    for local in read_locals()? {
        let name = local.interface();
        if wanted.is_some_and(|wanted| wanted != name) {
            continue;
        }
        let (kind, flags, mtu) = match name {
            "lo" => ("Local Loopback", "UP LOOPBACK RUNNING", 65536),
            _ => ("Ethernet", "UP BROADCAST RUNNING MULTICAST", 1500),
        };
        let mask = Ipv4Addr::from(
            u32::MAX
                .checked_shl(32 - u32::from(local.prefix))
                .unwrap_or(0),
        );
        tool.line(format_args!("{name:<10}Link encap:{kind}"));
        tool.line(format_args!(
            "          inet addr:{}  Mask:{mask}",
            local.address
        ));
        tool.line(format_args!("          {flags}  MTU:{mtu}  Metric:1\n"));
    }
    Ok(0)
}

pub fn nslookup(tool: &mut Tool, arguments: &[String]) -> Ran {
    let Some(name) = arguments.get(1) else {
        return Err("missing name".to_owned());
    };
    let Ok(addresses) = (name.as_str(), 0).to_socket_addrs() else {
        tool.line(format_args!("** server can't find {name}: NXDOMAIN"));
        return Ok(1);
    };
    tool.line(format_args!("Name:\t{name}"));
    let mut shown = Vec::new();
    for address in addresses.map(|address| address.ip()) {
        if !shown.contains(&address) {
            tool.line(format_args!("Address: {address}"));
            shown.push(address);
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_local_addresses() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     +-- 10.42.0.0/16 2 0 2\n        |-- 10.42.0.0\n           /16 link UNICAST\n        |-- 10.42.0.7\n           /32 host LOCAL\n     |-- 127.0.0.0\n        /8 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        let expected = [
            Local {
                address: Ipv4Addr::LOCALHOST,
                prefix: 8,
            },
            Local {
                address: Ipv4Addr::new(10, 42, 0, 7),
                prefix: 16,
            },
        ];
        assert_eq!(locals(trie), expected);
        assert_eq!(locals("nonsense\n/x y z\n|-- a\n/99 q LOCAL"), []);
    }
}
