//! Three locks in a ring: each service locks its own table, then the next one's, to copy a row.
//!
//! When each holds its own, none can go on. The correction locks the table with the lower number first.

use crate::shared::{Code, Outcome, unknown_role};
use seedpod_guest::ipc::{Create, Error, Semaphore};

const SERVICES: [&str; 3] = ["orders", "stock", "billing"];

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    let Some(own) = SERVICES.iter().position(|service| *service == role) else {
        return unknown_role(role);
    };
    let next = (own + 1) % SERVICES.len();
    let (first, second) = match code {
        Code::Broken => (own, next),
        Code::Fixed => (own.min(next), own.max(next)),
    };
    Ok(copy(&table(first)?, &table(second)?)?)
}

fn table(number: usize) -> Result<Semaphore, Error> {
    Semaphore::create(&format!("/table-{number}"), Create::IfMissing, 1)
}

fn copy(first: &Semaphore, second: &Semaphore) -> Result<(), Error> {
    first.wait()?;
    second.wait()?;
    println!("copied");
    second.post()?;
    first.post()
}
