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

/// The user a container runs as: `runAsUser` of the container, of the pod, or the number in the image's `USER`. A name
/// there counts as root.
pub fn user(pod: &spec::Pod, container: &spec::Container, image_user: &str) -> u32 {
    let own = container.security.run_as_user;
    let image_user = image_user.split(':').next().unwrap_or_default();
    own.or(pod.security.run_as_user)
        .unwrap_or_else(|| image_user.parse().unwrap_or(0))
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

    #[test]
    fn a_container_asks_itself_then_its_pod_then_its_image() {
        let mut pod = spec::Pod::default();
        let mut container = spec::Container::default();
        let of_image = |image| user(&spec::Pod::default(), &spec::Container::default(), image);
        assert_eq!(
            ["", "nginx", "0", "1234", "1234:5678"].map(of_image),
            [0, 0, 0, 1234, 1234]
        );
        pod.security.run_as_user = Some(7);
        assert_eq!(user(&pod, &container, "1234"), 7);
        container.security.run_as_user = Some(0);
        assert_eq!(user(&pod, &container, "1234"), 0);
    }
}
