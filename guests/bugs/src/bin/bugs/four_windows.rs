//! Four windows: a reader bears three torn reads of a pair of values, and gives up at the fourth.
//!
//! Every round both sides meet, and the reader must fall four times between the two writes: the control among the bugs,
//! which is meant to be hard to find. The correction puts both values into one write and one read.

use crate::shared::{Code, Outcome, fail, unknown_role};
use seedpod_guest::ipc::{Create, Error, Semaphore, SharedMemory};

const ROUNDS: u8 = 4;

struct Pair {
    prices: SharedMemory,
    stock: SharedMemory,
}

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    let pair = Pair {
        prices: SharedMemory::create("/prices", Create::IfMissing)?,
        stock: SharedMemory::create("/stock", Create::IfMissing)?,
    };
    pair.prices.resize(2)?;
    pair.stock.resize(1)?;
    let begin = Semaphore::create("/begin", Create::IfMissing, 0)?;
    let end = Semaphore::create("/end", Create::IfMissing, 0)?;
    let mut torn = 0;
    for round in 1..=ROUNDS {
        match role {
            "writer" => {
                begin.post()?;
                pair.write(round, code)?;
                end.wait()?;
            }
            "reader" => {
                begin.wait()?;
                let (prices, stock) = pair.read(code)?;
                torn += u8::from(prices > stock);
                end.post()?;
            }
            _ => return unknown_role(role),
        }
    }
    match torn {
        ROUNDS => fail(format!("gave up after {ROUNDS} torn reads")),
        _ => Ok(()),
    }
}

impl Pair {
    fn write(&self, round: u8, code: Code) -> Result<(), Error> {
        match code {
            Code::Broken => {
                self.prices.write(0, &[round])?;
                self.stock.write(0, &[round])
            }
            Code::Fixed => self.prices.write(0, &[round, round]),
        }
    }

    fn read(&self, code: Code) -> Result<(u8, u8), Error> {
        let bytes = match code {
            Code::Broken => [self.prices.read(0, 1)?, self.stock.read(0, 1)?].concat(),
            Code::Fixed => self.prices.read(0, 2)?,
        };
        Ok((
            bytes.first().copied().unwrap_or_default(),
            bytes.get(1).copied().unwrap_or_default(),
        ))
    }
}
