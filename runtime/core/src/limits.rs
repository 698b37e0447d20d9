//! A bound on everything a guest or a manifest can make grow. One line each: unit, and why this number.

mod server;

pub use server::*;

/// Processes of a pod, zombies included. Each is an instance with its own memory; a fork bomb ends here.
pub const PROCESSES_PER_POD: usize = 512;

/// Bytes a pipe holds before a writer waits (Linux: 64 KiB).
pub const PIPE_BYTES: usize = 64 << 10;

/// Pipes of a pod: 64 MiB, as Linux' `fs.pipe-user-pages-soft` has it for a user.
pub const PIPES_PER_POD: usize = 1024;

/// Core instances, memories and tables of one process; a program of the usual toolchains has four instances, one memory
/// and three tables.
pub const INSTANCES_PER_PROCESS: usize = 64;

/// Entries of one table, which are what a program can take the address of: functions.
pub const TABLE_ELEMENTS: usize = 1 << 20;

/// Streams to standard descriptors that one process holds; each may keep 64 KiB that a pipe has no room for yet.
pub const OUTPUT_STREAMS_PER_PROCESS: usize = 64;

/// Threads that compile programs, at most: a fork bomb of different programs waits for its turn.
pub const COMPILE_THREADS: usize = 4;

/// Bytes of compiled code kept on disk; the oldest goes. The images that come with seedpod have some 30 MiB.
pub const COMPILED_BYTES_MAX: u64 = 1 << 30;

/// Programs noted to be compiled once more with optimization; what does not fit is noted by its next run.
pub const OPTIMIZATIONS_PENDING: usize = 64;

/// Descriptors a process can be given at its start.
pub const DESCRIPTORS_PER_SPAWN: usize = 64;

/// Bytes of arguments and environment together (Linux `ARG_MAX`: 128 KiB).
pub const ARG_BYTES: usize = 128 << 10;

/// Bytes of output of a container that wait for the world; then its writers wait.
pub const LOG_BYTES_PENDING: usize = 256 << 10;

/// A line longer than this is logged in parts (containerd: 16 KiB).
pub const LOG_LINE_BYTES: usize = 16 << 10;

/// Linear memory of a container without a limit of its own, in bytes.
pub const CONTAINER_MEMORY_DEFAULT: u64 = 4 << 30;

/// Open sockets of a pod: twice the ephemeral ports, so that those run out first, as on Linux.
pub const SOCKETS_PER_POD: usize = 32 << 10;

/// Connections that wait for `accept`, at most (Linux `net.core.somaxconn`).
pub const SOCKET_BACKLOG_MAX: usize = 4096;

/// The same, when the program does not say (Rust's `std`: 128).
pub const SOCKET_BACKLOG_DEFAULT: usize = 128;

/// Connects that wait for room in one listener's backlog; more time out at once.
pub const SOCKET_CONNECTS_WAITING: usize = 4096;

/// `SO_RCVBUF` and `SO_SNDBUF` of a new socket, in bytes (Linux `tcp_rmem`: 128 KiB).
pub const SOCKET_BUFFER_BYTES_DEFAULT: usize = 128 << 10;

/// The smallest such buffer, in bytes (Linux: 4.5 and 2.2 KiB).
pub const SOCKET_BUFFER_BYTES_MIN: usize = 4 << 10;

/// The largest such buffer, in bytes (Linux `tcp_rmem`: 6 MiB; a quarter suffices without a wire's delay).
pub const SOCKET_BUFFER_BYTES_MAX: usize = 2 << 20;

/// Bytes shared by the buffers of all sockets of a pod: the n-th socket gets at most the n-th part of it.
pub const SOCKET_BUFFER_BYTES_PER_POD: usize = 256 << 20;

/// Bytes one write to a stream may have: stays in the cache, and below where allocators ask the system.
pub const SOCKET_WRITE_BYTES_MAX: usize = 64 << 10;

/// Bytes of datagrams that wait in a UDP socket (Linux `net.core.rmem_default`); more are dropped.
pub const DATAGRAM_QUEUE_BYTES_DEFAULT: usize = 212_992;

