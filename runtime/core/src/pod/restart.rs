//! Who starts again after an exit.

use crate::spec::{self, RestartAction, RestartPolicy};

/// What kind of container it is; decides start order, restarts and what it means for the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Runs to its end before the next one starts.
    Init,
    /// An init container with `restartPolicy: Always`: runs beside the regular ones and ends after them.
    Sidecar,
    /// What the pod is for.
    Regular,
    /// Added to look at the others; decides nothing and runs once.
    Ephemeral,
}

impl Role {
    /// The roles of all containers, in the order of [`spec::Pod::all_containers`].
    pub fn all(spec: &spec::Pod) -> impl Iterator<Item = (Self, &spec::Container)> {
        let init = spec.init_containers.iter().map(|container| {
            let role = if container.is_sidecar() {
                Self::Sidecar
            } else {
                Self::Init
            };
            (role, container)
        });
        let regular = spec.containers.iter().map(|one| (Self::Regular, one));
        let ephemeral = spec.ephemeral_containers.iter();
        init.chain(regular)
            .chain(ephemeral.map(|one| (Self::Ephemeral, one)))
    }

    /// One thing for each container, in the same order, as init, regular and ephemeral ones.
    pub(super) fn split<'a, T>(spec: &spec::Pod, all: &'a [T]) -> [&'a [T]; 3] {
        let (init, others) = all.split_at(spec.init_containers.len());
        let (regular, ephemeral) = others.split_at(spec.containers.len());
        [init, regular, ephemeral]
    }
}

/// Whether a container that ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// As soon as its back-off allows.
    Allowed,
    /// It has ended for good.
    Never,
}

impl Restart {
    /// What rules and policies say. The first rule that matches wins over the container's policy, that over the pod's;
    /// for an init container `Always` of the pod means `OnFailure`, because one that returned 0 is done.
    pub fn after_exit(pod: RestartPolicy, own: &spec::Container, role: Role, code: i32) -> Self {
        if role != Role::Ephemeral && rule_for(own, code).is_some() {
            return Self::Allowed;
        }
        let policy = match (role, own.restart_policy.unwrap_or(pod)) {
            (Role::Sidecar, _) => RestartPolicy::Always,
            (Role::Init, RestartPolicy::Always) => RestartPolicy::OnFailure,
            (Role::Ephemeral, _) => RestartPolicy::Never,
            (Role::Init | Role::Regular, policy) => policy,
        };
        match policy {
            RestartPolicy::Always => Self::Allowed,
            RestartPolicy::OnFailure if code != 0 => Self::Allowed,
            RestartPolicy::OnFailure | RestartPolicy::Never => Self::Never,
        }
    }

    /// The same after a probe has ended it, whatever the exit code (kubelet `computePodActions`).
    pub fn after_probe(pod: RestartPolicy, own: Option<RestartPolicy>) -> Self {
        match own.unwrap_or(pod) {
            RestartPolicy::Always | RestartPolicy::OnFailure => Self::Allowed,
            RestartPolicy::Never => Self::Never,
        }
    }
}

