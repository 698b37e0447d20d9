//! From the tree of directives to a configuration, in nginx' order, with nginx' complaints.

mod address;
mod finish;
mod http;
mod location;
mod scope;

use super::config::{Config, ErrorLog, Level};
use super::error::ConfigError;
use super::template::{Template, is_variable};
use super::tree::{Directive, Parser, SourceFile};
use super::values;
use http::HttpBuild;
use std::fs;

/// Connections one worker serves, unless `worker_connections` says otherwise.
const WORKER_CONNECTIONS: usize = 512;

/// What is known before any file is read.
pub struct Defaults<'a> {
    pub path: &'a str,
    /// Text of the `-g` option.
    pub globals: &'a str,
    pub error_log: &'a str,
    pub access_log: &'a str,
    pub pid: &'a str,
    /// Root of relative names of documents.
    pub prefix: &'a str,
}

/// Reads the configuration. The files that were read come back too, as `-T` prints them.
pub fn load(defaults: &Defaults<'_>) -> (Result<Config, ConfigError>, Vec<SourceFile>) {
    let directory = defaults
        .path
        .rsplit_once('/')
        .map_or(".", |(directory, _)| directory);
    let mut parser = Parser::new(directory.to_owned());
    let mut tree = Vec::new();
    let parsed = parser
        .option(defaults.globals, &mut tree)
        .and_then(|()| parser.file(defaults.path, &mut tree));
    let mut loader = Loader::new(defaults);
    let config = loader
        .main(&tree)
        .and(parsed)
        .and_then(|()| loader.finish());
    (config, parser.files)
}

pub(super) struct Loader<'a> {
    defaults: &'a Defaults<'a>,
    config: Config,
    user: Option<String>,
    seen: Vec<String>,
    http: Option<HttpBuild>,
    /// The first variable nobody knows; nginx complains only at the end.
    unknown_variable: Option<String>,
}

impl<'a> Loader<'a> {
    fn new(defaults: &'a Defaults<'a>) -> Self {
        Loader {
            defaults,
            config: Config {
                daemon: true,
                has_events: false,
                pid: defaults.pid.to_owned(),
                prefix: defaults.prefix.to_owned(),
                error_log: ErrorLog {
                    path: defaults.error_log.to_owned(),
                    level: Level::Error,
                },
                worker_connections: WORKER_CONNECTIONS,
                worker_shutdown_timeout: None,
                http: None,
                warnings: Vec::new(),
            },
            user: None,
            seen: Vec::new(),
            http: None,
            unknown_variable: None,
        }
    }