/// What a waiting datagram costs besides its payload, in bytes (Linux counts the `sk_buff`).
pub const DATAGRAM_OVERHEAD_BYTES: usize = 512;

/// Payload of a datagram in bytes: 65,535 less the headers of IPv4 and UDP.
pub const DATAGRAM_BYTES_MAX_IPV4: usize = 65_507;

/// Payload of a datagram in bytes: 65,535 less the header of UDP.
pub const DATAGRAM_BYTES_MAX_IPV6: usize = 65_527;

/// Datagrams one call sends.
pub const DATAGRAMS_PER_SEND: usize = 16;

/// Services whose backend a UDP socket remembers; the oldest is forgotten.
pub const DATAGRAM_SERVICES_REMEMBERED: usize = 64;

/// Outside addresses that exchange datagrams with one pod.
pub const DATAGRAM_OUTSIDE_PEERS: usize = 1024;

/// Connects and name look-ups of a pod that the world has not taken yet; more are refused.
pub const OUTSIDE_REQUESTS_PENDING: usize = 1024;

/// Addresses and names of which a pod reports once that the egress policy denied them.
pub const EGRESS_DENIALS_REPORTED: usize = 64;

/// Bytes of a host name (RFC 1035).
pub const HOST_NAME_BYTES_MAX: usize = 253;

/// Pods on one virtual pod network, 10.244.0.0/16, whose first address is the node's.
pub const PODS_PER_FABRIC: usize = (1 << 16) - 3;

/// Services on one virtual pod network, 10.96.0.0/16.
pub const SERVICES_PER_FABRIC: usize = (1 << 16) - 2;
/// ConfigMaps, and as many Secrets, that the pods of one node can refer to.
pub const OBJECTS_PER_KIND: usize = 1 << 16;
/// Name servers of a pod (Kubernetes: `MaxDNSNameservers`, as glibc).
pub const DNS_NAMESERVERS_MAX: usize = 3;
/// Search domains of a pod (Kubernetes: `MaxDNSSearchPaths`).
pub const DNS_SEARCHES_MAX: usize = 32;
/// Bytes of all search domains with a space between them (Kubernetes: `MaxDNSSearchListChars`).
pub const DNS_SEARCH_BYTES_MAX: usize = 2048;
/// Bytes of an answer of the name server in one datagram, for a client that says nothing (RFC 1035).
pub const DNS_DATAGRAM_BYTES: usize = 512;
/// Bytes of such an answer at most (DNS flag day 2020, CoreDNS).
pub const DNS_DATAGRAM_BYTES_MAX: usize = 1232;
/// Connections of a pod to the name server; of more, the oldest is closed.
pub const DNS_CONNECTIONS_PER_POD: usize = 16;
/// Addresses of one name in `/etc/hosts`.
pub const ADDRESSES_PER_NAME: usize = 64;
/// Bytes of `/etc/hosts` and of `/etc/resolv.conf` that a look-up reads.
pub const NAME_FILE_BYTES_MAX: usize = 64 << 10;
/// Files and directories of an `emptyDir` on disk that are counted when it is measured; further ones are free.
pub const HOST_ENTRIES_COUNTED: usize = 1 << 17;
/// Bytes of a file of variables that `fileKeyRef` reads; enough for what an environment can hold.
pub const ENV_FILE_BYTES_MAX: usize = 1 << 20;
/// Bytes of the name of a POSIX object after its slash (Linux `NAME_MAX`).
pub const IPC_NAME_BYTES: usize = 255;

/// Message queues, semaphores and memory objects one process has open (Linux `RLIMIT_NOFILE`: 1024).
pub const IPC_HANDLES_PER_PROCESS: usize = 1024;

/// POSIX message queues of a pod (Linux `queues_max`).
pub const MQUEUES: usize = 256;

/// Messages of a queue that says nothing about it (Linux `msg_default`).
pub const MQUEUE_MESSAGES_DEFAULT: u32 = 10;

