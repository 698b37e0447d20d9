//! One expression of a test in one run: when it is evaluated again, and when it fails.

use super::failure;
use super::program::{Evaluation, Evaluator, Outcome, Program, Wanted};
use super::things::Thing;
use super::view::View;
use seedpod_core::podtest::{Failure, FailureKind};
use seedpod_core::time::Instant;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// One expression under watch.
pub(super) struct Watch {
    pub(super) name: String,
    pub(super) kind: WatchKind,
    check: Check,
    text: String,
    things: BTreeSet<Thing>,
    /// The version of the view that it was evaluated at.
    version: Option<u64>,
    pub(super) last: Option<Outcome>,
    /// There is nothing more to find out.
    done: bool,
}

#[derive(Clone)]
pub(super) enum Check {
    Program(Program),
    Closure(Arc<dyn Fn(&View) -> bool + Send + Sync>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum WatchKind {
    Always,
    Never,
    Eventually(Option<Duration>),
    Finally,
    Sometimes,
    Bounded(i64),
    /// Of the drive or the script of faults.
    Condition,
}

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Run,
    End,
}

impl Watch {
    pub(super) fn new(name: &str, kind: WatchKind, check: Check, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            check,
            text: text.to_owned(),
            things: BTreeSet::new(),
            version: None,
            last: None,
            done: false,
        }
    }

    pub(super) fn is_due(&self, view: &View) -> bool {
        self.version
            .is_none_or(|version| view.is_newer(&self.things, version))
    }

    pub(super) fn evaluate(
        &mut self,
        evaluator: &mut Evaluator,
        view: &View,
    ) -> Result<Outcome, String> {
        let evaluation = match &self.check {
            Check::Program(program) => {
                let wanted = match self.kind {
                    WatchKind::Bounded(_) => Wanted::Number,
                    _ => Wanted::Truth,
                };
                evaluator.evaluate(program, wanted)
            }
            Check::Closure(holds) => {
                view.begin();
                let truth = holds(view);
                let (things, version, problem) = view.end();
                let outcome = match problem {
                    Some(problem) => Err(problem),
                    None => Ok(Outcome::Truth(truth)),
                };
                Evaluation {
                    outcome,
                    things,
                    version,
                }
            }
        };
        self.things = evaluation.things;
        self.version = Some(evaluation.version);
        self.last = evaluation.outcome.as_ref().ok().copied();
        evaluation.outcome
    }

    pub(super) fn advance(
        &mut self,
        evaluator: &mut Evaluator,
        view: &View,
        tail: Option<Instant>,
        moment: Moment,
    ) -> Option<Failure> {
        if self.done {
            return None;
        }
        let wanted_now = match self.kind {
            WatchKind::Always | WatchKind::Never | WatchKind::Bounded(_) | WatchKind::Sometimes => {
                true
            }
            WatchKind::Eventually(_) => tail.is_some() || moment == Moment::End,
            WatchKind::Finally => moment == Moment::End,
            WatchKind::Condition => false,
        };
        if !wanted_now {
            return None;
        }
        if self.is_due(view)
            && let Err(message) = self.evaluate(evaluator, view)
        {
            self.done = true;
            let message = format!("cannot be evaluated: {message}");
            return Some(self.failure(FailureKind::Expression, message, view));
        }
        let truth = self.last == Some(Outcome::Truth(true));
        match (self.kind, self.last) {
            (WatchKind::Always, _) if !truth => self.fail(FailureKind::Always, "is false", view),
            (WatchKind::Never, _) if truth => self.fail(FailureKind::Never, "is true", view),
            (WatchKind::Bounded(max), Some(Outcome::Number(number))) if number > max as f64 => {
                let message = format!("is {number}, more than {max}");
                self.fail(FailureKind::Bounded, &message, view)
            }
            (WatchKind::Sometimes, _) if truth => {
                self.done = true;
                None
            }
            (WatchKind::Eventually(_), _) if truth => {
                self.done = true;
                None
            }
            (WatchKind::Eventually(within), _) => self.late(within, tail, moment, view),
            (WatchKind::Finally, _) if !truth => {
                self.fail(FailureKind::Finally, "is false at the end", view)
            }
            _ => None,
        }
    }

    /// The failure of an `eventually` that is still not true, if it is too late for it.
    fn late(
        &mut self,
        within: Option<Duration>,
        tail: Option<Instant>,
        moment: Moment,
        view: &View,
    ) -> Option<Failure> {
        if let (Some(within), Some(tail)) = (within, tail)
            && view.time().saturating_since(tail) > within
        {
            let message = format!("did not become true within {within:?} of the quiet tail");
            return self.fail(FailureKind::Eventually, &message, view);
        }
        match moment {
            Moment::Run => None,
            Moment::End => {
                let message = "did not become true in the quiet tail";
                self.fail(FailureKind::Eventually, message, view)
            }
        }
    }

    fn fail(&mut self, kind: FailureKind, message: &str, view: &View) -> Option<Failure> {
        self.done = true;
        Some(self.failure(kind, message.to_owned(), view))
    }

    fn failure(&self, kind: FailureKind, message: String, view: &View) -> Failure {
        let text = match self.text.as_str() {
            "" => message,
            text => format!("`{text}` {message}"),
        };
        let message = match view.describe(&self.things) {
            things if things.is_empty() => text,
            things => format!("{text}; {things}"),
        };
        failure(&self.name, kind, message)
    }
}
