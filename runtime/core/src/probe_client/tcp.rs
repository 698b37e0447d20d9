//! `tcpSocket`: to connect is success.

use super::{Event, Step, Target, join_host_port};
use crate::pod::ProbeResult;
use std::net::IpAddr;

#[derive(Debug)]
pub(super) struct Tcp {
    target: Target,
    verdict: Option<ProbeResult>,
}

impl Tcp {
    pub(super) fn new(host: String, port: u16) -> Self {
        let secure = false;
        Self {
            target: Target { host, port, secure },
            verdict: None,
        }
    }

    pub(super) fn poll_step(&mut self) -> Step {
        match &self.verdict {
            Some(verdict) => Step::Done(verdict.clone()),
            None => Step::Connect(self.target.clone()),
        }
    }

    pub(super) fn handle(&mut self, event: Event<'_>) {
        let verdict = match event {
            Event::Connected => ProbeResult::Success,
            Event::DialFailed(error) => ProbeResult::Failure(error.to_string()),
            Event::TimedOut => ProbeResult::Failure(self.timeout()),
            Event::Received(_) | Event::Ended | Event::ReadFailed(_) | Event::Waited => return,
        };
        self.verdict.get_or_insert(verdict);
    }

    fn timeout(&self) -> String {
        let Target { host, port, .. } = &self.target;
        if host.parse::<IpAddr>().is_ok() {
            format!("dial tcp {}: i/o timeout", join_host_port(host, *port))
        } else {
            format!("dial tcp: lookup {host}: i/o timeout")
        }
    }
}
