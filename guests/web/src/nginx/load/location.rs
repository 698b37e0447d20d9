//! `location` and what only it (or `server`) may hold.

use super::super::config::{
    Matcher, ProxyPass, ProxyTarget, Return, Root, Scope, TryFiles, TryLast,
};
use super::super::error::ConfigError;
use super::super::tree::Directive;
use super::super::values;
use super::http::UpstreamBuild;
use super::{Loader, address, set};
use regex_lite::RegexBuilder;
use std::rc::Rc;

pub(super) struct LocationBuild {
    pub(super) matcher: Matcher,
    /// As written, for messages.
    pub(super) text: String,
    pub(super) scope: Scope,
    pub(super) redirect: Option<Return>,
    pub(super) try_files: Option<TryFiles>,
    pub(super) proxy: Option<ProxyPass>,
    pub(super) internal: bool,
    pub(super) children: Vec<LocationBuild>,
    pub(super) duplicate: ConfigError,
}

impl Loader<'_> {
    pub(super) fn location(
        &mut self,
        location: &Directive,
        outer: Option<&LocationBuild>,
    ) -> Result<LocationBuild, ConfigError> {
        let (matcher, text) = matcher(location)?;
        if let Some(outer) = outer {
            check_nesting(location, outer, &matcher, &text)?;
        }
        let mut build = LocationBuild {
            matcher,
            duplicate: location.error(format!("duplicate location \"{text}\"")),
            text,
            scope: Scope::default(),
            redirect: None,
            try_files: None,
            proxy: None,
            internal: false,
            children: Vec::new(),
        };
        for directive in &location.block {
            match directive.name.as_str() {
                "location" => {
                    let child = self.location(directive, Some(&build))?;
                    build.children.push(child);
                }
                "alias" => self.alias(&mut build, directive)?,
                "return" => {
                    let redirect = self.redirect(directive)?;
                    build.redirect.get_or_insert(redirect);
                }
                "try_files" => {
                    let files = self.try_files(directive)?;
                    set(&mut build.try_files, files, directive)?;
                }
                "internal" => build.internal = true,
                "proxy_pass" => {
                    let proxy = self.proxy_pass(directive, &build.matcher)?;
                    set(&mut build.proxy, proxy, directive)?;
                }
                _ => self.scope(&mut build.scope, directive)?,
            }
        }
        Ok(build)
    }

    fn alias(
        &mut self,
        build: &mut LocationBuild,
        directive: &Directive,
    ) -> Result<(), ConfigError> {
        if let Some(root) = &build.scope.root {
            return Err(directive.error(match root.alias {
                true => "\"alias\" directive is duplicate".to_owned(),
                false => {
                    "\"alias\" directive is duplicate, \"root\" directive was specified earlier"
                        .to_owned()
                }
            }));
        }
        if matches!(build.matcher, Matcher::Named(_)) {
            return Err(
                directive.error("the \"alias\" directive cannot be used inside the named location")
            );
        }
        let path = self.template(directive, &directive.args[0])?;
        let strip = if matches!(build.matcher, Matcher::Regex(_)) {
            usize::MAX
        } else {
            build.text.len()
        };
        build.scope.root = Some(Rc::new(Root {
            path,
            alias: true,
            strip,
        }));
        Ok(())
    }

    pub(super) fn redirect(&mut self, directive: &Directive) -> Result<Return, ConfigError> {
        const STATUS_MAX: u64 = 999;
        let first = &directive.args[0];
        let status = values::number(first);
        match (status, directive.args.get(1)) {
            (Some(status), text) if status <= STATUS_MAX => {
                let text = text
                    .map(|text| self.template(directive, text))
                    .transpose()?;
                Ok(Return {
                    status: status as u16,
                    text,
                })
            }
            (None, None)
                if ["http://", "https://", "$scheme"]
                    .iter()
                    .any(|start| first.starts_with(start)) =>
            {
                Ok(Return {
                    status: 302,
                    text: Some(self.template(directive, first)?),
                })
            }
            _ => Err(directive.error(format!("invalid return code \"{first}\""))),
        }
    }

    pub(super) fn try_files(&mut self, directive: &Directive) -> Result<TryFiles, ConfigError> {
        let (last, files) = directive
            .args
            .split_last()
            .ok_or_else(|| directive.error("no files"))?;
        let files = files
            .iter()
            .map(|file| self.template(directive, file))
            .collect::<Result<_, _>>()?;
        let last = if let Some(code) = last.strip_prefix('=') {
            let status = values::number(code).filter(|&status| status <= 999);
            TryLast::Status(
                status.ok_or_else(|| directive.error(format!("invalid code \"={code}\"")))? as u16,
            )
        } else if last.starts_with('@') {
            TryLast::Named(last.clone())
        } else {
            TryLast::Uri(self.template(directive, last)?)
        };
        Ok(TryFiles { files, last })
    }

    fn proxy_pass(
        &mut self,
        directive: &Directive,
        matcher: &Matcher,
    ) -> Result<ProxyPass, ConfigError> {
        const DEFAULT_PORT: u16 = 80;
        let text = &directive.args[0];
        let template = self.template(directive, text)?;
        if template.constant().is_none() {
            return Ok(ProxyPass {
                target: ProxyTarget::Template(template),
                host: String::new(),
                port: 0,
                uri: None,
            });
        }
        let rest = match (text.strip_prefix("http://"), text.starts_with("https://")) {
            (Some(rest), _) => rest,
            (None, true) => return Err(directive.error("https protocol requires SSL support")),
            (None, false) => return Err(directive.error("invalid URL prefix")),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, uri) = rest.split_at(end);
        let uri = (!uri.is_empty()).then(|| uri.to_owned());
        if authority.is_empty() || authority.starts_with(':') {
            return Err(directive.error(format!("no host in upstream \"{rest}\"")));
        }
        let (host, port) = address::split(authority)
            .ok_or_else(|| directive.error(format!("invalid port in upstream \"{rest}\"")))?;
        if uri.is_some() && matches!(matcher, Matcher::Regex(_) | Matcher::Named(_)) {
            return Err(directive.error(
                "\"proxy_pass\" cannot have URI part in location given by regular expression, or inside named \
                 location, or inside \"if\" statement, or inside \"limit_except\" block",
            ));
        }
        let index = self.upstream_index(host, port, directive)?;
        let with_port = port.filter(|&port| port != DEFAULT_PORT);
        Ok(ProxyPass {
            target: ProxyTarget::Upstream(index),
            host: with_port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            port: port.unwrap_or(DEFAULT_PORT),
            uri,
        })
    }

    fn upstream_index(
        &mut self,
        host: &str,
        port: Option<u16>,
        at: &Directive,
    ) -> Result<usize, ConfigError> {
        let upstreams = &mut self.build().upstreams;
        let known = upstreams
            .iter()
            .position(|known| known.name == host && (known.explicit || known.port == port));
        if let Some(index) = known {
            return match (upstreams[index].explicit, port) {
                (true, Some(port)) => {
                    Err(at.error(format!("upstream \"{host}\" may not have port {port}")))
                }
                _ => Ok(index),
            };
        }
        upstreams.push(UpstreamBuild {
            name: host.to_owned(),
            explicit: false,
            port,
            least_conn: false,
            peers: Vec::new(),
            error: at.error(format!("host not found in upstream \"{host}\"")),
        });
        Ok(upstreams.len() - 1)
    }
}

