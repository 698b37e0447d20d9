//! `http`, `upstream` and `server`.

use super::super::config::{COMBINED, Peer, Return, Scope, ServerName, TryFiles};
use super::super::error::ConfigError;
use super::super::template::Template;
use super::super::tree::Directive;
use super::super::values;
use super::location::LocationBuild;
use super::{Loader, address, flag, set, size, time};
use regex_lite::RegexBuilder;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

#[derive(Default)]
pub(in super::super) struct HttpBuild {
    pub(super) scope: Scope,
    pub(super) settings: SettingsBuild,
    pub(super) formats: BTreeMap<String, Template>,
    pub(super) servers: Vec<ServerBuild>,
    pub(super) upstreams: Vec<UpstreamBuild>,
}

#[derive(Clone, Default)]
pub(super) struct SettingsBuild {
    pub(super) merge_slashes: Option<bool>,
    pub(super) client_header_timeout: Option<Duration>,
    pub(super) header_buffers: Option<(usize, usize)>,
}

#[derive(Default)]
pub(super) struct ServerBuild {
    pub(super) names: Vec<ServerName>,
    pub(super) listens: Vec<ListenBuild>,
    pub(super) scope: Scope,
    pub(super) settings: SettingsBuild,
    pub(super) redirect: Option<Return>,
    pub(super) try_files: Option<TryFiles>,
    pub(super) locations: Vec<LocationBuild>,
}

pub(super) struct ListenBuild {
    pub(super) address: SocketAddr,
    pub(super) default: bool,
    pub(super) duplicate: ConfigError,
}

/// Explicit, or named by a `proxy_pass` and still to be resolved.
pub(super) struct UpstreamBuild {
    pub(super) name: String,
    pub(super) explicit: bool,
    pub(super) port: Option<u16>,
    pub(super) least_conn: bool,
    pub(super) peers: Vec<Peer>,
    pub(super) error: ConfigError,
}

/// Most bytes of headers that a configuration may allow.
const HEADER_BYTES_MAX: u64 = 1 << 20;

