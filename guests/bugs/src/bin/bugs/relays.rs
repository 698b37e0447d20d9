//! Reordering: a source spreads its messages over two relays, and the sink gets an update before the creation.
//!
//! Each queue keeps its order; two queues have none between them. The correction sends all messages about one thing
//! through the same relay.

use crate::shared::{Code, Outcome, fail, queue, receive, send, unknown_role};

const RELAYS: [&str; 2] = ["/relay-0", "/relay-1"];
const SINK: &str = "/sink";

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "source" => source(code),
        "relay-0" => relay(RELAYS[0]),
        "relay-1" => relay(RELAYS[1]),
        "sink" => sink(),
        _ => unknown_role(role),
    }
}

fn source(code: Code) -> Outcome {
    let relays = [queue(RELAYS[0])?, queue(RELAYS[1])?];
    for (number, message) in ["create 7", "update 7"].into_iter().enumerate() {
        let relay = match code {
            Code::Broken => number % 2,
            Code::Fixed => 7 % 2,
        };
        send(&relays[relay], message)?;
    }
    for relay in &relays {
        send(relay, "end")?;
    }
    Ok(())
}

fn relay(name: &str) -> Outcome {
    let (from, to) = (queue(name)?, queue(SINK)?);
    loop {
        let message = receive(&from)?;
        if message == "end" {
            return Ok(());
        }
        send(&to, &message)?;
    }
}

fn sink() -> Outcome {
    let messages = queue(SINK)?;
    let mut rows: Vec<String> = Vec::new();
    for _ in 0..2 {
        let message = receive(&messages)?;
        match message.split_once(' ') {
            Some(("create", row)) => rows.push(row.to_owned()),
            Some(("update", row)) if rows.iter().any(|known| known == row) => {}
            _ => return fail(format!("{message}: there is no such row")),
        }
    }
    Ok(())
}
