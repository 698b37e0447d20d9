//! What every namespace has: the ServiceAccount `default` and the certificate of the cluster's authority.

use super::{Changed, Controller, MANAGER};
use crate::server::error::ApiError;
use crate::server::registry::{CONFIG_MAPS, NAMESPACES, Resource, SERVICE_ACCOUNTS};
use crate::server::verbs::Options;
use crate::server::{Server, object};
use seedpod_core::store::Key;
use serde_json::json;
use std::time::Duration;

/// Makes it.
pub(super) struct NamespaceDefaults;

/// The ServiceAccount of pods that name none.
const ACCOUNT: &str = "default";
/// The ConfigMap that pods check the API server's certificate with.
const ROOT_CA: &str = "kube-root-ca.crt";

impl Controller for NamespaceDefaults {
    fn resource(&self) -> &'static Resource {
        &NAMESPACES
    }

    fn affected(&self, _server: &Server, changed: &Changed) -> Vec<Key> {
        let name = object::name(&changed.object);
        if *changed.resource == NAMESPACES {
            return vec![changed.key()];
        }
        let is_account = *changed.resource == SERVICE_ACCOUNTS && name == ACCOUNT;
        let is_authority = *changed.resource == CONFIG_MAPS && name == ROOT_CA;
        match is_account || is_authority {
            true => vec![NAMESPACES.key("", object::namespace(&changed.object))],
            false => Vec::new(),
        }
    }

    fn sync(
        &self,
        server: &mut Server,
        _namespace: &str,
        name: &str,
    ) -> Result<Option<Duration>, ApiError> {
        let Some(namespace) = server.object(&NAMESPACES, "", name) else {
            return Ok(None);
        };
        if object::is_deleted(&namespace) {
            return Ok(None);
        }
        let options = Options::of(MANAGER);
        if server.object(&SERVICE_ACCOUNTS, name, ACCOUNT).is_none() {
            let account = json!({"metadata": {"name": ACCOUNT}});
            server.create(&SERVICE_ACCOUNTS, name, account, &options)?;
        }
        let data = json!({"ca.crt": server.settings.ca_certificate});
        match server.object(&CONFIG_MAPS, name, ROOT_CA) {
            Some(map) if map["data"] == data => {}
            Some(mut map) => {
                map["data"] = data;
                server.update(&CONFIG_MAPS, name, ROOT_CA, map, &options)?;
            }
            None => {
                let about = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
                    endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed \
                    across distributions of Kubernetes clusters.";
                let map = json!({"metadata": {"name": ROOT_CA,
                    "annotations": {"kubernetes.io/description": about}}, "data": data});
                server.create(&CONFIG_MAPS, name, map, &options)?;
            }
        }
        Ok(None)
    }
}
