//! The table at the end of a run.

use std::fmt;

/// One figure and its peer, in nanoseconds per iteration.
pub struct Figure {
    name: &'static str,
    peer_name: &'static str,
    /// How many times faster than the peer it should be.
    wanted: f64,
    pub ours: Vec<f64>,
    pub peer: Vec<f64>,
}

impl Figure {
    pub fn new(name: &'static str, peer_name: &'static str, wanted: f64) -> Self {
        Self {
            name,
            peer_name,
            wanted,
            ours: Vec::new(),
            peer: Vec::new(),
        }
    }
}

/// Everything that was measured.
#[derive(Default)]
pub struct Table {
    figures: Vec<Figure>,
    notes: Vec<String>,
}

impl Table {
    pub fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n| figure | seedpod | peer | ratio | wanted |\n|---|---|---|---|---|"
        )?;
        for figure in &self.figures {
            let (ours, peer) = (median(&figure.ours), median(&figure.peer));
            let ratio = match (ours, peer) {
                (Some(ours), Some(peer)) => format!("{:.2}×", peer / ours),
                _ => "–".to_owned(),
            };
            let (name, ours, peer, peer_name) =
                (figure.name, nanos(ours), nanos(peer), figure.peer_name);
            writeln!(
                f,
                "| {name} | {ours} | {peer} ({peer_name}) | {ratio} | ≥ {}× |",
                figure.wanted
            )?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}

pub fn median(samples: &[f64]) -> Option<f64> {
    let mut samples = samples.to_vec();
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied()
}

fn nanos(nanos: Option<f64>) -> String {
    match nanos {
        None => "–".to_owned(),
        Some(nanos) if nanos < 1e4 => format!("{nanos:.0} ns"),
        Some(nanos) if nanos < 1e7 => format!("{:.1} µs", nanos / 1e3),
        Some(nanos) => format!("{:.1} ms", nanos / 1e6),
    }
}
