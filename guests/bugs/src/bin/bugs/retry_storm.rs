//! Retry storm: clients that get no answer within 100 ms ask again, and a server with a backlog needs 80 ms an answer.
//!
//! Two seconds without the server are enough: from then on it answers requests that nobody waits for any more, for ever.
//! The corrected clients wait twice as long after each attempt, and the corrected server drops what came too late.

use crate::shared::{Code, Outcome, queue, receive, send, text, unknown_role, wall_time};
use seedpod_guest::ipc::{Create, Error, Limits, MessageQueue};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

const CLIENTS: [&str; 2] = ["client-a", "client-b"];
const REQUESTS: &str = "/requests";
const PATIENCE: Duration = Duration::from_millis(100);
const BETWEEN_REQUESTS: Duration = Duration::from_millis(400);
const REQUESTS_OF_CLIENT: u32 = 5;

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    let limits = Limits {
        messages_max: 64,
        message_size_max: 64,
    };
    let requests = MessageQueue::create(REQUESTS, Create::IfMissing, Some(limits))?;
    match role {
        "server" => serve(&requests, code),
        client if CLIENTS.contains(&client) => ask(client, &requests, code),
        _ => unknown_role(role),
    }
}

fn ask(client: &str, requests: &MessageQueue, code: Code) -> Outcome {
    let answers = queue(&answers_of(client))?;
    for number in 1..=REQUESTS_OF_CLIENT {
        let attempts = ask_until_answered(client, number, requests, &answers, code)?;
        println!("request {number} took {attempts} attempts");
        sleep(BETWEEN_REQUESTS);
    }
    send(requests, "bye")
}

fn ask_until_answered(
    client: &str,
    number: u32,
    requests: &MessageQueue,
    answers: &MessageQueue,
    code: Code,
) -> Outcome<u32> {
    let mut patience = PATIENCE;
    for attempt in 1.. {
        let deadline = SystemTime::now() + patience;
        let until = (wall_time() + patience).as_millis();
        send(requests, &format!("{client} {number}.{attempt} {until}"))?;
        loop {
            match answers.receive_until(deadline) {
                Ok(answer) => {
                    // Others are to attempts that were given up.
                    if text(answer)? == format!("{number}.{attempt}") {
                        return Ok(attempt);
                    }
                }
                Err(Error::TimedOut) => break,
                Err(error) => return Err(error.into()),
            }
        }
        if code == Code::Fixed {
            patience *= 2;
        }
    }
    Ok(u32::MAX)
}

fn serve(requests: &MessageQueue, code: Code) -> Outcome {
    let mut clients = CLIENTS.len();
    while clients > 0 {
        let request = receive(requests)?;
        let [client, attempt, until] = request.split(' ').collect::<Vec<_>>()[..] else {
            clients -= 1;
            continue;
        };
        if code == Code::Fixed && wall_time().as_millis() > until.parse()? {
            continue;
        }
        // With a backlog, each answer comes from the disk instead of the cache.
        let is_loaded = requests.len() >= 2;
        sleep(Duration::from_millis(if is_loaded { 80 } else { 20 }));
        send(&queue(&answers_of(client))?, attempt)?;
    }
    Ok(())
}

fn answers_of(client: &str) -> String {
    format!("/answers-{client}")
}
