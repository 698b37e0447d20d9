//! Signals by their Linux numbers.

use std::fmt;
use std::str::FromStr;

/// A Linux signal number, 1 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

impl Signal {
    /// Hang-up.
    pub const HUP: Self = Self(1);
    /// Interrupt from the keyboard.
    pub const INT: Self = Self(2);
    /// Quit from the keyboard.
    pub const QUIT: Self = Self(3);
    /// Abort; what a trap of WebAssembly looks like.
    pub const ABRT: Self = Self(6);
    /// Division by zero, or integer overflow.
    pub const FPE: Self = Self(8);
    /// Kill; cannot be caught.
    pub const KILL: Self = Self(9);
    /// Access outside of memory.
    pub const SEGV: Self = Self(11);
    /// Write to a pipe nobody reads.
    pub const PIPE: Self = Self(13);
    /// Please stop.
    pub const TERM: Self = Self(15);
    /// A child has ended.
    pub const CHLD: Self = Self(17);
    /// Stop; cannot be caught.
    pub const STOP: Self = Self(19);

    /// The signal with this number, if Linux has it.
    pub const fn new(number: u8) -> Option<Self> {
        if 1 <= number && number <= 31 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its name without `SIG`.
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0) - 1]
    }

    /// Whether a process that does not care survives it (signal(7), "Default action"). Job control is not offered, so
    /// the stop signals do nothing either.
    pub(super) const fn is_ignored_by_default(self) -> bool {
        // CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH
        matches!(self.0, 17..=23 | 28)
    }

    pub(super) const fn can_be_caught(self) -> bool {
        !matches!(self.0, 9 | 19)
    }

    pub(super) const fn bit(self) -> u32 {
        1 << self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIG{}", self.name())
    }
}

impl FromStr for Signal {
    type Err = ParseSignalError;

    /// Accepts `SIGTERM`, `TERM` and `15`, as image configs write them.
    fn from_str(text: &str) -> Result<Self, ParseSignalError> {
        let name = text.strip_prefix("SIG").unwrap_or(text);
        let by_name = || {
            let index = NAMES.iter().position(|known| *known == name)?;
            Self::new(u8::try_from(index + 1).ok()?)
        };
        let number = name.parse().ok().and_then(Self::new);
        number
            .or_else(by_name)
            .ok_or_else(|| ParseSignalError(text.to_owned()))
    }
}

/// A text that names no signal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown signal {0:?}")]
pub struct ParseSignalError(String);

/// What a signal does to a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disposition {
    /// Linux' default action: most signals end the process.
    #[default]
    Default,
    /// Nothing.
    Ignore,
    /// It stays pending until the process takes it.
    Catch,
}

const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];
