//! Who starts again after an exit.

use crate::spec::{self, RestartPolicy};

/// What kind of container it is; decides start order, restarts and what it means for the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Runs to its end before the next one starts.
    Init,
    /// An init container with `restartPolicy: Always`: runs beside the regular ones and ends after them.
    Sidecar,
    /// What the pod is for.
    Regular,
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
        init.chain(regular)
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
    /// What the policies say: the container's own wins over the pod's, and for an init container `Always` of the pod
    /// means `OnFailure`, because one that returned 0 is done.
    pub fn after_exit(
        pod: RestartPolicy,
        own: Option<RestartPolicy>,
        role: Role,
        code: i32,
    ) -> Self {
        let policy = match (role, own.unwrap_or(pod)) {
            (Role::Sidecar, _) => RestartPolicy::Always,
            (Role::Init, RestartPolicy::Always) => RestartPolicy::OnFailure,
            (Role::Init | Role::Regular, policy) => policy,
        };
        match policy {
            RestartPolicy::Always => Self::Allowed,
            RestartPolicy::OnFailure if code != 0 => Self::Allowed,
            RestartPolicy::OnFailure | RestartPolicy::Never => Self::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
                for pod in [Always, OnFailure, Never] {
                    let [zero, one] = [0, 1].map(|code| Restart::after_exit(pod, own, role, code));
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
}
