//! `create` and `update`, in the order of `apiserver/pkg/registry/rest` and its `Store`: what the request says must fit
//! its path; defaults; who manages which field; admission; validation; then the store.

use super::{Options, meta};
use crate::server::error::{ApiError, FieldError};
use crate::server::managed::{self, Writer};
use crate::server::registry::{CONTROLLER_REVISIONS, NAMESPACES, Resource};
use crate::server::request::ResourceTarget;
use crate::server::{Server, encode, object};
use http::StatusCode;
use seedpod_core::limits::{NAME_GENERATION_ATTEMPTS_MAX, OBJECT_DEPTH_MAX};
use seedpod_core::store::{Expected, StoreError};
use serde_json::{Value, json};

/// Resources of which an update makes what is not there.
const CREATED_BY_UPDATE: &[&str] = &[
    "endpoints",
    "events",
    "leases.coordination.k8s.io",
    "runtimeclasses.node.k8s.io",
    "services",
];
/// Resources of which an update must say what it is of.
const REVISION_REQUIRED: &[&str] = &["leases.coordination.k8s.io", "runtimeclasses.node.k8s.io"];

/// What was written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// As it is now.
    pub(crate) object: Value,
    /// Whether it was not there before.
    pub(crate) is_new: bool,
    /// For who wrote it.
    pub(crate) warnings: Vec<String>,
}

impl Written {
    /// As a verb answers, with warnings about the request before those about the object.
    pub(super) fn answer(self, mut warnings: Vec<String>) -> (StatusCode, Value, Vec<String>) {
        warnings.extend(self.warnings);
        let code = match self.is_new {
            true => StatusCode::CREATED,
            false => StatusCode::OK,
        };
        (code, self.object, warnings)
    }
}

/// Whether it still has to be noted who has set which field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracking {
    /// It has.
    Due,
    /// Server-side apply has done so.
    Done,
}

/// `PUT` of an object.
pub(super) fn put(
    server: &mut Server,
    target: &ResourceTarget,
    name: &str,
    new: Value,
    options: &Options,
) -> Result<Written, ApiError> {
    let (resource, namespace) = (
        target.resource,
        target.namespace.as_deref().unwrap_or_default(),
    );
    let mut new = new;
    meta::match_namespace(resource, namespace, &mut new)?;
    meta::match_name(&new, name)?;
    let wanted = object::uid(&new);
    if let Some(old) = server.object(resource, namespace, name)
        && !wanted.is_empty()
        && wanted != object::uid(&old)
    {
        let found = object::uid(&old);
        let why = format!(
            "Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
        );
        return Err(invalid_object(resource, namespace, name, &why));
    }
    server.update_object(resource, namespace, name, new, options, Tracking::Due)
}

/// What etcd's storage says of an object that is not the one that is meant.
pub(super) fn invalid_object(
    resource: &Resource,
    namespace: &str,
    name: &str,
    why: &str,
) -> ApiError {
    let key = match namespace {
        "" => format!("/registry/{}/{name}", resource.plural),
        namespace => format!("/registry/{}/{namespace}/{name}", resource.plural),
    };
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {why}"
    );
    ApiError::conflict(resource, name, &why)
}

impl Server {
    /// Makes an object: defaults, admission, validation, then the store. The object as it is now kept.
    ///
    /// # Errors
    /// When it breaks rules, or is there already.
    pub(crate) fn create(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        new: Value,
        options: &Options,
    ) -> Result<Value, ApiError> {
        let written = self.create_object(resource, namespace, new, options, Tracking::Due)?;
        Ok(written.object)
    }

    /// Changes an object. Its `resourceVersion`, when it has one, must be the current one. One that stays what it is keeps
    /// its revision. One that is being deleted goes with its last finalizer.
    ///
    /// # Errors
    /// When it breaks rules, or somebody was faster.
    pub(crate) fn update(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        new: Value,
        options: &Options,
    ) -> Result<Value, ApiError> {
        let written = self.update_object(resource, namespace, name, new, options, Tracking::Due)?;
        Ok(written.object)
    }