/// Messages a queue may ask for (Linux `HARD_MSGMAX`; its soft limit of 10 is for unprivileged users).
pub const MQUEUE_MESSAGES: u32 = 65_536;

/// Bytes of a message in a queue that says nothing about it (Linux `msgsize_default`).
pub const MQUEUE_MESSAGE_BYTES_DEFAULT: u32 = 8192;

/// Bytes of a message a queue may ask for (Linux `HARD_MSGSIZEMAX`: 16 MiB).
pub const MQUEUE_MESSAGE_BYTES: u32 = 16 << 20;

/// Bytes all queues of a pod may hold when full, reserved when a queue is made as on Linux (`RLIMIT_MSGQUEUE`, there 800
/// kB for each user).
pub const MQUEUE_BYTES_TOTAL: u64 = 64 << 20;

/// What a queued message costs besides its bytes (Linux: `struct msg_msg`, 48 bytes).
pub const MESSAGE_OVERHEAD_BYTES: u64 = 48;

/// Priorities of a message queue (POSIX `MQ_PRIO_MAX`).
pub const MQUEUE_PRIORITIES: u32 = 32_768;

/// POSIX semaphores of a pod, named and unnamed (as many as System V sets on Linux).
pub const SEMAPHORES: usize = 32_000;

/// Greatest value of a POSIX semaphore (Linux `SEM_VALUE_MAX`).
pub const SEMAPHORE_VALUE: u32 = i32::MAX as u32;

/// Shared memory objects and segments of a pod (Linux `SHMMNI`).
pub const SHARED_MEMORY_OBJECTS: usize = 4096;

/// Bytes of all shared memory of a pod (the `/dev/shm` of a container is 64 MiB).
pub const SHARED_MEMORY_BYTES_TOTAL: u64 = 64 << 20;

/// System V message queues of a pod (Linux `MSGMNI`).
pub const MSG_QUEUES: usize = 32_000;

/// Bytes of a System V message (Linux `MSGMAX`).
pub const MSG_BYTES: usize = 8192;

/// Bytes a System V queue holds, and messages as well (Linux `MSGMNB`).
pub const MSG_QUEUE_BYTES: u32 = 16_384;

/// Bytes of all System V messages of a pod, those of waiting senders included (Linux: the memory of the container).
pub const MSG_BYTES_TOTAL: u64 = 64 << 20;

/// System V semaphore sets of a pod (Linux `SEMMNI`).
pub const SEM_SETS: usize = 32_000;

/// Semaphores of a System V set (Linux `SEMMSL`).
pub const SEM_PER_SET: u32 = 32_000;

/// Semaphores of all System V sets (Linux `SEMMNS` is a thousand times more, and memory).
pub const SEM_TOTAL: usize = 1 << 20;

/// Operations of one `semop` (Linux `SEMOPM`).
pub const SEM_OPERATIONS: usize = 500;

/// Greatest value of a System V semaphore, and of its `SEM_UNDO` adjustment (Linux `SEMVMX`, `SEMAEM`).
pub const SEM_VALUE: i32 = 32_767;

/// `SEM_UNDO` adjustments of a pod, one for each process and semaphore (Linux: memory).
pub const SEM_UNDO_TOTAL: usize = 65_536;

// Files.

