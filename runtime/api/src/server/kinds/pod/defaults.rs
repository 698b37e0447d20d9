//! What Kubernetes writes into pods and pod templates that do not say it (`pkg/apis/core/v1/defaults.go`).

use crate::convert::is_latest;
use serde_json::{Map, Value, json};

/// All of a pod.
pub(crate) fn pod(object: &mut Value) {
    let spec = &mut object["spec"];
    pod_spec(spec);
    let Some(spec) = spec.as_object_mut() else {
        return;
    };
    set(spec, "enableServiceLinks", true);
    let is_on_host = spec.get("hostNetwork") == Some(&Value::Bool(true));
    for list in ["containers", "initContainers"] {
        for container in items(spec, list) {
            requests_from_limits(container);
            if is_on_host {
                for port in items(container, "ports") {
                    let number = port.get("containerPort").cloned().unwrap_or_default();
                    set(port, "hostPort", number);
                }
            }
        }
    }
    if let Some(Value::Object(resources)) = spec.get_mut("resources") {
        pod_requests(resources);
    }
}

/// The spec of a pod or of a template.
pub(crate) fn pod_spec(spec: &mut Value) {
    let Some(spec) = spec.as_object_mut() else {
        return;
    };
    set(spec, "dnsPolicy", "ClusterFirst");
    set(spec, "restartPolicy", "Always");
    set(spec, "schedulerName", "default-scheduler");
    if spec.get("securityContext").is_none_or(Value::is_null) {
        spec.insert("securityContext".to_owned(), json!({}));
    }
    if spec
        .get("terminationGracePeriodSeconds")
        .is_none_or(Value::is_null)
    {
        spec.insert("terminationGracePeriodSeconds".to_owned(), 30.into());
    }
    same_account(spec);
    for volume in items(spec, "volumes") {
        self::volume(volume);
    }
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in items(spec, list) {
            self::container(container);
        }
    }
}

/// `serviceAccount` is the old name of `serviceAccountName`, and both are shown.
fn same_account(spec: &mut Map<String, Value>) {
    let text = |field: &str| spec.get(field).and_then(Value::as_str);
    let name = text("serviceAccountName").filter(|name| !name.is_empty());
    let name = name.or(text("serviceAccount")).unwrap_or_default();
    if !name.is_empty() {
        let name = name.to_owned();
        spec.insert("serviceAccount".to_owned(), name.clone().into());
        spec.insert("serviceAccountName".to_owned(), name.into());
    }
}

fn container(container: &mut Map<String, Value>) {
    let image = container.get("image").and_then(Value::as_str);
    let policy = pull_policy(image.unwrap_or_default());
    set(container, "imagePullPolicy", policy);
    set(container, "terminationMessagePath", "/dev/termination-log");
    set(container, "terminationMessagePolicy", "File");
    if container.get("resources").is_none_or(Value::is_null) {
        container.insert("resources".to_owned(), json!({}));
    }
    for port in items(container, "ports") {
        set(port, "protocol", "TCP");
    }
    for variable in items(container, "env") {
        if let Some(Value::Object(from)) = variable.get_mut("valueFrom") {
            field_ref(from);
            if let Some(Value::Object(file)) = from.get_mut("fileKeyRef") {
                set(file, "optional", false);
            }
        }
    }
    for field in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(Value::Object(probe)) = container.get_mut(field) {
            self::probe(probe);
        }
    }
    if let Some(Value::Object(lifecycle)) = container.get_mut("lifecycle") {
        for hook in ["postStart", "preStop"] {
            if let Some(Value::Object(hook)) = lifecycle.get_mut(hook) {
                http_get(hook);
            }
        }
    }
}

fn probe(probe: &mut Map<String, Value>) {
    set(probe, "timeoutSeconds", 1);
    set(probe, "periodSeconds", 10);
    set(probe, "successThreshold", 1);
    set(probe, "failureThreshold", 3);
    http_get(probe);
    if let Some(Value::Object(grpc)) = probe.get_mut("grpc")
        && !grpc.contains_key("service")
    {
        grpc.insert("service".to_owned(), "".into());
    }
}

fn http_get(handler: &mut Map<String, Value>) {
    if let Some(Value::Object(get)) = handler.get_mut("httpGet") {
        set(get, "path", "/");
        set(get, "scheme", "HTTP");
    }
}

fn field_ref(source: &mut Map<String, Value>) {
    if let Some(Value::Object(field)) = source.get_mut("fieldRef") {
        set(field, "apiVersion", "v1");
    }
}

fn volume(volume: &mut Map<String, Value>) {
    if volume.keys().all(|field| field == "name") {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    for (field, source) in volume.iter_mut() {
        let Some(source) = source.as_object_mut() else {
            continue;
        };
        match field.as_str() {
            "secret" | "configMap" => mode(source),
            "downwardAPI" => {
                mode(source);
                downward(source);
            }
            "projected" => {
                mode(source);
                for projection in items(source, "sources") {
                    if let Some(Value::Object(downward_api)) = projection.get_mut("downwardAPI") {
                        downward(downward_api);
                    }
                    if let Some(Value::Object(token)) = projection.get_mut("serviceAccountToken") {
                        set(token, "expirationSeconds", 3600);
                    }
                }
            }
            "hostPath" if !source.contains_key("type") => {
                source.insert("type".to_owned(), "".into());
            }
            "image" => {
                let reference = source.get("reference").and_then(Value::as_str);
                let policy = pull_policy(reference.unwrap_or_default());
                set(source, "pullPolicy", policy);
            }
            _ => {}
        }
    }
}

/// `rw-r--r--`
fn mode(source: &mut Map<String, Value>) {
    if source.get("defaultMode").is_none_or(Value::is_null) {
        source.insert("defaultMode".to_owned(), 0o644.into());
    }
}

fn downward(source: &mut Map<String, Value>) {
    for item in items(source, "items") {
        field_ref(item);
    }
}

fn pull_policy(image: &str) -> &'static str {
    match is_latest(image) {
        true => "Always",
        false => "IfNotPresent",
    }
}

fn requests_from_limits(container: &mut Map<String, Value>) {
    if let Some(Value::Object(resources)) = container.get_mut("resources") {
        let limits = resources.get("limits").cloned();
        let Some(Value::Object(limits)) = limits else {
            return;
        };
        let requests = resources.entry("requests").or_insert_with(|| json!({}));
        if let Some(requests) = requests.as_object_mut() {
            for (name, amount) in limits {
                requests.entry(name).or_insert(amount);
            }
        }
    }
}

/// Of a pod as a whole, where its containers ask for nothing themselves.
fn pod_requests(resources: &mut Map<String, Value>) {
    let limits = resources.get("limits").cloned();
    let Some(Value::Object(limits)) = limits else {
        return;
    };
    let requests = resources.entry("requests").or_insert_with(|| json!({}));
    if let Some(requests) = requests.as_object_mut() {
        for (name, amount) in limits {
            requests.entry(name).or_insert(amount);
        }
    }
}

fn items<'m>(
    map: &'m mut Map<String, Value>,
    field: &str,
) -> impl Iterator<Item = &'m mut Map<String, Value>> {
    let list = map.get_mut(field).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Where there is none, or as good as none.
fn set(map: &mut Map<String, Value>, field: &str, value: impl Into<Value>) {
    let is_missing = match map.get(field) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Number(number)) => number.as_f64() == Some(0.0),
        Some(_) => false,
    };
    if is_missing {
        map.insert(field.to_owned(), value.into());
    }
}
