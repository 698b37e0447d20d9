//! What the subcommands ask of the system: signals, the log, exit codes, names and modes.

use crate::go;
use seedpod_guest::process::permissions;
use seedpod_guest::process::processes::{id, kill};
use seedpod_guest::process::signals::{Disposition, handle, subscribe, take};
use std::cell::{Cell, RefCell};
use std::fs;
use std::future::{Future, poll_fn};
use std::io::{self, Write as _};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, SystemTime};
use wasip2::io::poll::Pollable;
use web::rt::{self, Wait};

pub(crate) const SIGINT: u8 = 2;
pub(crate) const SIGTERM: u8 = 15;
const SIGHUP: u8 = 1;

/// What the Go runtime exits with when a signal that should have killed process 1 did not.
const EXIT_OF_SIGNAL: u8 = 2;

/// `log.Printf`: a line with the time, on standard error.
macro_rules! log {
    ($($text:tt)*) => {
        $crate::system::log_line(&format!($($text)*))
    };
}
pub(crate) use log;

pub(crate) fn log_line(text: &str) {
    eprintln!(
        "{} {}",
        web::date::error_log(SystemTime::now()),
        text.trim_end_matches('\n')
    );
}

/// `log.Fatal`
pub(crate) fn fatal(text: &str) -> ! {
    log_line(text);
    exit(1)
}

/// Ends the process; `std::process::exit` knows only 0 and 1 here.
pub(crate) fn exit(code: u8) -> ! {
    // A reader that is gone does not change how the program ends.
    let _ = io::stdout().flush();
    wasip2::cli::exit::exit_with_code(code);
    std::process::exit(i32::from(code))
}

/// Time since the process started, on the monotonic clock.
pub(crate) fn uptime() -> Duration {
    thread_local! {
        static STARTED_NS: Cell<u64> = Cell::new(rt::now_ns());
    }
    Duration::from_nanos(rt::now_ns().saturating_sub(STARTED_NS.get()))
}

/// Runs a command to its end as the Go runtime would: the signals it does not catch end the process.
pub(crate) fn run<F: Future<Output = u8>>(command: impl FnOnce(Signals) -> F) -> ! {
    uptime();
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        if let Err(error) = handle(signal, Disposition::Catch) {
            fatal(&format!("signal {signal}: {error:?}"));
        }
    }
    let signals = Signals::default();
    let code = rt::block_on(async {
        rt::spawn(signals.clone().watch());
        command(signals).await
    });
    exit(code)
}

/// The signals that arrived, for a command that catches them.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    caught: Rc<RefCell<Vec<u8>>>,
    /// Happens when one of them has arrived.
    pub(crate) arrived: Event,
}

impl Signals {
    /// From here on, these come to the command and do not end the process.
    pub(crate) fn catch(&self, signals: &[u8]) {
        self.caught.borrow_mut().extend(signals);
    }

    async fn watch(self) {
        let pollable = Rc::new(same_pollable(&subscribe()));
        loop {
            Wait::new(pollable.clone()).await;
            let Some(signal) = take() else { continue };
            if self.caught.borrow().contains(&signal) {
                self.arrived.set(signal);
            } else {
                die(signal);
            }
        }
    }
}

/// Ends as the Go runtime does of a signal nobody catches: of the signal itself, or with an exit code as process 1,
/// whom Linux spares.
fn die(signal: u8) -> ! {
    if id() != 1 && handle(signal, Disposition::Default).is_ok() {
        // What this could fail of, the exit below covers.
        let _ = kill(id(), signal);
    }
    exit(EXIT_OF_SIGNAL)
}

/// Something that happens once, with a number.
#[derive(Clone, Default)]
pub(crate) struct Event(Rc<EventState>);

#[derive(Default)]
struct EventState {
    value: Cell<Option<u8>>,
    waiting: RefCell<Vec<Waker>>,
}

impl Event {
    pub(crate) fn set(&self, value: u8) {
        if self.0.value.get().is_none() {
            self.0.value.set(Some(value));
            self.0.waiting.take().into_iter().for_each(Waker::wake);
        }
    }

    pub(crate) fn has_happened(&self) -> bool {
        self.0.value.get().is_some()
    }

    pub(crate) async fn happens(&self) -> u8 {
        poll_fn(|cx| match self.0.value.get() {
            Some(value) => Poll::Ready(value),
            None => {
                self.0.waiting.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}

/// The same handle as the type that sockets and timers have; both are `wasi:io/poll.pollable`.
pub(crate) fn same_pollable(pollable: &seedpod_guest::process::poll::Pollable) -> Pollable {
    // SAFETY: both types own a handle of the one imported resource, and it is moved from one to the other.
    unsafe { Pollable::from_handle(pollable.take_handle()) }
}

/// `os.Hostname`
pub(crate) fn hostname() -> String {
    let read = |path| {
        fs::read_to_string(path)
            .ok()
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    read("/proc/sys/kernel/hostname")
        .or_else(|| read("/etc/hostname"))
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// Permission bits of what an absolute path leads to. WASI has none; the pod tells them.
pub(crate) fn mode(path: &str) -> io::Result<u32> {
    permissions::mode(path).map_err(|error| io::Error::other(format!("{error:?}")))
}

pub(crate) fn change_mode(path: &str, mode: u32) -> io::Result<()> {
    permissions::change_mode(path, mode).map_err(|error| io::Error::other(format!("{error:?}")))
}

/// `os.ReadFile`, with the text of Go's error.
pub(crate) fn read_file(path: &str) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| {
        // Go opens directories and fails when it reads them.
        let call = match error.kind() {
            io::ErrorKind::IsADirectory => "read",
            _ => "open",
        };
        format!("{call} {path}: {}", go::errno(&error))
    })
}

pub(crate) fn random() -> u64 {
    wasip2::random::random::get_random_u64()
}

/// A port from a flag; one that is none ends the program as it would fail to listen.
pub(crate) fn port(number: i64) -> u16 {
    u16::try_from(number).unwrap_or_else(|_| {
        fatal(&format!("listen tcp: address {number}: invalid port"));
    })
}
