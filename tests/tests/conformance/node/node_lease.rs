//! How a node says that it is alive; that the lease is renewed is a matter of a real server.

use crate::cases::{Case, File, pass};
use http::{HeaderMap, Method};
use seedpod_api::server::{Answer, Request, User};
use seedpod_core::seed::Seed;
use seedpod_core::store::Store;
use seedpod_sim::{ServerSimulation, Settings};
use seedpod_tests::{engine, images};
use serde_json::Value;
use std::time::Duration;

pub(crate) const FILE: File = File {
    path: "common/node/node_lease.go",
    cases: CASES,
};

const CASES: &[Case] = &[pass(
    115,
    "the kubelet should report node status infrequently",
    status_is_infrequent,
)];

fn get(simulation: &mut ServerSimulation, path: &str) -> Value {
    let request = Request {
        method: Method::GET,
        uri: path.parse().unwrap(),
        headers: HeaderMap::new(),
        body: "".into(),
        user: User {
            name: "system:admin".to_owned(),
            groups: vec!["system:masters".to_owned()],
        },
    };
    match simulation.request(&request) {
        Answer::Response(response) => serde_json::from_slice(&response.body).unwrap(),
        other => panic!("{path}: {other:?}"),
    }
}

/// When the node last said that it is ready, and its status without that.
fn heartbeat(simulation: &mut ServerSimulation, node: &str) -> (String, Value) {
    let mut status = get(simulation, &format!("/api/v1/nodes/{node}"))["status"].take();
    let conditions = status["conditions"].as_array_mut().unwrap();
    let ready = conditions.iter_mut().find(|one| one["type"] == "Ready");
    let ready = ready.unwrap();
    assert_eq!(ready["status"], "True");
    let time = ready["lastHeartbeatTime"].take();
    (time.as_str().unwrap().to_owned(), status)
}

fn status_is_infrequent() {
    let settings = Settings {
        seed: Seed::new(1),
        engine: engine(),
        images: images(),
    };
    let mut simulation = ServerSimulation::new(settings, Store::default());
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    let lease = get(&mut simulation, leases)["items"][0].take();
    let node = lease["metadata"]["name"].as_str().unwrap();
    let spec = &lease["spec"];
    assert_eq!(spec["holderIdentity"], node);
    assert_ne!(spec["renewTime"], Value::Null);
    let duration = spec["leaseDurationSeconds"].as_u64().unwrap();

    // The status is not told again for twice the time of a lease, unless something else in it is new.
    let mut last = heartbeat(&mut simulation, node);
    let mut unchanged = 0;
    let mut waited = 0;
    while unchanged <= 2 * duration {
        assert!(waited < 300, "the status is new all the time");
        simulation.run(Duration::from_secs(1));
        waited += 1;
        unchanged += 1;
        let now = heartbeat(&mut simulation, node);
        if now.0 != last.0 {
            assert!(now.1 != last.1 || unchanged >= duration);
            (last, unchanged) = (now, 0);
        }
    }
    let renewed = get(&mut simulation, &format!("{leases}/{node}"));
    assert!(renewed["spec"]["renewTime"].as_str() > spec["renewTime"].as_str());
}