    fn main(&mut self, tree: &[Directive]) -> Result<(), ConfigError> {
        for directive in tree {
            if !matches!(directive.name.as_str(), "error_log")
                && self.seen.contains(&directive.name)
            {
                return Err(
                    directive.error(format!("\"{}\" directive is duplicate", directive.name))
                );
            }
            self.seen.push(directive.name.clone());
            match directive.name.as_str() {
                "events" => {
                    self.config.has_events = true;
                    self.events(&directive.block)?;
                }
                "http" => {
                    self.http = Some(HttpBuild::default());
                    self.http(directive)?;
                }
                "daemon" => self.config.daemon = flag(directive)?,
                "master_process" => {
                    flag(directive)?;
                }
                "error_log" => self.config.error_log = error_log(directive)?,
                "pid" => self.config.pid = directive.args[0].clone(),
                "user" => self.user(directive)?,
                "worker_processes" if directive.args[0] == "auto" => {}
                "worker_processes" => {
                    number(directive, &directive.args[0], "invalid value")?;
                }
                "worker_shutdown_timeout" => {
                    self.config.worker_shutdown_timeout = Some(time(directive, 0)?);
                }
                "worker_rlimit_nofile" => {
                    number(directive, &directive.args[0], "invalid number")?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn events(&mut self, block: &[Directive]) -> Result<(), ConfigError> {
        let mut seen: Vec<&str> = Vec::new();
        for directive in block {
            if seen.contains(&directive.name.as_str()) {
                return Err(
                    directive.error(format!("\"{}\" directive is duplicate", directive.name))
                );
            }
            seen.push(&directive.name);
            match directive.name.as_str() {
                "worker_connections" => {
                    let text = &directive.args[0];
                    let count = values::number(text)
                        .ok_or_else(|| directive.error(format!("invalid number \"{text}\"")))?;
                    self.config.worker_connections = usize::try_from(count)
                        .unwrap_or(usize::MAX)
                        .min(CONNECTIONS_MAX);
                }
                "multi_accept" | "accept_mutex" => {
                    flag(directive)?;
                }
                "use" if !matches!(directive.args[0].as_str(), "epoll" | "poll" | "select") => {
                    return Err(
                        directive.error(format!("invalid event type \"{}\"", directive.args[0]))
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn user(&mut self, directive: &Directive) -> Result<(), ConfigError> {
        let name = &directive.args[0];
        if !is_listed("/etc/passwd", name) {
            return Err(directive.error(format!("getpwnam(\"{name}\") failed")));
        }
        if let Some(group) = directive.args.get(1)
            && !is_listed("/etc/group", group)
        {
            return Err(directive.error(format!("getgrnam(\"{group}\") failed")));
        }
        self.user = Some(name.clone());
        Ok(())
    }

    /// Parses text with variables and remembers the first unknown one.
    fn template(&mut self, directive: &Directive, text: &str) -> Result<Template, ConfigError> {
        let template = Template::parse(text).map_err(|message| directive.error(message))?;
        let unknown = template.variables().find(|name| !is_variable(name));
        if let (Some(name), None) = (unknown, &self.unknown_variable) {
            self.unknown_variable = Some(name.to_string());
        }
        Ok(template)
    }

    fn finish(mut self) -> Result<Config, ConfigError> {
        if let Some(http) = self.http.take() {
            let http = self.finish_http(http)?;
            self.config.http = Some(http);
        }
        if let Some(name) = &self.unknown_variable {
            return Err(ConfigError::new(format!("unknown \"{name}\" variable")));
        }
        Ok(self.config)
    }
}

/// `worker_connections` beyond this count as this many.
const CONNECTIONS_MAX: usize = 16_384;

/// Whether a file such as /etc/passwd has an entry of that name. One that cannot be read has none.
fn is_listed(path: &str, name: &str) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .any(|line| line.split(':').next() == Some(name))
}

pub(super) fn flag(directive: &Directive) -> Result<bool, ConfigError> {
    values::flag(&directive.args[0]).ok_or_else(|| {
        directive.error(format!(
            "invalid value \"{}\" in \"{}\" directive, it must be \"on\" or \"off\"",
            directive.args[0], directive.name
        ))
    })
}

pub(super) fn number(
    directive: &Directive,
    text: &str,
    complaint: &str,
) -> Result<u64, ConfigError> {
    values::number(text)
        .ok_or_else(|| directive.error(format!("\"{}\" directive {complaint}", directive.name)))
}

pub(super) fn size(directive: &Directive, index: usize) -> Result<u64, ConfigError> {
    values::size(&directive.args[index])
        .ok_or_else(|| directive.error(format!("\"{}\" directive invalid value", directive.name)))
}

pub(super) fn time(
    directive: &Directive,
    index: usize,
) -> Result<std::time::Duration, ConfigError> {
    values::time(&directive.args[index])
        .ok_or_else(|| directive.error(format!("\"{}\" directive invalid value", directive.name)))
}

pub(super) fn error_log(directive: &Directive) -> Result<ErrorLog, ConfigError> {
    let mut log = ErrorLog {
        path: directive.args[0].clone(),
        level: Level::Error,
    };
    if let Some(name) = directive.args.get(1) {
        log.level = Level::ALL
            .into_iter()
            .find_map(|(known, level)| (known == name).then_some(level))
            .ok_or_else(|| directive.error(format!("invalid log level \"{name}\"")))?;
    }
    Ok(log)
}

/// Sets what may be set once in a block.
pub(super) fn set<T>(
    slot: &mut Option<T>,
    value: T,
    directive: &Directive,
) -> Result<(), ConfigError> {
    if slot.is_some() {
        return Err(directive.error(format!("\"{}\" directive is duplicate", directive.name)));
    }
    *slot = Some(value);
    Ok(())
}