    /// The same as [`create`](Self::create), with all that there is to say about it.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn create_object(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        mut new: Value,
        options: &Options,
        tracking: Tracking,
    ) -> Result<Written, ApiError> {
        check_depth(&new)?;
        meta::match_namespace(resource, namespace, &mut new)?;
        self.check_namespace(resource, namespace, &new)?;
        let has_name = !object::name(&new).is_empty();
        let is_generated = !object::meta(&new, "generateName").is_empty();
        let mut attempts = match is_generated && !has_name {
            true => NAME_GENERATION_ATTEMPTS_MAX,
            false => 1,
        };
        loop {
            let created = self.create_once(resource, new.clone(), options, tracking);
            attempts -= 1;
            match created {
                Err((error, _)) if error.reason == "AlreadyExists" && attempts > 0 => {}
                Err((error, name)) if error.reason == "AlreadyExists" => {
                    let error = match is_generated {
                        true => ApiError::name_not_generated(resource, &name),
                        false => error,
                    };
                    let old = self.object(resource, namespace, &name);
                    return Err(match old.is_some_and(|old| object::is_deleted(&old)) {
                        true => error.while_deleted(),
                        false => error,
                    });
                }
                created => return created.map_err(|(error, _)| error),
            }
        }
    }

    /// An error comes with the name, which may be a generated one.
    fn create_once(
        &mut self,
        resource: &'static Resource,
        mut new: Value,
        options: &Options,
        tracking: Tracking,
    ) -> Result<Written, (ApiError, String)> {
        let revision = object::revision(&new)
            .filter(|revision| *revision != "0")
            .is_some();
        meta::wipe(&mut new);
        meta::remove(&mut new, "resourceVersion");
        new["kind"] = resource.kind.into();
        new["apiVersion"] = resource.api_version().into();
        let mut warnings: Vec<String> = meta::dedup_owners(&mut new).into_iter().collect();
        let strategy = resource.strategy;
        strategy.default(&mut new);
        drop_nulls(resource, &mut new);
        if tracking == Tracking::Due {
            managed::track(None, &mut new, &self.writer(resource, options));
        }
        new["metadata"]["uid"] = self.uid().into();
        new["metadata"]["creationTimestamp"] = self.now.wall.to_string().into();
        let prefix = object::meta(&new, "generateName");
        if object::name(&new).is_empty() && !prefix.is_empty() {
            let prefix: String = prefix.chars().take(meta::NAME_PREFIX_MAX).collect();
            new["metadata"]["name"] = format!("{prefix}{}", self.name_suffix()).into();
        }
        if strategy.has_generation() {
            new["metadata"]["generation"] = 1.into();
        }
        let name = object::name(&new).to_owned();
        let named = |error| (error, name.clone());
        strategy.prepare_create(self, &mut new).map_err(named)?;
        drop_nulls(resource, &mut new);
        let errors = self.validate(resource, &new, None);
        if !errors.is_empty() {
            return Err(named(ApiError::invalid(resource, &name, &errors)));
        }
        if revision {
            let why = "resourceVersion should not be set on objects to be created";
            return Err(named(ApiError::unknown(why)));
        }
        warnings.extend(strategy.warnings(&new, None));
        let object = self
            .store_object(resource, new, Expected::Nothing, options)
            .map_err(named)?;
        Ok(Written {
            object,
            is_new: true,
            warnings,
        })
    }

    /// The same as [`update`](Self::update), with all that there is to say about it.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn update_object(
        &mut self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        mut new: Value,
        options: &Options,
        tracking: Tracking,
    ) -> Result<Written, ApiError> {
        check_depth(&new)?;
        meta::match_namespace(resource, namespace, &mut new)?;
        meta::match_name(&new, name)?;
        let Some(old) = self.object(resource, namespace, name) else {
            if !CREATED_BY_UPDATE.contains(&resource.name()) || !options.subresource.is_empty() {
                return Err(ApiError::not_found(resource, name));
            }
            return self.create_object(resource, namespace, new, options, tracking);
        };
        let current = object::revision(&old).unwrap_or_default().to_owned();
        let mut warnings: Vec<String> = meta::dedup_owners(&mut new).into_iter().collect();
        let strategy = resource.strategy;
        new["kind"] = resource.kind.into();
        new["apiVersion"] = resource.api_version().into();
        strategy.default(&mut new);
        drop_nulls(resource, &mut new);
        if tracking == Tracking::Due {
            managed::track(Some(&old), &mut new, &self.writer(resource, options));
        }
        match object::revision(&new).filter(|revision| *revision != "0") {
            None if REVISION_REQUIRED.contains(&resource.name()) => {
                let why = "must be specified for an update";
                let error = FieldError::invalid("metadata.resourceVersion", &0.into(), why);
                return Err(ApiError::invalid(resource, name, &[error]));
            }
            Some(wanted) if wanted != current => return Err(modified(resource, name)),
            _ => new["metadata"]["resourceVersion"] = current.as_str().into(),
        }
        meta::put_back(&old, &mut new, "generation");
        strategy.prepare_update(self, &old, &mut new, &options.subresource)?;
        keep_system_fields(&old, &mut new);
        drop_nulls(resource, &mut new);
        if strategy.has_generation() && is_other_work(&old, &new) {
            let generation = old["metadata"]["generation"].as_i64().unwrap_or_default();
            new["metadata"]["generation"] = json!(generation + 1);
        }
        let errors = self.validate(resource, &new, Some(&old));
        if !errors.is_empty() {
            return Err(ApiError::invalid(resource, name, &errors));
        }
        warnings.extend(strategy.warnings(&new, Some(&old)));
        managed::keep_times(&old, &mut new);
        let object = self.store_update(resource, &old, new, options)?;
        Ok(Written {
            object,
            is_new: false,
            warnings,
        })
    }

    fn validate(&self, resource: &Resource, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = meta::validate(resource, new);
        if let Some(old) = old {
            errors.extend(meta::validate_update(new, old));
        }
        // The rules of manifests, which some kinds go by, say the same of the metadata once more.
        let is_said = !errors.is_empty();
        let more = resource.strategy.validate(self, new, old).into_iter();
        errors.extend(more.filter(|error| !is_said || !error.path.starts_with("metadata.")));
        errors
    }

    fn store_update(
        &mut self,
        resource: &'static Resource,
        old: &Value,
        mut new: Value,
        options: &Options,
    ) -> Result<Value, ApiError> {
        let revision = object::revision(old)
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        if is_over(resource, old, &new) {
            if !options.dry_run {
                let (namespace, name) = (object::namespace(old), object::name(old));
                let key = resource.key(namespace, name);
                let removed =
                    self.store
                        .remove(&key, Expected::Revision(revision), |revision, _| {
                            encode(&mut new, revision)
                        });
                removed.map_err(|error| stored(error, resource, name))?;
            }
            return Ok(new);
        }
        if new == *old {
            return Ok(new);
        }
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
        let mut put = |object: &mut Value| {
            self.store
                .put(key.clone(), expected, |revision| encode(object, revision))
        };
        let mut done = put(&mut object);
        if matches!(done, Err(StoreError::TooLarge(_))) {
            meta::remove(&mut object, "managedFields");
            done = put(&mut object);
        }
        done.map_err(|error| stored(error, resource, &name))?;
        Ok(object)
    }

    /// Nothing new in a namespace that is not there or goes (admission plugin `NamespaceLifecycle`).
    fn check_namespace(
        &self,
        resource: &Resource,
        namespace: &str,
        new: &Value,
    ) -> Result<(), ApiError> {
        if !resource.is_namespaced {
            return Ok(());
        }
        let found = self.object(&NAMESPACES, "", namespace);
        let found = found.ok_or_else(|| ApiError::not_found(&NAMESPACES, namespace))?;
        if found["status"]["phase"] != "Terminating" {
            return Ok(());
        }
        let name = match object::name(new) {
            "" => object::meta(new, "generateName"),
            name => name,
        };
        Err(ApiError::namespace_terminating(resource, name, namespace))
    }

    /// Who writes with these options.
    pub(super) fn writer<'w>(&self, resource: &'w Resource, options: &'w Options) -> Writer<'w> {
        Writer {
            manager: &options.manager,
            subresource: &options.subresource,
            resource,
            time: self.now.wall,
        }
    }
}

