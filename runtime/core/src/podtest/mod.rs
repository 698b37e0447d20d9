//! A deterministic test of pods, as data: what drives them, which faults may happen, and what must hold.
//!
//! A test says nothing about how it was written: a file of kind `PodTest` and the Rust API give the same. What can be
//! taken out of it has a number, [`ItemId`], that does not change when others are taken out; that is how a failing run
//! is made smaller. Expressions are texts here: the simulated world compiles them before the first run.

mod drive;
mod failure;
mod fault;
mod property;
mod range;
mod world;

pub use drive::{
    Bodies, Data, Drive, DriveAction, Expect, FileTarget, HttpRequest, Start, slashed,
};
pub use failure::{Failure, FailureKind};
pub use fault::{DiskCall, Fault, FaultKind, FaultScript, Link, Links, OneWay, Scripted, Trigger};
pub use property::{Checker, Defaults, Expression, FinalState, Property, PropertyKind, Verdict};
pub use range::{
    CountRange, DurationRange, Offset, OffsetRange, ParseRangeError, Rate, parse_duration,
};
pub use world::{DiskSettings, Durable, NetSettings, WorldSettings};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub struct PodTest {
    /// `metadata.name`.
    pub name: String,
    /// The file that it was read from, as it was named; empty for one built in code. Paths in the test are relative to
    /// its folder.
    pub source: String,
    /// Paths of the manifests, as written. Never empty when read from a file.
    pub manifests: Vec<String>,
    /// Virtual time after which drive and faults are over, whatever is left of them.
    pub limit: Duration,
    /// The quiet tail: virtual time without faults, in which `eventually` must come true and the pods may settle.
    pub settle: Duration,
    /// How runs are chosen.
    pub explore: Explore,
    /// What the world is like in all runs.
    pub world: WorldSettings,
    /// What happens to the pods from outside.
    pub drive: Vec<Drive>,
    /// What may go wrong.
    pub faults: FaultScript,
    /// What must hold.
    pub properties: Vec<Property>,
    /// What must hold of every pod without being written down.
    pub defaults: Defaults,
    /// Content of the files that the test names, by their paths as written: see [`PodTest::files`]. Whoever reads the
    /// test fills it in, for a simulation reads no files.
    pub data: BTreeMap<String, Bytes>,
}

/// How the runs of a test are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explore {
    /// How many runs, where the budget allows it; `None` for as many as it allows.
    pub runs: Option<u64>,
    /// As `sched::StrategyKind` reads it: `portfolio`, `pos`, `pct:3`, `systematic`.
    pub strategy: String,
    /// Runs that the systematic search may take before it gives up.
    pub systematic: u64,
    /// A folder of `.choices` files that are replayed first.
    pub regressions: Option<String>,
}

/// Names what can be taken out of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ItemId {
    /// A step of `drive`.
    Drive(u32),
    /// A fault of `faults.menu`.
    Menu(u32),
    /// A fault of `faults.script`.
    Script(u32),
}

impl PodTest {
    /// `limit` of a test that has none.
    pub const LIMIT: Duration = Duration::from_secs(600);
    /// `settle` of a test that has none.
    pub const SETTLE: Duration = Duration::from_secs(30);

    /// A test that only has defaults: its pods must not trap, deadlock, livelock or restart for ever.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            source: String::new(),
            manifests: Vec::new(),
            limit: Self::LIMIT,
            settle: Self::SETTLE,
            explore: Explore::default(),
            world: WorldSettings::default(),
            drive: Vec::new(),
            faults: FaultScript::default(),
            properties: Vec::new(),
            defaults: Defaults::default(),
            data: BTreeMap::new(),
        }
    }

    /// Everything that can be taken out, in the order of the test.
    pub fn items(&self) -> Vec<ItemId> {
        let menu = self.faults.menu.iter().map(|one| ItemId::Menu(one.number));
        let script = self.faults.script.iter();
        let script = script.map(|one| ItemId::Script(one.number));
        let drive = self.drive.iter().map(|one| ItemId::Drive(one.number));
        menu.chain(script).chain(drive).collect()
    }

    /// The test without some of its items; the others keep their numbers.
    #[must_use]
    pub fn without(&self, items: &BTreeSet<ItemId>) -> Self {
        let mut test = self.clone();
        test.drive
            .retain(|one| !items.contains(&ItemId::Drive(one.number)));
        test.faults
            .menu
            .retain(|one| !items.contains(&ItemId::Menu(one.number)));
        test.faults
            .script
            .retain(|one| !items.contains(&ItemId::Script(one.number)));
        test
    }

    /// Paths of the files whose content belongs into [`PodTest::data`], as written.
    pub fn files(&self) -> BTreeSet<&str> {
        self.drive
            .iter()
            .filter_map(|step| step.action.file())
            .collect()
    }

    /// What is in a file that the test names; empty when nobody has read it.
    pub fn content<'t>(&'t self, data: &'t Data) -> Bytes {
        match data {
            Data::Inline(text) => Bytes::copy_from_slice(text.as_bytes()),
            Data::File(path) => self.data.get(path).cloned().unwrap_or_default(),
        }
    }

    /// All expressions of the test.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let drive = self.drive.iter().filter_map(|step| match &step.action {
            DriveAction::Wait(expression) => Some(expression),
            _ => None,
        });
        let script = self.faults.script.iter().filter_map(|one| match &one.when {
            Trigger::When(expression) => Some(expression),
            Trigger::At(_) => None,
        });
        let properties = self
            .properties
            .iter()
            .filter_map(|one| one.kind.expression());
        drive.chain(script).chain(properties)
    }
}

impl Default for Explore {
    fn default() -> Self {
        Self {
            runs: None,
            strategy: "portfolio".to_owned(),
            systematic: 5000,
            regressions: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_smaller_test_keeps_its_numbers() {
        let mut test = PodTest::new("x");
        for number in 0..3 {
            test.drive.push(Drive {
                number,
                place: String::new(),
                start: Start::AfterPrevious,
                action: DriveAction::Delete {
                    pod: None,
                    grace: None,
                },
                expect: Expect::default(),
                within: Drive::WITHIN,
            });
        }
        let smaller = test.without(&BTreeSet::from([ItemId::Drive(1), ItemId::Menu(0)]));
        assert_eq!(smaller.items(), [ItemId::Drive(0), ItemId::Drive(2)]);
    }
}