fn matcher(location: &Directive) -> Result<(Matcher, String), ConfigError> {
    let regex = |pattern: &str, any_case| match RegexBuilder::new(pattern)
        .case_insensitive(any_case)
        .build()
    {
        Ok(regex) => Ok((Matcher::Regex(regex), pattern.to_owned())),
        Err(error) => {
            Err(location.error(format!("pcre2_compile() failed: {error} in \"{pattern}\"")))
        }
    };
    let exact = |path: &str| Ok((Matcher::Exact(path.to_owned()), path.to_owned()));
    let prefix = |path: &str, final_| {
        Ok((
            Matcher::Prefix {
                prefix: path.to_owned(),
                final_,
            },
            path.to_owned(),
        ))
    };
    if let [modifier, path] = location.args.as_slice() {
        return match modifier.as_str() {
            "=" => exact(path),
            "^~" => prefix(path, true),
            "~" => regex(path, false),
            "~*" => regex(path, true),
            _ => Err(location.error(format!("invalid location modifier \"{modifier}\""))),
        };
    }
    let text = &location.args[0];
    if let Some(path) = text.strip_prefix('=') {
        exact(path)
    } else if let Some(path) = text.strip_prefix("^~") {
        prefix(path, true)
    } else if let Some(pattern) = text.strip_prefix("~*") {
        regex(pattern, true)
    } else if let Some(pattern) = text.strip_prefix('~') {
        regex(pattern, false)
    } else if text.starts_with('@') {
        Ok((Matcher::Named(text.clone()), text.clone()))
    } else {
        prefix(text, false)
    }
}

fn check_nesting(
    location: &Directive,
    outer: &LocationBuild,
    matcher: &Matcher,
    text: &str,
) -> Result<(), ConfigError> {
    let outer_text = &outer.text;
    match (&outer.matcher, matcher) {
        (Matcher::Exact(_), _) => Err(location.error(format!(
            "location \"{text}\" cannot be inside the exact location \"{outer_text}\""
        ))),
        (Matcher::Named(_), _) => Err(location.error(format!(
            "location \"{text}\" cannot be inside the named location \"{outer_text}\""
        ))),
        (_, Matcher::Named(_)) => Err(location.error(format!(
            "named location \"{text}\" can be on the server level only"
        ))),
        (Matcher::Prefix { prefix, .. }, Matcher::Prefix { .. } | Matcher::Exact(_))
            if !text.starts_with(prefix.as_str()) =>
        {
            Err(location.error(format!(
                "location \"{text}\" is outside location \"{outer_text}\""
            )))
        }
        _ => Ok(()),
    }
}
