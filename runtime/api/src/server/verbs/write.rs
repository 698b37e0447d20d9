//! `create` and `update`.

use super::Options;
use crate::server::error::ApiError;
use crate::server::registry::Resource;
use crate::server::{Server, encode, object};
use seedpod_core::store::{Expected, StoreError};
use serde_json::{Value, json};

impl Server {
    /// Makes an object: defaults, admission, validation, then the store. The object as it is now kept.
    ///
    /// # Errors
    /// When it breaks rules, or is there already.
    pub(crate) fn create(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        mut new: Value,
        options: &Options,
    ) -> Result<Value, ApiError> {
        let generate = object::meta(&new, "generateName").to_owned();
        if object::name(&new).is_empty() && !generate.is_empty() {
            new["metadata"]["name"] = format!("{generate}{}", self.name_suffix()).into();
        }
        let name = object::name(&new).to_owned();
        if resource.is_namespaced {
            new["metadata"]["namespace"] = namespace.into();
        }
        new["kind"] = resource.kind.into();
        new["apiVersion"] = resource.api_version().into();
        new["metadata"]["uid"] = self.uid().into();
        new["metadata"]["creationTimestamp"] = self.now.wall.to_string().into();
        if resource.strategy.has_generation() {
            new["metadata"]["generation"] = 1.into();
        }
        resource.strategy.default(&mut new);
        resource.strategy.prepare_create(self, &mut new)?;
        let errors = resource.strategy.validate(self, &new, None);
        if !errors.is_empty() {
            return Err(ApiError::invalid(resource, &name, &errors));
        }
        self.store_object(resource, new, Expected::Nothing, options)
    }

    /// Changes an object. Its `resourceVersion`, when it has one, must be the current one. One that stays what it is keeps
    /// its revision.
    ///
    /// # Errors
    /// When it breaks rules, or somebody was faster.
    pub(crate) fn update(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        mut new: Value,
        options: &Options,
    ) -> Result<Value, ApiError> {
        let old = self
            .object(resource, namespace, name)
            .ok_or_else(|| ApiError::not_found(resource, name))?;
        let current = object::revision(&old).unwrap_or_default();
        if object::revision(&new).is_some_and(|wanted| wanted != current) {
            return Err(modified(resource, name));
        }
        for field in [
            "uid",
            "creationTimestamp",
            "generation",
            "resourceVersion",
            "namespace",
        ] {
            match old["metadata"].get(field) {
                Some(value) => new["metadata"][field] = value.clone(),
                None => {
                    if let Some(meta) = new["metadata"].as_object_mut() {
                        meta.remove(field);
                    }
                }
            }
        }
        resource.strategy.default(&mut new);
        resource
            .strategy
            .prepare_update(self, &old, &mut new, &options.subresource)?;
        let errors = resource.strategy.validate(self, &new, Some(&old));
        if !errors.is_empty() {
            return Err(ApiError::invalid(resource, name, &errors));
        }
        if new == old {
            return Ok(old);
        }
        if resource.strategy.has_generation() && new["spec"] != old["spec"] {
            let generation = old["metadata"]["generation"].as_i64().unwrap_or_default();
            new["metadata"]["generation"] = json!(generation + 1);
        }
        let revision = current.parse().unwrap_or_default();
        self.store_object(resource, new, Expected::Revision(revision), options)
    }

    /// Puts an object into the store as it is.
    pub(crate) fn store_object(
        &mut self,
        resource: &Resource,
        mut object: Value,
        expected: Expected,
        options: &Options,
    ) -> Result<Value, ApiError> {
        let (namespace, name) = (object::namespace(&object), object::name(&object).to_owned());
        let key = resource.key(namespace, &name);
        if options.dry_run {
            return match (expected, self.store.get(&key)) {
                (Expected::Nothing, Some(_)) => Err(ApiError::already_exists(resource, &name)),
                _ => Ok(object),
            };
        }
        let put = self
            .store
            .put(key, expected, |revision| encode(&mut object, revision));
        put.map_err(|error| stored(error, resource, &name))?;
        Ok(object)
    }
}

/// What the store says, in the words of the API.
pub(crate) fn stored(error: StoreError, resource: &Resource, name: &str) -> ApiError {
    match error {
        StoreError::Exists => ApiError::already_exists(resource, name),
        StoreError::NotFound => ApiError::not_found(resource, name),
        StoreError::Modified { .. } => modified(resource, name),
        StoreError::TooLarge(_) => ApiError::too_large(error.to_string()),
        StoreError::Full => ApiError::too_many_requests(error.to_string()),
    }
}

fn modified(resource: &Resource, name: &str) -> ApiError {
    let why = "the object has been modified; please apply your changes to the latest version and try again";
    ApiError::conflict(resource, name, why)
}
