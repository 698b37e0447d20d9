//! Finds, starts and awaits programs.

use super::ast::{Chain, Pipeline};
use super::child::Work;
use super::{Job, Shell};
use crate::sys::{self, Desc, Error, Exit, Program};

/// Jobs in the background a shell remembers; the oldest that ended are forgotten first.
const JOBS_MAX: usize = 1024;

impl Shell {
    pub(super) fn background(&mut self, chain: &Chain) -> u8 {
        let null = sys::open("/dev/null", sys::How::READ).ok();
        let started = self.with_ends(null, None, |shell| match chain {
            Chain {
                first:
                    Pipeline {
                        negated: false,
                        stages,
                    },
                rest,
            } if rest.is_empty() && stages.len() == 1 => shell.start(&stages[0]),
            _ => shell.start_copy(&Work::Chain(chain.clone())),
        });
        match started {
            Ok(pid) => {
                self.state.last_background = Some(pid);
                if self.jobs.len() >= JOBS_MAX
                    && let Some(ended) = self.jobs.iter().position(|job| job.status.is_some())
                {
                    self.jobs.remove(ended);
                }
                self.jobs.push(Job { pid, status: None });
                0
            }
            Err(status) => {
                // The shell remembers a child that failed at once; its id is one that no process has.
                self.state.last_background = Some(0);
                self.jobs.push(Job {
                    pid: 0,
                    status: Some(status),
                });
                0
            }
        }
    }

    /// Waits until a child in the foreground has ended.
    pub(super) fn wait_for(&mut self, pid: u32) -> u8 {
        loop {
            match sys::wait(Some(pid)) {
                Ok((_, exit)) => {
                    self.tell_signal(exit);
                    return exit.status();
                }
                Err(Error::Interrupted) => self.note_signals(),
                Err(_) => return 127,
            }
        }
    }

    /// Prints which signal has ended a child.
    pub(super) fn tell_signal(&self, exit: Exit) {
        if let Exit::Signaled(signal) = exit
            && signal != sys::SIGINT
            && signal != sys::SIGPIPE
        {
            self.write_error(&format!("{}\n", signal_text(signal)));
        }
    }

    pub(super) fn run_program(
        &mut self,
        arguments: &[String],
        environment: Vec<(String, String)>,
        tail: bool,
    ) -> u8 {
        if tail {
            return self.replace(arguments, environment);
        }
        match self.spawn(arguments, environment) {
            Ok(pid) => self.wait_for(pid),
            Err(status) => status,
        }
    }

    fn program(
        &self,
        path: String,
        arguments: &[String],
        environment: Vec<(String, String)>,
    ) -> Program {
        Program {
            path,
            arguments: arguments.to_vec(),
            environment,
            directory: self.state.directory.clone(),
        }
    }

    /// Starts a program; the error is a status, and the reason is printed.
    pub(super) fn spawn(
        &mut self,
        arguments: &[String],
        environment: Vec<(String, String)>,
    ) -> Result<u32, u8> {
        let path = self.find_program(&arguments[0])?;
        let program = self.program(path.clone(), arguments, environment);
        let descs: Vec<(u32, &Desc)> = self
            .descriptors
            .iter()
            .map(|(number, desc)| (*number, desc))
            .collect();
        let result = match sys::spawn(&program, &descs) {
            Err(Error::NotExecutable) if is_script(&self.state.absolute(&path)) => {
                sys::spawn(&script(program), &descs)
            }
            result => result,
        };
        result.map_err(|error| self.cannot_run(&arguments[0], error))
    }

    /// Lets a program take this process over; returns only if that fails.
    pub(super) fn replace(
        &mut self,
        arguments: &[String],
        environment: Vec<(String, String)>,
    ) -> u8 {
        let path = match self.find_program(&arguments[0]) {
            Ok(path) => path,
            Err(status) => return status,
        };
        let program = self.program(path.clone(), arguments, environment);
        let descs: Vec<(u32, &Desc)> = self
            .descriptors
            .iter()
            .map(|(number, desc)| (*number, desc))
            .collect();
        let error = match sys::exec(&program, &descs) {
            Error::NotExecutable if is_script(&self.state.absolute(&path)) => {
                sys::exec(&script(program), &descs)
            }
            error => error,
        };
        self.cannot_run(&arguments[0], error)
    }

    fn cannot_run(&self, name: &str, error: Error) -> u8 {
        match error {
            Error::NoEntry | Error::NotDirectory => {
                self.complain(format_args!("{name}: not found"));
                127
            }
            Error::IsDirectory => {
                self.complain(format_args!("{name}: {}", Error::Access));
                126
            }
            error => {
                self.complain(format_args!("{name}: {error}"));
                126
            }
        }
    }

    fn find_program(&self, name: &str) -> Result<String, u8> {
        self.locate(name)
            .ok_or_else(|| self.cannot_run(name, Error::NoEntry))
    }

    /// The file a command name stands for.
    pub(super) fn locate(&self, name: &str) -> Option<String> {
        if name.contains('/') {
            return Some(name.to_owned());
        }
        if name.is_empty() {
            return None;
        }
        let path = self.state.get("PATH").unwrap_or(super::main::DEFAULT_PATH);
        let candidates = path
            .split(':')
            .map(|directory| self.state.absolute(&format!("{directory}/{name}")));
        let is_file =
            |path: &String| std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        candidates
            .into_iter()
            .find(is_file)
            .or_else(|| crate::is_applet(name).then(|| sys::SELF.to_owned()))
    }
}

/// Whether a file that is no program looks like text.
fn is_script(path: &str) -> bool {
    let head = sys::open(path, sys::How::READ).and_then(|desc| desc.read(256));
    head.is_ok_and(|head| !head.contains(&0))
}

/// The shell that runs `program` as its script.
fn script(program: Program) -> Program {
    let mut arguments = vec!["sh".to_owned(), program.path];
    arguments.extend(program.arguments.into_iter().skip(1));
    Program {
        path: sys::SELF.to_owned(),
        arguments,
        ..program
    }
}

fn signal_text(signal: u8) -> String {
    match signal {
        1 => "Hangup".to_owned(),
        3 => "Quit".to_owned(),
        4 => "Illegal instruction".to_owned(),
        6 => "Aborted".to_owned(),
        9 => "Killed".to_owned(),
        11 => "Segmentation fault".to_owned(),
        14 => "Alarm clock".to_owned(),
        15 => "Terminated".to_owned(),
        _ => format!("Signal {signal}"),
    }
}