impl Loader<'_> {
    pub(super) fn build(&mut self) -> &mut HttpBuild {
        self.http.get_or_insert_default()
    }

    pub(super) fn http(&mut self, http: &Directive) -> Result<(), ConfigError> {
        for directive in &http.block {
            match directive.name.as_str() {
                "server" => self.server(directive)?,
                "upstream" => self.upstream(directive)?,
                "log_format" => self.log_format(directive)?,
                _ => {
                    let mut settings = std::mem::take(&mut self.build().settings);
                    let taken = server_setting(&mut settings, directive);
                    self.build().settings = settings;
                    if !taken? {
                        let mut scope = std::mem::take(&mut self.build().scope);
                        let result = self.scope(&mut scope, directive);
                        self.build().scope = scope;
                        result?;
                    }
                }
            }
        }
        Ok(())
    }

    fn log_format(&mut self, directive: &Directive) -> Result<(), ConfigError> {
        let name = &directive.args[0];
        if name == "combined" || self.build().formats.contains_key(name) {
            return Err(directive.error(format!("duplicate \"log_format\" name \"{name}\"")));
        }
        let mut pieces = &directive.args[1..];
        if let Some(escape) = pieces[0].strip_prefix("escape=") {
            if escape != "default" {
                return Err(directive.error(format!("unknown log format escaping \"{escape}\"")));
            }
            pieces = &pieces[1..];
        }
        let template = self.template(directive, &pieces.concat())?;
        self.build().formats.insert(name.clone(), template);
        Ok(())
    }

    /// The format of that name, if there is one.
    pub(super) fn format(&mut self, name: &str) -> Option<Template> {
        match name {
            "combined" => Template::parse(COMBINED).ok(),
            _ => self.build().formats.get(name).cloned(),
        }
    }

    fn upstream(&mut self, upstream: &Directive) -> Result<(), ConfigError> {
        let name = &upstream.args[0];
        if self
            .build()
            .upstreams
            .iter()
            .any(|known| known.name == *name && known.explicit)
        {
            return Err(upstream.error(format!("duplicate upstream \"{name}\"")));
        }
        let mut build = UpstreamBuild {
            name: name.clone(),
            explicit: true,
            port: None,
            least_conn: false,
            peers: Vec::new(),
            error: upstream.error(format!("no servers are inside upstream \"{name}\"")),
        };
        for directive in &upstream.block {
            match directive.name.as_str() {
                "server" => build.peers.extend(peers(directive)?),
                "least_conn" => build.least_conn = true,
                "keepalive_timeout" => {
                    time(directive, 0)?;
                }
                _ => {
                    super::number(directive, &directive.args[0], "invalid number")?;
                }
            }
        }
        if build.peers.is_empty() && upstream.complete {
            return Err(upstream.error("no servers are inside upstream"));
        }
        match self
            .build()
            .upstreams
            .iter_mut()
            .find(|known| known.name == *name && known.port.is_none())
        {
            Some(implicit) => *implicit = build,
            None => self.build().upstreams.push(build),
        }
        Ok(())
    }

    fn server(&mut self, server: &Directive) -> Result<(), ConfigError> {
        let mut build = ServerBuild::default();
        for directive in &server.block {
            match directive.name.as_str() {
                "listen" => listen(&mut build, directive)?,
                "server_name" => server_names(&mut build, directive)?,
                "return" => {
                    let redirect = self.redirect(directive)?;
                    build.redirect.get_or_insert(redirect);
                }
                "try_files" => {
                    let files = self.try_files(directive)?;
                    set(&mut build.try_files, files, directive)?;
                }
                "location" => {
                    let location = self.location(directive, None)?;
                    build.locations.push(location);
                }
                _ => {
                    if !server_setting(&mut build.settings, directive)? {
                        self.scope(&mut build.scope, directive)?;
                    }
                }
            }
        }
        self.build().servers.push(build);
        Ok(())
    }
}

