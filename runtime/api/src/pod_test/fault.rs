//! The faults of a test.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use seedpod_core::podtest::{
    CountRange, DiskCall, DurationRange, Fault, FaultKind, FaultScript, Link, OneWay, Rate,
    Scripted, Trigger, slashed,
};

use super::wire::{Quantity, TestFault, TestFaults};
use super::{bounded, duration, expression, one_of, parsed, place, wire};
use crate::log::Object;
use crate::tree::Path;

pub(super) fn script(object: &Object<'_>, at: &Path<'_>, mut written: TestFaults) -> FaultScript {
    let (menu_at, script_at) = (at.field("menu"), at.field("script"));
    bounded(object, &menu_at, &mut written.menu);
    bounded(object, &script_at, &mut written.script);
    let mut faults = FaultScript::default();
    for (index, (number, fault)) in (0..).zip(written.menu).enumerate() {
        faults
            .menu
            .extend(menu(object, &menu_at.index(index), number, &fault));
    }
    for (index, (number, fault)) in (0..).zip(written.script).enumerate() {
        faults
            .script
            .extend(scripted(object, &script_at.index(index), number, fault));
    }
    let budget = parsed(object, &at.field("budget"), written.budget);
    faults.budget = budget.unwrap_or(match faults.menu.is_empty() {
        true => CountRange::default(),
        false => BUDGET,
    });
    faults
}

/// Faults of one run of a test that has a menu and no budget.
const BUDGET: CountRange = CountRange { min: 0, max: 3 };

fn menu(object: &Object<'_>, at: &Path<'_>, number: u32, written: &TestFault) -> Option<Fault> {
    for (field, there) in [
        ("at", written.at.is_some()),
        ("when", written.when.is_some()),
    ] {
        if there {
            let detail = "the schedule decides when a fault of the menu happens; \
                          one with a moment belongs into script";
            object.forbidden(&at.field(field), detail);
        }
    }
    let times = written.times.unwrap_or(1);
    if times == 0 {
        object.invalid_number(&at.field("times"), 0, "must be at least 1");
    }
    Some(Fault {
        number,
        place: place(object, at),
        times,
        kind: kind(object, at, written)?,
    })
}

fn scripted(
    object: &Object<'_>,
    at: &Path<'_>,
    number: u32,
    mut written: TestFault,
) -> Option<Scripted> {
    if written.times.is_some() {
        let detail = "a fault of the script happens once";
        object.forbidden(&at.field("times"), detail);
    }
    let when = match (written.at.take(), written.when.take()) {
        (Some(_), Some(_)) => {
            object.forbidden(&at.field("when"), "there is already at");
            None
        }
        (time @ Some(_), None) => duration(object, &at.field("at"), time).map(Trigger::At),
        (None, when @ Some(_)) => {
            let expression = expression(object, &at.field("when"), when);
            Some(Trigger::When(expression))
        }
        (None, None) => {
            object.required(at, "at or when: the moment of the fault");
            None
        }
    };
    let kind = kind(object, at, &written);
    Some(Scripted {
        number,
        place: place(object, at),
        when: when?,
        kind: kind?,
    })
}

fn kind(object: &Object<'_>, at: &Path<'_>, fault: &TestFault) -> Option<FaultKind> {
    let choices = [
        ("crash", fault.crash.is_some()),
        ("oom", fault.oom.is_some()),
        ("pause", fault.pause.is_some()),
        ("slow", fault.slow.is_some()),
        ("partition", fault.partition.is_some()),
        ("reset", fault.reset.is_some()),
        ("loss", fault.loss.is_some()),
        ("reorder", fault.reorder.is_some()),
        ("diskFull", fault.disk_full.is_some()),
        ("ioError", fault.io_error.is_some()),
        ("tornWrite", fault.torn_write.is_some()),
        ("lostFsync", fault.lost_fsync.is_some()),
        ("clockJump", fault.clock_jump.is_some()),
        ("redeliver", fault.redeliver.is_some()),
    ];
    if !one_of(object, at, &choices) {
        return None;
    }
    let word = choices.iter().find(|(_, there)| *there)?.0;
    let fields = Fields {
        object,
        at: &at.field(word),
    };
    fields
        .of_process(fault)
        .or_else(|| fields.of_net(fault))
        .or_else(|| fields.of_disk(fault))
}

/// The fields of one fault.
struct Fields<'o, 'p> {
    object: &'o Object<'o>,
    at: &'o Path<'p>,
}

