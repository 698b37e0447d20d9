//! Read twice: a reader takes a certificate and its key for a pair when the version is the same before and after.
//!
//! A deployment that is rolled back at once defeats it: the version is the old one again. The correction counts changes,
//! and a count never comes back.

use crate::shared::{Code, Outcome, fail, unknown_role};
use seedpod_guest::ipc::{Create, Error, SharedMemory};

/// Where the values are in the shared memory.
const VERSION: u32 = 0;
const CERTIFICATE: u32 = 1;
const KEY: u32 = 2;
/// Odd while somebody writes.
const CHANGES: u32 = 3;

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    let memory = SharedMemory::create("/tls", Create::IfMissing)?;
    memory.resize(4)?;
    let store = Store { memory };
    match role {
        "deployer" => {
            store.deploy(1, code)?;
            store.deploy(0, code)?;
            Ok(())
        }
        "reader" => read(&store, code),
        _ => unknown_role(role),
    }
}

struct Store {
    memory: SharedMemory,
}

impl Store {
    fn deploy(&self, version: u8, code: Code) -> Result<(), Error> {
        if code == Code::Fixed {
            self.change()?;
        }
        for value in [VERSION, CERTIFICATE, KEY] {
            self.memory.write(value, &[version])?;
        }
        if code == Code::Fixed {
            self.change()?;
        }
        Ok(())
    }

    fn change(&self) -> Result<(), Error> {
        let changes = self.get(CHANGES)?;
        self.memory.write(CHANGES, &[changes + 1])
    }

    fn get(&self, value: u32) -> Result<u8, Error> {
        let bytes = self.memory.read(value, 1)?;
        Ok(bytes.first().copied().unwrap_or_default())
    }
}

fn read(store: &Store, code: Code) -> Outcome {
    let guard = match code {
        Code::Broken => VERSION,
        Code::Fixed => CHANGES,
    };
    let before = store.get(guard)?;
    let (certificate, key) = (store.get(CERTIFICATE)?, store.get(KEY)?);
    let is_being_changed = code == Code::Fixed && before % 2 == 1;
    if is_being_changed || store.get(guard)? != before {
        println!("the certificate changes, the old one stays");
    } else if certificate != key {
        return fail(format!("certificate {certificate} does not fit key {key}"));
    }
    Ok(())
}
