//! What nginx does once the whole of `http` is read: inheritance, names of upstreams, addresses.

use super::super::config::{
    AccessLog, Http, Listen, Location, Locations, Matcher, Peer, Root, Scope, Server, ServerName,
    ServerSettings, Upstream,
};
use super::super::error::ConfigError;
use super::super::template::{Part, Template};
use super::Loader;
use super::address;
use super::http::{HttpBuild, ListenBuild, ServerBuild, SettingsBuild, UpstreamBuild};
use super::location::LocationBuild;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

const DEFAULT_PORT: u16 = 80;

impl Loader<'_> {
    pub(super) fn finish_http(&mut self, mut build: HttpBuild) -> Result<Http, ConfigError> {
        let mut outer = build.scope;
        if outer.access_log.is_none() {
            let format = Template::parse(super::super::config::COMBINED).unwrap_or_default();
            outer.access_log = Some(Rc::new(vec![AccessLog::To {
                path: self.defaults.access_log.to_owned(),
                format,
            }]));
        }
        outer
            .error_log
            .get_or_insert_with(|| self.config.error_log.clone());
        outer.root.get_or_insert_with(|| {
            Rc::new(Root {
                path: Template::parse("html").unwrap_or_default(),
                alias: false,
                strip: 0,
            })
        });
        let upstreams = build
            .upstreams
            .into_iter()
            .map(upstream)
            .collect::<Result<Vec<_>, _>>()?;
        for server in &mut build.servers {
            if server.listens.is_empty() {
                let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), DEFAULT_PORT);
                server.listens.push(ListenBuild {
                    address,
                    default: false,
                    duplicate: ConfigError::new(""),
                });
            }
        }
        let listens = listens(&build.servers)?;
        self.warn_of_conflicts(&build.servers, &listens);
        let mut servers = Vec::new();
        for server in build.servers {
            servers.push(Rc::new(self.finish_server(
                server,
                &outer,
                &build.settings,
            )?));
        }
        Ok(Http {
            servers,
            listens,
            upstreams,
        })
    }

    fn warn_of_conflicts(&mut self, servers: &[ServerBuild], listens: &[Listen]) {
        for listen in listens {
            let mut seen = Vec::new();
            for &index in &listen.servers {
                let names = &servers[index].names;
                let mut own: Vec<&str> = if names.is_empty() {
                    vec![""]
                } else {
                    Vec::new()
                };
                own.extend(names.iter().filter_map(|name| match name {
                    ServerName::Exact(name) => Some(name.as_str()),
                    _ => None,
                }));
                for name in own {
                    if seen.contains(&name) {
                        let address = listen.address;
                        self.config.warnings.push(format!(
                            "conflicting server name \"{name}\" on {address}, ignored"
                        ));
                    }
                    seen.push(name);
                }
            }
        }
    }

    fn finish_server(
        &self,
        server: ServerBuild,
        outer: &Scope,
        settings: &SettingsBuild,
    ) -> Result<Server, ConfigError> {
        let mut scope = server.scope;
        scope.inherit(outer);
        let locations = self.finish_locations(server.locations, &scope)?;
        self.absolute(&mut scope);
        let own = server.settings;
        Ok(Server {
            names: server.names,
            redirect: server.redirect,
            fallback: Rc::new(Location {
                matcher: Matcher::None,
                scope,
                redirect: None,
                try_files: server.try_files,
                proxy: None,
                internal: false,
                children: Locations::default(),
            }),
            locations,
            settings: ServerSettings {
                merge_slashes: own.merge_slashes.or(settings.merge_slashes).unwrap_or(true),
                client_header_timeout: own
                    .client_header_timeout
                    .or(settings.client_header_timeout)
                    .unwrap_or(Duration::from_secs(60)),
                header_buffers: own
                    .header_buffers
                    .or(settings.header_buffers)
                    .unwrap_or((4, 8192)),
            },
        })
    }

    fn finish_locations(
        &self,
        builds: Vec<LocationBuild>,
        outer: &Scope,
    ) -> Result<Locations, ConfigError> {
        let mut locations = Locations::default();
        let mut fixed: BTreeMap<(bool, String), ConfigError> = BTreeMap::new();
        for build in builds {
            let key = match &build.matcher {
                Matcher::Exact(path) => Some((true, path.clone())),
                Matcher::Prefix { prefix, .. } => Some((false, prefix.clone())),
                Matcher::Named(_) | Matcher::Regex(_) | Matcher::None => None,
            };
            if let Some(key) = key
                && let Some(first) = fixed.insert(key, build.duplicate.clone())
            {
                return Err(first);
            }
            let mut scope = build.scope;
            scope.inherit(outer);
            let children = self.finish_locations(build.children, &scope)?;
            self.absolute(&mut scope);
            let location = Rc::new(Location {
                matcher: build.matcher,
                scope,
                redirect: build.redirect,
                try_files: build.try_files,
                proxy: build.proxy,
                internal: build.internal,
                children,
            });
            match &location.matcher {
                Matcher::Named(name) => {
                    locations
                        .named
                        .entry(name.clone())
                        .or_insert_with(|| location.clone());
                }
                Matcher::Regex(_) => locations.regex.push(location),
                Matcher::Exact(_) | Matcher::Prefix { .. } | Matcher::None => {
                    locations.fixed.push(location);
                }
            }
        }
        Ok(locations)
    }

    /// Puts the prefix before a root that is a relative path.
    fn absolute(&self, scope: &mut Scope) {
        let Some(root) = &mut scope.root else { return };
        let relative = match root.path.parts.first() {
            Some(Part::Text(text)) => !text.starts_with('/'),
            Some(Part::Variable(_) | Part::Capture(_)) => false,
            None => true,
        };
        if relative {
            let prefix: Rc<str> = format!("{}/", self.defaults.prefix.trim_end_matches('/')).into();
            Rc::make_mut(root).path.parts.insert(0, Part::Text(prefix));
        }
    }
}

fn upstream(build: UpstreamBuild) -> Result<Rc<Upstream>, ConfigError> {
    let mut peers = build.peers;
    if !build.explicit {
        let addresses = address::resolve(&build.name, build.port.unwrap_or(DEFAULT_PORT));
        if addresses.is_empty() {
            return Err(build.error);
        }
        let fail_timeout = Duration::from_secs(10);
        let peer = |address| Peer {
            address,
            weight: 1,
            max_fails: 1,
            fail_timeout,
            backup: false,
            down: false,
        };
        peers = addresses.into_iter().map(peer).collect();
    }
    Ok(Rc::new(Upstream {
        name: build.name,
        least_conn: build.least_conn,
        peers,
    }))
}

fn listens(servers: &[ServerBuild]) -> Result<Vec<Listen>, ConfigError> {
    let mut listens: Vec<(Listen, bool)> = Vec::new();
    for (index, server) in servers.iter().enumerate() {
        for own in &server.listens {
            let Some((listen, has_default)) = listens
                .iter_mut()
                .find(|(known, _)| known.address == own.address)
            else {
                listens.push((
                    Listen {
                        address: own.address,
                        servers: vec![index],
                    },
                    own.default,
                ));
                continue;
            };
            if own.default && *has_default {
                return Err(own.duplicate.clone());
            }
            if own.default {
                *has_default = true;
                listen.servers.insert(0, index);
            } else {
                listen.servers.push(index);
            }
        }
    }
    Ok(listens.into_iter().map(|(listen, _)| listen).collect())
}
