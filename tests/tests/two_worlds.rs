//! Every example pod in both worlds: in real time as `seedpod run` has it, and simulated in the default order. What does
//! not depend on time and chance must be the same.

use seedpod::spec::{GracePeriod, Objects};
use seedpod::status::{ContainerState, Status};
use seedpod::{Node, Pod};
use seedpod_core::seed::Seed;
use seedpod_engine::world::Output;
use seedpod_tests::{Pods, manifest, root};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;
use tokio::time::timeout;

/// What one container showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shown {
    lines: Vec<String>,
    state: String,
}

/// By pod and container.
type World = BTreeMap<(String, String), Shown>;

/// How long a pod of a manifest is simulated. None of them does anything new later.
const SIMULATED_SECONDS: u64 = 130;

/// How long the real world may need for the same.
const PATIENCE: Duration = Duration::from_secs(240);

fn manifests() -> Vec<String> {
    let entries = fs::read_dir(root().join("manifests")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".yaml")).collect();
    names.sort();
    names
}

fn load(name: &str) -> Objects {
    let source = seedpod_api::Source {
        name: name.to_owned(),
        bytes: manifest(name).into_bytes(),
    };
    match seedpod_api::load(&[source]) {
        Ok(loaded) => {
            let mut objects = loaded.objects;
            // Ports of the machine may be taken, by another test among others.
            for pod in &mut objects.pods {
                for container in &mut pod.containers {
                    container
                        .ports
                        .iter_mut()
                        .for_each(|port| port.host_port = None);
                }
            }
            objects
        }
        Err(errors) => panic!("{errors:?}"),
    }
}

fn state_of(state: &ContainerState) -> String {
    match state {
        ContainerState::Waiting(waiting) => waiting.reason.to_string(),
        ContainerState::Running { .. } => "Running".to_owned(),
        ContainerState::Terminated(end) => format!("{} {}", end.reason, end.exit_code),
    }
}

fn add_states(world: &mut World, pod: &str, status: &Status) {
    for container in status.all_containers() {
        let key = (pod.to_owned(), container.name.clone());
        let shown = world.entry(key).or_default();
        shown.state = state_of(&container.state);
        if container.restart_count > 0 {
            let _infallible = write!(shown.state, ", {} restarts", container.restart_count);
        }
    }
}

fn simulated(name: &str) -> World {
    let mut pods = Pods::start_with_seed(&manifest(name), Seed::new(1));
    pods.run(SIMULATED_SECONDS);
    let mut world = World::new();
    for pod in load(name).pods {
        let pod = pod.meta.name;
        if let Some(status) = pods.status(&pod) {
            add_states(&mut world, &pod, &status);
        }
    }
    for record in pods.records() {
        if let Output::Log(line) = record.output {
            let key = (record.pod.name, line.container);
            let text = String::from_utf8_lossy(&line.bytes).into_owned();
            world.entry(key).or_default().lines.push(text);
        }
    }
    world
}

/// Runs a manifest in real time until every container has written as much and come as far as in the simulation.
async fn real(name: &str, simulated: &World) -> World {
    let node = Node::builder().image_folder(root()).build().unwrap();
    let pods = node.start(&load(name), &[]).unwrap().pods;
    let mut world = World::new();
    for pod in &pods {
        let wanted = simulated.range((pod.name().name.clone(), String::new())..);
        let wanted: World = wanted
            .take_while(|((of, _), _)| *of == pod.name().name)
            .map(|(key, shown)| (key.clone(), shown.clone()))
            .collect();
        if timeout(PATIENCE, follow(pod, &wanted, &mut world))
            .await
            .is_err()
        {
            eprintln!("{name}: {} is late", pod.name().name);
        }
        if let Some(status) = pod.status() {
            add_states(&mut world, &pod.name().name, &status);
        }
    }
    for pod in &pods {
        pod.delete(Some(GracePeriod { seconds: 0 }));
    }
    world
}

async fn follow(pod: &Pod, wanted: &World, world: &mut World) {
    let pod_name = &pod.name().name;
    let mut missing: usize = wanted.values().map(|shown| shown.lines.len()).sum();
    let mut logs = pod.logs();
    while missing > 0
        && let Some(line) = logs.next().await
    {
        let key = (pod_name.clone(), line.container);
        let lines = &mut world.entry(key.clone()).or_default().lines;
        let expected = wanted.get(&key).map_or(0, |shown| shown.lines.len());
        if lines.len() < expected {
            missing -= 1;
            lines.push(String::from_utf8_lossy(&line.bytes).into_owned());
        }
    }
    let as_far = |status: &Status| {
        let mut seen = World::new();
        add_states(&mut seen, pod_name, status);
        wanted
            .iter()
            .all(|(key, shown)| seen.get(key).is_some_and(|seen| seen.state == shown.state))
    };
    let _ended_elsewhere = pod.wait_for(as_far).await;
}

/// What time, chance and sizes of processes leave of a line: digits, and words in hex where a program draws them.
fn shape(line: &str) -> String {
    let words = line.split_whitespace().map(|word| {
        let is_name = DAYS_AND_MONTHS.contains(&word);
        let is_drawn = line.starts_with("Produced: ") || line.starts_with("Consumed: ");
        match word {
            _ if is_name => "#".to_owned(),
            "done" | "Produced:" | "Consumed:" => word.to_owned(),
            _ if is_drawn => "#".to_owned(),
            _ => {
                let mut text = word.to_owned();
                for name in DAYS_AND_MONTHS {
                    text = text.replace(name, "#");
                }
                let mut shape = String::new();
                for letter in text.chars() {
                    match letter {
                        '0'..='9' if shape.ends_with('#') => {}
                        '0'..='9' => shape.push('#'),
                        letter => shape.push(letter),
                    }
                }
                shape
            }
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

const DAYS_AND_MONTHS: [&str; 19] = [
    "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A line for each line and state, container by container.
fn comparable(world: &World) -> String {
    let mut text = String::new();
    for ((pod, container), shown) in world {
        for line in &shown.lines {
            let _infallible = writeln!(text, "[{pod}/{container}] {}", shape(line));
        }
        let _infallible = writeln!(text, "{pod}/{container}: {}", shown.state);
    }
    text
}

/// Two messages of one producer come in the order in which they were sent, whatever they are.
fn check_order(world: &World) {
    for ((pod, container), shown) in world {
        if container != "consumer" {
            continue;
        }
        let words = |shown: &Shown, verb: &str| -> Vec<String> {
            let lines = shown.lines.iter();
            let words = lines.filter_map(|line| line.strip_prefix(verb));
            words
                .filter(|word| *word != "done")
                .map(str::to_owned)
                .collect()
        };
        let producer = world.get(&(pod.clone(), "producer".to_owned()));
        let produced = producer.map(|shown| words(shown, "Produced: "));
        assert_eq!(words(shown, "Consumed: "), produced.unwrap_or_default());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_does_the_same_in_both_worlds() {
    let mut running = Vec::new();
    for name in manifests() {
        let simulated = simulated(&name);
        running.push(tokio::spawn(async move {
            let real = real(&name, &simulated).await;
            (name, simulated, real)
        }));
    }
    let mut differing = String::new();
    for world in running {
        let (name, simulated, real) = world.await.unwrap();
        check_order(&simulated);
        check_order(&real);
        let (simulated, real) = (comparable(&simulated), comparable(&real));
        if simulated != real {
            let _infallible = writeln!(
                differing,
                "--- {name}, simulated\n{simulated}--- {name}, in real time\n{real}"
            );
        }
    }
    assert_eq!(differing, "");
}
