//! What a terminal shows while containers start: one line that is redrawn below everything else.

use seedpod::PodName;
use seedpod::status::{ContainerState, Status, WaitingReason};
use std::collections::BTreeMap;

/// Which containers have not started yet.
#[derive(Debug, Default)]
pub(super) struct Progress {
    starting: BTreeMap<PodName, Vec<String>>,
    is_drawn: bool,
}

impl Progress {
    pub(super) fn update(&mut self, pod: &PodName, status: &Status) {
        let starting = status
            .all_containers()
            .filter(|container| match &container.state {
                ContainerState::Waiting(waiting) => {
                    waiting.reason == WaitingReason::ContainerCreating
                }
                ContainerState::Running { .. } | ContainerState::Terminated(_) => false,
            });
        let names: Vec<_> = starting
            .map(|container| format!("{}/{}", pod.name, container.name))
            .collect();
        if names.is_empty() {
            self.starting.remove(pod);
        } else {
            self.starting.insert(pod.clone(), names);
        }
    }

    pub(super) fn clear(&mut self) {
        self.starting.clear();
    }

    /// What takes the line away, if it is there.
    pub(super) fn erase(&mut self) -> Option<&'static str> {
        std::mem::take(&mut self.is_drawn).then_some("\r\x1b[K")
    }

    /// The line, if there is something to show and it is not there yet.
    pub(super) fn draw(&mut self) -> Option<String> {
        if self.is_drawn || self.starting.is_empty() {
            return None;
        }
        self.is_drawn = true;
        let names: Vec<&str> = self
            .starting
            .values()
            .flatten()
            .map(String::as_str)
            .collect();
        let line = format!("starting {} (a first start compiles)", names.join(", "));
        Some(match line.char_indices().nth(LINE_CHARACTERS_MAX) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        })
    }
}

/// A line that wraps cannot be taken away; terminals are at least this wide.
const LINE_CHARACTERS_MAX: usize = 78;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_drawn_once_and_taken_away_once() {
        let pod = PodName {
            namespace: "default".to_owned(),
            name: "p".to_owned(),
        };
        let mut progress = Progress::default();
        assert_eq!((progress.draw(), progress.erase()), (None, None));
        progress
            .starting
            .insert(pod, vec!["p/a".to_owned(), "p/b".to_owned()]);
        let line = "starting p/a, p/b (a first start compiles)";
        assert_eq!(progress.draw().as_deref(), Some(line));
        assert_eq!(progress.draw(), None);
        assert!(progress.erase().is_some());
        assert_eq!(progress.erase(), None);
        assert_eq!(progress.draw().as_deref(), Some(line));
        progress.clear();
        assert!(progress.erase().is_some());
        assert_eq!(progress.draw(), None);
    }

    #[test]
    fn a_line_that_would_wrap_is_cut() {
        let pod = PodName {
            namespace: "default".to_owned(),
            name: "p".to_owned(),
        };
        let mut progress = Progress::default();
        progress.starting.insert(pod, vec!["p/ä".to_owned(); 40]);
        assert_eq!(
            progress.draw().unwrap().chars().count(),
            LINE_CHARACTERS_MAX + 1
        );
    }
}
