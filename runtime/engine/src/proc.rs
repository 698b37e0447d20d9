//! `/proc`, as far as `ps`, shells and network tools read it.

use crate::guest::PodCell;
use crate::world::PodName;
use bytes::Bytes;
use seedpod_core::pod::security::User;
use seedpod_core::pod::storage;
use seedpod_core::process::{Process, ProcessId, State};
use seedpod_core::spec::{self, Medium, VolumeSource};
use seedpod_core::time::Instant;
use seedpod_core::volume::{Caller, Device, DirEntry, FileType, Synthetic, SyntheticNode};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// `/proc` of one container: the processes of its namespace.
pub(crate) struct Proc {
    cell: Arc<PodCell>,
    spec: Arc<spec::Pod>,
    hostname: String,
    pod: PodName,
    /// Name of the container, which has a mount namespace of its own.
    container: String,
}

impl Proc {
    pub(crate) fn new(
        cell: &Arc<PodCell>,
        spec: Arc<spec::Pod>,
        hostname: String,
        pod: PodName,
        container: &str,
    ) -> Arc<Self> {
        Arc::new(Self {
            cell: cell.clone(),
            spec,
            hostname,
            pod,
            container: container.to_owned(),
        })
    }
}

impl Synthetic for Proc {
    fn node(&self, caller: Caller, path: &str) -> Option<SyntheticNode> {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        match first {
            "" => Some(self.root(caller)),
            "self" if rest.is_empty() => {
                Some(SyntheticNode::Symlink(self.pid_of(caller)?.to_string()))
            }
            "mounts" => Some(SyntheticNode::Symlink("self/mounts".to_owned())),
            "net" => self.net(rest),
            "sys" => self.sys(rest),
            _ => match first.parse() {
                Ok(pid) => self.process(caller, pid, rest),
                Err(_) if rest.is_empty() => self.file(first),
                Err(_) => None,
            },
        }
    }
}

const FILES: [&str; 6] = ["cpuinfo", "loadavg", "meminfo", "stat", "uptime", "version"];
const PROCESS_FILES: [&str; 6] = ["cmdline", "comm", "hostname", "mounts", "stat", "status"];
const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

impl Proc {
    fn root(&self, caller: Caller) -> SyntheticNode {
        let mut entries: Vec<_> = FILES.map(|name| entry(name, FileType::Regular)).into();
        entries.extend(["net", "sys"].map(|name| entry(name, FileType::Directory)));
        entries.extend(["self", "mounts"].map(|name| entry(name, FileType::Symlink)));
        let pids = self.rows(caller, |rows| {
            rows.iter()
                .map(|(_, row)| row.pid.to_string())
                .collect::<Vec<_>>()
        });
        entries.extend(pids.iter().map(|pid| entry(pid, FileType::Directory)));
        SyntheticNode::Directory(entries)
    }

    fn rows<R>(&self, caller: Caller, read: impl FnOnce(Vec<(ProcessId, &Process)>) -> R) -> R {
        self.cell.with(|kernel| {
            let namespace = caller
                .process
                .and_then(|process| kernel.processes.get(process))
                .map(|row| row.namespace);
            match namespace {
                Some(namespace) => read(kernel.processes.list(namespace).collect()),
                None => read(Vec::new()),
            }
        })
    }

    fn pid_of(&self, caller: Caller) -> Option<u32> {
        self.cell
            .with(|kernel| Some(kernel.processes.get(caller.process?)?.pid))
    }

    fn process(&self, caller: Caller, pid: u32, path: &str) -> Option<SyntheticNode> {
        self.rows(caller, |rows| {
            let (id, row) = rows.into_iter().find(|(_, row)| row.pid == pid)?;
            Row {
                id,
                row,
                proc: self,
            }
            .node(path)
        })
    }

    fn file(&self, name: &str) -> Option<SyntheticNode> {
        let uptime = self.cell.now().as_nanos() / 10_000_000;
        let uptime = format!("{}.{:02}", uptime / 100, uptime % 100);
        let text = match name {
            "cpuinfo" => "processor\t: 0\nmodel name\t: WebAssembly\n\n".to_owned(),
            "loadavg" => "0.00 0.00 0.00 1/1 1\n".to_owned(),
            "meminfo" => self.memory_info(),
            "stat" => {
                let boot = self
                    .cell
                    .wall_time()
                    .as_unix_nanos()
                    .saturating_sub(self.cell.now().as_nanos());
                format!("cpu  0 0 0 0 0 0 0 0 0 0\nbtime {}\n", boot / 1_000_000_000)
            }
            "uptime" => format!("{uptime} {uptime}\n"),
            "version" => concat!(
                "Linux version 0.0.0-seedpod (seedpod ",
                env!("CARGO_PKG_VERSION"),
                ")\n"
            )
            .to_owned(),
            _ => return None,
        };
        Some(SyntheticNode::File(text.into()))
    }

