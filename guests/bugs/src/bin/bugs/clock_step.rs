//! Clock step: a cache keeps a token until a time of the calendar.
//!
//! When the clock of its container is set back, the token is used long after it has expired. The correction measures the
//! age of the token on a clock that nobody sets.

use crate::shared::{Code, Outcome, fail, queue, receive, send, unknown_role, wall_time};
use std::thread::sleep;
use std::time::{Duration, Instant};

const LIFETIME: Duration = Duration::from_secs(10);
/// The cache gives a token up a little earlier.
const CACHED: Duration = Duration::from_secs(9);
const BETWEEN_CALLS: Duration = Duration::from_secs(4);
const CALLS: u32 = 5;

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "auth" => authenticate(),
        "api" => call(code),
        _ => unknown_role(role),
    }
}

/// Issues tokens, and says of a token whether it is still good.
fn authenticate() -> Outcome {
    let (requests, answers) = (queue("/auth")?, queue("/answers")?);
    let mut issued: Vec<Instant> = Vec::new();
    loop {
        let request = receive(&requests)?;
        let answer = match request.split_once(' ') {
            None if request == "issue" => {
                issued.push(Instant::now());
                (issued.len() - 1).to_string()
            }
            Some(("use", token)) => {
                let issued = issued.get(token.parse::<usize>()?);
                let is_good = issued.is_some_and(|issued| issued.elapsed() < LIFETIME);
                String::from(if is_good { "welcome" } else { "expired" })
            }
            _ => return Ok(()),
        };
        send(&answers, &answer)?;
    }
}

/// A token, and when it was fetched on both clocks.
struct Cached {
    token: String,
    expires: Duration,
    fetched: Instant,
}

impl Cached {
    fn is_fresh(&self, code: Code) -> bool {
        match code {
            Code::Broken => wall_time() < self.expires,
            Code::Fixed => self.fetched.elapsed() < CACHED,
        }
    }
}

fn call(code: Code) -> Outcome {
    let (requests, answers) = (queue("/auth")?, queue("/answers")?);
    let mut cache: Option<Cached> = None;
    for _ in 0..CALLS {
        let cached = match cache.take().filter(|cached| cached.is_fresh(code)) {
            Some(cached) => cached,
            None => {
                let (expires, fetched) = (wall_time() + CACHED, Instant::now());
                send(&requests, "issue")?;
                Cached {
                    token: receive(&answers)?,
                    expires,
                    fetched,
                }
            }
        };
        send(&requests, &format!("use {}", cached.token))?;
        if receive(&answers)? == "expired" {
            send(&requests, "end")?;
            return fail(format!("token {} has expired", cached.token));
        }
        cache = Some(cached);
        sleep(BETWEEN_CALLS);
    }
    send(&requests, "end")
}
