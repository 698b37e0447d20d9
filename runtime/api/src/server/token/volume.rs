//! `serviceAccountToken` sources of projected volumes. A pod sees them as a Secret that no client can name, which the
//! server fills, and fills again before the token ends.

use super::{Grant, Token};
use crate::server::kinds::items_mut;
use crate::server::registry::{PODS, SERVICE_ACCOUNTS};
use crate::server::{Action, Server, object};
use seedpod_core::limits::TOKEN_VOLUMES_PER_POD;
use seedpod_core::spec::{Meta, ObjectKey, ObjectKind, Objects, Secret};
use seedpod_core::time::Instant;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Seconds of a token whose source does not say.
const SECONDS_DEFAULT: u64 = 3600;
/// The key of the token in its Secret.
const KEY: &str = "token";

/// The tokens that pods have in their volumes, by namespace, pod and UID.
#[derive(Debug, Default)]
pub(crate) struct TokenVolumes {
    pods: BTreeMap<(String, String), PodTokens>,
}

#[derive(Debug)]
struct PodTokens {
    uid: String,
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    audiences: Vec<String>,
    seconds: u64,
    renew_at: Instant,
}

impl TokenVolumes {
    /// When a token has to be made again.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let sources = self.pods.values().flat_map(|pod| &pod.sources);
        sources.map(|source| source.renew_at).min()
    }
}

/// The pod as the node shall run it: tokens are made, and its volumes point to where they are.
pub(crate) fn with_tokens(server: &mut Server, pod: &Value) -> Value {
    let (rewritten, sources) = rewrite(pod);
    if !sources.is_empty() {
        let key = (
            object::namespace(pod).to_owned(),
            object::name(pod).to_owned(),
        );
        let uid = object::uid(pod).to_owned();
        let tokens = PodTokens { uid, sources };
        server.tokens.pods.insert(key.clone(), tokens);
        renew(server, &key);
    }
    rewritten
}

/// The same of a pod whose tokens were made before.
pub(crate) fn with_same_tokens(pod: &Value) -> Value {
    rewrite(pod).0
}

fn rewrite(pod: &Value) -> (Value, Vec<Source>) {
    let mut pod = pod.clone();
    let uid = object::uid(&pod).to_owned();
    let mut sources = Vec::new();
    let volumes = items_mut(&mut pod["spec"], "volumes");
    let projected =
        volumes.filter_map(|volume| volume.pointer_mut("/projected/sources")?.as_array_mut());
    for source in projected.flatten() {
        let Some(token) = source.get("serviceAccountToken") else {
            continue;
        };
        if sources.len() == TOKEN_VOLUMES_PER_POD {
            break;
        }
        let audience = token["audience"].as_str().filter(|text| !text.is_empty());
        let seconds = token["expirationSeconds"].as_u64();
        let secret = secret_name(&uid, sources.len());
        sources.push(Source {
            audiences: audience.map(str::to_owned).into_iter().collect(),
            seconds: seconds.unwrap_or(SECONDS_DEFAULT),
            renew_at: Instant::ZERO,
        });
        *source =
            json!({"secret": {"name": secret, "items": [{"key": KEY, "path": token["path"]}]}});
    }
    (pod, sources)
}

impl Server {
    /// Makes tokens again that end soon, and forgets those of pods that are gone.
    pub(crate) fn turn_tokens(&mut self) {
        let now = self.now.instant;
        let all = &self.tokens.pods;
        let due = all.iter().filter(|(_, pod)| {
            let mut sources = pod.sources.iter();
            sources.any(|source| source.renew_at <= now)
        });
        let due: Vec<_> = due.map(|(key, _)| key.clone()).collect();
        for key in due {
            renew(self, &key);
        }
    }

    /// Removes the tokens of a pod that is gone.
    pub(crate) fn forget_tokens(&mut self, namespace: &str, name: &str, uid: &str) {
        let key = (namespace.to_owned(), name.to_owned());
        let all = &mut self.tokens.pods;
        let is_meant = |pod: &PodTokens| pod.uid == uid;
        let Some(gone) = all.get(&key).filter(|pod| is_meant(pod)) else {
            return;
        };
        let removed = (0..gone.sources.len()).map(|index| ObjectKey {
            kind: ObjectKind::Secret,
            namespace: namespace.to_owned(),
            name: secret_name(uid, index),
        });
        let removed: Vec<_> = removed.collect();
        all.remove(&key);
        self.actions.extend(removed.into_iter().map(Action::Remove));
    }
}

/// No client can make a Secret with a name like this.
fn secret_name(uid: &str, index: usize) -> String {
    format!("token/{uid}/{index}")
}

/// Makes the tokens of a pod that are due.
fn renew(server: &mut Server, key: &(String, String)) {
    let Some(mut tokens) = server.tokens.pods.remove(key) else {
        return;
    };
    let (namespace, name) = key;
    let pod = server.object(&PODS, namespace, name);
    let Some(pod) = pod.filter(|pod| object::uid(pod) == tokens.uid) else {
        let uid = tokens.uid.clone();
        server.tokens.pods.insert(key.clone(), tokens);
        return server.forget_tokens(namespace, name, &uid);
    };
    let account = pod["spec"]["serviceAccountName"].as_str();
    let account = server.object(&SERVICE_ACCOUNTS, namespace, account.unwrap_or("default"));
    let now = server.now.instant;
    let mut secrets = Vec::new();
    for (index, source) in tokens.sources.iter_mut().enumerate() {
        if source.renew_at > now {
            continue;
        }
        // The kubelet makes them again when four fifths of their time have passed.
        source.renew_at = now + Duration::from_secs(source.seconds) * 4 / 5;
        // Without its account a pod keeps the last token until that ends.
        let Some(account) = &account else {
            continue;
        };
        let Token { text, .. } = server.issue(&Grant {
            account,
            audiences: &source.audiences,
            seconds: source.seconds,
            bound: Some(("pod", &pod)),
        });
        secrets.push(Secret {
            meta: Meta {
                name: secret_name(&tokens.uid, index),
                namespace: namespace.clone(),
                ..Meta::default()
            },
            kind: "Opaque".to_owned(),
            data: [(KEY.to_owned(), text.into_bytes())].into(),
        });
    }
    server.tokens.pods.insert(key.clone(), tokens);
    if !secrets.is_empty() {
        let objects = Objects {
            secrets,
            ..Objects::default()
        };
        server.actions.push_back(Action::Apply(objects));
    }
}
