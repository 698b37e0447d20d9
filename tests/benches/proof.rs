//! The proof: how soon each strategy finds each bug of `tests/bugs`, and how often it shows in plain runs in real time.
//!
//! `cargo bench -p seedpod-tests --bench proof -- --masters 300 --plain 1000` writes `tests/bugs/RESULTS.md`. A master is a
//! seed of a whole exploration. With `--masters 10 --plain 50` it takes minutes on two cores; `--only 06` takes one bug,
//! `--budget 10` are the seconds that an exploration may take, and `--output FILE` is where the table goes.

#[path = "proof/explorations.rs"]
mod explorations;
#[path = "proof/plain.rs"]
mod plain;

use explorations::{Found, Proof};
use plain::Plain;
use seedpod::testing::{self, Compiler, TestFile};
use seedpod_core::sched::StrategyKind;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// The default first.
const STRATEGIES: [StrategyKind; 7] = [
    StrategyKind::Portfolio,
    StrategyKind::Pos,
    StrategyKind::Surw,
    StrategyKind::Pct { depth: 3 },
    StrategyKind::Random,
    StrategyKind::Sticky,
    StrategyKind::Systematic,
];

struct Options {
    masters: u64,
    plain: u32,
    budget: Duration,
    only: String,
    output: PathBuf,
}

fn main() {
    let options = Options::read();
    let engine =
        testing::engine(Compiler::Optimized, Some(cache())).expect("this machine runs wasmtime");
    let mut table = Table::default();
    for (name, path) in bugs(&options.only) {
        let file = load(&path.join("test.yaml"));
        let proof = Proof::new(&file, &engine, options.budget);
        let plain = Plain::measure(&path.join("pod.yaml"), &file, options.plain);
        for (index, strategy) in STRATEGIES.into_iter().enumerate() {
            let found = proof.explore(strategy, options.masters);
            let minimised = (index == 0).then(|| proof.minimised(strategy)).flatten();
            table.add(&name, strategy, &found, minimised, &plain);
            eprintln!("{}", table.last());
        }
    }
    let text = table.text(&options);
    std::fs::write(&options.output, &text).expect("the table can be written");
    println!("{text}");
}

fn load(path: &std::path::Path) -> TestFile {
    let mut files = testing::load(&[path.to_owned()]).unwrap_or_else(|error| panic!("{error}"));
    files.swap_remove(0)
}

/// Name and folder of every bug, in order.
fn bugs(only: &str) -> Vec<(String, PathBuf)> {
    let folder = seedpod_tests::root().join("tests/bugs");
    let entries = std::fs::read_dir(folder).expect("there are bugs");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut bugs: Vec<_> = paths
        .filter(|path| path.join("test.yaml").is_file())
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)))
        .filter(|(name, _)| name.contains(only))
        .collect();
    bugs.sort();
    bugs
}

fn cache() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows its own file");
    program.with_file_name("proof-code")
}

impl Options {
    fn read() -> Self {
        let mut options = Self {
            masters: 10,
            plain: 50,
            budget: Duration::from_secs(10),
            only: String::new(),
            output: seedpod_tests::root().join("tests/bugs/RESULTS.md"),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            // Cargo says so to every benchmark.
            if name == "--bench" {
                continue;
            }
            let value = arguments.next().unwrap_or_default();
            let number = || {
                value
                    .parse()
                    .unwrap_or_else(|_| panic!("{name} {value}: expected a number"))
            };
            match name.as_str() {
                "--masters" => options.masters = number(),
                "--plain" => options.plain = number() as u32,
                "--budget" => options.budget = Duration::from_secs(number()),
                "--only" => options.only = value,
                "--output" => options.output = value.into(),
                _ => panic!("{name}: expected --masters, --plain, --budget, --only or --output"),
            }
        }
        options
    }
}

#[derive(Default)]
struct Table {
    rows: Vec<String>,
    /// Of the default strategy: bugs, and those found in every budget.
    bugs: u32,
    always: u32,
    plain: u32,
}

impl Table {
    fn add(
        &mut self,
        name: &str,
        strategy: StrategyKind,
        found: &[Option<Found>],
        minimised: Option<(u32, u32)>,
        plain: &Plain,
    ) {
        let is_default = strategy == STRATEGIES[0];
        let hits: Vec<&Found> = found.iter().flatten().collect();
        if is_default {
            self.bugs += 1;
            self.always += u32::from(hits.len() == found.len());
            self.plain += u32::from(plain.idle.failed > 0);
        }
        let runs = Summary::of(hits.iter().map(|found| found.runs as f64));
        let millis = Summary::of(
            hits.iter()
                .map(|found| found.elapsed.as_secs_f64() * 1000.0),
        );
        let count = |count: u32, word: &str, plural: &str| match count {
            0 => None,
            1 => Some(format!("1 {word}")),
            _ => Some(format!("{count} {word}{plural}")),
        };
        let minimised = minimised.map_or_else(String::new, |(switches, faults)| {
            let parts = [count(switches, "switch", "es"), count(faults, "fault", "s")];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        });
        let plain = match is_default {
            true => (plain.idle.to_string(), plain.loaded.to_string()),
            false => (String::new(), String::new()),
        };
        self.rows.push(format!(
            "| {} | {strategy} | {} | {} | {}/{} | {minimised} | {} | {} |",
            if is_default { name } else { "" },
            runs.text(0),
            millis.text(1),
            hits.len(),
            found.len(),
            plain.0,
            plain.1
        ));
    }

    fn last(&self) -> &str {
        self.rows.last().map_or("", String::as_str)
    }

    fn text(&self, options: &Options) -> String {
        let mut text = format!(
            "# What finds the bugs\n\n\
             Written by `cargo bench -p seedpod-tests --bench proof -- --masters {} --plain {} --budget {}`, on {} cores.\n\n\
             Runs and milliseconds to the first failure, over {} master seeds each (median / mean / 95th percentile, of those \
             that found it), the share that found it within {} s, and how small the failure became. Beside it, plain runs of \
             the same pod in real time that failed: on an idle machine, and with every core busy.\n\n\
             Found within the budget from every master seed by the default strategy: **{} of {}**; shown by any plain run: {}.\n\n\
             | bug | strategy | runs | ms | found | minimised | plain | plain, busy machine |\n|---|---|---|---|---|---|---|---|\n",
            options.masters,
            options.plain,
            options.budget.as_secs(),
            std::thread::available_parallelism().map_or(1, usize::from),
            options.masters,
            options.budget.as_secs(),
            self.always,
            self.bugs,
            self.plain
        );
        for row in &self.rows {
            let _infallible = writeln!(text, "{row}");
        }
        text
    }
}

struct Summary(Vec<f64>);

impl Summary {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    fn text(&self, digits: usize) -> String {
        if self.0.is_empty() {
            return "–".to_owned();
        }
        let at = |percent: usize| self.0[(self.0.len() * percent / 100).min(self.0.len() - 1)];
        let mean = self.0.iter().sum::<f64>() / self.0.len() as f64;
        format!("{:.digits$} / {mean:.1} / {:.digits$}", at(50), at(95))
    }
}
