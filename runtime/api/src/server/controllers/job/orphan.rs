//! Pods whose Job is gone: nobody counts them any more.

use super::{is_tracked, track};
use crate::server::controllers::{Changed, Controller, controller_of, key};
use crate::server::error::ApiError;
use crate::server::registry::{JOBS, PODS, Resource};
use crate::server::{Server, object};
use seedpod_core::store::{ChangeKind, Key};
use serde_json::Value;
use std::time::Duration;

#[derive(Debug)]
pub(in crate::server::controllers) struct OrphanPods;

impl Controller for OrphanPods {
    fn resource(&self) -> &'static Resource {
        &PODS
    }

    fn affected(&self, server: &Server, changed: &Changed) -> Vec<Key> {
        if *changed.resource == JOBS && changed.kind == ChangeKind::Deleted {
            let owned = server.index.owned(object::uid(&changed.object));
            let pods = owned.filter(|key| *key.resource == *PODS.name());
            return pods.cloned().collect();
        }
        let is_mine = *changed.resource == PODS && is_tracked(&changed.object);
        match is_mine {
            true => vec![key(&PODS, &changed.object)],
            false => Vec::new(),
        }
    }

    fn sync(
        &self,
        server: &mut Server,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Duration>, ApiError> {
        let pod = server.object(&PODS, namespace, name);
        if let Some(pod) = pod.filter(|pod| is_tracked(pod) && !has_job(server, pod)) {
            track::remove_finalizer(server, &pod)?;
        }
        Ok(None)
    }
}

fn has_job(server: &Server, pod: &Value) -> bool {
    let Some(reference) = controller_of(pod) else {
        return false;
    };
    if reference["kind"] != JOBS.kind {
        return true;
    }
    let name = reference["name"].as_str().unwrap_or_default();
    let job = server.object(&JOBS, object::namespace(pod), name);
    job.is_some_and(|job| job["metadata"]["uid"] == reference["uid"])
}