/// Bytes of a file name: Linux' `NAME_MAX`.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// Bytes of a path with its terminating zero: Linux' `PATH_MAX`.
pub const PATH_BYTES_MAX: usize = 4096;
/// Symbolic links followed in one path: Linux' `MAXSYMLINKS`.
pub const SYMLINKS_FOLLOWED_MAX: u32 = 40;
/// Names of one file, and directories in a directory: what ext4 allows.
pub const HARD_LINKS_MAX: u32 = 65_000;
/// Bytes of one file, holes included. Holes cost nothing; this keeps every offset far from overflow.
pub const FILE_BYTES_MAX: u64 = 1 << 40;
/// Directory entries of an image: a full Debian has 100,000.
pub const IMAGE_ENTRIES_MAX: u64 = 1 << 20;
/// Directory entries a guest may add to a layer or a memory volume.
pub const TREE_ENTRIES_MAX: u64 = 1 << 16;
/// Bytes a container may write to its private layer, which lies in memory.
pub const LAYER_BYTES_MAX: u64 = 1 << 30;
/// Bytes of a memory volume without, or with a larger `sizeLimit`.
pub const MEMORY_VOLUME_BYTES_MAX: u64 = 1 << 30;
/// Mounts of one container.
pub const MOUNTS_MAX: usize = 1024;
/// Open files of one process: the usual `ulimit -n`.
pub const OPEN_FILES_PER_PROCESS_MAX: usize = 1024;
/// Directory entries handed out at once; what a directory stream buffers.
pub const READDIR_ENTRIES_MAX: usize = 1024;
/// Bytes of one read or write; the rest is a short count.
pub const FILE_IO_BYTES_MAX: usize = 1 << 20;
/// How often opening a file that others create and remove at the same time starts over.
pub const CREATE_RACES_MAX: u32 = 8;
/// Bytes of a simulated disk that are written but not synced, beyond which it starts to write back by itself.
pub const DISK_PENDING_BYTES_MAX: usize = 16 << 20;
/// Writes to a simulated disk that are not synced; more, and it writes back.
pub const DISK_PENDING_WRITES_MAX: usize = 16 << 10;
/// Names given and taken on a simulated disk that are not synced; more, and it writes them back.
pub const DISK_PENDING_NAMES_MAX: usize = 4096;
/// Simulated disks of pods that have ended, kept for those who look at them.
pub const DISKS_OF_ENDED_PODS_MAX: usize = 256;
/// Parts of a file that a crash decides on one by one; in a larger file a part is several blocks.
pub const DISK_TORN_PARTS_MAX: usize = 64;
/// Containers of a pod, init containers included. Every change of a pod walks over all of them.
pub const CONTAINERS_PER_POD: usize = 256;

/// Bytes of the termination message file that are kept, from its end (Kubernetes: 4 KiB).
pub const TERMINATION_MESSAGE_BYTES: usize = 4 << 10;

/// Bytes of the log that stand in for an empty termination message file (Kubernetes: 2 KiB).
pub const TERMINATION_LOG_BYTES: usize = 2 << 10;

/// Lines of the log that stand in for an empty termination message file (Kubernetes: 80).
pub const TERMINATION_LOG_LINES: usize = 80;

/// Bytes of all termination messages of a pod together; each container gets its equal share (Kubernetes: 12 KiB).
pub const TERMINATION_MESSAGES_BYTES: usize = 12 << 10;
/// Bytes of one manifest file, and of its texts with YAML aliases written out. Kubernetes takes 3 MiB per request.
pub const MANIFEST_BYTES_MAX: usize = 8 << 20;
/// Values of one manifest file with aliases written out; a pod of two containers has about 50.
pub const MANIFEST_VALUES_MAX: u64 = 1 << 20;
/// Values of one object of a manifest: a value may become a whole container, some 2 kB.
pub const MANIFEST_OBJECT_VALUES_MAX: u64 = 1 << 15;
/// Levels of nesting in a manifest; the deepest field of a Pod is at about 15.
pub const MANIFEST_DEPTH_MAX: u32 = 64;
/// Errors reported for one set of manifests; nobody reads more.
pub const MANIFEST_ERRORS_MAX: usize = 100;
/// Notes about ignored fields and the like of one set of manifests; a thousand pods may have a few each.
pub const MANIFEST_NOTES_MAX: usize = 10_000;
/// Bytes of the data of a ConfigMap or Secret (Kubernetes: 1 MiB).
pub const CONFIG_BYTES_MAX: usize = 1 << 20;
/// Bytes of the annotations of an object (Kubernetes: 256 KiB).
pub const ANNOTATION_BYTES_MAX: usize = 256 << 10;
/// Bytes of one program.
pub const PROGRAM_BYTES: usize = 256 << 20;

