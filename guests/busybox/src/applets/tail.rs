//! `tail`, which follows files too.

use super::lines::count_option;
use crate::files::Stat;
use crate::tool::{Input, Options, Ran, Tool, size};
use std::collections::VecDeque;
use std::time::Duration;

/// A file that is followed.
struct Followed {
    path: String,
    input: Option<Input>,
    inode: u64,
    /// Bytes read so far.
    position: u64,
}

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [
        ("lines", 'n'),
        ("bytes", 'c'),
        ("follow", 'f'),
        ("retry", 'R'),
        ("quiet", 'q'),
    ];
    let mut arguments = count_option(arguments);
    for argument in &mut arguments {
        match argument.as_str() {
            "--follow=name" => *argument = "-F".to_owned(),
            "--follow=descriptor" => *argument = "-f".to_owned(),
            _ => {}
        }
    }
    let options = Options::read(&arguments, "fFn:c:qs:vR", &long)?;
    let by_name = options.has('F');
    let follow = options.has('f') || by_name;
    let interval: f64 = options.number('s')?.unwrap_or(1.0);
    let interval = Duration::try_from_secs_f64(interval).map_err(|_| "invalid number")?;
    let count = options.value('c').or(options.value('n')).unwrap_or("10");
    let amount = Amount {
        bytes: options.has('c'),
        from_start: count.starts_with('+'),
        count: size(count.trim_start_matches(['+', '-']))?,
    };
    let mut paths = options.operands.clone();
    if paths.is_empty() {
        paths.push("-".to_owned());
    }
    let titled = (paths.len() > 1 && !options.has('q')) || options.has('v');
    let mut status = 0;
    let mut files = Vec::new();
    let mut last = None;
    for path in paths {
        let input = tool.open(&path);
        status |= u8::from(input.is_none());
        let mut file = Followed {
            inode: inode(&path),
            path,
            input,
            position: 0,
        };
        if let Some(input) = &mut file.input {
            if titled {
                title(tool, &file.path, &mut last, files.len());
            }
            file.position = amount.print(tool, input)?;
        }
        files.push(file);
    }
    if files.iter().all(|file| file.input.is_none()) && !by_name {
        tool.complain("no files");
        return Ok(1);
    }
    if !follow {
        return Ok(status);
    }
    follow_files(
        tool,
        &mut files,
        &Following {
            by_name,
            titled,
            interval,
        },
        last,
    )
}

struct Following {
    by_name: bool,
    titled: bool,
    interval: Duration,
}

/// Prints what is added to files, for ever.
fn follow_files(
    tool: &mut Tool,
    files: &mut [Followed],
    how: &Following,
    mut last: Option<usize>,
) -> Ran {
    loop {
        tool.flush();
        std::thread::sleep(how.interval);
        for (index, file) in files.iter_mut().enumerate() {
            // A file that is replaced may have grown before.
            file.print_more(tool, index, how, &mut last)?;
            if how.by_name && file.reopen(tool) {
                file.print_more(tool, index, how, &mut last)?;
            }
        }
    }
}

fn inode(path: &str) -> u64 {
    Stat::read(path, true).map_or(0, |stat| stat.inode)
}

fn title(tool: &mut Tool, path: &str, last: &mut Option<usize>, index: usize) {
    let name = if path == "-" { "standard input" } else { path };
    tool.print(format_args!(
        "{}==> {name} <==\n",
        if last.is_some() { "\n" } else { "" }
    ));
    *last = Some(index);
}

impl Followed {
    fn print_more(
        &mut self,
        tool: &mut Tool,
        index: usize,
        how: &Following,
        last: &mut Option<usize>,
    ) -> Result<(), String> {
        let Some(input) = &mut self.input else {
            return Ok(());
        };
        loop {
            let chunk = input.chunk(tool)?;
            if chunk.is_empty() {
                return Ok(());
            }
            self.position += chunk.len() as u64;
            if how.titled && *last != Some(index) {
                title(tool, &self.path, last, index);
            }
            tool.write(&chunk);
        }
    }

    /// Opens the file again if its name now stands for another one, or if it was cut; true if it did.
    fn reopen(&mut self, tool: &mut Tool) -> bool {
        let Ok(stat) = Stat::read(&self.path, true) else {
            return false;
        };
        let is_same =
            self.input.is_some() && stat.inode == self.inode && stat.size >= self.position;
        if is_same || self.path == "-" {
            return false;
        }
        self.input = tool.open(&self.path);
        (self.inode, self.position) = (stat.inode, 0);
        true
    }
}

struct Amount {
    bytes: bool,
    from_start: bool,
    count: u64,
}

impl Amount {
    /// Prints the end of a file; returns how long the file is.
    fn print(&self, tool: &mut Tool, input: &mut Input) -> Result<u64, String> {
        let mut position = 0;
        let mut kept: VecDeque<Vec<u8>> = VecDeque::new();
        let mut kept_bytes = 0;
        let mut number = 0;
        loop {
            let piece = if self.bytes {
                Some(input.chunk(tool)?).filter(|chunk| !chunk.is_empty())
            } else {
                input.line(tool)?
            };
            let Some(mut piece) = piece else { break };
            position += piece.len() as u64;
            number += 1;
            if self.from_start {
                if self.bytes {
                    let skipped =
                        (self.count.max(1) - 1).saturating_sub(position - piece.len() as u64);
                    piece.drain(..(skipped.min(piece.len() as u64)) as usize);
                    tool.write(&piece);
                } else if number >= self.count {
                    tool.write(&piece);
                }
                continue;
            }
            kept_bytes += piece.len() as u64;
            kept.push_back(piece);
            while let Some(first) = kept.front() {
                let superfluous = if self.bytes {
                    kept_bytes - first.len() as u64 >= self.count
                } else {
                    kept.len() as u64 > self.count
                };
                if !superfluous {
                    break;
                }
                kept_bytes -= first.len() as u64;
                kept.pop_front();
            }
        }
        for mut piece in kept {
            if self.bytes {
                let skipped = kept_bytes
                    .saturating_sub(self.count)
                    .min(piece.len() as u64);
                kept_bytes -= skipped;
                piece.drain(..skipped as usize);
            }
            tool.write(&piece);
        }
        Ok(position)
    }
}
