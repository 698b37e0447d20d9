//! Namespaces (`pkg/registry/core/namespace/strategy.go`).

use super::{Strategy, put_back};
use crate::server::error::ApiError;
use crate::server::registry::NAMESPACES;
use crate::server::{Server, object};
use serde_json::{Value, json};

/// The rules of Namespaces.
pub(crate) struct Namespaces;

/// The label with the name of the namespace, which nobody can take away.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl Strategy for Namespaces {
    fn default(&self, object: &mut Value) {
        let name = object::name(object).to_owned();
        if !name.is_empty() {
            object["metadata"]["labels"][NAME_LABEL] = name.into();
        }
    }

    fn prepare_create(&self, _server: &mut Server, object: &mut Value) -> Result<(), ApiError> {
        object["status"] = json!({"phase": "Active"});
        if !object["spec"]["finalizers"].is_array() {
            object["spec"]["finalizers"] = json!([]);
        }
        if let Some(finalizers) = object["spec"]["finalizers"].as_array_mut()
            && !finalizers.iter().any(|one| one == "kubernetes")
        {
            finalizers.push("kubernetes".into());
        }
        Ok(())
    }

    fn prepare_update(
        &self,
        _server: &mut Server,
        old: &Value,
        new: &mut Value,
        subresource: &str,
    ) -> Result<(), ApiError> {
        if subresource != "finalize" {
            put_back(old, new, "spec");
        }
        if subresource != "status" {
            put_back(old, new, "status");
        }
        Ok(())
    }

    /// The namespaces that every cluster has (`plugin/namespace/lifecycle`).
    fn admit_delete(&self, _server: &Server, object: &Value) -> Result<(), ApiError> {
        let name = object::name(object);
        match name {
            "default" | "kube-system" | "kube-public" => {
                let why = "this namespace may not be deleted";
                Err(ApiError::forbidden(&NAMESPACES, name, why))
            }
            _ => Ok(()),
        }
    }

    fn mark_deleted(&self, object: &mut Value) {
        object["status"]["phase"] = "Terminating".into();
    }

    fn is_held(&self, object: &Value) -> bool {
        let finalizers = object["spec"]["finalizers"].as_array();
        finalizers.is_some_and(|all| !all.is_empty())
    }
}