/// What the first rule for this exit code asks for. Rules count only beside a policy of the container's own.
pub(super) fn rule_for(own: &spec::Container, code: i32) -> Option<RestartAction> {
    own.restart_policy?;
    let mut rules = own.restart_policy_rules.iter();
    rules
        .find(|rule| rule.matches(code))
        .map(|rule| rule.action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{ExitCodesOperator, RestartRule};
    use expect_test::expect;
    use std::fmt::Write;

    #[test]
    fn every_policy() {
        use RestartPolicy::{Always, Never, OnFailure};
        let mut table = String::new();
        for role in [Role::Init, Role::Sidecar, Role::Regular] {
            for own in [None, Some(Always), Some(OnFailure), Some(Never)] {
                if role != Role::Regular && (own == Some(Always)) != (role == Role::Sidecar) {
                    continue;
                }
                let container = spec::Container {
                    restart_policy: own,
                    ..spec::Container::default()
                };
                for pod in [Always, OnFailure, Never] {
                    let [zero, one] =
                        [0, 1].map(|code| Restart::after_exit(pod, &container, role, code));
                    let own = own.map_or("-".to_owned(), |own| format!("{own:?}"));
                    let (role, pod) = (format!("{role:?}"), format!("{pod:?}"));
                    writeln!(
                        table,
                        "{role:7} pod {pod:9} own {own:9} exit 0: {zero:7?} exit 1: {one:?}"
                    )
                    .unwrap();
                }
            }
        }
        expect![[r#"
            Init    pod Always    own -         exit 0: Never exit 1: Allowed
            Init    pod OnFailure own -         exit 0: Never exit 1: Allowed
            Init    pod Never     own -         exit 0: Never exit 1: Never
            Init    pod Always    own OnFailure exit 0: Never exit 1: Allowed
            Init    pod OnFailure own OnFailure exit 0: Never exit 1: Allowed
            Init    pod Never     own OnFailure exit 0: Never exit 1: Allowed
            Init    pod Always    own Never     exit 0: Never exit 1: Never
            Init    pod OnFailure own Never     exit 0: Never exit 1: Never
            Init    pod Never     own Never     exit 0: Never exit 1: Never
            Sidecar pod Always    own Always    exit 0: Allowed exit 1: Allowed
            Sidecar pod OnFailure own Always    exit 0: Allowed exit 1: Allowed
            Sidecar pod Never     own Always    exit 0: Allowed exit 1: Allowed
            Regular pod Always    own -         exit 0: Allowed exit 1: Allowed
            Regular pod OnFailure own -         exit 0: Never exit 1: Allowed
            Regular pod Never     own -         exit 0: Never exit 1: Never
            Regular pod Always    own Always    exit 0: Allowed exit 1: Allowed
            Regular pod OnFailure own Always    exit 0: Allowed exit 1: Allowed
            Regular pod Never     own Always    exit 0: Allowed exit 1: Allowed
            Regular pod Always    own OnFailure exit 0: Never exit 1: Allowed
            Regular pod OnFailure own OnFailure exit 0: Never exit 1: Allowed
            Regular pod Never     own OnFailure exit 0: Never exit 1: Allowed
            Regular pod Always    own Never     exit 0: Never exit 1: Never
            Regular pod OnFailure own Never     exit 0: Never exit 1: Never
            Regular pod Never     own Never     exit 0: Never exit 1: Never
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn rules_come_before_policies() {
        use ExitCodesOperator::{In, NotIn};
        let check = |own, rules: &[(ExitCodesOperator, &[i32])], expect: expect_test::Expect| {
            let rule = |(operator, values): &(ExitCodesOperator, &[i32])| RestartRule {
                action: RestartAction::Restart,
                operator: *operator,
                values: values.to_vec(),
            };
            let container = spec::Container {
                restart_policy: own,
                restart_policy_rules: rules.iter().map(rule).collect(),
                ..spec::Container::default()
            };
            let restarts = [0, 1, 2, 3].map(|code| {
                Restart::after_exit(RestartPolicy::Never, &container, Role::Regular, code)
            });
            expect.assert_eq(&format!("{restarts:?}"));
        };
        let never = Some(RestartPolicy::Never);
        check(
            never,
            &[(In, &[2, 3])],
            expect!["[Never, Never, Allowed, Allowed]"],
        );
        check(
            never,
            &[(NotIn, &[2, 3])],
            expect!["[Allowed, Allowed, Never, Never]"],
        );
        check(
            never,
            &[(In, &[1]), (In, &[0])],
            expect!["[Allowed, Allowed, Never, Never]"],
        );
        check(
            None,
            &[(In, &[2, 3])],
            expect!["[Never, Never, Never, Never]"],
        );
        let on_failure = Some(RestartPolicy::OnFailure);
        check(
            on_failure,
            &[(In, &[0])],
            expect!["[Allowed, Allowed, Allowed, Allowed]"],
        );
    }
}
