//! The table of `table.txt`: what every function that a guest can import means for the order of calls.

use seedpod_core::sched::{Access, ObjectKind, Op};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const TEXT: &str = include_str!("table.txt");

/// The end of a process, which no function is.
const END: &str = "exit w StreamHalf w Pipe w Process a Process";

/// What a function means for the order of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Local,
    Refused,
    /// One of the calls that its line names.
    Visible,
}

#[derive(Default)]
struct Table {
    /// By interface, without its version, and name.
    functions: BTreeMap<(&'static str, &'static str), Meaning>,
    /// What each call may touch.
    calls: BTreeMap<&'static str, BTreeSet<(Access, ObjectKind)>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::parse);

/// Whether a simulation has this function of an interface, whose name may have a version.
pub(crate) fn is_simulated(interface: &str, function: &str) -> bool {
    let interface = interface.split('@').next().unwrap_or_default();
    matches!(
        TABLE.functions.get(&(interface, function)),
        Some(Meaning::Local | Meaning::Visible)
    )
}

/// Whether a call of this name may touch what it touches.
pub(crate) fn allows(op: &Op) -> bool {
    TABLE.calls.get(op.call).is_some_and(|allowed| {
        op.touches
            .iter()
            .all(|touch| allowed.contains(&(touch.access, touch.object.kind)))
    })
}

impl Table {
    fn parse() -> Self {
        let mut table = Self::default();
        table.add_call(END);
        let mut interface = "";
        let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
        for line in lines.filter(|line| !line.is_empty()) {
            match line.strip_prefix("  ") {
                None => interface = line,
                Some(line) => table.add(interface, line),
            }
        }
        table
    }

    fn add(&mut self, interface: &'static str, line: &'static str) {
        let (function, rest) = line.split_once(' ').expect("a function and its meaning");
        let meaning = match rest.trim() {
            "local" => Meaning::Local,
            "refused" => Meaning::Refused,
            calls => {
                for call in calls.split('|') {
                    self.add_call(call);
                }
                Meaning::Visible
            }
        };
        let old = self.functions.insert((interface, function), meaning);
        assert!(old.is_none(), "{interface} {function} has two lines");
    }

    fn add_call(&mut self, text: &'static str) {
        let mut words = text.split_whitespace();
        let name = words.next().expect("the name of a call");
        let allowed = self.calls.entry(name).or_default();
        while let Some((access, kind)) = words.next().zip(words.next()) {
            allowed.insert((access_of(access), kind_of(kind)));
        }
    }
}

fn access_of(word: &str) -> Access {
    match word {
        "r" => Access::Read,
        "a" => Access::Add,
        "w" => Access::Write,
        _ => panic!("{word} is no access"),
    }
}

fn kind_of(word: &str) -> ObjectKind {
    use ObjectKind::{
        Capacity, Clock, Container, Directory, Entry, IpcName, Mailbox, Memory, Node, Pipe, Port,
        Process, QueueCount, QueueHead, QueueTail, Semaphore, StreamHalf,
    };
    let kinds = [
        Node, Entry, Directory, Capacity, QueueTail, QueueHead, QueueCount, IpcName, Semaphore,
        Memory, StreamHalf, Port, Mailbox, Pipe, Process, Clock, Container,
    ];
    let found = kinds.into_iter().find(|kind| format!("{kind:?}") == word);
    found.unwrap_or_else(|| panic!("{word} is no kind of object"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wit_parser::{Resolve, TypeDefKind};

    /// Everything that a guest could import of the packages we have the text of.
    fn functions_of_wit() -> BTreeSet<(String, String)> {
        let mut resolve = Resolve {
            all_features: true,
            ..Resolve::default()
        };
        let crate_dir = env!("CARGO_MANIFEST_DIR");
        for file in ["io", "clocks", "random", "filesystem", "sockets", "cli"] {
            let path = format!("{crate_dir}/wit/deps/{file}.wit");
            resolve.push_path(path).unwrap();
        }
        for file in ["ipc", "process"] {
            let path = format!("{crate_dir}/../../guests/sdk/wit/{file}.wit");
            resolve.push_path(path).unwrap();
        }
        let mut functions = BTreeSet::new();
        for (_, interface) in resolve.interfaces.iter() {
            let package = &resolve.packages[interface.package.unwrap()].name;
            let name = interface.name.as_deref().unwrap();
            let name = format!("{}:{}/{name}", package.namespace, package.name);
            // What a program exports.
            if name == "wasi:cli/run" {
                continue;
            }
            let own = interface.functions.keys().cloned();
            let resources = interface.types.values().filter_map(|id| {
                let one = &resolve.types[*id];
                let is_resource = matches!(one.kind, TypeDefKind::Resource);
                is_resource.then(|| format!("[drop]{}", one.name.as_ref().unwrap()))
            });
            functions.extend(
                own.chain(resources)
                    .map(|function| (name.clone(), function)),
            );
        }
        functions
    }

    #[test]
    fn every_function_has_one_line() {
        let listed = TABLE.functions.keys();
        let listed: BTreeSet<_> = listed
            .map(|(interface, function)| ((*interface).to_owned(), (*function).to_owned()))
            .collect();
        let known = functions_of_wit();
        let missing: Vec<_> = known.difference(&listed).collect();
        assert!(missing.is_empty(), "no line for {missing:?}");
        let unknown: Vec<_> = listed.difference(&known).collect();
        assert!(unknown.is_empty(), "a line too many for {unknown:?}");
    }

    #[test]
    fn a_call_touches_only_what_its_line_allows() {
        let op = Op::local("fs.read");
        assert!(allows(&op.clone().touch(ObjectKind::Node, 1, Access::Read)));
        assert!(!allows(&op.touch(ObjectKind::Pipe, 1, Access::Write)));
        assert!(!allows(&Op::local("fs.unheard-of")));
    }

    #[test]
    fn versions_do_not_matter() {
        assert!(is_simulated("wasi:random/random@0.2.3", "get-random-u64"));
        assert!(!is_simulated("wasi:clocks/timezone@0.2.3", "display"));
        assert!(!is_simulated("wasi:http/types@0.2.3", "http-error-code"));
    }
}