    fn memory_info(&self) -> String {
        let limits = self
            .spec
            .all_containers()
            .filter(|spec| spec.name == self.container);
        let limit = limits
            .filter_map(|spec| spec.resources.limits.memory)
            .next();
        let total = limit.unwrap_or(seedpod_core::limits::CONTAINER_MEMORY_DEFAULT);
        let used: u64 = self
            .cell
            .usage()
            .values()
            .map(|usage| usage.memory.load(Ordering::Relaxed))
            .sum();
        let free = total.saturating_sub(used);
        let line = |name: &str, bytes: u64| format!("{name:<16}{:>8} kB\n", bytes >> 10);
        [
            line("MemTotal:", total),
            line("MemFree:", free),
            line("MemAvailable:", free),
        ]
        .concat()
    }

    fn sys(&self, path: &str) -> Option<SyntheticNode> {
        match path {
            "" => Some(directory(&["kernel"])),
            "kernel" => Some(SyntheticNode::Directory(
                ["hostname", "osrelease", "ostype"]
                    .map(|name| entry(name, FileType::Regular))
                    .into(),
            )),
            "kernel/hostname" => Some(text(format!("{}\n", self.hostname))),
            "kernel/osrelease" => Some(text("0.0.0-seedpod\n".to_owned())),
            "kernel/ostype" => Some(text("Linux\n".to_owned())),
            _ => None,
        }
    }

    fn net(&self, path: &str) -> Option<SyntheticNode> {
        let ip = self.cell.with(|kernel| kernel.net.pod_ip());
        match path {
            "" => Some(SyntheticNode::Directory(["dev", "fib_trie", "route"].map(|name| entry(name, FileType::Regular)).into())),
            "dev" => Some(text(
                "Inter-|   Receive                                                |  Transmit\n \
                 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
                 lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n  \
                 eth0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n"
                    .to_owned(),
            )),
            "route" => Some(text(route(ip))),
            "fib_trie" => Some(text(fib_trie(ip))),
            _ => None,
        }
    }

    /// The kernel names a namespace by an inode number; ours follow from what owns it.
    fn namespace_id(&self, kind: &str, row: &Process) -> u32 {
        let owner = match kind {
            "pid" => format!(
                "{}/{}/{:?}",
                self.pod.namespace, self.pod.name, row.namespace
            ),
            "mnt" | "cgroup" => {
                format!("{}/{}/{}", self.pod.namespace, self.pod.name, row.container)
            }
            "user" => String::new(),
            _ => format!("{}/{}", self.pod.namespace, self.pod.name),
        };
        let seed = seedpod_core::seed::Seed::new(0).fork(kind).fork(&owner);
        4_026_532_000 + (seed.number() % 100_000_000) as u32
    }
}

/// One process while it is being shown.
struct Row<'a> {
    id: ProcessId,
    row: &'a Process,
    proc: &'a Proc,
}

