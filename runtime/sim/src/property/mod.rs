//! What must hold in a run, and whether it does.
//!
//! A [`View`] is what can be seen of a run. [`Properties`] is told after every host call what was touched; it evaluates
//! again only what has read something that is another since. What holds without being written down is in `builtin`; a
//! checker runs when all is over.

mod builtin;
pub(crate) mod checker;
mod names;
mod program;
mod seen;
mod things;
mod view;
mod watch;

pub use builtin::Blocked;
pub use program::ExpressionError;
pub use seen::{ContainerLook, ContainerPhase, FileLook};
pub use view::View;

use crate::Record;
use builtin::Builtin;
use program::{Evaluator, Outcome, Program, Wanted};
use seedpod_core::limits::TEST_FAILURES_MAX;
use seedpod_core::podtest::{Expression, Failure, FailureKind, FinalState, PodTest, PropertyKind};
use seedpod_core::sched::Touch;
use seedpod_core::spec::Objects;
use seedpod_core::time::Instant;
use seedpod_core::trace::TraceEvent;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use watch::{Check, Moment, Watch, WatchKind};

/// A property that is a function of Rust.
#[derive(Clone)]
pub(crate) struct Closure {
    pub(crate) name: String,
    pub(crate) kind: ClosureKind,
    pub(crate) holds: Arc<dyn Fn(&View) -> bool + Send + Sync>,
}

/// Which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClosureKind {
    Always,
    Never,
    Eventually(Option<Duration>),
    Finally,
    Sometimes,
}

/// The expressions of a test, read once for all its runs.
#[derive(Clone)]
pub struct Compiled {
    programs: BTreeMap<String, Program>,
    closures: Vec<Closure>,
    counts_events: bool,
    /// What all expressions can use, made once.
    env: Arc<cel::Env>,
}

impl Compiled {
    /// Reads all expressions of a test.
    ///
    /// # Errors
    /// One for each that is no CEL, names something that is not there, or does not come to what it should.
    pub fn new(test: &PodTest, objects: &Objects) -> Result<Self, Vec<ExpressionError>> {
        let mut compiled = Self {
            programs: BTreeMap::new(),
            closures: Vec::new(),
            counts_events: false,
            env: Arc::new(cel::Env::stdlib()),
        };
        let mut errors = Vec::new();
        let view = View::new(objects);
        let mut evaluator = Evaluator::new(view, compiled.env.clone());
        for expression in test.expressions() {
            let wanted = match is_number(test, expression) {
                true => Wanted::Number,
                false => Wanted::Truth,
            };
            let program = Program::parse(expression);
            let checked = program.and_then(|program| {
                evaluator.check(expression, &program, wanted)?;
                Ok(program)
            });
            match checked {
                Ok(program) => {
                    compiled.counts_events |= expression.text.contains("event");
                    compiled.programs.insert(expression.text.clone(), program);
                }
                Err(error) => errors.push(error),
            }
        }
        match errors.is_empty() {
            true => Ok(compiled),
            false => Err(errors),
        }
    }

    pub(crate) fn with_closures(mut self, closures: Vec<Closure>) -> Self {
        self.counts_events |= !closures.is_empty();
        self.closures = closures;
        self
    }

    fn program(&self, expression: &Expression) -> Option<Program> {
        self.programs.get(&expression.text).cloned()
    }
}

fn is_number(test: &PodTest, meant: &Expression) -> bool {
    test.properties.iter().any(|property| {
        matches!(&property.kind, PropertyKind::Bounded { expression, .. } if expression == meant)
    })
}

/// The properties of one run.
pub struct Properties {
    view: View,
    evaluator: Evaluator,
    watches: Vec<Watch>,
    exits: Vec<(String, BTreeMap<String, FinalState>)>,
    conditions: BTreeMap<String, Watch>,
    compiled: Compiled,
    builtin: Builtin,
    /// When the quiet tail began.
    tail: Option<Instant>,
    /// The last event of the trace.
    event: u64,
    sometimes: BTreeSet<String>,
    failures: usize,
}

