//! `grpc`: one call of `grpc.health.v1.Health/Check` over HTTP/2 without TLS.
//!
//! As grpc-go with `WithBlock`: a server that refuses, or does not speak HTTP/2, is dialled again until the timeout, which
//! then is the failure. Header blocks are decoded by `loona-hpack`; everything else of HTTP/2 that one call needs is here.

mod call;
mod frame;
mod health;

#[cfg(test)]
mod tests;

use super::{Event, ReadError, Step, Target, join_host_port};
use crate::pod::{ProbeResult, go_duration};
use bytes::BytesMut;
use call::Call;
use health::{DEADLINE_EXCEEDED, Status, UNAVAILABLE, UNIMPLEMENTED};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Check {
    target: Target,
    service: String,
    timeout: Duration,
    /// How long to wait after the next failure to connect.
    backoff: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    Connect,
    Talk(Box<Call>),
    Wait(Duration),
    Done(ProbeResult),
}

/// First delay between two attempts to connect, and its factor (grpc-go `backoff.DefaultConfig`, without the jitter).
const BACKOFF: Duration = Duration::from_secs(1);
const BACKOFF_FACTOR: f64 = 1.6;
const BACKOFF_MAX: Duration = Duration::from_secs(120);

impl Check {
    pub(super) fn new(host: String, port: u16, service: &str, timeout: Duration) -> Self {
        Self {
            target: Target {
                host,
                port,
                secure: false,
            },
            service: service.to_owned(),
            timeout,
            backoff: BACKOFF,
            state: State::Connect,
        }
    }

    pub(super) fn poll_step(&mut self) -> Step {
        match &mut self.state {
            State::Connect => Step::Connect(self.target.clone()),
            State::Talk(call) => {
                let out: BytesMut = call.take_output();
                if out.is_empty() {
                    Step::Receive
                } else {
                    Step::Send(out.freeze())
                }
            }
            State::Wait(time) => Step::Wait(*time),
            State::Done(verdict) => Step::Done(verdict.clone()),
        }
    }

    pub(super) fn handle(&mut self, event: Event<'_>) {
        match (event, &mut self.state) {
            (Event::TimedOut, state) => {
                if !matches!(state, State::Done(_)) {
                    let text = self.timeout_text();
                    self.fail(text);
                }
            }
            (Event::Connected, State::Connect) => {
                let address = self.address();
                let call = Call::new(&address, &self.service, self.timeout);
                self.state = State::Talk(Box::new(call));
            }
            (Event::DialFailed(_), State::Connect) => self.retry(),
            (Event::Waited, State::Wait(_)) => self.state = State::Connect,
            (Event::Received(bytes), State::Talk(call)) => match call.handle(bytes) {
                Ok(None) => {}
                Ok(Some(result)) => self.finish(result),
                Err(_) => self.break_off("http2: protocol error"),
            },
            (Event::Ended, State::Talk(_)) => self.break_off("error reading from server: EOF"),
            (Event::ReadFailed(error), State::Talk(_)) => self.handle_read_error(error),
            (
                Event::Connected
                | Event::DialFailed(_)
                | Event::Waited
                | Event::Received(_)
                | Event::Ended
                | Event::ReadFailed(_),
                _,
            ) => {}
        }
    }

    fn handle_read_error(&mut self, error: &ReadError) {
        self.break_off(&format!("error reading from server: {error}"));
    }

    /// The connection is of no more use. Before the call it counts as none.
    fn break_off(&mut self, error: &str) {
        match &self.state {
            State::Talk(call) if call.is_sent() => {
                self.finish(Err(Status::new(UNAVAILABLE, error)));
            }
            _ => self.retry(),
        }
    }

    fn retry(&mut self) {
        self.state = State::Wait(self.backoff);
        self.backoff = self.backoff.mul_f64(BACKOFF_FACTOR).min(BACKOFF_MAX);
    }

    fn finish(&mut self, result: Result<u64, Status>) {
        match result {
            Ok(health::SERVING) => self.state = State::Done(ProbeResult::Success),
            Ok(status) => {
                let name = health::status_name(status);
                self.fail(format!("service unhealthy (responded with \"{name}\")"));
            }
            Err(status) if status.code == UNIMPLEMENTED => self.fail(format!(
                "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {}",
                status.message
            )),
            Err(status) if status.code == DEADLINE_EXCEEDED => {
                let text = self.late_call_text();
                self.fail(text);
            }
            Err(status) => self.fail(format!("error: health rpc probe failed: {status}")),
        }
    }

    fn timeout_text(&self) -> String {
        match &self.state {
            State::Talk(call) if call.is_sent() => self.late_call_text(),
            _ => format!(
                "timeout: failed to connect service \"{}\" within {}: context deadline exceeded",
                self.address(),
                go_duration(self.timeout)
            ),
        }
    }

    fn late_call_text(&self) -> String {
        format!(
            "timeout: health rpc did not complete within {}",
            go_duration(self.timeout)
        )
    }

    fn address(&self) -> String {
        join_host_port(&self.target.host, self.target.port)
    }

    fn fail(&mut self, text: String) {
        self.state = State::Done(ProbeResult::Failure(text));
    }
}
