//! A client that lists and watches, as informers do, always ends with what a simple model says there is: with selectors,
//! in pages, through watches that are begun again, through reads that were never made, and through changes that the
//! server has forgotten.

use crate::server::{Conversation, request_of};
use proptest::prelude::{Strategy, any, prop_oneof, proptest};
use seedpod_api::server::{Answer, Now, Watch};
use seedpod_core::limits::CHANGES_BYTES_MAX;
use seedpod_core::time::WallTime;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

/// Holder by name, of what is selected.
type View = BTreeMap<String, String>;

#[derive(Clone, Debug)]
enum Step {
    /// One is there after that, with this label and holder.
    Put { name: u8, label: u8, holder: u8 },
    /// One is not there after that.
    Delete { name: u8 },
    /// All of a label are not there after that.
    DeleteAll { label: u8 },
    /// So many changes of something else that the server forgets what was before.
    Flood,
    /// A client reads what there is for it.
    Read { client: usize },
    /// A client begins its watch again where it is.
    Resume { client: usize },
    /// A client forgets all and begins anew.
    Restart { client: usize },
    /// Time passes.
    Wait { seconds: u8 },
}

/// How a client learns of what is there at first.
#[derive(Clone, Copy, Debug)]
enum Start {
    ListInPages,
    WatchList,
    OldWatch,
}

struct Client {
    start: Start,
    label: Option<u8>,
    view: View,
    revision: String,
    watch: Option<Box<Watch>>,
}

struct World {
    conversation: Conversation,
    now: Now,
    /// Label and holder by name.
    model: BTreeMap<String, (u8, String)>,
}

impl World {
    fn request(&mut self, text: &str) -> (u16, Value) {
        match self.conversation.server.handle(self.now, &request_of(text)) {
            Answer::Response(response) => (
                response.status.as_u16(),
                serde_json::from_slice(&response.body).unwrap(),
            ),
            other => panic!("{text}: {other:?}"),
        }
    }

    fn put(&mut self, name: &str, label: u8, holder: &str) {
        let object = json!({
            "metadata": {"name": name, "labels": {"l": label.to_string()}},
            "spec": {"holderIdentity": holder},
        });
        let (code, _) = match self.model.contains_key(name) {
            true => self.request(&format!(
                "PATCH {LEASES}/{name}\ncontent-type: application/merge-patch+json\n\n{object}"
            )),
            false => self.request(&format!("POST {LEASES}\n\n{object}")),
        };
        assert!(matches!(code, 200 | 201));
        self.model
            .insert(name.to_owned(), (label, holder.to_owned()));
    }

    fn step(&mut self, step: &Step, clients: &mut [Client]) {
        match step {
            Step::Put {
                name,
                label,
                holder,
            } => self.put(&format!("n{name}"), *label, &format!("h{holder}")),
            Step::Delete { name } => {
                let name = format!("n{name}");
                let (code, _) = self.request(&format!("DELETE {LEASES}/{name}"));
                let was_there = self.model.remove(&name).is_some();
                assert_eq!(code, if was_there { 200 } else { 404 });
            }
            Step::DeleteAll { label } => {
                let path = format!("DELETE {LEASES}?labelSelector=l={label}");
                let (_, list) = self.request(&path);
                let count = self.model.len();
                self.model.retain(|_, (own, _)| own != label);
                let items = list["items"].as_array().unwrap();
                assert_eq!(items.len(), count - self.model.len());
            }
            Step::Flood => {
                for letter in ["a", "b"].repeat(12) {
                    self.put("flood", 9, &letter.repeat(CHANGES_BYTES_MAX / 24));
                }
                self.request(&format!("DELETE {LEASES}/flood"));
                self.model.remove("flood");
            }
            Step::Read { client } => clients[*client].read(self),
            Step::Resume { client } => clients[*client].watch = None,
            Step::Restart { client } => clients[*client].restart(self),
            Step::Wait { seconds } => {
                self.now.instant += Duration::from_secs((*seconds).into());
                self.now.wall = WallTime::default().at(self.now.instant);
                self.conversation.server.turn(self.now);
            }
        }
    }