impl Properties {
    /// The properties of one run over the pods of `objects`.
    pub fn new(test: &PodTest, compiled: &Compiled, objects: &Objects) -> Self {
        let view = View::new(objects);
        if compiled.counts_events {
            view.count_events();
        }
        let mut watches = Vec::new();
        let mut exits = Vec::new();
        for property in &test.properties {
            let kind = match &property.kind {
                PropertyKind::Always(_) => WatchKind::Always,
                PropertyKind::Never(_) => WatchKind::Never,
                PropertyKind::Eventually { within, .. } => WatchKind::Eventually(*within),
                PropertyKind::Finally(_) => WatchKind::Finally,
                PropertyKind::Sometimes(_) => WatchKind::Sometimes,
                PropertyKind::Bounded { max, .. } => WatchKind::Bounded(*max),
                PropertyKind::Exit(states) => {
                    exits.push((property.name.clone(), states.clone()));
                    continue;
                }
                PropertyKind::Checker(_) => continue,
            };
            let expression = property.kind.expression();
            if let Some(expression) = expression
                && let Some(program) = compiled.program(expression)
            {
                let check = Check::Program(program);
                watches.push(Watch::new(&property.name, kind, check, &expression.text));
            }
        }
        for closure in &compiled.closures {
            let kind = match closure.kind {
                ClosureKind::Always => WatchKind::Always,
                ClosureKind::Never => WatchKind::Never,
                ClosureKind::Eventually(within) => WatchKind::Eventually(within),
                ClosureKind::Finally => WatchKind::Finally,
                ClosureKind::Sometimes => WatchKind::Sometimes,
            };
            let check = Check::Closure(closure.holds.clone());
            watches.push(Watch::new(&closure.name, kind, check, ""));
        }
        Self {
            evaluator: Evaluator::new(view.clone(), compiled.env.clone()),
            builtin: Builtin::new(test),
            view,
            watches,
            exits,
            conditions: BTreeMap::new(),
            compiled: compiled.clone(),
            tail: None,
            event: 0,
            sometimes: BTreeSet::new(),
            failures: 0,
        }
    }

    /// What can be seen of the run.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Takes what has happened since the last time: what calls touched, what pods said, and the events of the trace. The
    /// properties that fail because of it.
    pub fn observe(
        &mut self,
        now: Instant,
        touched: &[Touch],
        records: &[Record],
        events: &[TraceEvent],
    ) -> Vec<Failure> {
        if let Some(event) = events.last() {
            self.event = event.number;
        }
        self.view.advance(now, touched, records, events);
        let mut failures = Vec::new();
        self.builtin
            .observe(&self.view, records, events, &mut failures);
        self.evaluate(&mut failures, Moment::Run);
        self.located(failures)
    }

    /// Takes that a process computes for this long and nothing has happened.
    pub(crate) fn computes(&mut self, task: &str, time: Duration) -> Vec<Failure> {
        let mut failures = Vec::new();
        self.builtin.computes(task, time, &mut failures);
        self.located(failures)
    }

    /// Begins the quiet tail: faults are over.
    pub fn begin_tail(&mut self) -> Vec<Failure> {
        self.tail = Some(self.view.time());
        let mut failures = Vec::new();
        self.evaluate(&mut failures, Moment::Run);
        self.located(failures)
    }

    /// Ends the run. `is_quiescent`: nothing would ever happen any more; then `blocked` says who waits, and in what call.
    pub fn finish(&mut self, is_quiescent: bool, blocked: &[Blocked]) -> Vec<Failure> {
        let mut failures = Vec::new();
        self.builtin.finish(
            &self.view,
            &self.exits,
            is_quiescent,
            blocked,
            &mut failures,
        );
        self.evaluate(&mut failures, Moment::End);
        for (name, states) in &self.exits {
            failures.extend(exit_failure(&self.view, name, states));
        }
        self.located(failures)
    }

