//! Which requests a pod still accepts.

use crate::spec::GracePeriod;

/// What has been asked for so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// Nothing.
    #[default]
    Open,
    /// Deletion with this grace period.
    Deleting {
        /// The shortest that was granted.
        grace: GracePeriod,
    },
    /// The pod is gone.
    Finished,
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It takes effect, with this grace period.
    Accept(GracePeriod),
    /// It changes nothing: somebody asked before and was no less hasty, or the pod is gone. Not an error.
    AlreadyDone,
}

impl Admission {
    /// Decides a request to delete. The first is always granted; later ones only when they name a shorter grace period
    /// (apiserver `rest.BeforeDelete`).
    pub fn delete(&mut self, requested: Option<GracePeriod>, default: GracePeriod) -> Verdict {
        let grace = match (*self, requested) {
            (Self::Open, requested) => requested.unwrap_or(default),
            (Self::Deleting { grace }, Some(shorter)) if shorter < grace => shorter,
            (Self::Deleting { .. } | Self::Finished, _) => return Verdict::AlreadyDone,
        };
        *self = Self::Deleting { grace };
        Verdict::Accept(grace)
    }

    /// The pod is gone.
    pub fn handle_finished(&mut self) {
        *self = Self::Finished;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;
    use std::fmt::Write;

    #[test]
    fn table() {
        let grace = |seconds| GracePeriod { seconds };
        let states = [
            Admission::Open,
            Admission::Deleting { grace: grace(5) },
            Admission::Finished,
        ];
        let mut table = String::new();
        for state in states {
            for requested in [None, Some(4), Some(5), Some(6)] {
                let mut next = state;
                let verdict = next.delete(requested.map(grace), grace(30));
                writeln!(
                    table,
                    "{state:?} + delete {requested:?} -> {verdict:?}, {next:?}"
                )
                .unwrap();
            }
        }
        expect![[r#"
            Open + delete None -> Accept(GracePeriod { seconds: 30 }), Deleting { grace: GracePeriod { seconds: 30 } }
            Open + delete Some(4) -> Accept(GracePeriod { seconds: 4 }), Deleting { grace: GracePeriod { seconds: 4 } }
            Open + delete Some(5) -> Accept(GracePeriod { seconds: 5 }), Deleting { grace: GracePeriod { seconds: 5 } }
            Open + delete Some(6) -> Accept(GracePeriod { seconds: 6 }), Deleting { grace: GracePeriod { seconds: 6 } }
            Deleting { grace: GracePeriod { seconds: 5 } } + delete None -> AlreadyDone, Deleting { grace: GracePeriod { seconds: 5 } }
            Deleting { grace: GracePeriod { seconds: 5 } } + delete Some(4) -> Accept(GracePeriod { seconds: 4 }), Deleting { grace: GracePeriod { seconds: 4 } }
            Deleting { grace: GracePeriod { seconds: 5 } } + delete Some(5) -> AlreadyDone, Deleting { grace: GracePeriod { seconds: 5 } }
            Deleting { grace: GracePeriod { seconds: 5 } } + delete Some(6) -> AlreadyDone, Deleting { grace: GracePeriod { seconds: 5 } }
            Finished + delete None -> AlreadyDone, Finished
            Finished + delete Some(4) -> AlreadyDone, Finished
            Finished + delete Some(5) -> AlreadyDone, Finished
            Finished + delete Some(6) -> AlreadyDone, Finished
        "#]].assert_eq(&table);
    }

    proptest! {
        #[test]
        fn grace_only_gets_shorter(requests in proptest::collection::vec(proptest::option::of(0u32..50), 1..20)) {
            let mut admission = Admission::default();
            let mut granted = None;
            for seconds in requests {
                let before = admission;
                match admission.delete(seconds.map(|seconds| GracePeriod { seconds }), GracePeriod::default()) {
                    Verdict::Accept(grace) => {
                        prop_assert!(granted.is_none_or(|before| grace < before));
                        granted = Some(grace);
                    }
                    Verdict::AlreadyDone => prop_assert_eq!(before, admission),
                }
            }
            prop_assert!(granted.is_some());
        }
    }
}
