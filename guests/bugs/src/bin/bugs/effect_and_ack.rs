//! Crash between effect and acknowledgement: a worker pays an invoice, then takes it out of the spool.
//!
//! A worker that dies in between pays it again after its restart. The correction looks into the ledger first.

use crate::shared::{Code, Outcome, append, unknown_role};
use std::fs;
use std::io::{self, ErrorKind};

const SPOOL: &str = "/shared/spool";
const LEDGER: &str = "/shared/ledger";

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "producer" => produce(),
        "worker" => work(code),
        _ => unknown_role(role),
    }
}

fn produce() -> Outcome {
    fs::create_dir(SPOOL)?;
    for invoice in ["invoice-1", "invoice-2", "invoice-3"] {
        fs::write(format!("{SPOOL}/{invoice}"), "99.00 EUR")?;
    }
    Ok(())
}

fn work(code: Code) -> Outcome {
    let mut invoices = Vec::new();
    for entry in fs::read_dir(SPOOL)? {
        invoices.push(entry?.file_name().to_string_lossy().into_owned());
    }
    invoices.sort();
    for invoice in invoices {
        let is_paid = || Ok::<_, io::Error>(ledger()?.lines().any(|paid| paid == invoice));
        if code == Code::Broken || !is_paid()? {
            append(LEDGER, &invoice)?;
        }
        fs::remove_file(format!("{SPOOL}/{invoice}"))?;
    }
    audit()
}

fn audit() -> Outcome {
    let ledger = ledger()?;
    let mut paid: Vec<&str> = ledger.lines().collect();
    paid.sort_unstable();
    for pair in paid.windows(2).filter(|pair| pair[0] == pair[1]) {
        println!("{} is paid twice", pair[0]);
    }
    Ok(())
}

fn ledger() -> io::Result<String> {
    match fs::read_to_string(LEDGER) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}
