//! `tar`.

use super::copy::symlink;
use super::gzip::{unzip, zip};
use super::reason;
use super::trees::names;
use crate::files::Stat;
use crate::sys::How;
use crate::time::Date;
use crate::tool::{Input, Options, Ran, Tool};
use std::fs;
use std::io::Read;
use std::time::{Duration, UNIX_EPOCH};

/// Directories inside each other that are packed.
const DEPTH_MAX: u32 = 256;

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [
        ("create", 'c'),
        ("extract", 'x'),
        ("list", 't'),
        ("gzip", 'z'),
        ("file", 'f'),
        ("directory", 'C'),
        ("verbose", 'v'),
        ("exclude", 'E'),
        ("strip-components", 'S'),
        ("to-stdout", 'O'),
        ("dereference", 'h'),
        ("no-same-owner", 'o'),
    ];
    let mut arguments = arguments.to_vec();
    if let Some(first) = arguments.get_mut(1)
        && !first.starts_with('-')
    {
        first.insert(0, '-');
    }
    let options = Options::read(&arguments, "cxtzf:C:vE:S:OhopmkP", &long)?;
    let file = options.value('f').unwrap_or("-").to_owned();
    match options.last_of("cxt") {
        Some('c') => create(tool, &options, &file),
        Some(_) => extract(tool, &options, &file),
        None => Err("expected one of -c, -x, -t".to_owned()),
    }
}

fn create(tool: &mut Tool, options: &Options, file: &str) -> Ran {
    if options.operands.is_empty() {
        return Err("empty archive".to_owned());
    }
    let archive_path = crate::tool::absolute(file);
    enter(options)?;
    let mut pack = Pack {
        builder: tar::Builder::new(Vec::new()),
        follow: options.has('h'),
        excluded: options.values('E').map(crate::sh::Pattern::plain).collect(),
        listed: Vec::new(),
        status: 0,
    };
    for path in &options.operands {
        pack.add(tool, path, 0);
    }
    if options.has('v') {
        let text = pack.listed.join("");
        if file == "-" {
            tool.write_error(text.as_bytes());
        } else {
            tool.print(text);
        }
    }
    let mut bytes = pack.builder.into_inner().map_err(|error| reason(&error))?;
    if options.has('z') || file.ends_with(".gz") || file.ends_with(".tgz") {
        bytes = zip(&bytes);
    }
    match file {
        "-" => tool.write(&bytes),
        _ => tool
            .create(&archive_path, How::CREATE)?
            .write(&bytes)
            .map_err(|error| format!("{file}: {error}"))?,
    }
    Ok(pack.status)
}

fn enter(options: &Options) -> Result<(), String> {
    options.values('C').try_for_each(|directory| {
        std::env::set_current_dir(directory).map_err(|error| {
            format!(
                "can't change directory to '{directory}': {}",
                reason(&error)
            )
        })
    })
}

struct Pack {
    builder: tar::Builder<Vec<u8>>,
    follow: bool,
    excluded: Vec<crate::sh::Pattern>,
    listed: Vec<String>,
    status: u8,
}

impl Pack {
    fn add(&mut self, tool: &mut Tool, path: &str, depth: u32) {
        let name = path.trim_start_matches('/').trim_end_matches('/');
        let base = name.rsplit('/').next().unwrap_or(name);
        if self
            .excluded
            .iter()
            .any(|pattern| pattern.matches(path) || pattern.matches(base))
        {
            return;
        }
        let added = Stat::read(path, self.follow).and_then(|stat| {
            self.append(path, if name.is_empty() { "." } else { name }, &stat)?;
            Ok(stat)
        });
        match added {
            Ok(stat) if stat.is_directory() && depth < DEPTH_MAX => {
                for name in names(path).unwrap_or_default() {
                    self.add(
                        tool,
                        &format!("{}/{name}", path.trim_end_matches('/')),
                        depth + 1,
                    );
                }
            }
            Ok(_) => {}
            Err(error) => {
                tool.complain(format_args!("{path}: {}", reason(&error)));
                self.status = 1;
            }
        }
    }

    fn append(&mut self, path: &str, name: &str, stat: &Stat) -> std::io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_mode(stat.mode & 0o7777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_username("root")?;
        header.set_groupname("root")?;
        header.set_mtime(stat.modified_s.max(0) as u64);
        header.set_size(0);
        self.listed.push(format!(
            "{name}{}\n",
            if stat.is_directory() { "/" } else { "" }
        ));
        if stat.is_directory() {
            header.set_entry_type(tar::EntryType::Directory);
            self.builder
                .append_data(&mut header, format!("{name}/"), std::io::empty())
        } else if stat.is_symlink() {
            header.set_entry_type(tar::EntryType::Symlink);
            self.builder
                .append_link(&mut header, name, fs::read_link(path)?)
        } else {
            let bytes = fs::read(path)?;
            header.set_size(bytes.len() as u64);
            self.builder
                .append_data(&mut header, name, bytes.as_slice())
        }
    }
}

