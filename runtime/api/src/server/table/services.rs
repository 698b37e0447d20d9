//! The rows of services and of what stands behind them.

use super::{age, count, items, labels, name, shortened, text, text_or};
use seedpod_core::time::WallTime;
use serde_json::Value;

fn external_ip(object: &Value) -> String {
    let spec = &object["spec"];
    let external: Vec<_> = items(&spec["externalIPs"]).map(text).collect();
    let external = external.join(",");
    let ingress = &object["status"]["loadBalancer"]["ingress"];
    let ingress = items(ingress).map(|one| text_or(&one["ip"], text(&one["hostname"])));
    let mut balanced: Vec<_> = ingress.filter(|text| !text.is_empty()).collect();
    balanced.sort_unstable();
    balanced.dedup();
    let balanced = balanced.join(",");
    let (nothing, all) = match text(&spec["type"]) {
        "ClusterIP" | "NodePort" => ("<none>", vec![external]),
        "LoadBalancer" => ("<pending>", vec![balanced, external]),
        "ExternalName" => return text(&spec["externalName"]).to_owned(),
        _ => return "<unknown>".to_owned(),
    };
    let all: Vec<_> = all.into_iter().filter(|one| !one.is_empty()).collect();
    match all.is_empty() {
        true => nothing.to_owned(),
        false => all.join(","),
    }
}

pub(super) fn service(object: &Value, now: WallTime) -> Vec<Value> {
    let spec = &object["spec"];
    let ports = items(&spec["ports"]).map(|port| {
        let (number, protocol) = (count(&port["port"]), text(&port["protocol"]));
        match count(&port["nodePort"]) {
            0 => format!("{number}/{protocol}"),
            node => format!("{number}:{node}/{protocol}"),
        }
    });
    let ports = ports.collect::<Vec<_>>().join(",");
    let ports = match ports.as_str() {
        "" => "<none>",
        ports => ports,
    };
    vec![
        name(object),
        text(&spec["type"]).into(),
        text_or(&spec["clusterIPs"][0], "<none>").into(),
        external_ip(object).into(),
        ports.into(),
        age(object, now),
        labels(&spec["selector"]).into(),
    ]
}

fn with_port(ip: &str, port: i64) -> String {
    match ip.contains(':') {
        true => format!("[{ip}]:{port}"),
        false => format!("{ip}:{port}"),
    }
}

pub(super) fn endpoints(object: &Value, now: WallTime) -> Vec<Value> {
    let mut all = Vec::new();
    for subset in items(&object["subsets"]) {
        let addresses = items(&subset["addresses"]).map(|one| text(&one["ip"]));
        let ports = items(&subset["ports"]);
        if ports.len() == 0 {
            all.extend(addresses.clone().map(str::to_owned));
        }
        for port in ports {
            let port = count(&port["port"]);
            all.extend(addresses.clone().map(|ip| with_port(ip, port)));
        }
    }
    // Endpoints without any address say nothing at all, unless there are no subsets.
    let nothing = match items(&object["subsets"]).len() {
        0 => "<none>",
        _ => "",
    };
    vec![
        name(object),
        shortened(&all, nothing).into(),
        age(object, now),
    ]
}

pub(super) fn endpoint_slice(object: &Value, now: WallTime) -> Vec<Value> {
    let ports = items(&object["ports"]).map(|port| match port["port"].as_i64() {
        Some(number) => number.to_string(),
        None => text_or(&port["name"], "*").to_owned(),
    });
    let addresses = items(&object["endpoints"]).flat_map(|one| items(&one["addresses"]));
    let addresses = addresses.map(|one| text(one).to_owned());
    vec![
        name(object),
        text(&object["addressType"]).into(),
        shortened(&ports.collect::<Vec<_>>(), "<unset>").into(),
        shortened(&addresses.collect::<Vec<_>>(), "<unset>").into(),
        age(object, now),
    ]
}