impl Row<'_> {
    fn node(&self, path: &str) -> Option<SyntheticNode> {
        match path {
            "" => {
                let mut entries: Vec<_> = PROCESS_FILES
                    .map(|name| entry(name, FileType::Regular))
                    .into();
                entries.extend(["fd", "ns"].map(|name| entry(name, FileType::Directory)));
                entries.push(entry("exe", FileType::Symlink));
                Some(SyntheticNode::Directory(entries))
            }
            "ns" => Some(SyntheticNode::Directory(
                NAMESPACES.map(|name| entry(name, FileType::Symlink)).into(),
            )),
            "exe" => Some(SyntheticNode::Symlink(self.row.program.path.clone())),
            "fd" => Some(SyntheticNode::Directory(
                ["0", "1", "2"]
                    .map(|name| entry(name, FileType::Device))
                    .into(),
            )),
            "fd/0" | "fd/1" | "fd/2" => {
                let number = path.bytes().last()? - b'0';
                Some(SyntheticNode::Device(Device::Descriptor(self.id, number)))
            }
            "cmdline" => {
                let line: String = self
                    .row
                    .program
                    .arguments
                    .iter()
                    .map(|argument| format!("{argument}\0"))
                    .collect();
                Some(SyntheticNode::File(line.into()))
            }
            "comm" => Some(text(format!("{}\n", self.command()))),
            "hostname" => Some(text(format!("{}\n", self.proc.hostname))),
            "mounts" => Some(text(self.mounts())),
            "stat" => Some(text(self.stat())),
            "status" => Some(text(self.status())),
            _ => {
                let kind = path
                    .strip_prefix("ns/")
                    .filter(|kind| NAMESPACES.contains(kind))?;
                Some(SyntheticNode::Symlink(format!(
                    "{kind}:[{}]",
                    self.proc.namespace_id(kind, self.row)
                )))
            }
        }
    }

    /// At most 15 bytes, as the kernel keeps it.
    fn command(&self) -> String {
        let path = self
            .row
            .program
            .arguments
            .first()
            .map_or("", String::as_str);
        path.rsplit('/')
            .next()
            .unwrap_or(path)
            .chars()
            .take(15)
            .collect()
    }

    fn parent_pid(&self) -> u32 {
        // The table is locked by whoever shows this row, so the parent's pid comes with the row.
        self.row.parent_pid
    }

    fn state(&self) -> (&'static str, &'static str) {
        match self.row.state {
            State::Alive => ("S", "sleeping"),
            State::Zombie(_) => ("Z", "zombie"),
        }
    }

    fn usage(&self) -> (u64, u64) {
        let usage = self.proc.cell.usage();
        usage.get(&self.id).map_or((0, 0), |usage| {
            (
                usage.memory.load(Ordering::Relaxed),
                usage.cpu_time.load(Ordering::Relaxed),
            )
        })
    }

    fn mounts(&self) -> String {
        let mut lines =
            "overlay / overlay rw,relatime 0 0\nproc /proc proc ro 0 0\ntmpfs /dev tmpfs rw 0 0\n"
                .to_owned();
        let container = self
            .proc
            .spec
            .all_containers()
            .find(|spec| spec.name == self.row.container);
        for mount in container.into_iter().flat_map(|spec| &spec.volume_mounts) {
            let access = if mount.read_only { "ro" } else { "rw" };
            let (name, path) = (&mount.name, &mount.mount_path);
            let mut volumes = self.proc.spec.volumes.iter();
            let volume = volumes.find(|volume| volume.name == *name);
            let line = match volume.map(|volume| &volume.source) {
                Some(VolumeSource::EmptyDir(dir)) if dir.medium == Medium::Memory => {
                    let size = storage::memory_volume_bytes(&self.proc.spec, dir) / 1024;
                    format!("tmpfs {path} tmpfs {access},relatime,size={size}k 0 0\n")
                }
                Some(VolumeSource::Secret(_) | VolumeSource::Projected(_)) => {
                    format!("tmpfs {path} tmpfs ro,relatime 0 0\n")
                }
                _ => format!("{name} {path} volume {access},relatime 0 0\n"),
            };
            lines.push_str(&line);
        }
        lines
    }

    /// proc_pid_stat(5), in hundredths of a second.
    fn stat(&self) -> String {
        let (memory, cpu_time) = self.usage();
        let ticks = |nanos: u64| nanos / 10_000_000;
        let started = ticks(self.row.started.saturating_since(Instant::ZERO).as_nanos() as u64);
        format!(
            "{pid} ({command}) {state} {parent} {pid} {pid} 0 -1 0 0 0 0 0 {cpu} 0 0 0 20 0 1 0 {started} {memory} {pages} \
             18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
            pid = self.row.pid,
            command = self.command(),
            state = self.state().0,
            parent = self.parent_pid(),
            cpu = ticks(cpu_time),
            pages = memory >> 12,
        )
    }

    fn status(&self) -> String {
        let (memory, _) = self.usage();
        let (letter, word) = self.state();
        let (pid, parent, kib) = (self.row.pid, self.parent_pid(), memory >> 10);
        let command = self.command();
        let User {
            uid,
            gid,
            supplemental_groups,
        } = self.proc.cell.user(&self.row.container);
        let groups: String = supplemental_groups
            .iter()
            .map(|id| format!("{id} "))
            .collect();
        format!(
            "Name:\t{command}\nState:\t{letter} ({word})\nTgid:\t{pid}\nPid:\t{pid}\nPPid:\t{parent}\n\
             Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\nGroups:\t{groups}\nVmSize:\t{kib} kB\nVmRSS:\t{kib} kB\nThreads:\t1\n"
        )
    }
}

fn entry(name: &str, kind: FileType) -> DirEntry {
    DirEntry {
        name: name.to_owned(),
        kind,
    }
}

fn directory(names: &[&str]) -> SyntheticNode {
    SyntheticNode::Directory(
        names
            .iter()
            .map(|name| entry(name, FileType::Directory))
            .collect(),
    )
}

fn text(text: String) -> SyntheticNode {
    SyntheticNode::File(Bytes::from(text))
}

fn fib_trie(ip: Ipv4Addr) -> String {
    format!(
        "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
         Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- {ip}\n        /32 host LOCAL\n     \
         +-- 127.0.0.0/8 2 0 2\n        |-- 127.0.0.1\n           /32 host LOCAL\n"
    )
}

fn route(ip: Ipv4Addr) -> String {
    let network = u32::from_le_bytes(ip.octets()) & 0x0000_ffff;
    format!(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
         eth0\t{network:08X}\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    )
}
