//! Short answers: `basename`, `dirname`, `pwd`, `hostname`, `dnsdomainname`, `whoami`, `id`, `tty`, `nproc`, `uname`, `uptime`,
//! `printenv`, `sync`, `free`, `arch`, `clear`.

use super::reason;
use crate::sys;
use crate::time::Date;
use crate::tool::{Options, Ran, Tool};
use std::fs;

pub fn basename(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "+as:", &[])?;
    let Some(first) = options.operands.first() else {
        return Err("missing operand".to_owned());
    };
    let many = options.has('a') || options.has('s');
    let suffix = if many {
        options.value('s')
    } else {
        options.operands.get(1).map(String::as_str)
    };
    let base = |path: &str| {
        let trimmed = path.trim_end_matches('/');
        let name = trimmed.rsplit('/').next().unwrap_or(trimmed);
        let name = if name.is_empty() && !path.is_empty() {
            "/"
        } else {
            name
        };
        match suffix.and_then(|suffix| name.strip_suffix(suffix)) {
            Some(stem) if !stem.is_empty() => stem.to_owned(),
            _ => name.to_owned(),
        }
    };
    if many {
        options
            .operands
            .iter()
            .for_each(|path| tool.line(base(path)));
    } else {
        tool.line(base(first));
    }
    Ok(0)
}

pub fn dirname(tool: &mut Tool, arguments: &[String]) -> Ran {
    if arguments.len() < 2 {
        return Err("missing operand".to_owned());
    }
    for path in &arguments[1..] {
        let trimmed = path.trim_end_matches('/');
        let directory = match trimmed.rfind('/') {
            _ if trimmed.is_empty() && path.starts_with('/') => "/",
            None => ".",
            Some(at) => match trimmed[..at].trim_end_matches('/') {
                "" => "/",
                directory => directory,
            },
        };
        tool.line(directory);
    }
    Ok(0)
}

pub fn pwd(tool: &mut Tool, _: &[String]) -> Ran {
    let directory = std::env::current_dir().map_err(|error| reason(&error))?;
    tool.line(directory.display());
    Ok(0)
}

/// The pod's name, which the kubelet gives every container in its hosts file and environment.
fn host_name() -> String {
    let read = |path| {
        fs::read_to_string(path)
            .ok()
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    read("/etc/hostname")
        .or_else(|| read("/proc/sys/kernel/hostname"))
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// The line of `/etc/hosts` that has the name of this host: its address, and the name in full.
fn own_line(hosts: &str, name: &str) -> Option<(String, String)> {
    hosts.lines().find_map(|line| {
        let line = line.split('#').next()?;
        let mut words = line.split_whitespace();
        let address = words.next()?.to_owned();
        let names: Vec<&str> = words.collect();
        names
            .contains(&name)
            .then(|| (address, names[0].to_owned()))
    })
}

/// The name of this host with its domain, if there is one.
fn full_name() -> String {
    let name = host_name();
    let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
    own_line(&hosts, &name).map_or(name, |(_, full)| full)
}

pub fn hostname(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [
        ("fqdn", 'f'),
        ("long", 'f'),
        ("short", 's'),
        ("domain", 'd'),
        ("ip-address", 'i'),
        ("all-ip-addresses", 'I'),
    ];
    let options = Options::read(arguments, "sifdF:I", &long)?;
    if options.has('F') || !options.operands.is_empty() {
        return Err("sethostname: Operation not permitted".to_owned());
    }
    let name = host_name();
    match options.last_of("sifdI") {
        Some('i' | 'I') => tool.line(addresses(&name)?),
        Some('d') => domain(tool),
        Some('f') => tool.line(full_name()),
        Some('s') => tool.line(name.split('.').next().unwrap_or(&name)),
        _ => tool.line(name),
    }
    Ok(0)
}

pub fn dnsdomainname(tool: &mut Tool, _: &[String]) -> Ran {
    domain(tool);
    Ok(0)
}

fn domain(tool: &mut Tool) {
    if let Some((_, domain)) = full_name().split_once('.') {
        tool.line(domain);
    }
}

fn addresses(name: &str) -> Result<String, String> {
    use std::net::ToSocketAddrs;
    let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
    if let Some((address, _)) = own_line(&hosts, name) {
        return Ok(address);
    }
    let mut addresses: Vec<String> = (name, 0)
        .to_socket_addrs()
        .map_err(|error| format!("{name}: {}", reason(&error)))?
        .map(|address| address.ip().to_string())
        .collect();
    addresses.dedup();
    Ok(addresses.join(" "))
}

pub fn whoami(tool: &mut Tool, _: &[String]) -> Ran {
    tool.line(user_name(user()));
    Ok(0)
}

fn user() -> u32 {
    sys::list()
        .into_iter()
        .find(|process| process.pid == sys::id())
        .map_or(0, |process| process.user)
}

/// The name in a file such as `/etc/passwd`.
fn name_in(file: &str, id: u32) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let row = text.lines().find(|line| {
        line.split(':')
            .nth(2)
            .is_some_and(|field| field.parse() == Ok(id))
    })?;
    row.split(':').next().map(str::to_owned)
}

/// The name of a user, or its number.
pub fn user_name(id: u32) -> String {
    name_in("/etc/passwd", id).unwrap_or_else(|| {
        if id == 0 {
            "root".to_owned()
        } else {
            id.to_string()
        }
    })
}

pub fn id(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        arguments,
        "ugGnr",
        &[
            ("user", 'u'),
            ("group", 'g'),
            ("groups", 'G'),
            ("name", 'n'),
        ],
    )?;
    let id = user();
    let (group, all) = groups();
    let list = |show: &dyn Fn(u32) -> String, separator: &str| {
        let shown: Vec<_> = all.iter().map(|id| show(*id)).collect();
        shown.join(separator)
    };
    match (options.last_of("ugG"), options.has('n')) {
        (Some('u'), true) => tool.line(user_name(id)),
        (Some('u'), false) => tool.line(id),
        (Some('g'), true) => tool.line(group_name(group)),
        (Some('g'), false) => tool.line(group),
        (Some(_), true) => tool.line(list(&group_name, " ")),
        (Some(_), false) => tool.line(list(&|id| id.to_string(), " ")),
        (None, _) => {
            let named = |id: u32, name: Option<String>| match name {
                Some(name) => format!("{id}({name})"),
                None => id.to_string(),
            };
            let group_named = |id: u32| named(id, known_group(id));
            let user = named(
                id,
                Some(user_name(id)).filter(|name| *name != id.to_string()),
            );
            tool.line(format_args!(
                "uid={user} gid={} groups={}",
                group_named(group),
                list(&group_named, ",")
            ));
        }
    }
    Ok(0)
}

