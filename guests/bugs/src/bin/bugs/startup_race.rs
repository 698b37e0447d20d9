//! Start-up race: the consumer opens a queue that only the producer creates.
//!
//! As long as the producer is up first, nobody notices.

use crate::shared::{Code, Outcome, queue, receive, send, unknown_role};
use seedpod_guest::ipc::MessageQueue;

const QUEUE: &str = "/orders";

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "producer" => produce(),
        "consumer" => consume(code),
        _ => unknown_role(role),
    }
}

fn produce() -> Outcome {
    let orders = queue(QUEUE)?;
    for order in ["tea", "coffee", "end"] {
        send(&orders, order)?;
    }
    Ok(())
}

fn consume(code: Code) -> Outcome {
    let orders = match code {
        Code::Broken => {
            MessageQueue::open(QUEUE).map_err(|error| format!("open {QUEUE}: {error}"))?
        }
        Code::Fixed => queue(QUEUE)?,
    };
    loop {
        match receive(&orders)?.as_str() {
            "end" => return Ok(()),
            order => println!("one {order}"),
        }
    }
}
