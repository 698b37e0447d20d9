//! What `http`, `server` and `location` share.

use super::super::config::{
    Access, AccessLog, AddHeader, ErrorAnswer, ErrorPage, Expires, IfModifiedSince, NextUpstream,
    ProxyRedirect, Root, Scope,
};
use super::super::error::ConfigError;
use super::super::tree::Directive;
use super::super::values;
use super::{Loader, error_log, flag, number, set, size, time};
use std::net::IpAddr;
use std::rc::Rc;

impl Loader<'_> {
    /// Takes one directive into the scope of its block.
    pub(super) fn scope(
        &mut self,
        scope: &mut Scope,
        directive: &Directive,
    ) -> Result<(), ConfigError> {
        if simple(scope, directive)? {
            return Ok(());
        }
        match directive.name.as_str() {
            "access_log" => self.access_log(scope, directive),
            "add_header" => self.add_header(scope, directive),
            "error_page" => self.error_page(scope, directive),
            "index" => {
                for name in &directive.args {
                    if name.is_empty() {
                        return Err(directive.error("index \"\" in \"index\" directive is invalid"));
                    }
                    let template = self.template(directive, name)?;
                    push(&mut scope.index, template);
                }
                Ok(())
            }
            "proxy_redirect" => self.proxy_redirect(scope, directive),
            "proxy_set_header" => {
                let value = self.template(directive, &directive.args[1])?;
                push(
                    &mut scope.proxy_set_header,
                    (directive.args[0].clone(), value),
                );
                Ok(())
            }
            "root" => {
                if let Some(root) = &scope.root {
                    return Err(directive.error(match root.alias {
                        true => "\"root\" directive is duplicate, \"alias\" directive was specified earlier",
                        false => "\"root\" directive is duplicate",
                    }));
                }
                let path = self.template(directive, &directive.args[0])?;
                scope.root = Some(Rc::new(Root {
                    path,
                    alias: false,
                    strip: 0,
                }));
                Ok(())
            }
            "types" => {
                self.config.warnings.extend(types(scope, directive));
                Ok(())
            }
            "gzip" => {
                if flag(directive)? {
                    let place = format!(" in {}:{}", directive.file, directive.line);
                    self.config.warnings.push(format!(
                        "\"gzip\" is ignored, responses are sent as they are{place}"
                    ));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn access_log(&mut self, scope: &mut Scope, directive: &Directive) -> Result<(), ConfigError> {
        let path = &directive.args[0];
        if path == "off" {
            if directive.args.len() > 1 {
                return Err(directive.error(format!("invalid parameter \"{}\"", directive.args[1])));
            }
            push(&mut scope.access_log, AccessLog::Off);
            return Ok(());
        }
        let name = directive.args.get(1).map_or("combined", String::as_str);
        let format = self
            .format(name)
            .ok_or_else(|| directive.error(format!("unknown log format \"{name}\"")))?;
        for option in directive.args.iter().skip(2) {
            let known = ["buffer=", "flush="]
                .iter()
                .any(|known| option.starts_with(known));
            if !known {
                return Err(directive.error(format!("invalid parameter \"{option}\"")));
            }
        }
        push(
            &mut scope.access_log,
            AccessLog::To {
                path: path.clone(),
                format,
            },
        );
        Ok(())
    }

    fn add_header(&mut self, scope: &mut Scope, directive: &Directive) -> Result<(), ConfigError> {
        let value = self.template(directive, &directive.args[1])?;
        let always = match directive.args.get(2).map(String::as_str) {
            None => false,
            Some("always") => true,
            Some(other) => return Err(directive.error(format!("invalid parameter \"{other}\""))),
        };
        push(
            &mut scope.add_header,
            AddHeader {
                name: directive.args[0].clone(),
                value,
                always,
            },
        );
        Ok(())
    }

    fn error_page(&mut self, scope: &mut Scope, directive: &Directive) -> Result<(), ConfigError> {
        let (target, mut codes) = directive
            .args
            .split_last()
            .ok_or_else(|| directive.error("no codes"))?;
        let mut answer = ErrorAnswer::Keep;
        if let Some((last, before)) = codes.split_last()
            && let Some(code) = last.strip_prefix('=')
        {
            answer = match (code, values::number(code)) {
                ("", _) => ErrorAnswer::OfPage,
                (_, Some(status)) if status <= 999 => ErrorAnswer::Fixed(status as u16),
                _ => return Err(directive.error(format!("invalid value \"{last}\""))),
            };
            if before.is_empty() {
                return Err(directive.error(format!("invalid value \"{last}\"")));
            }
            codes = before;
        }
        let mut statuses = Vec::new();
        for code in codes {
            let status = values::number(code)
                .ok_or_else(|| directive.error(format!("invalid value \"{code}\"")))?;
            if status == 499 {
                return Err(directive.error("invalid value \"499\""));
            }
            if !(300..=599).contains(&status) {
                return Err(
                    directive.error(format!("value \"{code}\" must be between 300 and 599"))
                );
            }
            statuses.push(status as u16);
        }
        let target = self.template(directive, target)?;
        push(
            &mut scope.error_pages,
            ErrorPage {
                statuses,
                answer,
                target,
            },
        );
        Ok(())
    }

    fn proxy_redirect(
        &mut self,
        scope: &mut Scope,
        directive: &Directive,
    ) -> Result<(), ConfigError> {
        let value = match (directive.args[0].as_str(), directive.args.get(1)) {
            ("off", None) => ProxyRedirect::Off,
            ("default", None) => ProxyRedirect::Default,
            (_, None) => {
                return Err(directive.error(format!("invalid parameter \"{}\"", directive.args[0])));
            }
            (from, Some(to)) if !from.starts_with('~') => {
                let pair = (
                    self.template(directive, from)?,
                    self.template(directive, to)?,
                );
                match scope.proxy_redirect.as_deref() {
                    Some(ProxyRedirect::Replace(pairs)) => {
                        let mut pairs = pairs.clone();
                        pairs.push(pair);
                        ProxyRedirect::Replace(pairs)
                    }
                    _ => ProxyRedirect::Replace(vec![pair]),
                }
            }
            (from, Some(_)) => {
                return Err(directive.error(format!("expression \"{from}\" is not supported")));
            }
        };
        scope.proxy_redirect = Some(Rc::new(value));
        Ok(())
    }
}

fn push<T: Clone>(slot: &mut Option<Rc<Vec<T>>>, value: T) {
    Rc::make_mut(slot.get_or_insert_default()).push(value);
}

/// Takes a directive with one plain value. Returns whether it was one.
fn simple(scope: &mut Scope, directive: &Directive) -> Result<bool, ConfigError> {
    let d = directive;
    match d.name.as_str() {
        "absolute_redirect" => set(&mut scope.absolute_redirect, flag(d)?, d)?,
        "autoindex" => set(&mut scope.autoindex, flag(d)?, d)?,
        "etag" => set(&mut scope.etag, flag(d)?, d)?,
        "log_not_found" => set(&mut scope.log_not_found, flag(d)?, d)?,
        "port_in_redirect" => set(&mut scope.port_in_redirect, flag(d)?, d)?,
        "proxy_intercept_errors" => set(&mut scope.proxy_intercept_errors, flag(d)?, d)?,
        "proxy_request_buffering" => set(&mut scope.proxy_request_buffering, flag(d)?, d)?,
        "server_name_in_redirect" => set(&mut scope.server_name_in_redirect, flag(d)?, d)?,
        "gzip_vary" | "proxy_buffering" | "sendfile" | "tcp_nodelay" | "tcp_nopush" => {
            flag(d)?;
        }
        "client_body_timeout" => set(&mut scope.client_body_timeout, time(d, 0)?, d)?,
        "proxy_connect_timeout" => set(&mut scope.proxy_connect_timeout, time(d, 0)?, d)?,
        "proxy_read_timeout" => set(&mut scope.proxy_read_timeout, time(d, 0)?, d)?,
        "proxy_send_timeout" => set(&mut scope.proxy_send_timeout, time(d, 0)?, d)?,
        "send_timeout" => set(&mut scope.send_timeout, time(d, 0)?, d)?,
        "client_max_body_size" => set(&mut scope.client_max_body_size, size(d, 0)?, d)?,
        "proxy_buffer_size" => {
            let bytes = size(d, 0)?;
            if bytes > PROXY_BUFFER_MAX {
                return Err(d.error("\"proxy_buffer_size\" directive invalid value"));
            }
            set(&mut scope.proxy_buffer_size, bytes, d)?;
        }
        "client_body_buffer_size" | "gzip_min_length" | "proxy_busy_buffers_size" => {
            size(d, 0)?;
        }
        "gzip_buffers" | "proxy_buffers" => {
            number(d, &d.args[0], "invalid value")?;
            size(d, 1)?;
        }
        "gzip_comp_level" | "types_hash_bucket_size" | "types_hash_max_size" => {
            number(d, &d.args[0], "invalid number")?;
        }
        "keepalive_requests" => set(
            &mut scope.keepalive_requests,
            number(d, &d.args[0], "invalid number")?,
            d,
        )?,
        "max_ranges" => set(
            &mut scope.max_ranges,
            number(d, &d.args[0], "invalid number")?,
            d,
        )?,
        "default_type" => set(&mut scope.default_type, d.args[0].as_str().into(), d)?,
        "charset" => set(&mut scope.charset, d.args[0].as_str().into(), d)?,
        "keepalive_timeout" => {
            set(&mut scope.keepalive_timeout, time(d, 0)?, d)?;
            if d.args.len() > 1 {
                scope.keepalive_header = Some(time(d, 1)?);
            }
        }
        "error_log" => scope.error_log = Some(error_log(d)?),
        "allow" | "deny" => push(&mut scope.access, access(d)?),
        "proxy_hide_header" => push(&mut scope.proxy_hide_header, d.args[0].to_ascii_lowercase()),
        "proxy_pass_header" => push(&mut scope.proxy_pass_header, d.args[0].to_ascii_lowercase()),
        "expires" => set(&mut scope.expires, expires(d)?, d)?,
        _ => return choices(scope, d),
    }
    Ok(true)
}

/// Largest head of a response that a configuration may allow.
const PROXY_BUFFER_MAX: u64 = 1 << 20;

/// Takes a directive whose value is one of a few words.
fn choices(scope: &mut Scope, directive: &Directive) -> Result<bool, ConfigError> {
    let value = directive.args.first().map_or("", String::as_str);
    let invalid = || directive.error(format!("invalid value \"{value}\""));
    match directive.name.as_str() {
        "if_modified_since" => {
            let how = match value {
                "off" => IfModifiedSince::Off,
                "exact" => IfModifiedSince::Exact,
                "before" => IfModifiedSince::Before,
                _ => return Err(invalid()),
            };
            set(&mut scope.if_modified_since, how, directive)?;
        }
        "server_tokens" => {
            let full = match value {
                "on" | "build" => true,
                "off" => false,
                _ => return Err(invalid()),
            };
            set(&mut scope.server_tokens, full, directive)?;
        }
        "proxy_http_version" => {
            let newer = match value {
                "1.0" => false,
                "1.1" => true,
                _ => return Err(invalid()),
            };
            set(&mut scope.proxy_http_11, newer, directive)?;
        }
        "proxy_next_upstream" => set(
            &mut scope.proxy_next_upstream,
            next_upstream(directive)?,
            directive,
        )?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn next_upstream(directive: &Directive) -> Result<NextUpstream, ConfigError> {
    const STATUSES: [u16; 7] = [500, 502, 503, 504, 403, 404, 429];
    let mut next = NextUpstream {
        error: false,
        timeout: false,
        ..NextUpstream::DEFAULT
    };
    for word in &directive.args {
        match word.as_str() {
            "error" => next.error = true,
            "timeout" => next.timeout = true,
            "invalid_header" => next.invalid_header = true,
            "non_idempotent" => next.non_idempotent = true,
            "off" => {
                next = NextUpstream {
                    error: false,
                    timeout: false,
                    ..NextUpstream::DEFAULT
                }
            }
            _ => {
                let status = word
                    .strip_prefix("http_")
                    .and_then(|code| code.parse().ok());
                let index = STATUSES.iter().position(|&known| Some(known) == status);
                let index =
                    index.ok_or_else(|| directive.error(format!("invalid value \"{word}\"")))?;
                next.statuses[index] = STATUSES[index];
            }
        }
    }
    Ok(next)
}

fn access(directive: &Directive) -> Result<Access, ConfigError> {
    let text = &directive.args[0];
    let allow = directive.name == "allow";
    if text == "all" {
        return Ok(Access {
            allow,
            network: None,
        });
    }
    let invalid = || directive.error(format!("invalid parameter \"{text}\""));
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text.as_str(), None),
    };
    let address: IpAddr = address.parse().map_err(|_| invalid())?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        Some(bits) => bits
            .parse()
            .ok()
            .filter(|&bits| bits <= width)
            .ok_or_else(invalid)?,
        None => width,
    };
    Ok(Access {
        allow,
        network: Some((address, bits)),
    })
}

fn expires(directive: &Directive) -> Result<Expires, ConfigError> {
    let invalid = || directive.error("\"expires\" directive invalid value");
    let (modified, text) = match directive.args.as_slice() {
        [first, text] if first == "modified" => (true, text),
        [text] => (false, text),
        _ => return Err(invalid()),
    };
    match (modified, text.as_str()) {
        (false, "off") => return Ok(Expires::Off),
        (false, "epoch") => return Ok(Expires::Epoch),
        (false, "max") => return Ok(Expires::Max),
        _ => {}
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let seconds = sign * values::time(digits).ok_or_else(invalid)?.as_secs() as i64;
    Ok(if modified {
        Expires::Modified(seconds)
    } else {
        Expires::After(seconds)
    })
}

fn types(scope: &mut Scope, directive: &Directive) -> Vec<String> {
    let types = Rc::make_mut(scope.types.get_or_insert_default());
    let mut warnings = Vec::new();
    for entry in &directive.block {
        let kind: Rc<str> = entry.name.as_str().into();
        for extension in &entry.args {
            let Some(previous) = types.insert(extension.to_ascii_lowercase(), kind.clone()) else {
                continue;
            };
            let place = format!("in {}:{}", entry.file, entry.line);
            warnings.push(format!(
                "duplicate extension \"{extension}\", content type: \"{kind}\", previous content type: \"{previous}\" {place}"
            ));
        }
    }
    warnings
}
