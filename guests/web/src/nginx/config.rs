//! A configuration as the server uses it.

use super::template::Template;
use regex_lite::Regex;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

#[derive(Debug)]
pub struct Config {
    pub daemon: bool,
    /// Without an `events` block nothing can be served.
    pub has_events: bool,
    pub pid: String,
    /// Where relative names of files start.
    pub prefix: String,
    pub error_log: ErrorLog,
    pub worker_connections: usize,
    pub worker_shutdown_timeout: Option<Duration>,
    pub http: Option<Http>,
    /// What deserves a word at the start, without being wrong.
    pub warnings: Vec<String>,
}

#[derive(Debug, Default)]
pub struct Http {
    pub servers: Vec<Rc<Server>>,
    pub listens: Vec<Listen>,
    pub upstreams: Vec<Rc<Upstream>>,
}

/// An address with the servers that listen on it; the first is the default one.
#[derive(Clone, Debug)]
pub struct Listen {
    pub address: SocketAddr,
    pub servers: Vec<usize>,
}

#[derive(Debug)]
pub struct Server {
    pub names: Vec<ServerName>,
    pub redirect: Option<Return>,
    /// What applies where no location does.
    pub fallback: Rc<Location>,
    pub locations: Locations,
    pub settings: ServerSettings,
}

impl Server {
    /// The first name, for logs and `$server_name`.
    pub fn name(&self) -> &str {
        self.names.first().map_or("", |name| match name {
            ServerName::Exact(name)
            | ServerName::Suffix(name)
            | ServerName::Prefix(name)
            | ServerName::Regex(_, name) => name,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    pub merge_slashes: bool,
    pub client_header_timeout: Duration,
    /// `large_client_header_buffers`: how many, and bytes of each.
    pub header_buffers: (usize, usize),
}

#[derive(Debug)]
pub enum ServerName {
    Exact(String),
    /// `.example.com`, of `*.example.com`.
    Suffix(String),
    /// `www.`, of `www.*`.
    Prefix(String),
    /// With its text as written.
    Regex(Regex, String),
}

#[derive(Debug, Default)]
pub struct Locations {
    /// Exact and prefix ones.
    pub fixed: Vec<Rc<Location>>,
    /// In the order of the file.
    pub regex: Vec<Rc<Location>>,
    pub named: BTreeMap<String, Rc<Location>>,
}

#[derive(Debug)]
pub struct Location {
    pub matcher: Matcher,
    pub scope: Scope,
    pub redirect: Option<Return>,
    pub try_files: Option<TryFiles>,
    pub proxy: Option<ProxyPass>,
    pub internal: bool,
    pub children: Locations,
}

#[derive(Debug)]
pub enum Matcher {
    /// The server itself, outside of any location.
    None,
    Exact(String),
    Prefix {
        prefix: String,
        /// `^~`: expressions are not tried.
        final_: bool,
    },
    Regex(Regex),
    Named(String),
}

#[derive(Debug)]
pub struct Return {
    pub status: u16,
    pub text: Option<Template>,
}

#[derive(Debug)]
pub struct TryFiles {
    pub files: Vec<Template>,
    pub last: TryLast,
}

#[derive(Debug)]
pub enum TryLast {
    Status(u16),
    Named(String),
    Uri(Template),
}

#[derive(Clone, Debug)]
pub struct ProxyPass {
    pub target: ProxyTarget,
    /// The value of `$proxy_host`.
    pub host: String,
    pub port: u16,
    /// What replaces the location's prefix.
    pub uri: Option<String>,
}

#[derive(Clone, Debug)]
pub enum ProxyTarget {
    Upstream(usize),
    /// Decided at each request.
    Template(Template),
}

#[derive(Debug)]
pub struct Upstream {
    pub name: String,
    pub least_conn: bool,
    pub peers: Vec<Peer>,
}

#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    pub weight: u32,
    pub max_fails: u32,
    pub fail_timeout: Duration,
    pub backup: bool,
    pub down: bool,
}

#[derive(Clone, Debug)]
pub struct Root {
    pub path: Template,
    pub alias: bool,
    /// Bytes of the path that an alias replaces; all of it where that is an expression.
    pub strip: usize,
}

#[derive(Clone, Debug)]
pub struct ErrorPage {
    pub statuses: Vec<u16>,
    pub answer: ErrorAnswer,
    pub target: Template,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorAnswer {
    /// That of the error.
    Keep,
    /// `=`: whatever the page answers.
    OfPage,
    Fixed(u16),
}

#[derive(Clone, Debug)]
pub struct AddHeader {
    pub name: String,
    pub value: Template,
    pub always: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expires {
    Off,
    Epoch,
    Max,
    /// Seconds from now.
    After(i64),
    /// Seconds from the file's modification.
    Modified(i64),
}

#[derive(Clone, Debug)]
pub struct Access {
    pub allow: bool,
    /// `None` is `all`.
    pub network: Option<(IpAddr, u8)>,
}

impl Access {
    pub fn matches(&self, address: IpAddr) -> bool {
        let Some((network, bits)) = self.network else {
            return true;
        };
        let (network, address, width) = match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits().into(), address.to_bits().into(), 32)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits(), address.to_bits(), 128)
            }
            _ => return false,
        };
        let mask_off = width - u32::from(bits);
        mask_off == 128 || (network ^ address) >> mask_off == 0
    }
}

