//! The tools, and the table that names them.

pub mod archive;
pub mod awk;
pub mod bytes;
pub mod cat;
pub mod copy;
pub mod curl;
pub mod date;
pub mod dd;
pub mod dump;
pub mod echo;
pub mod expr;
pub mod find;
pub mod grep;
pub mod gzip;
pub mod kill;
pub mod launch;
pub mod lines;
pub mod ls;
pub mod mounts;
pub mod names;
pub mod net;
pub mod nmeter;
pub mod printf;
pub mod ps;
pub mod sed;
pub mod sleep;
pub mod sort;
pub mod streams;
pub mod tail;
pub mod test;
pub mod tr;
pub mod trees;
pub mod usage;
pub mod wget;

use crate::tool::{Ran, Tool};

type Applet = fn(&mut Tool, &[String]) -> Ran;

/// Names in order, as `busybox --list` prints them. The shell is not one of these functions.
const APPLETS: &[(&str, Applet)] = &[
    ("[", test::main),
    ("arch", names::arch),
    ("awk", awk::main),
    ("base64", bytes::base64),
    ("basename", names::basename),
    ("cat", cat::main),
    ("chgrp", trees::chown),
    ("chmod", trees::chmod),
    ("chown", trees::chown),
    ("clear", names::clear),
    ("cmp", dump::cmp),
    ("cp", copy::cp),
    ("curl", curl::main),
    ("cut", lines::cut),
    ("date", date::main),
    ("dd", dd::main),
    ("df", mounts::df),
    ("dirname", names::dirname),
    ("dnsdomainname", names::dnsdomainname),
    ("du", usage::du),
    ("echo", echo::main),
    ("egrep", grep::main),
    ("env", launch::env),
    ("expr", expr::main),
    ("false", |_, _| Ok(1)),
    ("fgrep", grep::main),
    ("find", find::main),
    ("grep", grep::main),
    ("gunzip", gzip::gzip),
    ("gzip", gzip::gzip),
    ("hd", dump::hexdump),
    ("head", lines::head),
    ("hexdump", dump::hexdump),
    ("hostname", names::hostname),
    ("id", names::id),
    ("ifconfig", net::ifconfig),
    ("ip", net::ip),
    ("kill", kill::main),
    ("ln", copy::ln),
    ("ls", ls::main),
    ("md5sum", bytes::md5sum),
    ("mkdir", trees::mkdir),
    ("mktemp", trees::mktemp),
    ("mount", mounts::mount),
    ("mv", copy::mv),
    ("nc", net::nc),
    ("nl", streams::nl),
    ("nmeter", nmeter::main),
    ("nohup", launch::nohup),
    ("nproc", names::nproc),
    ("nslookup", net::nslookup),
    ("od", dump::od),
    ("printenv", names::printenv),
    ("printf", printf::main),
    ("ps", ps::main),
    ("pwd", names::pwd),
    ("readlink", trees::readlink),
    ("realpath", trees::realpath),
    ("rev", streams::rev),
    ("rm", trees::rm),
    ("rmdir", trees::rmdir),
    ("sed", sed::main),
    ("seq", streams::seq),
    ("sha1sum", bytes::sha1sum),
    ("sha256sum", bytes::sha256sum),
    ("sha512sum", bytes::sha512sum),
    ("sleep", sleep::main),
    ("sort", sort::main),
    ("stat", usage::stat),
    ("sync", names::sync),
    ("tac", streams::tac),
    ("tail", tail::main),
    ("tar", archive::main),
    ("tee", streams::tee),
    ("test", test::main),
    ("time", launch::time),
    ("timeout", launch::timeout),
    ("touch", trees::touch),
    ("tr", tr::main),
    ("true", |_, _| Ok(0)),
    ("tty", names::tty),
    ("uname", names::uname),
    ("uniq", lines::uniq),
    ("uptime", names::uptime),
    ("usleep", sleep::usleep),
    ("wc", lines::wc),
    ("wget", wget::main),
    ("which", launch::which),
    ("whoami", names::whoami),
    ("xargs", launch::xargs),
    ("yes", streams::yes),
    ("zcat", gzip::gzip),
];

/// Other names of the shell.
const SHELLS: [&str; 3] = ["ash", "bash", "sh"];

fn find(name: &str) -> Option<Applet> {
    APPLETS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, applet)| *applet)
}

/// Whether this program has a tool of that name.
pub fn is_applet(name: &str) -> bool {
    SHELLS.contains(&name) || find(name).is_some()
}

/// Runs the tool `name`; `arguments` begin with how it was called.
pub fn run(name: &str, arguments: &[String]) -> u8 {
    if SHELLS.contains(&name) {
        return crate::sh::main(arguments);
    }
    let mut tool = Tool::new(name);
    let Some(applet) = find(name) else {
        tool.write_error(format!("{name}: applet not found\n").as_bytes());
        return 127;
    };
    let status = applet(&mut tool, arguments).unwrap_or_else(|message| {
        tool.complain(message);
        1
    });
    tool.finish(status)
}

/// Runs the program under its own name: `busybox TOOL ARGUMENT…`, or `busybox --list`.
pub fn busybox(arguments: &[String]) -> u8 {
    let mut names: Vec<&str> = APPLETS
        .iter()
        .map(|(name, _)| *name)
        .chain(SHELLS)
        .collect();
    names.sort_unstable();
    match arguments.get(1).map(String::as_str) {
        Some("--list") => {
            let mut tool = Tool::new("busybox");
            names.iter().for_each(|name| tool.line(name));
            tool.finish(0)
        }
        None | Some("--help") => {
            let mut tool = Tool::new("busybox");
            tool.line("Usage: busybox [function [arguments]...]\n   or: busybox --list\n");
            tool.line(format_args!(
                "Currently defined functions:\n\t{}",
                names.join(", ")
            ));
            tool.finish(0)
        }
        Some(name) => run(crate::base_name(name), &arguments[1..]),
    }
}

/// The text of an error of the system, as busybox prints it.
pub fn reason(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "No such file or directory".to_owned(),
        ErrorKind::PermissionDenied => "Permission denied".to_owned(),
        ErrorKind::AlreadyExists => "File exists".to_owned(),
        ErrorKind::NotADirectory => "Not a directory".to_owned(),
        ErrorKind::IsADirectory => "Is a directory".to_owned(),
        ErrorKind::DirectoryNotEmpty => "Directory not empty".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "Read-only file system".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_owned()
        }
    }
}