/// Compiled programs kept in memory while nobody runs them.
pub const PROGRAMS: usize = 256;

// The host.

/// Bytes of log lines of a pod that an embedding program can still read; older ones are forgotten.
pub const LOG_BYTES_KEPT: usize = 1 << 20;
/// Files of a folder of static pods (a kubelet runs 110 pods).
pub const STATIC_POD_FILES: usize = 1024;
/// Starts and problems of static pods that an embedding program has not read yet.
pub const STATIC_POD_EVENTS_PENDING: usize = 1024;
/// Events of a pod that an embedding program can still read; Kubernetes keeps them for an hour.
pub const EVENTS_KEPT: usize = 1024;
/// Lines of all pods that wait for standard output; then the pods wait.
pub const OUTPUT_LINES_PENDING: usize = 4096;
/// Clients of one published UDP port.
pub const PUBLISH_DATAGRAM_PEERS: usize = 1024;
/// How long a client of a published UDP port is remembered without an answer (Linux: `nf_conntrack_udp_timeout_stream`).
pub const PUBLISH_DATAGRAM_IDLE: std::time::Duration = std::time::Duration::from_secs(120);
/// How long a guest's exchange of datagrams with the outside is remembered without a datagram.
pub const EGRESS_DATAGRAM_IDLE: std::time::Duration = std::time::Duration::from_secs(120);
/// Sockets of guests that exchange datagrams with one address outside.
pub const EGRESS_DATAGRAM_SOCKETS: usize = 256;

/// Sockets, files, streams and pollables that one process has handles of; a guest that wants more gets a trap.
pub const RESOURCES_PER_PROCESS: usize = 64 << 10;

/// Bytes kept of what a probe or hook writes (kubelet: 10 KiB).
pub const PROBE_OUTPUT_BYTES: usize = 10 << 10;
// Probes and hooks.

/// Bytes that a probe takes from a connection at once: more than the body it looks at.
pub const PROBE_READ_BYTES: usize = 16 << 10;
/// Bytes of the body of an HTTP answer that a probe looks at (Kubernetes: 10 KiB).
pub const PROBE_BODY_BYTES: usize = 10 << 10;
/// Bytes of the body of a redirect that are read before it is followed (Go: 2 KiB).
pub const PROBE_REDIRECT_BODY_BYTES: usize = 2 << 10;
/// Bytes of status line and headers of an HTTP answer (Go: 10 MiB, which is too much for a thousand probes at once).
pub const PROBE_HEAD_BYTES: usize = 64 << 10;
/// Headers of an HTTP answer.
pub const PROBE_HEADERS: usize = 256;
/// Bytes of the line before a chunk of an HTTP answer (Go: 4 KiB).
pub const PROBE_CHUNK_LINE_BYTES: usize = 4 << 10;
/// Answers with a status of 1xx before the one that counts (Go: 5).
pub const PROBE_INFORMATIONAL_RESPONSES: usize = 5;
/// Bytes of a frame of HTTP/2 (RFC 9113: what a server may send that was told nothing else).
pub const PROBE_FRAME_BYTES: usize = 16 << 10;
/// Bytes of a header block of HTTP/2, compressed.
pub const PROBE_HEADER_BLOCK_BYTES: usize = 16 << 10;
/// Bytes of the answer to a gRPC probe; it has two (below the window of HTTP/2, which is never made larger).
pub const PROBE_MESSAGE_BYTES: usize = 16 << 10;
/// Requests of one probe that is redirected (Go: 10).
pub const PROBE_REDIRECTS: usize = 10;

/// Clients attached to one container at a time.
pub const ATTACHED_CLIENTS: usize = 64;

/// Bytes of output that one attached client has not read; then it is dropped, for the container does not wait for it.
pub const ATTACH_BYTES_PENDING: usize = 1 << 20;

/// Conditions of a pod that others than the kubelet have set; readiness gates need one each.
pub const FOREIGN_CONDITIONS: usize = 64;

