//! Files of recorded choices, `*.choices`: a run that can be run again, as text that people read, compare and commit.
//!
//! A header of words and values, an empty line, then one choice a line: its kind, which of how many, and what it was
//! about.
//!
//! ```text
//! seedpod choices 1
//! test orders
//! file ../orders.yaml
//! seed 0x5eed000000000025
//! strategy pos
//! property half
//! hash 0c5f2a70c6f8d6f0a6f7c1f4b9d3e2a1
//! without menu 0, drive 2
//! with seedpod 0.1.0
//! with image worker sha256:7d0e…
//!
//! schedule 1/2 sidecar
//! fault 0/3 none
//! ```

use seedpod_core::limits::{RECORDING_BYTES_MAX, RECORDING_CHOICES_MAX};
use seedpod_core::podtest::ItemId;
use seedpod_core::sched::{Choice, ChoiceKind};
use seedpod_core::seed::Seed;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// A recorded run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Name of the test.
    pub test: String,
    /// Where the test is written: a path relative to the folder of the recording.
    pub file: String,
    /// Seed of the run.
    pub seed: Seed,
    /// What decided the run when it was found; a word for people.
    pub strategy: String,
    /// The property that failed; empty for a run that passed.
    pub property: String,
    /// Hash of its trace.
    pub hash: u128,
    /// What of the test was taken out.
    pub without: BTreeSet<ItemId>,
    /// What else the run depends on.
    pub fingerprint: Fingerprint,
    /// Every decision, in order.
    pub choices: Vec<Choice>,
}

/// Everything besides seed and choices that a run depends on: versions, programs, the test itself. A replay with another
/// fingerprint is another run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<String, String>);

/// One thing that is not as it was when a run was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub name: String,
    /// What it was, if it was there.
    pub recorded: Option<String>,
    /// What it is, if it is there.
    pub here: Option<String>,
}

/// Why a recording cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct RecordingError {
    /// Line in the file, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line of a recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Problem {
    #[error("a recording begins with `{MAGIC}`; this is not one")]
    NotARecording,
    #[error(
        "this is version {0} of the format, and only version 1 can be read: record the run again"
    )]
    Version(String),
    #[error("a recording has at most {RECORDING_BYTES_MAX} bytes")]
    TooLong,
    #[error("a recording has at most {RECORDING_CHOICES_MAX} choices")]
    TooManyChoices,
    #[error(
        "`{0}` is no word of the header: test, file, seed, strategy, property, hash, without or with"
    )]
    UnknownWord(String),
    #[error("`{0}` is here twice")]
    Twice(String),
    #[error("the header has no `{0}`")]
    Missing(&'static str),
    #[error("`{0}` is no seed: expected 0x and 1 to 16 hexadecimal digits")]
    Seed(String),
    #[error("`{0}` is no hash: expected 32 hexadecimal digits")]
    Hash(String),
    #[error(
        "`{0}` is nothing that can be taken out of a test: expected `menu`, `script` or `drive` and a number"
    )]
    Item(String),
    #[error("expected a choice such as `schedule 1/2 worker`, found `{0}`")]
    Choice(String),
    #[error("`{word}` is no kind of choice: {}", kinds())]
    Kind { word: String },
    #[error("there is no possibility {pick} of {arity}: they are counted from 0")]
    Pick { pick: u32, arity: u32 },
}

const MAGIC: &str = "seedpod choices 1";

const KINDS: [ChoiceKind; 9] = [
    ChoiceKind::Schedule,
    ChoiceKind::Pod,
    ChoiceKind::Fault,
    ChoiceKind::Latency,
    ChoiceKind::Short,
    ChoiceKind::Poll,
    ChoiceKind::Disk,
    ChoiceKind::Net,
    ChoiceKind::Tie,
];

const fn word(kind: ChoiceKind) -> &'static str {
    match kind {
        ChoiceKind::Schedule => "schedule",
        ChoiceKind::Pod => "pod",
        ChoiceKind::Fault => "fault",
        ChoiceKind::Latency => "latency",
        ChoiceKind::Short => "short",
        ChoiceKind::Poll => "poll",
        ChoiceKind::Disk => "disk",
        ChoiceKind::Net => "net",
        ChoiceKind::Tie => "tie",
    }
}

