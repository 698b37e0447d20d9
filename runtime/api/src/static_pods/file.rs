//! One file of the folder.

use k8s_openapi::api::core::v1 as api;
use k8s_openapi::jiff::Timestamp;
use seedpod_core::time::WallTime;
use xxhash_rust::xxh3::xxh3_128;

use super::{CONFIG_HASH, CONFIG_SEEN, CONFIG_SOURCE, StaticPod};
use crate::error::{ManifestError, Problem};
use crate::log::Object;
use crate::tree::{NodeId, Path, Scalar, Value};
use crate::{Source, convert, decode, single};

/// Reads the pod of a file for a node that sees it `now`.
///
/// # Errors
/// When it is not one good Pod, or the pod needs an API server: it names a ServiceAccount, Secret, ConfigMap, claim or
/// the like.
pub fn static_pod(
    source: &Source,
    node: &str,
    now: WallTime,
) -> Result<StaticPod, Vec<ManifestError>> {
    let mut reference = None;
    let read = single::read(source, |object, root| {
        if !is_pod(object, root) {
            return None;
        }
        let decoded: api::Pod = decode::decode(object, root, &Path::Root)?;
        reference = api_reference(&decoded);
        let content = format!("{decoded:?}host:{node}file:{}", source.name);
        let mut spec = convert::pod(object, &Path::Root, decoded);
        let uid = format!("{:032x}", xxh3_128(content.as_bytes()));
        spec.meta.name = format!("{}-{}", spec.meta.name, node.to_lowercase());
        spec.node_name = Some(node.to_owned());
        let seen = Timestamp::from_nanosecond(now.as_unix_nanos().into()).unwrap_or_default();
        let annotations = [
            (CONFIG_SOURCE, "file".to_owned()),
            (CONFIG_HASH, uid.clone()),
            (CONFIG_SEEN, seen.to_string()),
        ];
        let annotations = annotations.map(|(key, value)| (key.to_owned(), value));
        spec.meta.annotations.extend(annotations);
        Some(StaticPod { spec, uid })
    });
    match reference {
        // The rest may only be wrong because of it: a volume of a kind that is not there either.
        Some(resource) => Err(vec![single::error(source, Problem::ApiReference(resource))]),
        None => read,
    }
}

fn is_pod(object: &Object<'_>, root: NodeId) -> bool {
    let text = |field: &str| {
        let entry = object.tree.get(root, field)?;
        match &object.tree[entry.value].value {
            Value::Scalar(Scalar::String, text) => Some(text.clone().into_owned()),
            _ => None,
        }
    };
    let is_pod =
        text("kind").as_deref() == Some("Pod") && text("apiVersion").as_deref() == Some("v1");
    if !is_pod {
        object.refused(&Path::Root, "a static pod is a Pod of apiVersion v1");
    }
    is_pod
}

/// What a pod needs of an API server, in the words of `HasAPIObjectReference` (pkg/api/pod/util.go).
fn api_reference(pod: &api::Pod) -> Option<&'static str> {
    let spec = pod.spec.as_ref()?;
    let is_named = |name: &Option<String>| name.as_ref().is_some_and(|name| !name.is_empty());
    if is_named(&spec.service_account_name) || is_named(&spec.service_account) {
        return Some("serviceaccounts");
    }
    let volumes = || spec.volumes.iter().flatten();
    let projections = || {
        let sources = volumes().filter_map(|volume| volume.projected.as_ref());
        sources.flat_map(|projected| projected.sources.iter().flatten())
    };
    if spec.image_pull_secrets.iter().flatten().next().is_some()
        || environment(spec).any(|from| from.secret)
        || volumes().any(|volume| volume.secret.is_some() || volume.azure_file.is_some())
        || projections().any(|source| source.secret.is_some())
    {
        return Some("secrets");
    }
    if environment(spec).any(|from| from.config_map)
        || volumes().any(|volume| volume.config_map.is_some())
        || projections().any(|source| source.config_map.is_some())
    {
        return Some("configmaps");
    }
    if spec.resource_claims.iter().flatten().next().is_some() {
        return Some("resourceclaims");
    }
    volumes().find_map(|volume| {
        let mut projections = volume
            .projected
            .iter()
            .flat_map(|own| &own.sources)
            .flatten();
        match volume {
            _ if volume.csi.is_some() => Some("csidrivers (via CSI volumes)"),
            _ if volume.glusterfs.is_some() => Some("endpoints (via glusterFS volumes)"),
            _ if volume.persistent_volume_claim.is_some() => Some("persistentvolumeclaims"),
            _ if volume.ephemeral.is_some() => {
                Some("persistentvolumeclaims (via ephemeral volumes)")
            }
            _ => projections.find_map(|source| match source {
                _ if source.service_account_token.is_some() => {
                    Some("serviceaccounts (via projected volumes)")
                }
                _ if source.cluster_trust_bundle.is_some() => Some("clustertrustbundles"),
                _ if source.pod_certificate.is_some() => Some("podcertificates"),
                _ => None,
            }),
        }
    })
}

/// Which kinds of objects an entry of `env` or `envFrom` names.
struct Named {
    secret: bool,
    config_map: bool,
}

fn environment(spec: &api::PodSpec) -> impl Iterator<Item = Named> {
    let init = spec.init_containers.iter().flatten();
    init.chain(&spec.containers).flat_map(|container| {
        let env = container.env.iter().flatten();
        let env = env
            .filter_map(|own| own.value_from.as_ref())
            .map(|from| Named {
                secret: from.secret_key_ref.is_some(),
                config_map: from.config_map_key_ref.is_some(),
            });
        let whole = container.env_from.iter().flatten().map(|from| Named {
            secret: from.secret_ref.is_some(),
            config_map: from.config_map_ref.is_some(),
        });
        env.chain(whole)
    })
}