/// Takes a directive that only `http` and `server` have. Returns whether it was one.
fn server_setting(
    settings: &mut SettingsBuild,
    directive: &Directive,
) -> Result<bool, ConfigError> {
    match directive.name.as_str() {
        "merge_slashes" => set(&mut settings.merge_slashes, flag(directive)?, directive)?,
        "client_header_timeout" => set(
            &mut settings.client_header_timeout,
            time(directive, 0)?,
            directive,
        )?,
        "client_header_buffer_size" => {
            size(directive, 0)?;
        }
        "large_client_header_buffers" => {
            let count = values::number(&directive.args[0]).filter(|&count| count > 0);
            let bytes = size(directive, 1)?;
            let complaint = "\"large_client_header_buffers\" directive invalid value";
            let count = count.ok_or_else(|| directive.error(complaint))?;
            if count.saturating_mul(bytes) > HEADER_BYTES_MAX || bytes == 0 {
                return Err(directive.error(complaint));
            }
            set(
                &mut settings.header_buffers,
                (count as usize, bytes as usize),
                directive,
            )?;
        }
        "server_names_hash_bucket_size" | "server_names_hash_max_size" => {
            super::number(directive, &directive.args[0], "invalid number")?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn listen(build: &mut ServerBuild, directive: &Directive) -> Result<(), ConfigError> {
    let text = &directive.args[0];
    let addresses = address::listen(text).map_err(|complaint| {
        directive.error(format!(
            "{complaint} in \"{text}\" of the \"listen\" directive"
        ))
    })?;
    let mut default = false;
    for option in &directive.args[1..] {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name {
            "default_server" | "default" => default = true,
            "ssl" => {
                return Err(directive.error("the \"ssl\" parameter requires ngx_http_ssl_module"));
            }
            "http2" => {
                return Err(directive.error("the \"http2\" parameter requires ngx_http_v2_module"));
            }
            "reuseport" | "deferred" => {}
            "backlog" | "rcvbuf" | "sndbuf" | "fastopen" if values::size(value).is_some() => {}
            "backlog" => return Err(directive.error(format!("invalid backlog \"{option}\""))),
            "ipv6only" if matches!(value, "on" | "off") => {}
            "ipv6only" => {
                return Err(directive.error(format!("invalid ipv6only flags \"{value}\"")));
            }
            "so_keepalive" if matches!(value, "on" | "off") => {}
            _ => return Err(directive.error(format!("invalid parameter \"{option}\""))),
        }
    }
    for address in addresses {
        if build.listens.iter().any(|known| known.address == address) {
            return Err(directive.error(format!("a duplicate listen {address}")));
        }
        build.listens.push(ListenBuild {
            address,
            default,
            duplicate: directive.error(format!("a duplicate default server for {address}")),
        });
    }
    Ok(())
}

fn server_names(build: &mut ServerBuild, directive: &Directive) -> Result<(), ConfigError> {
    for text in &directive.args {
        let invalid = || directive.error(format!("server name \"{text}\" is invalid"));
        let lower = text.to_ascii_lowercase();
        let name = if let Some(pattern) = text.strip_prefix('~') {
            let regex = RegexBuilder::new(pattern).case_insensitive(true).build();
            let regex = regex.map_err(|error| {
                directive.error(format!("pcre2_compile() failed: {error} in \"{pattern}\""))
            })?;
            ServerName::Regex(regex, text.clone())
        } else if let Some(suffix) = lower.strip_prefix('*') {
            if !suffix.starts_with('.') || suffix.len() < 2 || suffix.contains('*') {
                return Err(invalid());
            }
            ServerName::Suffix(suffix.to_owned())
        } else if let Some(prefix) = lower.strip_suffix('*') {
            if !prefix.ends_with('.') || prefix.len() < 2 || prefix.contains('*') {
                return Err(invalid());
            }
            ServerName::Prefix(prefix.to_owned())
        } else if let Some(rest) = lower.strip_prefix('.') {
            build.names.push(ServerName::Exact(rest.to_owned()));
            ServerName::Suffix(lower)
        } else {
            ServerName::Exact(lower)
        };
        build.names.push(name);
    }
    Ok(())
}

fn peers(directive: &Directive) -> Result<Vec<Peer>, ConfigError> {
    const DEFAULT_PORT: u16 = 80;
    let text = &directive.args[0];
    let mut weight = 1;
    let mut max_fails = 1;
    let mut fail_timeout = Duration::from_secs(10);
    let mut backup = false;
    let mut down = false;
    for option in &directive.args[1..] {
        let invalid = || directive.error(format!("invalid parameter \"{option}\""));
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let count = || {
            values::number(value)
                .and_then(|count| u32::try_from(count).ok())
                .ok_or_else(invalid)
        };
        match name {
            "weight" => {
                weight = count().and_then(|count| {
                    if count == 0 {
                        Err(invalid())
                    } else {
                        Ok(count)
                    }
                })?;
            }
            "max_fails" => max_fails = count()?,
            "max_conns" => {
                count()?;
            }
            "fail_timeout" => fail_timeout = values::time(value).ok_or_else(invalid)?,
            "backup" if value.is_empty() => backup = true,
            "down" if value.is_empty() => down = true,
            _ => return Err(invalid()),
        }
    }
    let (host, port) = address::split(text)
        .ok_or_else(|| directive.error(format!("invalid port in upstream \"{text}\"")))?;
    let addresses = address::resolve(host, port.unwrap_or(DEFAULT_PORT));
    if addresses.is_empty() {
        return Err(directive.error(format!("host not found in upstream \"{text}\"")));
    }
    let peer = |address| Peer {
        address,
        weight,
        max_fails,
        fail_timeout,
        backup,
        down,
    };
    Ok(addresses.into_iter().map(peer).collect())
}
