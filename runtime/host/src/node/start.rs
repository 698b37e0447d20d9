//! How pods of a node come to run.

use super::{NODE_NAME, Node, StartError, seed};
use crate::pod::Pod;
use crate::publish::{self, Target};
use seedpod_core::net::Fabric;
use seedpod_core::pod::Past;
use seedpod_core::spec;
use seedpod_engine::world::PodName;
use seedpod_engine::{Applied, Catalog, PodStart};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::AbortHandle;

impl Node {
    /// Starts a pod that has its uid already. An image that cannot run shows in its status, as for a kubelet.
    pub(crate) fn start_pod(
        &self,
        uid: &str,
        spec: spec::Pod,
        past: Option<&Past>,
    ) -> Result<Pod, StartError> {
        let objects = spec::Objects {
            pods: vec![spec],
            ..spec::Objects::default()
        };
        let bound = publish::bind(&objects, &[])?;
        let mut pods = self.prepare(&objects, past, || uid.to_owned())?;
        let doors = bound
            .into_iter()
            .map(|bound| self.open(bound, &objects, &pods))
            .collect();
        self.close_when_over(&pods, doors, Applied::default());
        Ok(pods.remove(0))
    }

    /// The network of all pods.
    pub(crate) fn fabric(&self) -> &Fabric {
        self.inner.catalog.fabric()
    }

    /// The ConfigMaps, Secrets and Services of all pods.
    pub(crate) fn catalog(&self) -> &Arc<Catalog> {
        &self.inner.catalog
    }

    /// Makes all pods, and lets them run only when all could be made.
    pub(super) fn prepare(
        &self,
        objects: &spec::Objects,
        past: Option<&Past>,
        uid: impl Fn() -> String,
    ) -> Result<Vec<Pod>, StartError> {
        let world = &self.inner.world;
        let mut pods = Vec::new();
        let mut tasks = Vec::new();
        for spec in &objects.pods {
            let name = PodName {
                namespace: spec.meta.namespace.clone(),
                name: spec.meta.name.clone(),
            };
            let forget = |pods: &[Pod]| {
                for pod in pods {
                    world.remove_record(pod.name());
                }
            };
            let uid = uid();
            let logs = self.inner.logs.as_ref().map(|logs| logs.pod(&name, &uid));
            let Some(record) = world.add_record(&name, logs) else {
                forget(&pods);
                return Err(StartError::PodExists(name.name));
            };
            let start = PodStart {
                spec: Arc::new(spec.clone()),
                catalog: self.inner.catalog.clone(),
                uid,
                past: past.cloned().map(Box::new),
                node_name: NODE_NAME.to_owned(),
                seed: seed(),
                egress: self.inner.egress,
                engine: self.inner.engine.clone(),
                world: world.clone(),
            };
            match start.spawn() {
                Ok((handle, future)) => {
                    tasks.push((name, record.clone(), future));
                    pods.push(Pod::new(handle, record));
                }
                Err(error) => {
                    world.remove_record(&name);
                    forget(&pods);
                    return Err(StartError::Network(name.name, error));
                }
            }
        }
        for (name, record, future) in tasks {
            let world = world.clone();
            self.inner.world.runtime.spawn(async move {
                let status = future.await;
                world.remove_record(&name);
                record.end(status);
            });
        }
        Ok(pods)
    }

    pub(super) fn open(
        &self,
        bound: publish::Bound,
        objects: &spec::Objects,
        pods: &[Pod],
    ) -> AbortHandle {
        let fabric = self.inner.catalog.fabric().clone();
        let (ip, port, behind) = match bound.target {
            Target::Pod(index, port) => (
                Some(pods[index].ip()),
                port,
                vec![pods[index].handle().clone()],
            ),
            Target::Service(index, port) => {
                let service = &objects.services[index];
                let ip = fabric.service_ip(&service.meta.namespace, &service.meta.name);
                let selected = pods.iter().filter(|pod| selects(service, &pod.spec()));
                (ip, port, selected.map(|pod| pod.handle().clone()).collect())
            }
        };
        let serve = async move {
            // A headless Service has no address of its own, so its node port leads nowhere, as with kube-proxy.
            let Some(ip) = ip else {
                return std::future::pending().await;
            };
            let published = bound.published.clone();
            if let Err(error) = bound.serve(fabric, SocketAddr::new(ip, port), behind).await {
                tracing::warn!("{published}: {error}");
            }
        };
        self.inner.world.runtime.spawn(serve).abort_handle()
    }

    /// Closes ports and removes objects once the pods they came with have ended.
    pub(super) fn close_when_over(&self, pods: &[Pod], doors: Vec<AbortHandle>, applied: Applied) {
        let (pods, catalog) = (pods.to_vec(), self.inner.catalog.clone());
        self.inner.world.runtime.spawn(async move {
            for pod in &pods {
                pod.wait().await;
            }
            doors.iter().for_each(AbortHandle::abort);
            catalog.withdraw(&applied);
        });
    }
}

fn selects(service: &spec::Service, pod: &spec::Pod) -> bool {
    !service.selector.is_empty()
        && service.meta.namespace == pod.meta.namespace
        && service
            .selector
            .iter()
            .all(|(key, value)| pod.meta.labels.get(key) == Some(value))
}
