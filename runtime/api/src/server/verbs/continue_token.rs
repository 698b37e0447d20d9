//! Where the next page of a list begins: base64 of JSON with the revision and what follows the last key, as
//! `apiserver/pkg/storage/continue.go` writes it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use seedpod_core::store::Revision;
use serde_json::{Value, json};

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContinueToken {
    /// The moment that all pages show; `None` for now.
    pub(crate) revision: Option<Revision>,
    /// Of the last object; empty when all are in one namespace or none.
    pub(crate) namespace: String,
    /// Of the last object.
    pub(crate) name: String,
}

const VERSION: &str = "meta.k8s.io/v1";

impl ContinueToken {
    /// As a client gets it.
    pub(crate) fn encode(&self) -> String {
        let start = match self.namespace.as_str() {
            "" => format!("{}\0", self.name),
            namespace => format!("{namespace}/{}\0", self.name),
        };
        let revision = match self.revision {
            Some(revision) => json!(revision),
            None => json!(-1),
        };
        // Go writes the fields in this order.
        let text = format!(
            r#"{{"v":{},"rv":{revision},"start":{}}}"#,
            json!(VERSION),
            json!(start)
        );
        URL_SAFE_NO_PAD.encode(text)
    }

    /// As a client gives it back.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub(crate) fn decode(text: &str) -> Result<Self, String> {
        let invalid = |why: &str| format!("continue key is not valid: {why}");
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|error| invalid(&error.to_string()))?;
        let token: Value =
            serde_json::from_slice(&bytes).map_err(|error| invalid(&error.to_string()))?;
        let version = token["v"].as_str().unwrap_or_default();
        if version != VERSION {
            return Err(format!(
                "continue key is not valid: server does not recognize this encoded version {version}"
            ));
        }
        let revision = match token["rv"].as_i64() {
            None | Some(0) => {
                let why = "incorrect encoded start resourceVersion (version meta.k8s.io/v1)";
                return Err(invalid(why));
            }
            Some(revision) => Revision::try_from(revision).ok(),
        };
        let start = token["start"].as_str().unwrap_or_default();
        let key = start.trim_end_matches('\0').trim_start_matches('/');
        if key.is_empty() {
            return Err(invalid("encoded start key empty (version meta.k8s.io/v1)"));
        }
        let mut parts = key.split('/');
        if parts.any(|part| matches!(part, "" | "." | "..")) {
            return Err(invalid(start));
        }
        let (namespace, name) = key.split_once('/').unwrap_or(("", key));
        Ok(Self {
            revision,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}
