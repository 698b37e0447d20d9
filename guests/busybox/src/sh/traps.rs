//! `trap`, and how a shell ends.

use super::{Ran, Shell, Stop};
use crate::sys::{self, Disposition, SIGNALS};

/// The number under which the trap for EXIT is kept.
pub const EXIT: u8 = 0;

impl Shell {
    /// Remembers signals that arrived, so that nothing else is interrupted by them again.
    pub(super) fn note_signals(&mut self) {
        while let Some(signal) = sys::take() {
            if !self.pending.contains(&signal) {
                self.pending.push(signal);
            }
        }
    }

    /// Runs the traps of signals that arrived.
    pub(super) fn run_traps(&mut self) -> Result<(), Stop> {
        if self.traps.is_empty() || self.in_trap {
            return Ok(());
        }
        self.note_signals();
        while !self.pending.is_empty() {
            let signal = self.pending.remove(0);
            if let Some(action) = self.traps.get(&signal).cloned() {
                self.run_trap(&action)?;
            }
        }
        Ok(())
    }

    fn run_trap(&mut self, action: &str) -> Result<(), Stop> {
        let status = self.state.status;
        self.in_trap = true;
        let result = self.run_text(action);
        self.in_trap = false;
        self.state.status = status;
        result.map(drop)
    }

    /// Sets what happens at a signal; no action means the default.
    pub(super) fn set_trap(&mut self, signal: u8, action: Option<&str>) -> Result<(), sys::Error> {
        if signal != EXIT {
            let disposition = match action {
                None => Disposition::Default,
                Some("") => Disposition::Ignore,
                Some(_) => Disposition::Catch,
            };
            sys::handle(signal, disposition)?;
            self.state.ignored.retain(|ignored| *ignored != signal);
            if disposition == Disposition::Ignore {
                self.state.ignored.push(signal);
            }
        }
        match action {
            Some(action) => self.traps.insert(signal, action.to_owned()),
            None => self.traps.remove(&signal),
        };
        Ok(())
    }

    /// The status a shell ends with, after its trap for EXIT.
    pub(super) fn finish(&mut self, ran: Ran) -> u8 {
        let status = match ran {
            Ok(status) | Err(Stop::Exit(status) | Stop::Fail(status) | Stop::Return(status)) => {
                status
            }
            Err(Stop::Break(_) | Stop::Continue(_)) => self.state.status,
        };
        self.state.status = status;
        let Some(action) = self.traps.remove(&EXIT) else {
            return status;
        };
        self.state.options.errexit = false;
        match self.run_trap(&action) {
            Err(Stop::Exit(status) | Stop::Fail(status)) => status,
            _ => status,
        }
    }

    /// The lines `trap` prints.
    pub(super) fn trap_lines(&self) -> String {
        let name = |signal: &u8| match *signal {
            EXIT => "EXIT",
            signal => SIGNALS[usize::from(signal) - 1],
        };
        let line = |(signal, action): (&u8, &String)| {
            format!(
                "trap -- {} {}\n",
                super::builtins::quote(action),
                name(signal)
            )
        };
        self.traps.iter().map(line).collect()
    }
}