    /// Says whether something is still to come from outside: a step of the drive, the end of a fault.
    pub fn set_pending(&mut self, is_pending: bool) {
        self.builtin.set_pending(is_pending);
    }

    /// Properties of the kind `sometimes` that were met.
    pub fn sometimes_met(&self) -> &BTreeSet<String> {
        &self.sometimes
    }

    /// Whether a condition of the drive or the script of faults is true now. Evaluated only when something is another.
    ///
    /// # Errors
    /// When it cannot be evaluated.
    pub fn is_true(&mut self, condition: &Expression) -> Result<bool, String> {
        if !self.conditions.contains_key(&condition.text) {
            let program = match self.compiled.program(condition) {
                Some(program) => program,
                None => Program::parse(condition).map_err(|error| error.message)?,
            };
            let check = Check::Program(program);
            let watch = Watch::new("", WatchKind::Condition, check, &condition.text);
            self.conditions.insert(condition.text.clone(), watch);
        }
        let Some(watch) = self.conditions.get_mut(&condition.text) else {
            return Ok(false);
        };
        if watch.is_due(&self.view) {
            watch.evaluate(&mut self.evaluator, &self.view)?;
        }
        Ok(watch.last == Some(Outcome::Truth(true)))
    }

    /// A condition that cannot be evaluated.
    pub(crate) fn broken(&self, condition: &Expression, message: &str) -> Failure {
        Failure {
            property: condition.text.clone(),
            kind: FailureKind::Expression,
            message: format!("cannot be evaluated: {message}"),
            at: self.view.time(),
            event: self.event,
        }
    }

    fn evaluate(&mut self, failures: &mut Vec<Failure>, moment: Moment) {
        let Self {
            watches,
            evaluator,
            view,
            sometimes,
            tail,
            ..
        } = self;
        for watch in watches {
            if let Some(failure) = watch.advance(evaluator, view, *tail, moment) {
                failures.push(failure);
            }
            if watch.kind == WatchKind::Sometimes && watch.last == Some(Outcome::Truth(true)) {
                sometimes.insert(watch.name.clone());
            }
        }
    }

    /// Says when; what a run finds is bounded.
    fn located(&mut self, mut failures: Vec<Failure>) -> Vec<Failure> {
        failures.truncate(TEST_FAILURES_MAX.saturating_sub(self.failures));
        self.failures += failures.len();
        let at = self.view.time();
        for failure in &mut failures {
            failure.at = at;
            failure.event = self.event;
        }
        failures
    }
}

/// A failure that [`Properties::located`] says the moment of.
fn failure(property: impl Into<String>, kind: FailureKind, message: String) -> Failure {
    Failure {
        property: property.into(),
        kind,
        message,
        at: Instant::ZERO,
        event: 0,
    }
}

fn exit_failure(view: &View, name: &str, states: &BTreeMap<String, FinalState>) -> Option<Failure> {
    let mut wrong = Vec::new();
    for (container, wanted) in states {
        let found = view.container(container);
        let is_so = match wanted {
            FinalState::Running => found.state == ContainerPhase::Running,
            FinalState::Waiting => found.state == ContainerPhase::Waiting,
            FinalState::Exited(code) => {
                found.state == ContainerPhase::Terminated && found.exit_code == Some(*code)
            }
        };
        if !is_so {
            let is = match (found.state, found.exit_code) {
                (ContainerPhase::Terminated, Some(code)) => format!("ended with {code}"),
                (state, _) => format!("is {}", state.word()),
            };
            let wanted = match wanted {
                FinalState::Running => "must be running".to_owned(),
                FinalState::Waiting => "must be waiting".to_owned(),
                FinalState::Exited(code) => format!("must end with {code}"),
            };
            wrong.push(format!("{container} {is} and {wanted}"));
        }
    }
    match wrong.is_empty() {
        true => None,
        false => Some(failure(name, FailureKind::Exit, wrong.join("; "))),
    }
}
