//! Lock order: each container transfers money between two accounts, and locks first the one it takes it from.
//!
//! Two transfers in opposite directions wait for each other. The correction always locks in the order of the names.

use crate::shared::{Code, Outcome, unknown_role};
use seedpod_guest::ipc::{Create, Error, Semaphore};

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "save" => Ok(transfer("/checking", "/savings", code)?),
        "spend" => Ok(transfer("/savings", "/checking", code)?),
        _ => unknown_role(role),
    }
}

fn transfer(from: &str, to: &str, code: Code) -> Result<(), Error> {
    let (first, second) = match code {
        Code::Broken => (from, to),
        Code::Fixed => (from.min(to), from.max(to)),
    };
    let first = Semaphore::create(first, Create::IfMissing, 1)?;
    let second = Semaphore::create(second, Create::IfMissing, 1)?;
    first.wait()?;
    second.wait()?;
    println!("10 from {from} to {to}");
    second.post()?;
    first.post()
}
