//! An API server over pods in virtual time: what a client is told is a function of the seed and of what it asks when.

use crate::simulation::{Settings, Simulation};
use seedpod_api::server::{
    self, Action, Answer, ContainerUsage, Meters, Now, PodNews, Request, Server, Watch, WatchRead,
};
use seedpod_core::seed::Seed;
use seedpod_core::store::{Key, Store, Stored, Write};
use seedpod_engine::PodHandle;
use seedpod_engine::world::{Output, PodName};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A simulation with an API server.
pub struct ServerSimulation {
    simulation: Simulation,
    server: Server,
    /// Uids of pods by their names. One that is to be replaced has gone before.
    uids: BTreeMap<PodName, String>,
    /// Records of the pods that were read.
    read: usize,
    running: Arc<Running>,
    seed: Seed,
    /// What the server has given to be kept.
    disk: BTreeMap<Key, Stored>,
}

/// Pods that run, by their uids.
#[derive(Default)]
struct Running(Mutex<BTreeMap<String, PodHandle>>);

impl Running {
    fn pods(&self) -> MutexGuard<'_, BTreeMap<String, PodHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meters for Running {
    fn usage(&self, uid: &str) -> Vec<ContainerUsage> {
        let usage = self.pods().get(uid).map(PodHandle::usage);
        let usage = usage.into_iter().flatten();
        usage
            .map(|one| ContainerUsage {
                container: one.container,
                cpu: one.cpu,
                memory_bytes: one.memory_bytes,
            })
            .collect()
    }
}

impl ServerSimulation {
    /// A node without pods, and a server over the objects of `store`.
    pub fn new(settings: Settings, store: Store) -> Self {
        let seed = settings.seed;
        let simulation = Simulation::new(settings);
        let settings = server::Settings::simulated(seed);
        let mut server = Server::new(settings, store, seed, now(&simulation));
        let running = Arc::new(Running::default());
        server.set_meters(running.clone());
        let mut both = Self {
            simulation,
            server,
            uids: BTreeMap::new(),
            read: 0,
            running,
            seed,
            disk: BTreeMap::new(),
        };
        both.settle();
        both
    }

    /// The machine goes down with all that runs, and starts again at once with what was on its disk.
    pub fn restart(&mut self) {
        self.simulation.crash();
        self.running.pods().clear();
        self.uids.clear();
        let revision = self.server.revision();
        let store = Store::restored(revision, self.disk.clone());
        let settings = server::Settings::simulated(self.seed);
        let seed = self.seed.fork(&revision.to_string());
        self.server = Server::new(settings, store, seed, self.now());
        self.server.set_meters(self.running.clone());
        self.settle();
    }

    /// Virtual time.
    pub fn now(&self) -> Now {
        now(&self.simulation)
    }

    /// Answers a request.
    pub fn request(&mut self, request: &Request) -> Answer {
        let answer = self.server.handle(self.now(), request);
        self.settle();
        answer
    }

    /// Reads on in a watch.
    pub fn read_watch(&mut self, watch: &mut Watch) -> WatchRead {
        self.server.read_watch(self.now(), watch)
    }

    /// A pod that runs, by its uid.
    pub fn pod(&self, uid: &str) -> Option<PodHandle> {
        self.running.pods().get(uid).cloned()
    }

    /// Lines that the containers of all pods wrote: `[pod/container] line`.
    pub fn log(&self) -> String {
        self.simulation.log()
    }

    /// The server as it is now.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.simulation.now() + time;
        while self.simulation.now() < end {
            let due = self.server.next_deadline().unwrap_or(end);
            let until = due.min(end).max(self.simulation.now());
            if self.simulation.now() < until {
                self.simulation.step(until);
            }
            self.server.turn(self.now());
            self.settle();
        }
    }

    /// Does what the server wants, and tells it what the pods say, until both are quiet.
    fn settle(&mut self) {
        loop {
            let mut is_quiet = true;
            while let Some(action) = self.server.next_action() {
                is_quiet = false;
                self.perform(action);
            }
            is_quiet &= !self.tell();
            if is_quiet {
                break;
            }
        }
        for Write {
            revision,
            key,
            value,
        } in self.server.take_writes()
        {
            match value {
                Some(value) => self.disk.insert(key, Stored { revision, value }),
                None => self.disk.remove(&key),
            };
        }
    }

    fn perform(&mut self, action: Action) {
        let simulation = &mut self.simulation;
        match action {
            Action::Apply(objects) => {
                // What the network has no room for is not there for pods.
                drop(simulation.catalog().apply(&objects));
            }
            Action::Remove(key) => drop(simulation.delete_object(&key)),
            Action::NodePorts(_) | Action::Forget { .. } => {}
            Action::Start { uid, spec, past } => {
                let name = PodName {
                    namespace: spec.meta.namespace.clone(),
                    name: spec.meta.name.clone(),
                };
                match simulation.start_pod_as(uid.clone(), spec, past) {
                    Ok(handle) => {
                        self.running.pods().insert(uid.clone(), handle);
                        self.uids.insert(name, uid);
                    }
                    Err(error) => {
                        let message = error.to_string();
                        let news = PodNews::NotStarted { message };
                        self.server.pod_news(now(simulation), &uid, news);
                    }
                }
            }
            Action::Update { uid, spec } => self.with(&uid, |pod| pod.update(spec)),
            Action::Conditions { uid, conditions } => {
                self.with(&uid, |pod| pod.set_conditions(conditions));
            }
            Action::Stop { uid, grace } => self.with(&uid, |pod| pod.delete(grace)),
        }
    }

    fn with(&self, uid: &str, call: impl FnOnce(&PodHandle)) {
        if let Some(pod) = self.pod(uid) {
            call(&pod);
        }
    }

    /// Whether there was anything to tell.
    fn tell(&mut self) -> bool {
        let records = self.simulation.records_from(self.read);
        self.read += records.len();
        let now = self.now();
        let mut has_told = false;
        for record in records {
            let news = match record.output {
                Output::Log(_) => continue,
                Output::Event(event) => PodNews::Event(event),
                Output::Status(status) => PodNews::Status(status),
            };
            if let Some(uid) = self.uids.get(&record.pod) {
                has_told = true;
                self.server.pod_news(now, uid, news);
            }
        }
        for uid in self.simulation.take_ended() {
            has_told = true;
            self.uids.retain(|_, known| *known != uid);
            self.running.pods().remove(&uid);
            self.server.pod_news(now, &uid, PodNews::Gone);
        }
        has_told
    }
}

fn now(simulation: &Simulation) -> Now {
    Now {
        instant: simulation.now(),
        wall: simulation.wall_time(),
    }
}
