//! Copies of one object that exchange what changed, as `guests/sdk/c/memory.c` keeps them.

use super::machine::Machine;
use crate::ipc::{Create, Handle, OpenHow, PAGE_BYTES, Run};
use proptest::prelude::*;

const SIZE: usize = 3 * PAGE_BYTES + 100;
const MAPPINGS: usize = 3;

struct Mapping {
    handle: Handle,
    bytes: Vec<u8>,
    twin: Vec<u8>,
    version: u64,
}

impl Mapping {
    fn exchange(&mut self, machine: &mut Machine) {
        let at = (0..SIZE).filter(|at| self.bytes[*at] != self.twin[*at]);
        let changed: Vec<Run> = at
            .map(|at| Run {
                offset: at as u32,
                bytes: vec![self.bytes[at]],
            })
            .collect();
        let range = (0, SIZE as u32);
        let news = machine
            .ipc
            .memory_exchange(self.handle, range, self.version, &changed)
            .unwrap();
        self.version = news.version;
        self.twin.copy_from_slice(&self.bytes);
        for run in news.runs {
            let start = run.offset as usize;
            self.bytes[start..start + run.bytes.len()].copy_from_slice(&run.bytes);
            self.twin[start..start + run.bytes.len()].copy_from_slice(&run.bytes);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Each mapping has bytes of its own: every third.
    Write(usize, usize, u8),
    Exchange(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..MAPPINGS, 0..SIZE / MAPPINGS, any::<u8>())
            .prop_map(|(who, at, byte)| Step::Write(who, at * MAPPINGS + who, byte)),
        1 => (0..MAPPINGS).prop_map(Step::Exchange),
    ]
}

proptest! {
    #[test]
    fn writers_of_different_bytes_see_the_same_in_the_end(steps in prop::collection::vec(step(), 0..150)) {
        let mut machine = Machine::default();
        let how = OpenHow { read: true, write: true, create: Create::IfMissing, truncate: false, non_block: false };
        let mut mappings: Vec<Mapping> = ('a'..='c')
            .map(|who| {
                let handle = machine.ipc.memory_open(machine.caller(who), "/m", how).unwrap();
                machine.ipc.memory_resize(handle, SIZE as u64).unwrap();
                Mapping { handle, bytes: vec![0; SIZE], twin: vec![0; SIZE], version: 0 }
            })
            .collect();
        let mut expected = vec![0; SIZE];
        for step in steps {
            match step {
                Step::Write(who, at, byte) => {
                    mappings[who].bytes[at] = byte;
                    expected[at] = byte;
                }
                Step::Exchange(who) => mappings[who].exchange(&mut machine),
            }
        }
        for who in (0..MAPPINGS).chain(0..MAPPINGS) {
            mappings[who].exchange(&mut machine);
        }
        for mapping in &mappings {
            prop_assert!(mapping.bytes == expected);
        }
        prop_assert!(machine.ipc.memory_read(mappings[0].handle, 0, u32::MAX).unwrap() == expected);
    }
}