    fn expected(&self, label: Option<u8>) -> View {
        let all = self.model.iter();
        let selected = all.filter(|(_, (own, _))| label.is_none_or(|label| label == *own));
        selected
            .map(|(name, (_, holder))| (name.clone(), holder.clone()))
            .collect()
    }
}

impl Client {
    fn new(start: Start, label: Option<u8>) -> Self {
        Self {
            start,
            label,
            view: View::new(),
            revision: String::new(),
            watch: None,
        }
    }

    fn selector(&self) -> String {
        match self.label {
            Some(label) => format!("&labelSelector=l%20in%20({label})"),
            None => String::new(),
        }
    }

    fn watch(&mut self, world: &mut World, query: &str) {
        let selector = self.selector();
        let path = format!(
            "GET {LEASES}?watch=1&allowWatchBookmarks=true&timeoutSeconds=100{query}{selector}"
        );
        match world
            .conversation
            .server
            .handle(world.now, &request_of(&path))
        {
            Answer::Watch(watch) => self.watch = Some(watch),
            other => panic!("{other:?}"),
        }
    }

    fn restart(&mut self, world: &mut World) {
        self.view.clear();
        self.revision.clear();
        match self.start {
            Start::ListInPages => self.list(world),
            Start::WatchList => {
                let query = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
                self.watch(world, query);
            }
            Start::OldWatch => self.watch(world, "&resourceVersion=0"),
        }
    }

    fn list(&mut self, world: &mut World) {
        let mut token = String::new();
        loop {
            let selector = self.selector();
            let path = format!("GET {LEASES}?limit=2{selector}{token}");
            let (code, list) = world.request(&path);
            assert_eq!(code, 200, "{list}");
            for item in list["items"].as_array().unwrap() {
                self.take("ADDED", item);
            }
            self.revision = text(&list["metadata"]["resourceVersion"]);
            match list["metadata"]["continue"].as_str() {
                Some(next) => token = format!("&continue={next}"),
                None => break,
            }
        }
        self.resume(world);
    }

    fn resume(&mut self, world: &mut World) {
        let query = format!("&resourceVersion={}", self.revision);
        self.watch(world, &query);
    }

    /// What a cache makes of an event. An event that does not fit to what was before is a defect.
    fn take(&mut self, kind: &str, object: &Value) {
        if kind != "BOOKMARK" {
            let name = text(&object["metadata"]["name"]);
            let holder = text(&object["spec"]["holderIdentity"]);
            match kind {
                "ADDED" => assert_eq!(self.view.insert(name, holder), None),
                "MODIFIED" => assert!(self.view.insert(name, holder).is_some()),
                "DELETED" => assert!(self.view.remove(&name).is_some()),
                other => panic!("{other}"),
            }
        }
        if kind != "ADDED" || self.watch.is_some() {
            self.revision = text(&object["metadata"]["resourceVersion"]);
        }
    }

