//! Every directive this nginx knows, where it may stand and how many arguments it takes.

/// A kind of block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    Main = 1,
    Events = 2,
    Http = 4,
    Upstream = 8,
    Server = 16,
    Location = 32,
    /// Entries, not directives.
    Types = 64,
}

struct Rule {
    name: &'static str,
    /// Sum of contexts.
    places: u8,
    args: (usize, usize),
    /// What the block holds, for a block directive.
    block: Option<Context>,
}

const MAIN: u8 = Context::Main as u8;
const EVENTS: u8 = Context::Events as u8;
const HTTP: u8 = Context::Http as u8;
const UPSTREAM: u8 = Context::Upstream as u8;
const SERVER: u8 = Context::Server as u8;
const LOCATION: u8 = Context::Location as u8;
const HSL: u8 = HTTP | SERVER | LOCATION;
const ANY: usize = usize::MAX;

const fn plain(name: &'static str, places: u8, min: usize, max: usize) -> Rule {
    Rule {
        name,
        places,
        args: (min, max),
        block: None,
    }
}

const fn block(name: &'static str, places: u8, min: usize, max: usize, inner: Context) -> Rule {
    Rule {
        name,
        places,
        args: (min, max),
        block: Some(inner),
    }
}

const RULES: &[Rule] = &[
    plain("absolute_redirect", HSL, 1, 1),
    plain("accept_mutex", EVENTS, 1, 1),
    plain("access_log", HSL, 1, ANY),
    plain("add_header", HSL, 2, 3),
    plain("alias", LOCATION, 1, 1),
    plain("allow", HSL, 1, 1),
    plain("autoindex", HSL, 1, 1),
    plain("charset", HSL, 1, 1),
    plain("client_body_buffer_size", HSL, 1, 1),
    plain("client_body_timeout", HSL, 1, 1),
    plain("client_header_buffer_size", HTTP | SERVER, 1, 1),
    plain("client_header_timeout", HTTP | SERVER, 1, 1),
    plain("client_max_body_size", HSL, 1, 1),
    plain("daemon", MAIN, 1, 1),
    plain("default_type", HSL, 1, 1),
    plain("deny", HSL, 1, 1),
    plain("error_log", MAIN | HSL, 1, ANY),
    plain("error_page", HSL, 2, ANY),
    plain("etag", HSL, 1, 1),
    block("events", MAIN, 0, 0, Context::Events),
    plain("expires", HSL, 1, 2),
    plain("gzip", HSL, 1, 1),
    plain("gzip_buffers", HSL, 2, 2),
    plain("gzip_comp_level", HSL, 1, 1),
    plain("gzip_disable", HSL, 1, ANY),
    plain("gzip_http_version", HSL, 1, 1),
    plain("gzip_min_length", HSL, 1, 1),
    plain("gzip_proxied", HSL, 1, ANY),
    plain("gzip_types", HSL, 1, ANY),
    plain("gzip_vary", HSL, 1, 1),
    block("http", MAIN, 0, 0, Context::Http),
    plain("if_modified_since", HSL, 1, 1),
    plain("include", MAIN | EVENTS | UPSTREAM | HSL, 1, 1),
    plain("index", HSL, 1, ANY),
    plain("internal", LOCATION, 0, 0),
    plain("keepalive", UPSTREAM, 1, 1),
    plain("keepalive_requests", HSL | UPSTREAM, 1, 1),
    plain("keepalive_timeout", HSL | UPSTREAM, 1, 2),
    plain("large_client_header_buffers", HTTP | SERVER, 2, 2),
    plain("least_conn", UPSTREAM, 0, 0),
    plain("listen", SERVER, 1, ANY),
    block("location", SERVER | LOCATION, 1, 2, Context::Location),
    plain("log_format", HTTP, 2, ANY),
    plain("log_not_found", HSL, 1, 1),
    plain("master_process", MAIN, 1, 1),
    plain("max_ranges", HSL, 1, 1),
    plain("merge_slashes", HTTP | SERVER, 1, 1),
    plain("multi_accept", EVENTS, 1, 1),
    plain("pid", MAIN, 1, 1),
    plain("port_in_redirect", HSL, 1, 1),
    plain("proxy_buffer_size", HSL, 1, 1),
    plain("proxy_buffering", HSL, 1, 1),
    plain("proxy_buffers", HSL, 2, 2),
    plain("proxy_busy_buffers_size", HSL, 1, 1),
    plain("proxy_connect_timeout", HSL, 1, 1),
    plain("proxy_hide_header", HSL, 1, 1),
    plain("proxy_http_version", HSL, 1, 1),
    plain("proxy_intercept_errors", HSL, 1, 1),
    plain("proxy_next_upstream", HSL, 1, ANY),
    plain("proxy_pass", LOCATION, 1, 1),
    plain("proxy_pass_header", HSL, 1, 1),
    plain("proxy_read_timeout", HSL, 1, 1),
    plain("proxy_redirect", HSL, 1, 2),
    plain("proxy_request_buffering", HSL, 1, 1),
    plain("proxy_send_timeout", HSL, 1, 1),
    plain("proxy_set_header", HSL, 2, 2),
    plain("return", SERVER | LOCATION, 1, 2),
    plain("root", HSL, 1, 1),
    plain("send_timeout", HSL, 1, 1),
    plain("sendfile", HSL, 1, 1),
    block("server", HTTP, 0, 0, Context::Server),
    plain("server", UPSTREAM, 1, ANY),
    plain("server_name", SERVER, 1, ANY),
    plain("server_name_in_redirect", HSL, 1, 1),
    plain("server_names_hash_bucket_size", HTTP, 1, 1),
    plain("server_names_hash_max_size", HTTP, 1, 1),
    plain("server_tokens", HSL, 1, 1),
    plain("tcp_nodelay", HSL, 1, 1),
    plain("tcp_nopush", HSL, 1, 1),
    plain("try_files", SERVER | LOCATION, 2, ANY),
    block("types", HSL, 0, 0, Context::Types),
    plain("types_hash_bucket_size", HSL, 1, 1),
    plain("types_hash_max_size", HSL, 1, 1),
    block("upstream", HTTP, 1, 1, Context::Upstream),
    plain("use", EVENTS, 1, 1),
    plain("user", MAIN, 1, 2),
    plain("worker_connections", EVENTS, 1, 1),
    plain("worker_cpu_affinity", MAIN, 1, ANY),
    plain("worker_priority", MAIN, 1, 1),
    plain("worker_processes", MAIN, 1, 1),
    plain("worker_rlimit_nofile", MAIN, 1, 1),
    plain("worker_shutdown_timeout", MAIN, 1, 1),
];

/// Returns what the block of the directive holds (its own context for one without), or nginx' complaint.
pub fn check(context: Context, name: &str, args: usize, is_block: bool) -> Result<Context, String> {
    if context == Context::Types {
        return match is_block {
            true => Err("unexpected \"{\"".to_owned()),
            false => Ok(context),
        };
    }
    let mut known = false;
    for rule in RULES.iter().filter(|rule| rule.name == name) {
        known = true;
        if rule.places & context as u8 == 0 {
            continue;
        }
        if rule.block.is_none() && is_block {
            return Err(format!("directive \"{name}\" is not terminated by \";\""));
        }
        if rule.block.is_some() && !is_block {
            return Err(format!("directive \"{name}\" has no opening \"{{\""));
        }
        if !(rule.args.0..=rule.args.1).contains(&args) {
            return Err(format!(
                "invalid number of arguments in \"{name}\" directive"
            ));
        }
        return Ok(rule.block.unwrap_or(context));
    }
    Err(match known {
        true => format!("\"{name}\" directive is not allowed here"),
        false => format!("unknown directive \"{name}\""),
    })
}
