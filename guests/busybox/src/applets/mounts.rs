//! What is mounted: `mount`, `df`.

use super::ls::human;
use super::reason;
use super::usage::DEPTH_MAX;
use crate::files::Stat;
use crate::tool::{Options, Ran, Tool, absolute, size};
use std::fs;

/// A line of `/proc/mounts`.
struct Mount {
    device: String,
    directory: String,
    kind: String,
    options: String,
}

const MOUNTS: &str = "/proc/mounts";

fn mounts() -> Result<Vec<Mount>, String> {
    let text =
        fs::read_to_string(MOUNTS).map_err(|error| format!("{MOUNTS}: {}", reason(&error)))?;
    let mount = |line: &str| {
        let mut fields = line.split(' ').map(|field| field.replace("\\040", " "));
        Some(Mount {
            device: fields.next()?,
            directory: fields.next()?,
            kind: fields.next()?,
            options: fields.next()?,
        })
    };
    Ok(text.lines().filter_map(mount).collect())
}

impl Mount {
    /// Whether a path lies in it, were there no other below it.
    fn contains(&self, path: &str) -> bool {
        let directory = self.directory.trim_end_matches('/');
        path.strip_prefix(directory)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Of file systems made for the kernel, which `df` leaves out.
    fn is_virtual(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "proc" | "sysfs" | "devpts" | "mqueue" | "devtmpfs"
        )
    }

    /// Bytes it can hold, where there is a limit: WASI tells no sizes of file systems, the mount options do.
    fn capacity(&self) -> Option<u64> {
        let option = |option: &str| option.strip_prefix("size=").map(str::to_owned);
        size(&self.options.split(',').find_map(option)?).ok()
    }
}

pub fn mount(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "afFilnrwst:o:O:v", &[])?;
    if !options.operands.is_empty() || options.has('a') {
        return Err("permission denied (are you root?)".to_owned());
    }
    let kind = options.value('t');
    for mount in mounts()? {
        if kind.is_none_or(|kind| kind == mount.kind) {
            tool.line(format_args!(
                "{} on {} type {} ({})",
                mount.device, mount.directory, mount.kind, mount.options
            ));
        }
    }
    Ok(0)
}

pub fn df(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "kmhPTai", &[("human-readable", 'h')])?;
    let mounts = mounts()?;
    let mut shown: Vec<&Mount> = Vec::new();
    let mut status = 0;
    if options.operands.is_empty() {
        shown = mounts
            .iter()
            .filter(|mount| options.has('a') || !mount.is_virtual())
            .collect();
    }
    for path in &options.operands {
        if let Err(error) = Stat::read(path, true) {
            tool.complain(format_args!("{path}: {}", reason(&error)));
            status = 1;
            continue;
        }
        let path = absolute(path);
        let around = mounts.iter().filter(|mount| mount.contains(&path));
        shown.extend(around.max_by_key(|mount| mount.directory.len()));
    }
    let title = match (options.has('h'), options.has('m'), options.has('P')) {
        (true, _, _) => "     Size",
        (_, true, _) => "1M-blocks",
        (_, _, true) => "1024-blocks",
        _ => "1K-blocks",
    };
    let kind_title = if options.has('T') { " Type      " } else { "" };
    let use_title = if options.has('P') { "Capacity" } else { "Use%" };
    tool.line(format_args!(
        "Filesystem          {kind_title} {title}      Used Available {use_title} Mounted on"
    ));
    for mount in shown {
        let used = used(&mounts, mount);
        let unit = |bytes: u64| match (options.has('h'), options.has('m')) {
            (true, _) => human(bytes),
            (_, true) => (bytes >> 20).to_string(),
            _ => (bytes >> 10).to_string(),
        };
        let (total, free, share) = match mount.capacity() {
            Some(total) => (
                unit(total),
                unit(total.saturating_sub(used)),
                format!("{}%", (used * 100).div_ceil(total.max(1))),
            ),
            None => ("-".to_owned(), "-".to_owned(), "-".to_owned()),
        };
        let kind = match options.has('T') {
            true => format!(" {:<10}", mount.kind),
            false => String::new(),
        };
        tool.line(format_args!(
            "{:<20}{kind} {total:>9} {:>9} {free:>9} {share:>4} {}",
            mount.device,
            unit(used),
            mount.directory
        ));
    }
    Ok(status)
}

/// Bytes of the files in a mount.
fn used(mounts: &[Mount], mount: &Mount) -> u64 {
    let others: Vec<&str> = mounts
        .iter()
        .map(|other| other.directory.as_str())
        .filter(|other| *other != mount.directory)
        .collect();
    let top = Stat::read(&mount.directory, false).map_or(0, |stat| stat.blocks);
    let all = Count { mounts: &others }.blocks(&mount.directory, 0);
    all.saturating_sub(top) * 512
}

/// Adds up a tree without what is mounted in it.
struct Count<'a> {
    mounts: &'a [&'a str],
}

impl Count<'_> {
    fn blocks(&self, path: &str, depth: u32) -> u64 {
        let Ok(stat) = Stat::read(path, false) else {
            return 0;
        };
        if !stat.is_directory() || depth > DEPTH_MAX {
            return stat.blocks;
        }
        let names = super::trees::names(path).unwrap_or_default();
        let below = names
            .iter()
            .map(|name| format!("{}/{name}", path.trim_end_matches('/')));
        below
            .filter(|path| !self.mounts.contains(&path.as_str()))
            .map(|path| self.blocks(&path, depth + 1))
            .sum()
    }
}
