//! What clients of the API server can make grow.

use std::time::Duration;

/// Bytes of one object of the API server as JSON (etcd: `--max-request-bytes` 1.5 MiB).
pub const OBJECT_BYTES_MAX: usize = 3 << 19;
/// Objects that the API server keeps.
pub const STORED_OBJECTS_MAX: usize = 1 << 17;
/// Bytes of all of them (etcd: 2 GiB, on a disk; here they are in memory).
pub const STORED_BYTES_MAX: usize = 1 << 30;
/// Changes from which a watch can go on.
pub const CHANGES_KEPT: usize = 1 << 14;
/// Bytes of what they changed.
pub const CHANGES_BYTES_MAX: usize = 8 << 20;

/// Objects that controllers look at before others get a turn: some milliseconds of work.
pub const CONTROLLER_SYNCS_PER_TURN: usize = 256;
/// How long after its first failure a controller looks at an object again (client-go: 5 ms).
pub const CONTROLLER_RETRY_MIN: Duration = Duration::from_millis(5);
/// The longest it waits (client-go: 1000 s).
pub const CONTROLLER_RETRY_MAX: Duration = Duration::from_secs(1000);
/// How often controllers and kubelet in turn answer each other's changes before requests get a turn.
pub const TURN_ROUNDS_MAX: usize = 16;
/// Bytes of a bearer token; one of ours has 900.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;
/// `serviceAccountToken` sources of a pod for which tokens are made.
pub const TOKEN_VOLUMES_PER_POD: usize = 64;
/// Clients of one Service with `sessionAffinity: ClientIP` that are remembered; of more, the one with the lowest address
/// is forgotten.
pub const AFFINITY_CLIENTS_PER_SERVICE: usize = 1 << 12;
/// Addresses of an Endpoints object (Kubernetes: `maxCapacity` of its controller).
pub const ENDPOINTS_ADDRESSES_MAX: usize = 1000;
/// Endpoints of an EndpointSlice (Kubernetes: `--max-endpoints-per-slice`).
pub const ENDPOINTS_PER_SLICE: usize = 100;
/// Unknown and duplicate fields of one object that are told; Kubernetes tells as many.
pub const STRICT_ERRORS_MAX: usize = 100;
/// Endpoints of an EndpointSlice that a client makes (Kubernetes: 1000).
pub const SLICE_ENDPOINTS_MAX: usize = 1000;
/// Addresses of one of them (Kubernetes: 100).
pub const SLICE_ADDRESSES_MAX: usize = 100;
/// Ports of an EndpointSlice (Kubernetes: 20,000).
pub const SLICE_PORTS_MAX: usize = 20_000;

/// Connections at the same time; a thousand watches of HTTP/1.1 are a thousand.
pub const API_CONNECTIONS_MAX: usize = 2048;
/// Requests that read, at the same time (kube-apiserver: `--max-requests-inflight`).
pub const API_READS_IN_FLIGHT: usize = 400;
/// Requests that change, at the same time (kube-apiserver: `--max-mutating-requests-inflight`).
pub const API_MUTATING_IN_FLIGHT: usize = 200;
/// Watches at the same time.
pub const API_WATCHES_MAX: usize = 4096;
/// Execs, attaches, logs and forwarded ports at the same time.
pub const API_STREAMS_MAX: usize = 512;
/// Bytes of the body of one request (kube-apiserver: `MaxRequestBodyBytes`).
pub const API_BODY_BYTES_MAX: usize = 3 << 20;
/// Bytes of all bodies of requests that are being read or answered.
pub const API_BODY_BYTES_IN_FLIGHT: usize = 128 << 20;
/// Bytes of all responses that clients have not taken yet; the largest list must fit.
pub const API_RESPONSE_BYTES_OUTSTANDING: usize = 512 << 20;
/// Bytes of the head of one request; a command to execute is part of it.
pub const API_HEAD_BYTES_MAX: usize = 128 << 10;
/// Headers of one request.
pub const API_HEADERS_MAX: usize = 100;
/// Streams of one connection of HTTP/2 (kube-apiserver: `--http2-max-streams-per-connection`, 250 in Go).
pub const API_HTTP2_STREAMS_MAX: u32 = 250;
/// Streams that a client opened and reset before they were looked at (CVE-2023-44487).
pub const API_HTTP2_RESETS_MAX: usize = 20;
/// Bytes that one connection of HTTP/2 may send ahead.
pub const API_HTTP2_WINDOW_BYTES: u32 = 1 << 20;
/// How long a handshake of TLS may take.
pub const API_HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the head of a request may take (kube-apiserver: `ReadHeaderTimeout`).
pub const API_HEAD_TIME_MAX: Duration = Duration::from_secs(32);
/// How long the body of a request may take (kube-apiserver: `--request-timeout`).
pub const API_BODY_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a client may take for a response that is no stream.
pub const API_RESPONSE_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a connection may last on which nobody has shown who they are.
pub const API_UNAUTHENTICATED_TIME_MAX: Duration = Duration::from_secs(40);
/// How long connections may go on after the server was asked to end.
pub const API_CLOSING_TIME_MAX: Duration = Duration::from_secs(5);

