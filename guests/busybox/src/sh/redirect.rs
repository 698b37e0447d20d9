//! Redirections.

use super::ast::{Redirect, RedirectKind};
use super::{DESCRIPTOR_MAX, Shell, Stop};
use crate::sys::{self, Desc, Error, How};

/// What descriptors were before a redirection.
pub type Saved = Vec<(u32, Option<Desc>)>;

impl Shell {
    /// Applies redirections in order; on an error nothing is changed, the reason is printed, and the status returned.
    pub(super) fn apply(&mut self, redirects: &[Redirect]) -> Result<Saved, u8> {
        let mut saved = Saved::new();
        for redirect in redirects {
            match self.opened(redirect) {
                Ok(desc) => {
                    let before = match desc {
                        Some(desc) => self.descriptors.insert(redirect.number, desc),
                        None => self.descriptors.remove(&redirect.number),
                    };
                    saved.push((redirect.number, before));
                }
                Err(status) => {
                    self.restore(saved);
                    return Err(status);
                }
            }
        }
        Ok(saved)
    }

    pub(super) fn restore(&mut self, saved: Saved) {
        for (number, before) in saved.into_iter().rev() {
            match before {
                Some(desc) => self.descriptors.insert(number, desc),
                None => self.descriptors.remove(&number),
            };
        }
    }

    /// The description a redirection leads to; none if it closes the descriptor.
    fn opened(&mut self, redirect: &Redirect) -> Result<Option<Desc>, u8> {
        let target = self
            .expand_string(&redirect.target)
            .map_err(|stop| match stop {
                Stop::Fail(status) | Stop::Exit(status) => status,
                Stop::Break(_) | Stop::Continue(_) | Stop::Return(_) => 1,
            })?;
        match redirect.kind {
            RedirectKind::Here => self.here(&target).map(Some),
            RedirectKind::Duplicate if target == "-" => Ok(None),
            RedirectKind::Duplicate => {
                let number = target
                    .parse()
                    .ok()
                    .filter(|number| *number < DESCRIPTOR_MAX);
                let Some(desc) = number.and_then(|number| self.descriptors.get(&number)) else {
                    let reason = if number.is_some() {
                        Error::BadDescriptor.to_string()
                    } else {
                        "bad fd number".to_owned()
                    };
                    self.complain(format_args!("{target}: {reason}"));
                    return Err(1);
                };
                Ok(Some(desc.clone()))
            }
            RedirectKind::Read => self.open_file(&target, How::READ).map(Some),
            RedirectKind::ReadWrite => self.open_file(&target, How::READ_WRITE).map(Some),
            RedirectKind::Clobber => self.open_file(&target, How::CREATE).map(Some),
            RedirectKind::Append => self.open_file(&target, How::APPEND).map(Some),
            RedirectKind::Write => {
                let regular =
                    || std::fs::metadata(&target).is_ok_and(|metadata| metadata.is_file());
                if self.state.options.noclobber && regular() {
                    self.complain(format_args!("can't create {target}: {}", Error::Exist));
                    return Err(1);
                }
                self.open_file(&target, How::CREATE).map(Some)
            }
        }
    }

    fn open_file(&self, target: &str, how: How) -> Result<Desc, u8> {
        let opened = match target.strip_prefix("/dev/fd/").or_else(|| standard(target)) {
            Some(number) => {
                let desc = number
                    .parse()
                    .ok()
                    .and_then(|number: u32| self.descriptors.get(&number));
                desc.cloned().ok_or(Error::NoEntry)
            }
            None => sys::open(&self.state.absolute(target), how),
        };
        opened.map_err(|error| {
            let action = if how.create { "create" } else { "open" };
            match error {
                Error::NoEntry if how.create => {
                    self.complain(format_args!("can't create {target}: nonexistent directory"));
                }
                Error::NoEntry => self.complain(format_args!("can't open {target}: no such file")),
                error => self.complain(format_args!("can't {action} {target}: {error}")),
            }
            1
        })
    }

    /// A pipe that holds the text of a here-document. A text that does not fit in a pipe gets a process that writes it.
    fn here(&mut self, text: &str) -> Result<Desc, u8> {
        let (read, write) = sys::pipe().map_err(|error| {
            self.complain(format_args!("can't create pipe: {error}"));
            1
        })?;
        if text.len() <= PIPE_ROOM {
            // The reading end is open and the text fits: this does not fail and does not block.
            let _ = write.write(text.as_bytes());
        } else {
            self.with_ends(None, Some(write), |shell| {
                shell.start_copy(&super::child::Work::Print(text.to_owned()))
            })?;
        }
        Ok(read)
    }
}

/// Bytes a pipe takes without a reader.
const PIPE_ROOM: usize = 4096;

fn standard(target: &str) -> Option<&'static str> {
    match target {
        "/dev/stdin" => Some("0"),
        "/dev/stdout" => Some("1"),
        "/dev/stderr" => Some("2"),
        _ => None,
    }
}