/// A field that is null is as good as absent, and looking for one by its index leaves it so. Only the data of a
/// ControllerRevision is kept as it is, whatever it is.
fn drop_nulls(resource: &Resource, object: &mut Value) {
    fn drop_in(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|_, value| !value.is_null());
                fields.values_mut().for_each(drop_in);
            }
            Value::Array(items) => items.iter_mut().for_each(drop_in),
            _ => {}
        }
    }
    if *resource != CONTROLLER_REVISIONS {
        drop_in(object);
    }
}

/// What an update does not change, whatever it says.
fn keep_system_fields(old: &Value, new: &mut Value) {
    meta::remove(new, "selfLink");
    if object::uid(new).is_empty() {
        meta::put_back(old, new, "uid");
    }
    meta::put_back(old, new, "creationTimestamp");
    if object::is_deleted(old) {
        meta::put_back(old, new, "deletionTimestamp");
    }
    if new["metadata"]["deletionGracePeriodSeconds"].is_null() {
        meta::put_back(old, new, "deletionGracePeriodSeconds");
    }
}

/// Whether anything but metadata and status is another.
fn is_other_work(old: &Value, new: &Value) -> bool {
    let fields = |object: &Value| {
        let mut object = object.clone();
        if let Some(fields) = object.as_object_mut() {
            fields.remove("metadata");
            fields.remove("status");
        }
        object
    };
    fields(old) != fields(new)
}

/// Whether an object was only kept by the finalizers that it has no more.
fn is_over(resource: &Resource, old: &Value, new: &Value) -> bool {
    let finalizers = new["metadata"]["finalizers"].as_array();
    let grace = old["metadata"]["deletionGracePeriodSeconds"].as_i64();
    object::is_deleted(old)
        && finalizers.is_none_or(Vec::is_empty)
        && grace.unwrap_or_default() == 0
        && !resource.strategy.is_held(new)
}

/// What is nested deeper could not be read back.
fn check_depth(object: &Value) -> Result<(), ApiError> {
    fn is_deeper(value: &Value, than: usize) -> bool {
        let deeper = |value: &Value| than == 0 || is_deeper(value, than - 1);
        match value {
            Value::Array(items) => items.iter().any(deeper),
            Value::Object(fields) => fields.values().any(deeper),
            _ => false,
        }
    }
    match is_deeper(object, OBJECT_DEPTH_MAX) {
        true => Err(ApiError::bad_request(format!(
            "the object is nested more than {OBJECT_DEPTH_MAX} levels deep"
        ))),
        false => Ok(()),
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