fn known_group(id: u32) -> Option<String> {
    name_in("/etc/group", id).or_else(|| (id == 0).then(|| "root".to_owned()))
}

fn group_name(id: u32) -> String {
    known_group(id).unwrap_or_else(|| id.to_string())
}

/// The group of this process, and all groups it is in.
fn groups() -> (u32, Vec<u32>) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let numbers = |field: &str| -> Vec<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.unwrap_or_default()
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect()
    };
    let group = numbers("Gid:").first().copied().unwrap_or_default();
    let mut all = numbers("Groups:");
    if !all.contains(&group) {
        all.insert(0, group);
    }
    (group, all)
}

pub fn tty(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "s", &[])?;
    let terminal = sys::inherited(0).is_some_and(|desc| desc.is_terminal());
    if !options.has('s') {
        tool.line(if terminal { "/dev/tty" } else { "not a tty" });
    }
    Ok(u8::from(!terminal))
}

pub fn nproc(tool: &mut Tool, _: &[String]) -> Ran {
    tool.line(std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    Ok(0)
}

pub fn uname(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [
        ("all", 'a'),
        ("kernel-name", 's'),
        ("nodename", 'n'),
        ("kernel-release", 'r'),
        ("machine", 'm'),
    ];
    let options = Options::read(arguments, "snrvmpioa", &long)?;
    let machine = std::env::consts::ARCH;
    let version = env!("CARGO_PKG_VERSION");
    let parts = [
        ('s', "Linux".to_owned()),
        ('n', host_name()),
        ('r', format!("{version}-seedpod")),
        ('v', "#1 WASI 0.2".to_owned()),
        ('m', machine.to_owned()),
        ('o', "GNU/Linux".to_owned()),
    ];
    let none = !"snrvmpio".chars().any(|letter| options.has(letter)) && !options.has('a');
    let wanted = |letter: char| options.has('a') || options.has(letter) || (none && letter == 's');
    let shown: Vec<&str> = parts
        .iter()
        .filter(|(letter, _)| wanted(*letter))
        .map(|(_, text)| text.as_str())
        .collect();
    tool.line(shown.join(" "));
    Ok(0)
}

pub fn arch(tool: &mut Tool, _: &[String]) -> Ran {
    tool.line(std::env::consts::ARCH);
    Ok(0)
}

pub fn uptime(tool: &mut Tool, _: &[String]) -> Ran {
    let now = Date::now();
    let started = sys::list()
        .iter()
        .map(|process| process.started_s)
        .min()
        .unwrap_or(0);
    let minutes = (now.seconds - started as i64).max(0) / 60;
    let (days, hours) = (minutes / 1440, minutes / 60 % 24);
    let day_text = match days {
        0 => String::new(),
        1 => "1 day, ".to_owned(),
        days => format!("{days} days, "),
    };
    let text = if hours > 0 {
        format!("{hours:2}:{:02}", minutes % 60)
    } else {
        format!("{} min", minutes % 60)
    };
    tool.line(format_args!(
        " {} up {day_text}{text}",
        now.format("%H:%M:%S")
    ));
    Ok(0)
}

pub fn printenv(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "+0", &[])?;
    if options.operands.is_empty() {
        for (name, value) in std::env::vars_os() {
            tool.line(format_args!("{}={}", name.display(), value.display()));
        }
        return Ok(0);
    }
    let mut status = 0;
    for name in &options.operands {
        match std::env::var_os(name) {
            Some(value) => tool.line(value.display()),
            None => status = 1,
        }
    }
    Ok(status)
}

/// Files of a pod are written when their `write` returns: there is nothing left to do.
pub fn sync(_: &mut Tool, _: &[String]) -> Ran {
    Ok(0)
}

pub fn clear(tool: &mut Tool, _: &[String]) -> Ran {
    tool.print("\x1b[H\x1b[J");
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_own_line() {
        let hosts = "127.0.0.1 localhost\n10.1.2.3\tweb.sub.ns.svc.cluster.local\tweb # me\n10.0.0.9 web.other\n";
        let own = |name| own_line(hosts, name);
        assert_eq!(
            own("web"),
            Some((
                "10.1.2.3".to_owned(),
                "web.sub.ns.svc.cluster.local".to_owned()
            ))
        );
        assert_eq!(own("me"), None);
    }
}
