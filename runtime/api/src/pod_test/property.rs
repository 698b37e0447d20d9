//! The properties of a test.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use seedpod_core::podtest::{Checker, Defaults, FinalState, Property, PropertyKind, Verdict};

use super::wire::{ExpressionProperty, Quantity, TestDefaults, TestProperty};
use super::{bounded, duration, expression, one_of, parsed, place, required, wire};
use crate::error::Problem;
use crate::log::Object;
use crate::tree::Path;

pub(super) fn properties(
    object: &Object<'_>,
    at: &Path<'_>,
    mut written: Vec<TestProperty>,
) -> Vec<Property> {
    bounded(object, at, &mut written);
    let mut names = BTreeSet::new();
    let mut properties = Vec::new();
    for (index, (number, one)) in (0..).zip(written).enumerate() {
        let at = at.index(index);
        let Some((name, kind)) = read(object, &at, one) else {
            continue;
        };
        if !name.is_empty() && !names.insert(name.clone()) {
            let kind_at = at.field(kind.word());
            object.duplicate(&kind_at.field("name"), &name);
        }
        properties.push(Property {
            number,
            place: place(object, &at),
            name,
            kind,
        });
    }
    properties
}

fn read(
    object: &Object<'_>,
    at: &Path<'_>,
    written: TestProperty,
) -> Option<(String, PropertyKind)> {
    let choices = [
        ("always", written.always.is_some()),
        ("never", written.never.is_some()),
        ("eventually", written.eventually.is_some()),
        ("finally", written.finally.is_some()),
        ("sometimes", written.sometimes.is_some()),
        ("bounded", written.bounded.is_some()),
        ("exit", written.exit.is_some()),
        ("checker", written.checker.is_some()),
    ];
    if !one_of(object, at, &choices) {
        return None;
    }
    let word = choices.iter().find(|(_, there)| *there)?.0;
    let at = &at.field(word);
    let plain = [
        (written.always, PropertyKind::Always as fn(_) -> _),
        (written.never, PropertyKind::Never),
        (written.finally, PropertyKind::Finally),
        (written.sometimes, PropertyKind::Sometimes),
    ];
    for (property, kind) in plain {
        if let Some(ExpressionProperty { name, expr }) = property {
            let name = required(object, &at.field("name"), name);
            return Some((name, kind(expression(object, &at.field("expr"), expr))));
        }
    }
    if let Some(property) = written.eventually {
        let name = required(object, &at.field("name"), property.name);
        let kind = PropertyKind::Eventually {
            expression: expression(object, &at.field("expr"), property.expr),
            within: duration(object, &at.field("within"), property.within),
        };
        return Some((name, kind));
    }
    if let Some(property) = written.bounded {
        let name = required(object, &at.field("name"), property.name);
        if property.max.is_none() {
            object.required(&at.field("max"), "");
        }
        let kind = PropertyKind::Bounded {
            expression: expression(object, &at.field("expr"), property.expr),
            max: property.max.unwrap_or_default(),
        };
        return Some((name, kind));
    }
    if let Some(states) = written.exit {
        return Some(("exit".to_owned(), exit(object, at, states)));
    }
    written
        .checker
        .map(|property| checker(object, at, property))
}

fn exit(object: &Object<'_>, at: &Path<'_>, written: BTreeMap<String, Quantity>) -> PropertyKind {
    if written.is_empty() {
        object.required(at, "containers and how they end, such as {migrate: 0}");
    }
    let mut states = BTreeMap::new();
    for (container, Quantity(text)) in written {
        let state = match text.as_str() {
            "running" => Some(FinalState::Running),
            "waiting" => Some(FinalState::Waiting),
            code => code.parse().ok().map(FinalState::Exited),
        };
        match state {
            Some(state) => {
                states.insert(container, state);
            }
            None => {
                let detail = "must be an exit code, running or waiting";
                object.invalid(&at.key(&container), &text, detail);
            }
        }
    }
    PropertyKind::Exit(states)
}

fn checker(
    object: &Object<'_>,
    at: &Path<'_>,
    written: wire::CheckerProperty,
) -> (String, PropertyKind) {
    let checker = Checker {
        image: required(object, &at.field("image"), written.image),
        command: written.command,
        args: written.args,
    };
    let name = written.name.unwrap_or_else(|| "checker".to_owned());
    (name, PropertyKind::Checker(checker))
}

pub(super) fn defaults(object: &Object<'_>, at: &Path<'_>, written: TestDefaults) -> Defaults {
    let known = Defaults::default();
    let verdict = |field: &str, word: Option<String>| {
        let words = [("fail", Verdict::Fail), ("ignore", Verdict::Ignore)];
        word.and_then(|word| object.word(&at.field(field), &word, &words))
            .unwrap_or_default()
    };
    let is_ignored =
        |text: &Option<Quantity>| text.as_ref().is_some_and(|Quantity(text)| text == "ignore");
    let livelock = match is_ignored(&written.livelock) {
        true => None,
        false => {
            let livelock_at = at.field("livelock");
            let livelock = duration(object, &livelock_at, written.livelock);
            if livelock == Some(Duration::ZERO) {
                let detail = "must be more than 0s; write ignore to switch it off";
                object.error(
                    &livelock_at,
                    Problem::Invalid {
                        value: "0s".to_owned(),
                        detail: detail.to_owned(),
                    },
                );
            }
            livelock.or(known.livelock)
        }
    };
    let restart_loop = match is_ignored(&written.restart_loop) {
        true => None,
        false => {
            parsed(object, &at.field("restartLoop"), written.restart_loop).or(known.restart_loop)
        }
    };
    Defaults {
        trap: verdict("trap", written.trap),
        deadlock: verdict("deadlock", written.deadlock),
        livelock,
        restart_loop,
    }
}