    fn read(&mut self, world: &mut World) {
        if self.watch.is_none() {
            match self.revision.is_empty() {
                true => self.restart(world),
                false => self.resume(world),
            }
        }
        while let Some(mut watch) = self.watch.take() {
            let read = world.conversation.server.read_watch(world.now, &mut watch);
            self.watch = Some(watch);
            let is_empty = read.bytes.is_empty();
            for line in read.bytes.split(|byte| *byte == b'\n') {
                if line.is_empty() {
                    continue;
                }
                let event: Value = serde_json::from_slice(line).unwrap();
                if event["type"] == "ERROR" {
                    assert_eq!(event["object"]["code"], 410);
                    self.restart(world);
                    return self.read(world);
                }
                self.take(event["type"].as_str().unwrap(), &event["object"]);
            }
            if read.is_over {
                self.resume(world);
            } else if is_empty {
                return;
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn check(steps: &[Step]) {
    let mut world = World {
        conversation: Conversation::new(),
        now: Now::default(),
        model: BTreeMap::new(),
    };
    let mut clients = [
        Client::new(Start::ListInPages, None),
        Client::new(Start::ListInPages, Some(1)),
        Client::new(Start::WatchList, None),
        Client::new(Start::WatchList, Some(0)),
        Client::new(Start::OldWatch, Some(1)),
    ];
    for step in steps {
        world.step(step, &mut clients);
    }
    for client in &mut clients {
        client.read(&mut world);
        assert_eq!(
            client.view,
            world.expected(client.label),
            "{:?}",
            client.start
        );
    }
}

fn steps() -> impl Strategy<Value = Step> {
    let put = (0_u8..6, 0_u8..3, any::<u8>()).prop_map(|(name, label, holder)| Step::Put {
        name,
        label,
        holder,
    });
    prop_oneof![
        8 => put,
        3 => (0_u8..6).prop_map(|name| Step::Delete { name }),
        1 => (0_u8..3).prop_map(|label| Step::DeleteAll { label }),
        4 => (0_usize..5).prop_map(|client| Step::Read { client }),
        2 => (0_usize..5).prop_map(|client| Step::Resume { client }),
        1 => (0_usize..5).prop_map(|client| Step::Restart { client }),
        1 => any::<u8>().prop_map(|seconds| Step::Wait { seconds }),
    ]
}

proptest! {
    #[test]
    fn clients_see_what_is_there(steps in proptest::collection::vec(steps(), 0..80).boxed()) {
        check(&steps);
    }
}

#[test]
fn a_client_that_comes_too_late_begins_anew() {
    let put = |name| Step::Put {
        name,
        label: 1,
        holder: 0,
    };
    let reads = (0..5).map(|client| Step::Read { client });
    let mut steps: Vec<Step> = [put(1), put(2)].into_iter().chain(reads.clone()).collect();
    steps.extend([Step::Delete { name: 1 }, put(3), Step::Flood]);
    steps.extend(reads);
    check(&steps);
}

#[test]
fn an_expired_page_can_be_gone_on_with() {
    let mut world = World {
        conversation: Conversation::new(),
        now: Now::default(),
        model: BTreeMap::new(),
    };
    for name in ["a", "b", "c"] {
        world.put(name, 1, "h");
    }
    let (_, first) = world.request(&format!("GET {LEASES}?limit=1"));
    let token = text(&first["metadata"]["continue"]);
    world.step(&Step::Flood, &mut []);
    let (code, error) = world.request(&format!("GET {LEASES}?limit=1&continue={token}"));
    assert_eq!((code, &error["reason"]), (410, &json!("Expired")));
    let token = text(&error["metadata"]["continue"]);
    let (code, rest) = world.request(&format!("GET {LEASES}?continue={token}"));
    let names = rest["items"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|item| text(&item["metadata"]["name"])).collect();
    assert_eq!((code, names), (200, vec!["b".to_owned(), "c".to_owned()]));
}

#[test]
fn a_thousand_watches_of_one_change_read_the_same_bytes() {
    let mut world = World {
        conversation: Conversation::new(),
        now: Now::default(),
        model: BTreeMap::new(),
    };
    let clients =
        (0..1000).map(|number| Client::new(Start::OldWatch, (number % 2 == 0).then_some(1)));
    let mut clients: Vec<Client> = clients.collect();
    for client in &mut clients {
        client.read(&mut world);
    }
    world.put("a", 1, "h");
    let mut lines = clients.iter_mut().map(|client| {
        let watch = client.watch.as_mut().unwrap();
        world.conversation.server.read_watch(world.now, watch).bytes
    });
    let first = lines.next().unwrap();
    assert!(!first.is_empty());
    assert!(lines.all(|line| line.as_ptr() == first.as_ptr()));
}