// Tests of pods.

/// Steps, faults, scripted faults, and properties of one test, each.
pub const TEST_ITEMS_MAX: usize = 1024;
/// Bytes of one expression of a test.
pub const TEST_EXPRESSION_BYTES_MAX: usize = 16 << 10;
/// Bytes of all files that one test names.
pub const TEST_DATA_BYTES_MAX: usize = 64 << 20;
/// Bytes of a file, and lines of a file or log, that an expression of a test looks at.
pub const TEST_FILE_BYTES_MAX: usize = 1 << 20;
/// Files, queues, logs and the like that the expressions of a test look at in one run, and calls that they count.
pub const TEST_THINGS_SEEN_MAX: usize = 4096;
/// Different things that processes do in one run, as far as they are remembered to tell what is new.
pub const TEST_STATES_MAX: usize = 1 << 20;
/// Bytes that a step of a test keeps of an answer, an output, or what a server sends.
pub const TEST_OUTPUT_BYTES_MAX: usize = 1 << 20;
/// Failures that are kept of one run; one of each property is enough.
pub const TEST_FAILURES_MAX: usize = 64;
/// Events of one run of a test, some 200 bytes each where the trace is kept; a run of a small pod has some hundred. With
/// more steps than [`SCHEDULE_STEPS_MAX`] it could not be replayed anyway.
pub const TEST_EVENTS_MAX: u64 = SCHEDULE_STEPS_MAX as u64;

/// Virtual time of one run of a test: limit and quiet tail.
pub const TEST_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 3600);
// Reports.

/// Bytes of one line of a trace that is read; a log line, the longest there is, is far below that in any spelling.
pub const TRACE_LINE_BYTES_MAX: u64 = 1 << 20;
/// Log lines before the deciding event of a failure, and after it, that are printed with it.
pub const REPORT_LOG_LINES: usize = 5;
/// Events of each trace that are printed before the first difference, and from it on.
pub const REPORT_DIFF_EVENTS: usize = 5;

/// Bytes of a file of recorded choices: a million choices of 60.
pub const RECORDING_BYTES_MAX: usize = 64 << 20;
/// Choices of one recorded run.
pub const RECORDING_CHOICES_MAX: usize = 1 << 20;
/// Failures of one property that are made smaller only to turn out as known.
pub const MINIMISED_ALIKE_MAX: usize = 2;
/// Runs that making one failure smaller may take.
pub const MINIMISING_RUNS_MAX: u32 = 1000;

/// Decisions of one simulated run that are kept for its replay; a run of a small pod has some hundred.
pub const SCHEDULE_CHOICES_MAX: usize = 1 << 20;

/// Steps of one simulated run that are kept, some 300 bytes each; a run of a small pod has some hundred.
pub const SCHEDULE_STEPS_MAX: usize = 1 << 18;
// Rules of the network, in tests.

/// Rules of one fabric: each packet is held against all of them.
pub const NETWORK_RULES: usize = 1024;
/// Bytes of datagrams on their way, overhead included; more are lost.
pub const DATAGRAM_BYTES_DELAYED: usize = 64 << 20;
/// How long a connect that nobody answers is tried (Linux: `tcp_syn_retries` 6).
pub const SOCKET_CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(127);
/// How long bytes that nobody acknowledges are sent again (Linux: `tcp_retries2` 15).
pub const SOCKET_RETRANSMIT_TIMEOUT: std::time::Duration =
    std::time::Duration::from_millis(924_600);

/// Steps of a run that a systematic exploration looks at; looking back costs their square.
pub const SYSTEMATIC_STEPS_MAX: usize = 4096;

/// Different runs of a test that are told apart; a set of numbers.
pub const COVERAGE_CLASSES_MAX: usize = 1 << 20;
/// Messages that are kept of one POSIX queue to come again, in tests.
pub const MQUEUE_MESSAGES_KEPT: usize = 16;
/// Faults of one run, whatever its budget: each is looked at before every step.
pub const FAULTS_PER_RUN: u32 = 1024;