fn kinds() -> String {
    KINDS.map(word).join(", ")
}

impl Fingerprint {
    /// Says what one thing is.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// What it is made of, by name.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What is not the same in `here`, by name.
    pub fn differences(&self, here: &Self) -> Vec<Difference> {
        let names: BTreeSet<&String> = self.0.keys().chain(here.0.keys()).collect();
        let both = names.into_iter().map(|name| Difference {
            name: name.clone(),
            recorded: self.0.get(name).cloned(),
            here: here.0.get(name).cloned(),
        });
        both.filter(|difference| difference.recorded != difference.here)
            .collect()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.entries().enumerate() {
            let gap = if index == 0 { "" } else { " · " };
            let short = value.strip_prefix("sha256:").unwrap_or(value);
            let short = short.get(..12).filter(|_| short.len() >= 32);
            write!(f, "{gap}{name} {}", short.unwrap_or(value))?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".to_owned());
        let (recorded, here) = (value(&self.recorded), value(&self.here));
        write!(f, "{}: recorded {recorded}, here {here}", self.name)
    }
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{MAGIC}")?;
        writeln!(f, "test {}", escape(&self.test))?;
        writeln!(f, "file {}", escape(&self.file))?;
        writeln!(f, "seed {:#018x}", self.seed.number())?;
        writeln!(f, "strategy {}", escape(&self.strategy))?;
        writeln!(f, "property {}", escape(&self.property))?;
        writeln!(f, "hash {:032x}", self.hash)?;
        if !self.without.is_empty() {
            let items: Vec<String> = self.without.iter().map(|item| item_text(*item)).collect();
            writeln!(f, "without {}", items.join(", "))?;
        }
        for (name, value) in self.fingerprint.entries() {
            writeln!(f, "with {} = {}", escape(name), escape(value))?;
        }
        writeln!(f)?;
        for choice in &self.choices {
            let Choice {
                kind,
                arity,
                pick,
                label,
            } = choice;
            let line = format!("{} {pick}/{arity} {}", word(*kind), escape(label));
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

impl FromStr for Recording {
    type Err = RecordingError;

    fn from_str(text: &str) -> Result<Self, RecordingError> {
        let at = |line: usize| move |problem| RecordingError { line, problem };
        if text.len() > RECORDING_BYTES_MAX {
            return Err(at(1)(Problem::TooLong));
        }
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let (_, first) = lines.next().unwrap_or((1, ""));
        check_magic(first).map_err(at(1))?;
        let mut header = Header::default();
        let mut end = 1;
        for (number, line) in lines.by_ref() {
            end = number;
            if line.is_empty() {
                break;
            }
            header.read(line).map_err(at(number))?;
        }
        let mut recording = header.finish().map_err(at(end))?;
        for (number, line) in lines {
            if recording.choices.len() == RECORDING_CHOICES_MAX {
                return Err(at(number)(Problem::TooManyChoices));
            }
            recording.choices.push(choice(line).map_err(at(number))?);
        }
        Ok(recording)
    }
}

fn check_magic(line: &str) -> Result<(), Problem> {
    match line.strip_prefix("seedpod choices ") {
        Some("1") => Ok(()),
        Some(version) => Err(Problem::Version(version.to_owned())),
        None => Err(Problem::NotARecording),
    }
}

#[derive(Default)]
struct Header {
    words: BTreeMap<&'static str, String>,
    fingerprint: Fingerprint,
}

const WORDS: [&str; 7] = [
    "test", "file", "seed", "strategy", "property", "hash", "without",
];

impl Header {
    fn read(&mut self, line: &str) -> Result<(), Problem> {
        let (word, value) = line.split_once(' ').unwrap_or((line, ""));
        if word == "with" {
            let (name, value) = value
                .split_once(" = ")
                .ok_or_else(|| Problem::UnknownWord(line.to_owned()))?;
            let name = unescape(name);
            if self.fingerprint.0.contains_key(&name) {
                return Err(Problem::Twice(format!("with {name}")));
            }
            self.fingerprint.set(name, unescape(value));
            return Ok(());
        }
        let known = WORDS.into_iter().find(|known| *known == word);
        let word = known.ok_or_else(|| Problem::UnknownWord(word.to_owned()))?;
        match self.words.insert(word, unescape(value)) {
            Some(_) => Err(Problem::Twice(word.to_owned())),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Recording, Problem> {
        let without = self.words.remove("without");
        let without = without.as_deref().map(items).transpose()?;
        let mut take = |word| self.words.remove(word).ok_or(Problem::Missing(word));
        let seed = take("seed")?;
        let hash = take("hash")?;
        Ok(Recording {
            test: take("test")?,
            file: take("file")?,
            strategy: take("strategy")?,
            property: take("property")?,
            seed: parse_seed(&seed).ok_or(Problem::Seed(seed))?,
            hash: parse_hash(&hash).ok_or(Problem::Hash(hash))?,
            without: without.unwrap_or_default(),
            fingerprint: self.fingerprint,
            choices: Vec::new(),
        })
    }
}

/// Reads a seed as it is printed, `0x5eed`, or as a decimal number. Underscores may part its digits.
pub fn parse_seed(text: &str) -> Option<Seed> {
    let digits = text.replace('_', "");
    let number = match digits.strip_prefix("0x") {
        Some(hex) if hex.starts_with('+') => None,
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None if digits.starts_with('+') => None,
        None => digits.parse().ok(),
    };
    number.map(Seed::new)
}

fn parse_hash(text: &str) -> Option<u128> {
    let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

fn item_text(item: ItemId) -> String {
    match item {
        ItemId::Menu(number) => format!("menu {number}"),
        ItemId::Script(number) => format!("script {number}"),
        ItemId::Drive(number) => format!("drive {number}"),
    }
}

fn items(text: &str) -> Result<BTreeSet<ItemId>, Problem> {
    let item = |text: &str| {
        let (word, number) = text.split_once(' ')?;
        let number = number.parse().ok()?;
        match word {
            "menu" => Some(ItemId::Menu(number)),
            "script" => Some(ItemId::Script(number)),
            "drive" => Some(ItemId::Drive(number)),
            _ => None,
        }
    };
    text.split(", ")
        .map(|text| item(text).ok_or_else(|| Problem::Item(text.to_owned())))
        .collect()
}

fn choice(line: &str) -> Result<Choice, Problem> {
    let wrong = || Problem::Choice(line.to_owned());
    let (kind_word, rest) = line.split_once(' ').ok_or_else(wrong)?;
    let (numbers, label) = rest.split_once(' ').unwrap_or((rest, ""));
    let (pick, arity) = numbers.split_once('/').ok_or_else(wrong)?;
    let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
    let (pick, arity) = (number(pick)?, number(arity)?);
    let kind = KINDS.into_iter().find(|kind| word(*kind) == kind_word);
    let kind = kind.ok_or_else(|| Problem::Kind {
        word: kind_word.to_owned(),
    })?;
    if pick >= arity {
        return Err(Problem::Pick { pick, arity });
    }
    let label = unescape(label);
    Ok(Choice {
        kind,
        arity,
        pick,
        label,
    })
}

/// Keeps a value on one line.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            (c, false) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn recording() -> Recording {
        let mut fingerprint = Fingerprint::default();
        fingerprint.set("seedpod", "0.1.0");
        fingerprint.set("image worker", format!("sha256:{}", "7d".repeat(32)));
        let choice = |kind, pick, arity, label: &str| Choice {
            kind,
            arity,
            pick,
            label: label.to_owned(),
        };
        Recording {
            test: "orders".to_owned(),
            file: "../orders.yaml".to_owned(),
            seed: Seed::new(0x5eed_0000_0000_0025),
            strategy: "pos".to_owned(),
            property: "half".to_owned(),
            hash: 0x0c5f,
            without: BTreeSet::from([ItemId::Menu(0), ItemId::Drive(2)]),
            fingerprint,
            choices: vec![
                choice(ChoiceKind::Schedule, 1, 2, "sidecar"),
                choice(ChoiceKind::Fault, 0, 3, "two\nlines \\"),
                choice(ChoiceKind::Tie, 0, 1, ""),
            ],
        }
    }

    #[test]
    fn a_recording_is_text() {
        let text = recording().to_string();
        expect![[r#"
            seedpod choices 1
            test orders
            file ../orders.yaml
            seed 0x5eed000000000025
            strategy pos
            property half
            hash 00000000000000000000000000000c5f
            without drive 2, menu 0
            with image worker = sha256:7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d7d
            with seedpod = 0.1.0

            schedule 1/2 sidecar
            fault 0/3 two\nlines \\
            tie 0/1
        "#]]
        .assert_eq(&text);
        assert_eq!(text.parse(), Ok(recording()));
    }

    fn check(changes: &[(&str, &str)], expected: &Expect) {
        let mut text = String::new();
        for (from, to) in changes {
            let changed = recording().to_string().replace(from, to);
            let read = changed.parse::<Recording>();
            text += &read.map_or_else(|error| error.to_string(), |_| "read".to_owned());
            text.push('\n');
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        check(
            &[
                ("seedpod choices", "choices"),
                ("choices 1", "choices 2"),
                ("seed 0x", "seed 0y"),
                ("hash 0", "hash "),
                ("file ../orders.yaml\n", ""),
                ("strategy pos", "property pos"),
                ("strategy", "tactics"),
                ("menu 0", "menus"),
                ("1/2", "2/2"),
                ("tie 0/1", "toe 0/1"),
                ("tie 0/1", "tie 0-1"),
                ("tie 0/1", "tie 1"),
                ("\n\n", "\n"),
            ],
            &expect![[r#"
                line 1: a recording begins with `seedpod choices 1`; this is not one
                line 1: this is version 2 of the format, and only version 1 can be read: record the run again
                line 11: `0y5eed000000000025` is no seed: expected 0x and 1 to 16 hexadecimal digits
                line 11: `0000000000000000000000000000c5f` is no hash: expected 32 hexadecimal digits
                line 10: the header has no `file`
                line 6: `property` is here twice
                line 5: `tactics` is no word of the header: test, file, seed, strategy, property, hash, without or with
                line 11: `menus` is nothing that can be taken out of a test: expected `menu`, `script` or `drive` and a number
                line 12: there is no possibility 2 of 2: they are counted from 0
                line 14: `toe` is no kind of choice: schedule, pod, fault, latency, short, poll, disk, net, tie
                line 14: expected a choice such as `schedule 1/2 worker`, found `tie 0-1`
                line 14: expected a choice such as `schedule 1/2 worker`, found `tie 1`
                line 11: `schedule` is no word of the header: test, file, seed, strategy, property, hash, without or with
            "#]],
        );
    }

    #[test]
    fn fingerprints_are_compared_by_name() {
        let mut here = recording().fingerprint;
        assert_eq!(recording().fingerprint.differences(&here), []);
        here.set("seedpod", "0.2.0");
        here.set("wasmtime", "48.0.8");
        let differences = recording().fingerprint.differences(&here);
        let text: String = differences.iter().map(|one| format!("{one}\n")).collect();
        expect![[r"
            seedpod: recorded 0.1.0, here 0.2.0
            wasmtime: recorded absent, here 48.0.8
        "]]
        .assert_eq(&text);
        expect!["image worker 7d7d7d7d7d7d · seedpod 0.2.0 · wasmtime 48.0.8"]
            .assert_eq(&here.to_string());
    }

    #[test]
    fn seeds_are_read_as_they_are_printed_or_as_numbers() {
        let check =
            |text: &str, seed: Option<u64>| assert_eq!(parse_seed(text), seed.map(Seed::new));
        check("0x5eed_0000_0000_1a2b", Some(0x5eed_0000_0000_1a2b));
        check("42", Some(42));
        for wrong in ["", "0x", "0x+1", "+1", "-1", "x", "0x11112222333344445"] {
            check(wrong, None);
        }
    }
}
