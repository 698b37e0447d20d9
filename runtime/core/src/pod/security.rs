//! Whose processes a container runs, and the one check of `securityContext` that decides whether it starts.

use crate::spec;

/// Why `runAsNonRoot` forbids a container (kubelet `verifyRunAsNonRoot`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NonRootError {
    /// `runAsUser: 0`.
    #[error("container's runAsUser breaks non-root policy")]
    RunAsUser,
    /// Neither the manifest nor the image names another user.
    #[error("container has runAsNonRoot and image will run as root")]
    ImageUser,
    /// The image names a user whose number nobody knows.
    #[error(
        "container has runAsNonRoot and image has non-numeric user ({0}), cannot verify user is non-root"
    )]
    NonNumericUser(String),
}

/// Whether a container may run as the user that manifest and image give it. `user` is the image's `USER`.
///
/// # Errors
/// When `runAsNonRoot` is set and the user is, or may be, root.
pub fn check_non_root(
    pod: &spec::Pod,
    container: &spec::Container,
    user: &str,
) -> Result<(), NonRootError> {
    let own = &container.security;
    if !own
        .run_as_non_root
        .or(pod.security.run_as_non_root)
        .unwrap_or(false)
    {
        return Ok(());
    }
    if let Some(uid) = own.run_as_user.or(pod.security.run_as_user) {
        return if uid == 0 {
            Err(NonRootError::RunAsUser)
        } else {
            Ok(())
        };
    }
    let user = user.split(':').next().unwrap_or_default();
    match user.parse::<u64>() {
        Ok(0) => Err(NonRootError::ImageUser),
        Ok(_) => Ok(()),
        Err(_) if user.is_empty() || user == "root" => Err(NonRootError::ImageUser),
        Err(_) => Err(NonRootError::NonNumericUser(user.to_owned())),
    }
}

/// As whom the first process of a container runs: `status.containerStatuses[].user.linux`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// `runAsUser`, or the number that the image gives; 0 for names, which nobody here can look up.
    pub uid: u32,
    /// `runAsGroup`, or the number that the image gives.
    pub gid: u32,
    /// The group itself, `supplementalGroups` and `fsGroup`.
    pub supplemental_groups: Vec<u32>,
}

/// As whom a container runs. `image` is the image's `USER`.
pub fn user(pod: &spec::Pod, container: &spec::Container, image: &str) -> User {
    let (own, shared) = (&container.security, &pod.security);
    let number = |text: &str| text.parse().ok();
    let (image_user, image_group) = image.split_once(':').unwrap_or((image, ""));
    let asked = own.run_as_user.or(shared.run_as_user);
    let image_group = number(image_group).filter(|_| asked.is_none());
    let gid = own.run_as_group.or(shared.run_as_group).or(image_group);
    let gid = gid.unwrap_or(0);
    let mut groups = vec![gid];
    for group in shared.supplemental_groups.iter().chain(&shared.fs_group) {
        if !groups.contains(group) {
            groups.push(*group);
        }
    }
    User {
        uid: asked.or(number(image_user)).unwrap_or(0),
        gid,
        supplemental_groups: groups,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use std::fmt::Write;

    #[test]
    fn every_combination() {
        let mut table = String::new();
        for non_root in [None, Some(false), Some(true)] {
            for run_as_user in [None, Some(0), Some(1000)] {
                for user in ["", "root", "0", "1000", "1000:0", "nginx", "root:root"] {
                    let mut pod = spec::Pod::default();
                    pod.security.run_as_non_root = non_root;
                    let mut container = spec::Container::default();
                    container.security.run_as_user = run_as_user;
                    if let Err(error) = check_non_root(&pod, &container, user) {
                        writeln!(table, "{non_root:?} {run_as_user:?} {user:?}: {error}").unwrap();
                    }
                }
            }
        }
        expect![[r#"
            Some(true) None "": container has runAsNonRoot and image will run as root
            Some(true) None "root": container has runAsNonRoot and image will run as root
            Some(true) None "0": container has runAsNonRoot and image will run as root
            Some(true) None "nginx": container has runAsNonRoot and image has non-numeric user (nginx), cannot verify user is non-root
            Some(true) None "root:root": container has runAsNonRoot and image will run as root
            Some(true) Some(0) "": container's runAsUser breaks non-root policy
            Some(true) Some(0) "root": container's runAsUser breaks non-root policy
            Some(true) Some(0) "0": container's runAsUser breaks non-root policy
            Some(true) Some(0) "1000": container's runAsUser breaks non-root policy
            Some(true) Some(0) "1000:0": container's runAsUser breaks non-root policy
            Some(true) Some(0) "nginx": container's runAsUser breaks non-root policy
            Some(true) Some(0) "root:root": container's runAsUser breaks non-root policy
        "#]].assert_eq(&table);
    }

    #[test]
    fn users() {
        let check = |shared: spec::SecurityContext, own, image, expect: expect_test::Expect| {
            let pod = spec::Pod {
                security: shared,
                ..spec::Pod::default()
            };
            let container = spec::Container {
                security: own,
                ..spec::Container::default()
            };
            let user = user(&pod, &container, image);
            expect.assert_eq(&format!(
                "{}:{} {:?}",
                user.uid, user.gid, user.supplemental_groups
            ));
        };
        let none = spec::SecurityContext::default;
        let shared = || spec::SecurityContext {
            run_as_user: Some(1000),
            run_as_group: Some(3000),
            fs_group: Some(2000),
            supplemental_groups: vec![4000, 3000],
            ..none()
        };
        let own = || spec::SecurityContext {
            run_as_user: Some(7),
            ..none()
        };
        check(none(), none(), "", expect!["0:0 [0]"]);
        check(none(), none(), "nginx", expect!["0:0 [0]"]);
        check(none(), none(), "101:102", expect!["101:102 [102]"]);
        check(none(), own(), "101:102", expect!["7:0 [0]"]);
        check(
            shared(),
            none(),
            "101:102",
            expect!["1000:3000 [3000, 4000, 2000]"],
        );
        check(shared(), own(), "", expect!["7:3000 [3000, 4000, 2000]"]);
    }

    #[test]
    fn the_container_overrides_the_pod() {
        let mut pod = spec::Pod::default();
        pod.security.run_as_non_root = Some(true);
        pod.security.run_as_user = Some(7);
        let mut container = spec::Container::default();
        assert_eq!(check_non_root(&pod, &container, ""), Ok(()));
        container.security.run_as_user = Some(0);
        assert_eq!(
            check_non_root(&pod, &container, ""),
            Err(NonRootError::RunAsUser)
        );
        container.security.run_as_non_root = Some(false);
        assert_eq!(check_non_root(&pod, &container, ""), Ok(()));
    }
}
