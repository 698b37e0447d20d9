//! What a transfer found out, and `-w`, which prints it.

use super::Transfer;
use std::time::Duration;

/// What a transfer found out, for `-w`.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) status: u16,
    pub(super) version: u8,
    pub(super) size: u64,
    pub(super) head_size: usize,
    pub(super) redirects: u32,
    pub(super) redirect_url: String,
    pub(super) content_type: String,
    pub(super) url: String,
    pub(super) method: String,
    pub(super) remote: Option<std::net::SocketAddr>,
    pub(super) local: Option<std::net::SocketAddr>,
    pub(super) connect_time: Duration,
    pub(super) first_byte_time: Duration,
    pub(super) total_time: Duration,
    pub(super) exit_code: u8,
    pub(super) error: String,
}

impl Transfer<'_> {
    /// The text of `-w`.
    pub(super) fn written(&self, format: &str) -> String {
        let mut output = String::new();
        let mut rest = format;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match (c, rest.chars().next()) {
                ('%', Some('{')) if rest.contains('}') => {
                    let (name, after) = rest[1..].split_once('}').unwrap_or((rest, ""));
                    output.push_str(&self.fact(name));
                    rest = after;
                }
                ('%', Some('%')) => {
                    output.push('%');
                    rest = &rest[1..];
                }
                ('\\', Some(letter @ ('n' | 't' | 'r'))) => {
                    output.push(match letter {
                        'n' => '\n',
                        't' => '\t',
                        _ => '\r',
                    });
                    rest = &rest[1..];
                }
                (c, _) => output.push(c),
            }
        }
        output
    }

    fn fact(&self, name: &str) -> String {
        let facts = &self.facts;
        let time = |duration: Duration| format!("{:.6}", duration.as_secs_f64());
        match name {
            "http_code" | "response_code" => format!("{:03}", facts.status),
            "size_download" => facts.size.to_string(),
            "size_header" => facts.head_size.to_string(),
            "num_redirects" => facts.redirects.to_string(),
            "redirect_url" => facts.redirect_url.clone(),
            "content_type" => facts.content_type.clone(),
            "url_effective" => facts.url.clone(),
            "url" => self.facts.url.clone(),
            "method" => facts.method.clone(),
            "scheme" => self.url.scheme.to_uppercase(),
            "http_version" => format!("1.{}", facts.version),
            "remote_ip" => facts
                .remote
                .map_or(String::new(), |address| address.ip().to_string()),
            "remote_port" => facts.remote.map_or(0, |address| address.port()).to_string(),
            "local_ip" => facts
                .local
                .map_or(String::new(), |address| address.ip().to_string()),
            "local_port" => facts.local.map_or(0, |address| address.port()).to_string(),
            "time_connect" => time(facts.connect_time),
            "time_starttransfer" => time(facts.first_byte_time),
            "time_total" => time(facts.total_time),
            "exitcode" => facts.exit_code.to_string(),
            "errormsg" => facts.error.clone(),
            "filename_effective" => self.output.clone().unwrap_or_default(),
            unknown => format!("%{{{unknown}}}"),
        }
    }
}