impl Fields<'_, '_> {
    fn of_process(&self, fault: &TestFault) -> Option<FaultKind> {
        if let Some(fault) = &fault.crash {
            let container = any(&fault.container);
            return Some(FaultKind::Crash { container });
        }
        if let Some(fault) = &fault.oom {
            let container = any(&fault.container);
            return Some(FaultKind::Oom { container });
        }
        if let Some(fault) = &fault.pause {
            return Some(FaultKind::Pause {
                container: any(&fault.container),
                duration: self.window(&fault.duration),
            });
        }
        if let Some(fault) = &fault.clock_jump {
            return Some(FaultKind::ClockJump {
                container: any(&fault.container),
                by: self.required("by", &fault.by, "such as -1h..1h"),
            });
        }
        let queue = any(&fault.redeliver.as_ref()?.queue);
        Some(FaultKind::Redeliver {
            queue: match queue.as_str() {
                ANY => queue,
                queue => slashed(queue),
            },
        })
    }

    fn of_net(&self, fault: &TestFault) -> Option<FaultKind> {
        if let Some(fault) = &fault.slow {
            return Some(FaultKind::Slow {
                link: self.link(&fault.link),
                latency: self.required("latency", &fault.latency, "such as 500ms..5s"),
                duration: self.window(&fault.duration),
            });
        }
        if let Some(fault) = &fault.partition {
            return Some(self.partition(fault));
        }
        if let Some(fault) = &fault.reset {
            let link = self.link(&fault.link);
            return Some(FaultKind::Reset { link });
        }
        if let Some(fault) = &fault.loss {
            return Some(FaultKind::Loss {
                link: self.link(&fault.link),
                rate: self.rate(&fault.rate),
                duration: self.window(&fault.duration),
            });
        }
        let fault = fault.reorder.as_ref()?;
        Some(FaultKind::Reorder {
            link: self.link(&fault.link),
            rate: self.rate(&fault.rate),
            duration: self.window(&fault.duration),
        })
    }

    fn of_disk(&self, fault: &TestFault) -> Option<FaultKind> {
        if let Some(fault) = &fault.disk_full {
            return Some(FaultKind::DiskFull {
                volume: any(&fault.volume),
                duration: self.window(&fault.duration),
            });
        }
        if let Some(fault) = &fault.io_error {
            return Some(FaultKind::IoError {
                volume: any(&fault.volume),
                calls: self.calls(&fault.ops),
                rate: self.rate(&fault.rate),
                duration: self.window(&fault.duration),
            });
        }
        if let Some(fault) = &fault.torn_write {
            let volume = any(&fault.volume);
            return Some(FaultKind::TornWrite { volume });
        }
        let fault = fault.lost_fsync.as_ref()?;
        Some(FaultKind::LostFsync {
            volume: any(&fault.volume),
            duration: self.window(&fault.duration),
        })
    }

    fn partition(&self, fault: &wire::PartitionFault) -> FaultKind {
        let between = match fault.between.as_slice() {
            [one, two] => (one.clone(), two.clone()),
            _ => {
                let detail = "two names: containers, pods or Services";
                self.object.required(&self.at.field("between"), detail);
                (ANY.to_owned(), ANY.to_owned())
            }
        };
        FaultKind::Partition {
            between,
            duration: self.window(&fault.duration),
            one_way: match fault.one_way {
                None => OneWay::No,
                Some(wire::OneWay(Some(true))) => OneWay::Yes,
                Some(wire::OneWay(Some(false))) => OneWay::No,
                Some(wire::OneWay(None)) => OneWay::Maybe,
            },
        }
    }

    fn window(&self, text: &Option<Quantity>) -> DurationRange {
        self.required("for", text, "such as 1s..10s")
    }

    fn rate(&self, text: &Option<Quantity>) -> Rate {
        let at = self.at.field("rate");
        parsed(self.object, &at, text.clone()).unwrap_or(Rate::ALWAYS)
    }

    fn link(&self, text: &Option<String>) -> Link {
        let text = Some(Quantity(any(text)));
        parsed(self.object, &self.at.field("link"), text).unwrap_or(Link {
            from: ANY.to_owned(),
            to: ANY.to_owned(),
            links: seedpod_core::podtest::Links::Both,
        })
    }

    fn calls(&self, words: &[String]) -> BTreeSet<DiskCall> {
        const WORDS: [(&str, DiskCall); 4] = [
            ("read", DiskCall::Read),
            ("write", DiskCall::Write),
            ("fsync", DiskCall::Fsync),
            ("name", DiskCall::Name),
        ];
        if words.is_empty() {
            return WORDS.map(|(_, call)| call).into();
        }
        let at = self.at.field("ops");
        let words = words.iter().enumerate();
        words
            .filter_map(|(index, word)| self.object.word(&at.index(index), word, &WORDS))
            .collect()
    }

    fn required<T: FromStr<Err: Display> + Default>(
        &self,
        field: &str,
        text: &Option<Quantity>,
        example: &str,
    ) -> T {
        let at = self.at.field(field);
        if text.is_none() {
            self.object.required(&at, example);
        }
        parsed(self.object, &at, text.clone()).unwrap_or_default()
    }
}

/// Each of its kind.
const ANY: &str = "*";

fn any(name: &Option<String>) -> String {
    match name.as_deref() {
        None | Some("" | "any") => ANY.to_owned(),
        Some(name) => name.to_owned(),
    }
}
