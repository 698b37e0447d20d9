//! `trap`, `wait`, `kill`, `times`.

use crate::applets;
use crate::sh::{Ran, Shell, traps};
use crate::sys::{self, Error};

impl Shell {
    pub(super) fn trap(&mut self, operands: &[String]) -> u8 {
        let operands = match operands.first() {
            Some(first) if first == "--" || first == "-p" => &operands[1..],
            _ => operands,
        };
        let Some(first) = operands.first() else {
            let lines = self.trap_lines();
            return self.print(&lines);
        };
        let resets = operands.len() == 1 || first.parse::<u8>().is_ok();
        let (action, names) = match first.as_str() {
            "-" => (None, &operands[1..]),
            _ if resets => (None, operands),
            action => (Some(action.to_owned()), &operands[1..]),
        };
        let mut status = 0;
        for name in names {
            let signal = if name.eq_ignore_ascii_case("EXIT") {
                Some(traps::EXIT)
            } else {
                sys::signal_number(name)
            };
            let Some(signal) = signal else {
                self.complain(format_args!("{name}: invalid signal specification"));
                status = 1;
                continue;
            };
            if let Err(error) = self.set_trap(signal, action.as_deref())
                && !matches!(signal, sys::SIGKILL | 19)
            {
                self.complain(format_args!("{name}: {error}"));
                status = 1;
            }
        }
        status
    }

    pub(super) fn wait(&mut self, operands: &[String]) -> Ran {
        if operands.is_empty() {
            let pids: Vec<u32> = self
                .jobs
                .iter()
                .filter(|job| job.status.is_none())
                .map(|job| job.pid)
                .collect();
            for pid in pids {
                if let Err(interrupted) = self.wait_job(pid) {
                    return Ok(interrupted);
                }
            }
            self.jobs.clear();
            return Ok(0);
        }
        let mut status = 0;
        for operand in operands {
            let pid = match operand.strip_prefix('%') {
                Some(number) => number
                    .parse()
                    .ok()
                    .and_then(|number: usize| Some(self.jobs.get(number.checked_sub(1)?)?.pid)),
                None => operand.parse().ok(),
            };
            status = match pid {
                None => {
                    self.complain(format_args!("Illegal number: {operand}"));
                    2
                }
                Some(pid) => match self.wait_job(pid) {
                    Ok(status) => status,
                    Err(interrupted) => return Ok(interrupted),
                },
            };
        }
        Ok(status)
    }

    /// The status of a job in the background; the error is that of a wait a signal has ended.
    fn wait_job(&mut self, pid: u32) -> Result<u8, u8> {
        let Some(index) = self.jobs.iter().position(|job| job.pid == pid) else {
            return Ok(127);
        };
        loop {
            if let Some(status) = self.jobs[index].status {
                return Ok(status);
            }
            match sys::wait(Some(pid)) {
                Ok((_, exit)) => {
                    self.tell_signal(exit);
                    self.jobs[index].status = Some(exit.status());
                }
                Err(Error::Interrupted) => {
                    self.note_signals();
                    if let Some(signal) = self
                        .pending
                        .iter()
                        .find(|signal| self.traps.contains_key(signal))
                    {
                        return Err(128 + signal);
                    }
                }
                Err(_) => self.jobs[index].status = Some(127),
            }
        }
    }

    pub(super) fn kill(&mut self, operands: &[String]) -> u8 {
        let job = |operand: &String| match operand
            .strip_prefix('%')
            .and_then(|number| number.parse::<usize>().ok())
        {
            Some(number) => {
                let job = number.checked_sub(1).and_then(|index| self.jobs.get(index));
                job.map_or_else(|| operand.clone(), |job| job.pid.to_string())
            }
            None => operand.clone(),
        };
        let operands: Vec<String> = operands.iter().map(job).collect();
        match applets::kill::request(&operands) {
            Ok(applets::kill::Request::List(text)) => self.print(&text),
            Ok(applets::kill::Request::Send { signal, targets }) => {
                let mut status = 0;
                for target in targets {
                    if let Err(error) = sys::kill(target, signal) {
                        self.complain_as_applet(&format!("can't kill pid {target}: {error}"));
                        status = 1;
                    }
                }
                status
            }
            Err(error) => {
                self.complain_as_applet(&error);
                1
            }
        }
    }

    /// The time this shell has used. That of children which have ended is not kept by the pod.
    pub(super) fn times(&mut self) -> u8 {
        let own = sys::list()
            .into_iter()
            .find(|process| process.pid == sys::id())
            .map_or(0, |process| process.cpu_ns);
        let milliseconds = own / 1_000_000;
        let user = format!(
            "{}m{}.{:03}s",
            milliseconds / 60_000,
            milliseconds / 1000 % 60,
            milliseconds % 1000
        );
        self.print(&format!("{user} 0m0.000s\n0m0.000s 0m0.000s\n"))
    }
}