/// Arguments of a command of exec, the program among them; they come in the line of a request.
pub const EXEC_ARGUMENTS_MAX: usize = 4096;
/// Ports of one port forwarding over WebSocket: each takes two of 256 channels.
pub const FORWARDED_PORTS_MAX: usize = 64;
/// Connections of one port forwarding at the same time.
pub const FORWARDED_CONNECTIONS_MAX: usize = 256;
/// Streams of one SPDY connection at the same time: two for each forwarded connection.
pub const SPDY_STREAMS_MAX: usize = 2 * FORWARDED_CONNECTIONS_MAX;
/// Bytes of a control frame of SPDY, and of the headers that are in it once unpacked; a client of Kubernetes sends some 100.
pub const SPDY_HEADERS_BYTES: usize = 16 << 10;
/// Bytes of a data frame that is sent, so that no stream waits long for another.
pub const SPDY_FRAME_BYTES: usize = 32 << 10;

/// Levels of lists and maps of one object of the API server; what reads JSON stops at 128, and `managedFields` adds some.
pub const OBJECT_DEPTH_MAX: usize = 100;
/// Names that are tried for one `generateName` (Kubernetes: the same).
pub const NAME_GENERATION_ATTEMPTS_MAX: u32 = 8;
/// Managers in `managedFields` that update, the rest is `ancient-changes` (Kubernetes: the same).
pub const UPDATE_MANAGERS_MAX: usize = 10;
/// Letters of `fieldManager` (Kubernetes: the same).
pub const FIELD_MANAGER_BYTES_MAX: usize = 128;
/// Operations of one JSON patch (Kubernetes: the same).
pub const JSON_PATCH_OPERATIONS_MAX: usize = 10_000;
/// Bytes that the `copy` operations of one JSON patch copy (Kubernetes: the same).
pub const JSON_PATCH_COPY_BYTES_MAX: usize = 3 << 20;
/// A response as large as this goes out compressed to who can read that: 128 KiB, as Kubernetes has it.
pub const RESPONSE_BYTES_UNCOMPRESSED: usize = 128 << 10;
/// Messages within messages of an object in protobuf; Kubernetes' own types have some fifteen, but for recursive ones.
pub const PROTOBUF_DEPTH_MAX: usize = 64;
/// How long until a node port that another program has is tried again.
pub const NODE_PORT_RETRY: Duration = Duration::from_secs(10);
/// Objects that a list with a selector, or the beginning of a watch, takes from the store at once.
pub const LIST_CHUNK: usize = 500;
/// Bytes after which a read of a watch ends; the last event may go beyond by its size.
pub const WATCH_READ_BYTES: usize = 1 << 20;
/// Bytes of events that are kept encoded for the next watch that wants the same.
pub const WATCH_SHARED_BYTES: usize = 4 << 20;
/// Events that the API server keeps, some 1,200 bytes each; the oldest go first. Kubernetes only has their time to live.
pub const EVENTS_STORED_MAX: usize = 1 << 13;
/// Bytes of a log from which on another file is begun (kubelet: `containerLogMaxSize`).
pub const LOG_FILE_BYTES: u64 = 10 << 20;
/// Files of the log of one instance of a container (kubelet: `containerLogMaxFiles`).
pub const LOG_FILES_KEPT: usize = 5;
/// Bytes of one message of a WebSocket; clients of Kubernetes send 32 KiB, scripts whole files at once.
pub const WEBSOCKET_MESSAGE_BYTES: usize = 1 << 20;
/// Bytes that one stream may have waiting for its client.
pub const STREAM_BYTES_WAITING: usize = 256 << 10;
/// How long a client may take to open the streams of a command (kubelet: `DefaultStreamCreationTimeout`).
pub const STREAM_CREATION_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a stream may be there without a byte (kubelet: `streamingConnectionIdleTimeout`).
pub const STREAM_IDLE_TIME_MAX: Duration = Duration::from_secs(4 * 3600);
/// How long a client may take to close its end once everything was said.
pub const STREAM_CLOSING_TIME_MAX: Duration = Duration::from_secs(2);
/// Pieces that wait for the server behind one forwarded connection, of at most what one read brings.
pub const FORWARDED_PIECES_WAITING: usize = 8;
/// Pods that a controller makes or deletes in one go (Kubernetes: `BurstReplicas` 500).
pub const PODS_PER_SYNC: usize = 500;
