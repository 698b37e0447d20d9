//! The commands that stream: logs, exec, cp, port-forward, proxy. The oldest kubectl speaks SPDY, the others WebSocket.

use crate::check;

#[test]
fn logs_by_every_flag() {
    check("logs");
}

#[test]
fn executed_and_copied() {
    check("exec");
}

#[test]
fn forwarded_and_proxied() {
    check("forward");
}
