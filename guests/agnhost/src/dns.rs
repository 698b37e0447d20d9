//! `etc-hosts`, `dns-suffix` and `dns-server-list`: what the files of the resolver say.

use crate::command::Command;
use crate::flags::Parsed;
use crate::system::read_file;

pub(crate) const ETC_HOSTS: Command = Command {
    name: "etc-hosts",
    short: "Prints the host's /etc/hosts file",
    long: "Prints the \"hosts\" file of this host.\"",
    flags: &[],
    operands: false,
    run: |_| print("/etc/hosts", |text| Some(text.to_owned())),
};

pub(crate) const SUFFIX: Command = Command {
    name: "dns-suffix",
    short: "Prints the host's DNS suffix list",
    long: "Prints the DNS suffixes of this host.",
    flags: &[],
    operands: false,
    run: |_: &Parsed| print("/etc/resolv.conf", |text| words_of(text, "search")),
};

pub(crate) const SERVER_LIST: Command = Command {
    name: "dns-server-list",
    short: "Prints the host's DNS Server list",
    long: "Prints the DNS Server list of this host.",
    flags: &[],
    operands: false,
    run: |_| print("/etc/resolv.conf", |text| words_of(text, "nameserver")),
};

/// What the Go runtime exits with after a panic.
const EXIT_OF_PANIC: u8 = 2;

fn print(path: &str, pick: impl Fn(&str) -> Option<String>) -> u8 {
    let picked = read_file(path).and_then(|bytes| {
        pick(&String::from_utf8_lossy(&bytes))
            .ok_or_else(|| "Could not find DNS search list!".to_owned())
    });
    match picked {
        Ok(text) => {
            println!("{text}");
            0
        }
        Err(error) => {
            eprintln!("panic: {error}");
            EXIT_OF_PANIC
        }
    }
}

/// The words after `keyword` in the first line that begins with it, joined by commas.
fn words_of(text: &str, keyword: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(keyword))?;
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    Some(words.join(","))
}
