//! Who did what when, from lines that the containers of a pod wrote: the log of `container_lifecycle_test.go`.

use seedpod_core::time::Instant;
use std::fmt;

/// A line that a container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Virtual time.
    pub at: Instant,
    /// Who wrote it.
    pub container: String,
    /// The line.
    pub text: String,
    /// Whether no line feed followed.
    pub partial: bool,
}

/// Lines of the form `name Verb …` in the order they were written. `name` is what the script says, which for hooks is
/// not the container's.
#[derive(Clone, Debug)]
pub struct Timeline {
    steps: Vec<Step>,
}

/// One line, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Virtual time.
    pub at: Instant,
    /// Who.
    pub name: String,
    /// `Starting`, `Started`, `Delaying`, `Looping`, `Exiting` or whatever else comes second.
    pub verb: String,
}

impl Timeline {
    /// From lines in the order they were written; those of less than two words are left out.
    pub fn new(lines: impl IntoIterator<Item = Line>) -> Self {
        let read = |line: Line| {
            let mut words = line.text.split_whitespace();
            let (name, verb) = (words.next()?.to_owned(), words.next()?.to_owned());
            Some(Step {
                at: line.at,
                name,
                verb,
            })
        };
        Self {
            steps: lines.into_iter().filter_map(read).collect(),
        }
    }

    /// All steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Position of the first such step at or after `from`.
    pub fn find(&self, name: &str, verb: &str, from: usize) -> Option<usize> {
        let is = |step: &Step| step.name == name && step.verb == verb;
        let found = self.steps.get(from..)?.iter().position(is)?;
        Some(from + found)
    }

    /// Position of the last such step.
    pub fn find_last(&self, name: &str, verb: &str) -> Option<usize> {
        let is = |step: &Step| step.name == name && step.verb == verb;
        self.steps.iter().rposition(is)
    }

    /// As [`find`](Self::find).
    ///
    /// # Panics
    /// When there is none.
    pub fn index(&self, name: &str, verb: &str, from: usize) -> usize {
        let found = self.find(name, verb, from);
        found.unwrap_or_else(|| panic!("no {name} {verb} from step {from} on\n{self}"))
    }

    /// When `name` first did so.
    ///
    /// # Panics
    /// When it never did.
    pub fn time_of(&self, name: &str, verb: &str) -> Instant {
        self.steps[self.index(name, verb, 0)].at
    }

    /// `Starts`.
    pub fn starts(&self, name: &str) {
        self.index(name, "Started", 0);
    }

    /// `DoesntStart`.
    pub fn does_not_start(&self, name: &str) {
        let found = self.find(name, "Started", 0);
        assert!(found.is_none(), "{name} has started\n{self}");
    }

    /// `Exits`.
    pub fn exits(&self, name: &str) {
        self.index(name, "Exiting", 0);
    }

    /// `StartsBefore`: `second` begins to start after `first` has started. The same name twice means a restart.
    pub fn starts_before(&self, first: &str, second: &str) {
        let started = self.index(first, "Started", 0);
        self.index(second, "Starting", started + 1);
    }

    /// `ExitsBefore`.
    pub fn exits_before(&self, first: &str, second: &str) {
        let exited = self.index(first, "Exiting", 0);
        self.index(second, "Exiting", exited + 1);
    }

    /// `HasRestarted`.
    pub fn has_restarted(&self, name: &str) {
        let first = self.index(name, "Starting", 0);
        self.index(name, "Starting", first + 1);
    }

    /// `HasNotRestarted`.
    pub fn has_not_restarted(&self, name: &str) {
        let first = self.index(name, "Starting", 0);
        let second = self.find(name, "Starting", first + 1);
        assert!(second.is_none(), "{name} has restarted\n{self}");
    }

    /// `RunTogether`: both run at some moment, whoever came first.
    pub fn run_together(&self, one: &str, other: &str) {
        let together = self.overlap(one, other).is_some() || self.overlap(other, one).is_some();
        assert!(together, "{one} and {other} did not run together\n{self}");
    }

    /// `RunTogetherLhsFirst`.
    pub fn run_together_in_order(&self, first: &str, second: &str) {
        let together = self.overlap(first, second);
        let together = together.is_some();
        assert!(together, "{second} did not start while {first} ran\n{self}");
    }

    fn overlap(&self, first: &str, second: &str) -> Option<()> {
        let first_start = self.find(first, "Started", 0)?;
        let second_start = self.find(second, "Started", first_start + 1)?;
        let first_exit = self.find(first, "Exiting", first_start + 1)?;
        self.find(second, "Exiting", second_start + 1)?;
        (second_start < first_exit).then_some(())
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Step { at, name, verb }) in self.steps.iter().enumerate() {
            // To the hundredth of a second: what guests compute takes less, and changes with every build of them.
            let hundredths = at.as_nanos() / 10_000_000;
            let (seconds, rest) = (hundredths / 100, hundredths % 100);
            writeln!(f, "{index}) {seconds}.{rest:02}s {name} {verb}")?;
        }
        Ok(())
    }
}
