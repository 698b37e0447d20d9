//! What is done to a new pod because of other objects: the admission plugins `ServiceAccount` and `RuntimeClass`.

use super::{items, items_mut};
use crate::server::error::ApiError;
use crate::server::registry::{PODS, RUNTIME_CLASSES, SERVICE_ACCOUNTS};
use crate::server::{Server, object};
use serde_json::{Value, json};

/// Where containers find the token of their ServiceAccount.
const TOKEN_FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Begins the name of its volume.
const TOKEN_VOLUME: &str = "kube-api-access-";
/// Seconds of that token: so odd that a token of such a volume is known by it.
const TOKEN_SECONDS: u64 = 3607;
/// Marks what the kubelet runs by itself.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Gives a pod what its ServiceAccount and RuntimeClass say.
///
/// # Errors
/// When there is no such account or class, or the pod says otherwise.
pub(crate) fn admit_pod(server: &mut Server, pod: &mut Value) -> Result<(), ApiError> {
    if pod["metadata"]["annotations"][MIRROR].is_string() {
        return Ok(());
    }
    service_account(server, pod)?;
    runtime_class(server, pod)
}

fn forbidden(pod: &Value, why: &str) -> ApiError {
    let name = match object::name(pod) {
        "" => object::meta(pod, "generateName"),
        name => name,
    };
    ApiError::forbidden(&PODS, name, why)
}

fn account_name(spec: &Value) -> &str {
    let given = [&spec["serviceAccountName"], &spec["serviceAccount"]];
    let mut given = given.into_iter().filter_map(Value::as_str);
    given.find(|name| !name.is_empty()).unwrap_or("default")
}

fn service_account(server: &mut Server, pod: &mut Value) -> Result<(), ApiError> {
    let namespace = object::namespace(pod).to_owned();
    let name = account_name(&pod["spec"]).to_owned();
    // The deprecated field always says the same.
    for field in ["serviceAccount", "serviceAccountName"] {
        pod["spec"][field] = name.clone().into();
    }
    let Some(account) = server.object(&SERVICE_ACCOUNTS, &namespace, &name) else {
        let why = format!(
            "error looking up service account {namespace}/{name}: serviceaccount {name:?} not found"
        );
        return Err(forbidden(pod, &why));
    };
    let wishes = [
        &pod["spec"]["automountServiceAccountToken"],
        &account["automountServiceAccountToken"],
    ];
    let is_mounted = wishes.into_iter().find_map(Value::as_bool);
    if is_mounted.unwrap_or(true) {
        mount_token(server, pod);
    }
    let secrets = &account["imagePullSecrets"];
    if items(&pod["spec"]["imagePullSecrets"]).is_empty() && !items(secrets).is_empty() {
        pod["spec"]["imagePullSecrets"] = secrets.clone();
    }
    Ok(())
}

fn mount_token(server: &mut Server, pod: &mut Value) {
    let spec = &mut pod["spec"];
    let mut volumes = items(&spec["volumes"]).iter();
    let own = volumes.find_map(|volume| {
        let name = volume["name"].as_str()?;
        name.starts_with(TOKEN_VOLUME).then(|| name.to_owned())
    });
    let (name, is_new) = match own {
        Some(name) => (name, false),
        None => (format!("{TOKEN_VOLUME}{}", server.name_suffix()), true),
    };
    let mount = json!({"name": name, "mountPath": TOKEN_FOLDER, "readOnly": true});
    let mut is_needed = false;
    for list in ["initContainers", "containers"] {
        for container in items_mut(spec, list) {
            let mut mounts = items(&container["volumeMounts"]).iter();
            if mounts.any(|mount| mount["mountPath"] == TOKEN_FOLDER) {
                continue;
            }
            push(container, "volumeMounts", mount.clone());
            is_needed = true;
        }
    }
    if !is_new || !is_needed {
        return;
    }
    let namespace = json!({"path": "namespace",
        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}});
    let volume = json!({"name": name, "projected": {"defaultMode": 0o644, "sources": [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]}});
    push(spec, "volumes", volume);
}

fn push(object: &mut Value, field: &str, item: Value) {
    match object[field].as_array_mut() {
        Some(list) => list.push(item),
        None => object[field] = json!([item]),
    }
}

fn runtime_class(server: &Server, pod: &mut Value) -> Result<(), ApiError> {
    let Some(name) = pod["spec"]["runtimeClassName"].as_str() else {
        return Ok(());
    };
    let Some(class) = server.object(&RUNTIME_CLASSES, "", name) else {
        let why = format!("pod rejected: RuntimeClass {name:?} not found");
        return Err(forbidden(pod, &why));
    };
    let overhead = &class["overhead"]["podFixed"];
    let own = &pod["spec"]["overhead"];
    let is_empty = |value: &Value| value.as_object().is_none_or(serde_json::Map::is_empty);
    if is_empty(overhead) {
        if !is_empty(own) {
            let why = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
            return Err(forbidden(pod, why));
        }
    } else if is_empty(own) {
        pod["spec"]["overhead"] = overhead.clone();
    } else if own != overhead {
        let why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
        return Err(forbidden(pod, why));
    }
    schedule(pod, &class["scheduling"])
}

/// Which nodes can run pods of the class.
fn schedule(pod: &mut Value, scheduling: &Value) -> Result<(), ApiError> {
    for (key, value) in scheduling["nodeSelector"].as_object().into_iter().flatten() {
        let own = &pod["spec"]["nodeSelector"][key.as_str()];
        if !own.is_null() && own != value {
            let why = format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {}; pod.spec.nodeSelector[{key}] = {}",
                value.as_str().unwrap_or_default(),
                own.as_str().unwrap_or_default()
            );
            return Err(forbidden(pod, &why));
        }
        pod["spec"]["nodeSelector"][key.as_str()] = value.clone();
    }
    for toleration in items(&scheduling["tolerations"]) {
        if !items(&pod["spec"]["tolerations"]).contains(toleration) {
            push(&mut pod["spec"], "tolerations", toleration.clone());
        }
    }
    Ok(())
}
