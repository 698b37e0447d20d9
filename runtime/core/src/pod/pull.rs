//! Back-off of image pulls. It belongs to the image: containers of a pod that use the same one share it.

use super::backoff::Backoff;
use super::environment::is_named;
use crate::spec::{self, Secret};
use crate::time::Instant;
use std::collections::BTreeMap;

/// The images that could not be fetched. At most one entry per container.
#[derive(Debug, Default)]
pub(super) struct Pulls {
    failed: BTreeMap<String, Failed>,
}

#[derive(Debug)]
struct Failed {
    backoff: Backoff,
    error: String,
}

impl Pulls {
    /// When `image` may be asked for again, and what went wrong, if that is not yet.
    pub(super) fn wait(&self, image: &str, now: Instant) -> Option<(Instant, &str)> {
        let failed = self.failed.get(image)?;
        let until = failed.backoff.until_since_attempt()?;
        (now < until).then_some((until, failed.error.as_str()))
    }

    /// `image` could not be fetched.
    pub(super) fn fail(&mut self, image: &str, error: String, now: Instant) {
        let failed = self
            .failed
            .entry(image.to_owned())
            .or_insert_with(|| Failed {
                backoff: Backoff::default(),
                error: String::new(),
            });
        failed.backoff.attempt(now, now);
        failed.error = error;
    }
}

/// What the event `FailedToRetrieveImagePullSecret` says of the `imagePullSecrets` that are not there; containers start all
/// the same (kubelet `getPullSecretsForPod`).
pub fn missing_pull_secrets(pod: &spec::Pod, secrets: &[Secret]) -> Option<String> {
    let namespace = &pod.meta.namespace;
    let is_there = |name: &&String| {
        let mut secrets = secrets.iter();
        secrets.any(|secret| is_named(&secret.meta, namespace, name))
    };
    let names = pod.image_pull_secrets.iter();
    let missing: Vec<_> = names
        .filter(|name| !name.is_empty() && !is_there(name))
        .map(String::as_str)
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "Unable to retrieve some image pull secrets ({}); attempting to pull the image may not succeed.",
            missing.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pull_secrets() {
        let secret = |namespace: &str, name: &str| Secret {
            meta: spec::Meta {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                ..Default::default()
            },
            ..Default::default()
        };
        let mut pod = spec::Pod::default();
        pod.meta.namespace = "ns".to_owned();
        let secrets = [secret("ns", "a"), secret("other", "b")];
        assert_eq!(missing_pull_secrets(&pod, &secrets), None);
        pod.image_pull_secrets = ["a", ""].map(str::to_owned).into();
        assert_eq!(missing_pull_secrets(&pod, &secrets), None);
        pod.image_pull_secrets.extend(["b", "c"].map(str::to_owned));
        assert_eq!(
            missing_pull_secrets(&pod, &secrets).as_deref(),
            Some(
                "Unable to retrieve some image pull secrets (b, c); attempting to pull the image may not succeed."
            )
        );
    }
}