/// Bytes of the archive as the library reads them.
struct Source<'a> {
    input: Input,
    tool: &'a mut Tool,
    chunk: Vec<u8>,
    at: usize,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.chunk.len() {
            self.chunk = self.input.chunk(self.tool).map_err(std::io::Error::other)?;
            self.at = 0;
        }
        let count = buffer.len().min(self.chunk.len() - self.at);
        buffer[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

fn extract(tool: &mut Tool, options: &Options, file: &str) -> Ran {
    let Some(mut input) = tool.open(file) else {
        return Ok(1);
    };
    enter(options)?;
    if options.has('z') || file.ends_with(".gz") || file.ends_with(".tgz") {
        let bytes = unzip(&input.all(tool)?)?;
        return unpack(tool, options, bytes.as_slice());
    }
    let mut reader = Tool::new(&tool.name);
    unpack(
        tool,
        options,
        Source {
            input,
            tool: &mut reader,
            chunk: Vec::new(),
            at: 0,
        },
    )
}

fn unpack(tool: &mut Tool, options: &Options, source: impl Read) -> Ran {
    let lists = options.last_of("cxt") == Some('t');
    let strip: usize = options.number('S')?.unwrap_or(0);
    let mut archive = tar::Archive::new(source);
    let corrupt = |error: &std::io::Error| format!("corrupted archive: {error}");
    let mut found = vec![false; options.operands.len()];
    for entry in archive.entries().map_err(|error| corrupt(&error))? {
        let mut entry = entry.map_err(|error| corrupt(&error))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let plain = name.trim_start_matches("./").trim_end_matches('/');
        let mut wanted = options.operands.is_empty();
        for (operand, found) in options.operands.iter().zip(&mut found) {
            let operand = operand.trim_start_matches("./").trim_end_matches('/');
            let below = plain
                .strip_prefix(operand)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            wanted |= below;
            *found |= below;
        }
        if !wanted {
            continue;
        }
        if lists {
            tool.line(if options.has('v') {
                details(&entry, &name)
            } else {
                name
            });
            continue;
        }
        let parts: Vec<&str> = name
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        if parts.contains(&"..") {
            return Err(format!("name with '..' skipped: '{name}'"));
        }
        let Some(path) = parts
            .get(strip..)
            .filter(|parts| !parts.is_empty())
            .map(|parts| parts.join("/"))
        else {
            continue;
        };
        if options.has('v') {
            tool.line(&name);
        }
        if options.has('O') {
            let mut bytes = Vec::new();
            entry
                .read_to_end(&mut bytes)
                .map_err(|error| corrupt(&error))?;
            tool.write(&bytes);
            continue;
        }
        store(&mut entry, &path)
            .map_err(|error| format!("can't create '{path}': {}", reason(&error)))?;
    }
    let mut status = 0;
    for (operand, found) in options.operands.iter().zip(found) {
        if !found {
            tool.complain(format_args!("{operand}: not found in archive"));
            status = 1;
        }
    }
    Ok(status)
}

fn details<R: Read>(entry: &tar::Entry<'_, R>, name: &str) -> String {
    let header = entry.header();
    let kind = match header.entry_type() {
        tar::EntryType::Directory => 'd',
        tar::EntryType::Symlink => 'l',
        _ => '-',
    };
    let mode = header.mode().unwrap_or(0o644);
    let bits: String = (0..9)
        .rev()
        .map(|bit| {
            if mode & (1 << bit) != 0 {
                b"xwr"[bit % 3] as char
            } else {
                '-'
            }
        })
        .collect();
    let date =
        Date::new(i64::try_from(header.mtime().unwrap_or(0)).unwrap_or(0), 0).format("%F %T");
    let link = entry.link_name_bytes().map_or(String::new(), |link| {
        format!(" -> {}", String::from_utf8_lossy(&link))
    });
    format!(
        "{kind}{bits} root/root {:>9} {date} {name}{link}",
        entry.size()
    )
}

fn store<R: Read>(entry: &mut tar::Entry<'_, R>, path: &str) -> std::io::Result<()> {
    if let Some((parent, _)) = path.rsplit_once('/') {
        fs::create_dir_all(parent)?;
    }
    let link = entry
        .link_name_bytes()
        .map(|link| String::from_utf8_lossy(&link).into_owned());
    match (entry.header().entry_type(), link) {
        (tar::EntryType::Directory, _) => fs::create_dir_all(path),
        (tar::EntryType::Symlink, Some(link)) => {
            // An earlier file gives way; if it cannot, the link says so.
            let _ = fs::remove_file(path);
            symlink(&link, path)
        }
        (tar::EntryType::Link, Some(link)) => fs::hard_link(link, path),
        _ => {
            // A link of that name must not lead the bytes elsewhere.
            let _ = fs::remove_file(path);
            let mut file = fs::File::create(path)?;
            std::io::copy(entry, &mut file)?;
            let modified = entry.header().mtime().unwrap_or(0);
            file.set_modified(UNIX_EPOCH + Duration::from_secs(modified.min(1 << 40)))
        }
    }
}
