//! A bound on everything a guest or a manifest can make grow. One line each: unit, and why this number.
/// Processes of a pod, zombies included. Each is an instance with its own memory; a fork bomb ends here.
pub const PROCESSES_PER_POD: usize = 512;

/// Bytes a pipe holds before a writer waits (Linux: 64 KiB).
pub const PIPE_BYTES: usize = 64 << 10;

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

/// Pods on one virtual pod network, 10.244.0.0/16.
pub const PODS_PER_FABRIC: usize = (1 << 16) - 2;

/// Services on one virtual pod network, 10.96.0.0/16.
pub const SERVICES_PER_FABRIC: usize = (1 << 16) - 2;