#[derive(Clone, Debug)]
pub enum AccessLog {
    Off,
    To { path: String, format: Template },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorLog {
    pub path: String,
    pub level: Level,
}

/// Least important last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Emerg,
    Alert,
    Crit,
    Error,
    Warn,
    Notice,
    Info,
    Debug,
}

impl Level {
    pub const ALL: [(&'static str, Level); 8] = [
        ("emerg", Level::Emerg),
        ("alert", Level::Alert),
        ("crit", Level::Crit),
        ("error", Level::Error),
        ("warn", Level::Warn),
        ("notice", Level::Notice),
        ("info", Level::Info),
        ("debug", Level::Debug),
    ];

    pub fn name(self) -> &'static str {
        Level::ALL[self as usize].0
    }
}

#[derive(Clone, Debug)]
pub enum ProxyRedirect {
    Off,
    Default,
    Replace(Vec<(Template, Template)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextUpstream {
    pub error: bool,
    pub timeout: bool,
    pub invalid_header: bool,
    pub non_idempotent: bool,
    /// Statuses 500, 502, 503, 504, 403, 404 and 429, where listed.
    pub statuses: [u16; 7],
}

/// What is written in `http`, `server` or `location` and inherited inwards.
macro_rules! scope {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        #[derive(Clone, Debug, Default)]
        pub struct Scope {
            $($(#[$doc])* pub $field: Option<$type>,)*
        }

        impl Scope {
            /// Takes from `outer` what is not set here.
            pub fn inherit(&mut self, outer: &Scope) {
                $(if self.$field.is_none() {
                    self.$field.clone_from(&outer.$field);
                })*
            }
        }
    };
}

scope! {
    absolute_redirect: bool,
    access: Rc<Vec<Access>>,
    access_log: Rc<Vec<AccessLog>>,
    add_header: Rc<Vec<AddHeader>>,
    autoindex: bool,
    charset: Rc<str>,
    client_body_timeout: Duration,
    client_max_body_size: u64,
    default_type: Rc<str>,
    error_log: ErrorLog,
    error_pages: Rc<Vec<ErrorPage>>,
    etag: bool,
    expires: Expires,
    if_modified_since: IfModifiedSince,
    index: Rc<Vec<Template>>,
    keepalive_header: Duration,
    keepalive_requests: u64,
    keepalive_timeout: Duration,
    log_not_found: bool,
    max_ranges: u64,
    port_in_redirect: bool,
    proxy_buffer_size: u64,
    proxy_connect_timeout: Duration,
    proxy_hide_header: Rc<Vec<String>>,
    proxy_http_11: bool,
    proxy_intercept_errors: bool,
    proxy_next_upstream: NextUpstream,
    proxy_pass_header: Rc<Vec<String>>,
    proxy_read_timeout: Duration,
    proxy_redirect: Rc<ProxyRedirect>,
    proxy_request_buffering: bool,
    proxy_send_timeout: Duration,
    proxy_set_header: Rc<Vec<(String, Template)>>,
    root: Rc<Root>,
    send_timeout: Duration,
    server_name_in_redirect: bool,
    server_tokens: bool,
    types: Rc<BTreeMap<String, Rc<str>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfModifiedSince {
    Off,
    Exact,
    Before,
}

impl NextUpstream {
    pub const DEFAULT: NextUpstream = NextUpstream {
        error: true,
        timeout: true,
        invalid_header: false,
        non_idempotent: false,
        statuses: [0; 7],
    };
}

/// `log_format combined`, which is always defined.
pub const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\"";
