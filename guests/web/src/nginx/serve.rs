//! Listening, serving and stopping.

use super::config::{Config, Http, Level, Listen};
use super::connection;
use super::error::os_error;
use super::exchange::{Connection, State};
use super::log::Logs;
use super::upstream::Balancer;
use super::world::World;
use crate::rt::{self, Counter, Listener, Wait};
use seedpod_guest::process::processes;
use seedpod_guest::process::signals::{Disposition, handle, subscribe, take};
use std::cell::{Cell, RefCell};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use wasip2::io::poll::Pollable;

const SIGINT: u8 = 2;
const SIGQUIT: u8 = 3;
const SIGTERM: u8 = 15;

/// How often and how long nginx waits for an address in use.
const BIND_TRIES: usize = 5;
const BIND_PAUSE: Duration = Duration::from_millis(500);
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

struct Wasi;

impl World for Wasi {
    type Reader = rt::Reader;
    type Writer = rt::Writer;

    async fn connect(&self, address: SocketAddr) -> io::Result<(rt::Reader, rt::Writer)> {
        rt::connect(address).await
    }

    async fn sleep(&self, duration: Duration) {
        rt::sleep(duration).await;
    }

    async fn yield_now(&self) {
        rt::yield_now().await;
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn now_ns(&self) -> u64 {
        rt::now_ns()
    }

    fn pid(&self) -> u32 {
        processes::id()
    }
}

/// Serves until a signal ends it. Returns the exit code.
pub fn main(mut config: Config) -> u8 {
    let http = config.http.take().unwrap_or_default();
    let logs = match Logs::open(&config, &http) {
        Ok(logs) => logs,
        Err(error) => return fail(&error.to_string()),
    };
    if config.daemon {
        eprintln!("nginx: [warn] daemon mode is not available, staying in the foreground");
    }
    for signal in [SIGINT, SIGQUIT, SIGTERM] {
        if handle(signal, Disposition::Catch).is_err() {
            return fail(&format!("signal {signal} cannot be caught"));
        }
    }
    let pid_file = match config.pid.as_str() {
        path if path.starts_with('/') => path.to_owned(),
        path => format!("{}/{path}", config.prefix.trim_end_matches('/')),
    };
    let shutdown_timeout = config.worker_shutdown_timeout;
    let state = Rc::new(state(config, http, logs));
    let code = rt::block_on(async {
        let Some(listeners) = bind(&state.http).await else {
            return fail("still could not bind()");
        };
        if let Err(error) = fs::write(&pid_file, format!("{}\n", processes::id())) {
            return fail(&format!(
                "open() \"{pid_file}\" failed ({})",
                os_error(&error)
            ));
        }
        notice(&state, super::NAME);
        notice(&state, "start worker processes");
        let busy = Counter::default();
        for (index, listener) in listeners {
            rt::spawn(accept(state.clone(), index, listener, busy.clone()));
        }
        stop(&state, &busy, shutdown_timeout).await;
        notice(&state, "exit");
        0
    });
    // Without its pid file nginx has stopped all the same.
    let _ = fs::remove_file(&pid_file);
    code
}

fn state(config: Config, http: Http, logs: Logs) -> State<Wasi> {
    let hostname = fs::read_to_string("/etc/hostname")
        .unwrap_or_default()
        .trim()
        .to_owned();
    State {
        balancers: http
            .upstreams
            .iter()
            .map(|upstream| RefCell::new(Balancer::new(upstream.clone())))
            .collect(),
        world: Wasi,
        config,
        http,
        logs,
        hostname,
        stopping: Cell::new(false),
    }
}

fn fail(message: &str) -> u8 {
    eprintln!("nginx: [emerg] {message}");
    1
}

fn notice(state: &State<Wasi>, message: &str) {
    let log = &state.config.error_log;
    state.logs.error(
        log,
        Level::Notice,
        SystemTime::now(),
        processes::id(),
        message,
    );
}

/// Listens on every address, without those that a wildcard of the same port covers.
async fn bind(http: &Http) -> Option<Vec<(usize, Listener)>> {
    let covered = |listen: &Listen| {
        !listen.address.ip().is_unspecified()
            && http.listens.iter().any(|other| {
                other.address.ip().is_unspecified()
                    && other.address.port() == listen.address.port()
                    && other.address.is_ipv4() == listen.address.is_ipv4()
            })
    };
    let mut wanted: Vec<(usize, SocketAddr)> = Vec::new();
    for (index, listen) in http.listens.iter().enumerate() {
        if !covered(listen) {
            wanted.push((index, listen.address));
        }
    }
    let mut listeners = Vec::new();
    for _ in 0..BIND_TRIES {
        let mut missing = Vec::new();
        for (index, address) in wanted {
            match Listener::bind(address).await {
                Ok(listener) => listeners.push((index, listener)),
                Err(error) => {
                    eprintln!(
                        "nginx: [emerg] bind() to {address} failed ({})",
                        os_error(&error)
                    );
                    if error.kind() != io::ErrorKind::AddrInUse {
                        return None;
                    }
                    missing.push((index, address));
                }
            }
        }
        if missing.is_empty() {
            return Some(listeners);
        }
        wanted = missing;
        rt::sleep(BIND_PAUSE).await;
    }
    None
}

async fn accept(state: Rc<State<Wasi>>, index: usize, listener: Listener, busy: Counter) {
    thread_local! {
        static CONNECTIONS: Counter = Counter::default();
        static NEXT: Cell<u64> = const { Cell::new(1) };
    }
    let connections = CONNECTIONS.with(Clone::clone);
    loop {
        connections.below(state.config.worker_connections).await;
        let (reader, writer, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                let log = &state.config.error_log;
                let message = format!("accept() failed ({})", os_error(&error));
                state.logs.error(
                    log,
                    Level::Alert,
                    SystemTime::now(),
                    processes::id(),
                    &message,
                );
                rt::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if state.stopping.get() {
            return;
        }
        let Ok(local) = reader.local_address() else {
            continue;
        };
        let number = NEXT.replace(NEXT.get() + 1);
        let connection = Connection {
            reader,
            writer,
            buffer: Vec::new(),
            peer,
            local,
            number,
            requests: 0,
        };
        let (state, busy, guard) = (state.clone(), busy.clone(), connections.enter());
        rt::spawn(async move {
            connection::serve(&state, connection, index, || busy.enter()).await;
            drop(guard);
        });
    }
}

/// Waits for a signal: SIGQUIT lets requests finish, the others end at once.
async fn stop(state: &State<Wasi>, busy: &Counter, limit: Option<Duration>) {
    let signalled = Rc::new(same_pollable(&subscribe()));
    loop {
        Wait::new(signalled.clone()).await;
        match take() {
            Some(SIGQUIT) => break,
            Some(signal @ (SIGTERM | SIGINT)) => {
                let name = if signal == SIGTERM {
                    "SIGTERM"
                } else {
                    "SIGINT"
                };
                notice(
                    state,
                    &format!("signal {signal} ({name}) received, exiting"),
                );
                return;
            }
            _ => {}
        }
    }
    notice(state, "signal 3 (SIGQUIT) received, shutting down");
    notice(state, "gracefully shutting down");
    state.stopping.set(true);
    let idle = busy.below(1);
    let again = async {
        loop {
            Wait::new(signalled.clone()).await;
            if matches!(take(), Some(SIGTERM | SIGINT)) {
                return;
            }
        }
    };
    let finished = async {
        super::world::race(idle, again).await;
    };
    match limit {
        // Over time or not: the process ends now.
        Some(limit) => drop(rt::timeout(limit, finished).await),
        None => finished.await,
    }
}

/// The signal's pollable as the type that sockets and timers have; both are `wasi:io/poll.pollable`.
fn same_pollable(pollable: &seedpod_guest::process::poll::Pollable) -> Pollable {
    // SAFETY: both types own a handle of the one imported resource, and it is moved from one to the other.
    unsafe { Pollable::from_handle(pollable.take_handle()) }
}
