//! `/etc/resolv.conf`: what the kubelet makes of `dnsPolicy` and `dnsConfig` (`network/dns/dns.go`), and what a resolver
//! reads from it.

use crate::limits::{
    DNS_NAMESERVERS_MAX, DNS_SEARCH_BYTES_MAX, DNS_SEARCHES_MAX, HOST_NAME_BYTES_MAX,
};
use crate::net::{CLUSTER_DOMAIN, NAME_SERVER, NODE_IP};
use crate::spec::{self, DnsPolicy};
use std::net::IpAddr;

/// How names are resolved: the lines of `resolv.conf(5)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolver {
    /// `nameserver`
    pub servers: Vec<IpAddr>,
    /// `search`
    pub searches: Vec<String>,
    /// `options`, with their values.
    pub options: Vec<(String, Option<String>)>,
}

impl Resolver {
    /// What a pod gets, and what its event `DNSConfigForming` says where something had to be left out.
    pub fn of_pod(pod: &spec::Pod) -> (Self, Vec<String>) {
        let mut resolver = match pod.dns_policy {
            DnsPolicy::ClusterFirst if pod.host_network => Self::of_node(),
            DnsPolicy::ClusterFirst | DnsPolicy::ClusterFirstWithHostNet => {
                Self::of_cluster(&pod.meta.namespace)
            }
            DnsPolicy::Default => Self::of_node(),
            DnsPolicy::None => Self::default(),
        };
        resolver.append(&pod.dns_config);
        let warnings = [resolver.limit_searches(), resolver.limit_servers()];
        let warnings = warnings.into_iter().flatten().collect();
        (resolver, warnings)
    }

    /// The node forwards what it is asked to the network of the machine, if anything may leave.
    fn of_node() -> Self {
        Self {
            servers: vec![NODE_IP.into()],
            ..Self::default()
        }
    }

    /// The name server of the cluster, with the search list of a namespace.
    pub fn of_cluster(namespace: &str) -> Self {
        let domain = CLUSTER_DOMAIN;
        Self {
            servers: vec![NAME_SERVER.into()],
            searches: vec![
                format!("{namespace}.svc.{domain}"),
                format!("svc.{domain}"),
                domain.to_owned(),
            ],
            options: vec![("ndots".to_owned(), Some("5".to_owned()))],
        }
    }

    fn append(&mut self, config: &spec::DnsConfig) {
        for server in &config.nameservers {
            if !self.servers.contains(server) {
                self.servers.push(*server);
            }
        }
        for search in &config.searches {
            if !self.searches.contains(search) {
                self.searches.push(search.clone());
            }
        }
        for (name, value) in &config.options {
            match self.options.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.clone_from(value),
                None => self.options.push((name.clone(), value.clone())),
            }
        }
    }

    fn limit_servers(&mut self) -> Option<String> {
        if self.servers.len() <= DNS_NAMESERVERS_MAX {
            return None;
        }
        self.servers.truncate(DNS_NAMESERVERS_MAX);
        let servers: Vec<_> = self.servers.iter().map(ToString::to_string).collect();
        Some(format!(
            "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: {}",
            servers.join(" ")
        ))
    }

    fn limit_searches(&mut self) -> Option<String> {
        let before = self.searches.len();
        self.searches.truncate(DNS_SEARCHES_MAX);
        self.searches
            .retain(|search| search.len() <= HOST_NAME_BYTES_MAX);
        while self.searches.join(" ").len() > DNS_SEARCH_BYTES_MAX {
            self.searches.pop();
        }
        (self.searches.len() < before).then(|| {
            format!(
                "Search Line limits were exceeded, some search paths have been omitted, the applied search line is: {}",
                self.searches.join(" ")
            )
        })
    }

    /// The file, as containerd writes it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.searches.is_empty() {
            text.extend(["search ", &self.searches.join(" "), "\n"]);
        }
        for server in &self.servers {
            text.extend(["nameserver ", &server.to_string(), "\n"]);
        }
        let option = |(name, value): &(String, Option<String>)| match value {
            Some(value) if !value.is_empty() => format!("{name}:{value}"),
            _ => name.clone(),
        };
        let options: Vec<_> = self.options.iter().map(option).collect();
        if !options.is_empty() {
            text.extend(["options ", &options.join(" "), "\n"]);
        }
        text
    }

    /// Reads a file. Of several `search` lines the last one counts; what does not fit is passed over.
    pub fn parse(text: &str) -> Self {
        let mut resolver = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let server = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    resolver.servers.extend(server);
                    resolver.servers.truncate(DNS_NAMESERVERS_MAX);
                }
                Some("search" | "domain") => {
                    let searches = words.map(str::to_owned).take(DNS_SEARCHES_MAX);
                    resolver.searches = searches.collect();
                }
                Some("options") => {
                    let option = |word: &str| match word.split_once(':') {
                        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                        None => (word.to_owned(), None),
                    };
                    resolver.options = words.map(option).take(DNS_SEARCHES_MAX).collect();
                }
                _ => {}
            }
        }
        resolver
    }

    /// The full names to try for `name`, in order: without a dot at its end, with or without the search list before it.
    pub fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(absolute) = name.strip_suffix('.') {
            return vec![absolute.to_owned()];
        }
        let search = |domain: &String| format!("{name}.{}", domain.trim_end_matches('.'));
        let mut names: Vec<_> = self.searches.iter().map(search).collect();
        let own = if name.matches('.').count() >= self.ndots() {
            0
        } else {
            names.len()
        };
        names.insert(own, name.to_owned());
        names
    }

    /// 1 if it is not said, 15 at most.
    fn ndots(&self) -> usize {
        let is_ndots = |(name, _): &&(String, Option<String>)| name == "ndots";
        let value = self.options.iter().rev().find(is_ndots);
        let value = value.and_then(|(_, value)| value.as_ref()?.parse().ok());
        value.unwrap_or(1).min(15)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(edit: impl FnOnce(&mut spec::Pod), expect: &Expect) {
        let mut pod = spec::Pod::default();
        pod.meta.namespace = "ns".to_owned();
        edit(&mut pod);
        let (resolver, warnings) = Resolver::of_pod(&pod);
        let mut text = resolver.text();
        assert_eq!(Resolver::parse(&text), resolver);
        for warning in warnings {
            text.extend(["! ", &warning, "\n"]);
        }
        expect.assert_eq(&text);
    }

    fn custom(pod: &mut spec::Pod) {
        pod.dns_config = spec::DnsConfig {
            nameservers: vec![[1, 1, 1, 1].into(), NAME_SERVER.into()],
            searches: vec!["my.dns".to_owned(), CLUSTER_DOMAIN.to_owned()],
            options: vec![
                ("ndots".to_owned(), Some("2".to_owned())),
                ("edns0".to_owned(), None),
            ],
        };
    }

    #[test]
    fn policies() {
        check(
            |_| {},
            &expect![[r#"
            search ns.svc.cluster.local svc.cluster.local cluster.local
            nameserver 10.96.0.10
            options ndots:5
        "#]],
        );
        check(
            |pod| pod.host_network = true,
            &expect![[r#"
            nameserver 10.244.0.1
        "#]],
        );
        check(
            |pod| {
                pod.host_network = true;
                pod.dns_policy = DnsPolicy::ClusterFirstWithHostNet;
            },
            &expect![[r#"
                search ns.svc.cluster.local svc.cluster.local cluster.local
                nameserver 10.96.0.10
                options ndots:5
            "#]],
        );
        check(
            |pod| pod.dns_policy = DnsPolicy::Default,
            &expect![[r#"
            nameserver 10.244.0.1
        "#]],
        );
        check(
            custom,
            &expect![[r#"
            search ns.svc.cluster.local svc.cluster.local cluster.local my.dns
            nameserver 10.96.0.10
            nameserver 1.1.1.1
            options ndots:2 edns0
        "#]],
        );
        check(
            |pod| {
                custom(pod);
                pod.dns_policy = DnsPolicy::None;
            },
            &expect![[r#"
                search my.dns cluster.local
                nameserver 1.1.1.1
                nameserver 10.96.0.10
                options ndots:2 edns0
            "#]],
        );
    }

    #[test]
    fn limits() {
        check(
            |pod| {
                let more = (1..=3).map(|last| [1, 1, 1, last].into());
                pod.dns_config.nameservers = more.collect();
                pod.dns_config.searches = (0..30).map(|number| format!("d{number}")).collect();
            },
            &expect![[r#"
                search ns.svc.cluster.local svc.cluster.local cluster.local d0 d1 d2 d3 d4 d5 d6 d7 d8 d9 d10 d11 d12 d13 d14 d15 d16 d17 d18 d19 d20 d21 d22 d23 d24 d25 d26 d27 d28
                nameserver 10.96.0.10
                nameserver 1.1.1.1
                nameserver 1.1.1.2
                options ndots:5
                ! Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ns.svc.cluster.local svc.cluster.local cluster.local d0 d1 d2 d3 d4 d5 d6 d7 d8 d9 d10 d11 d12 d13 d14 d15 d16 d17 d18 d19 d20 d21 d22 d23 d24 d25 d26 d27 d28
                ! Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.96.0.10 1.1.1.1 1.1.1.2
            "#]],
        );
        check(
            |pod| {
                pod.dns_policy = DnsPolicy::None;
                pod.dns_config.nameservers = vec![[1, 1, 1, 1].into()];
                let long = |number| format!("d{number}{}", ".long".repeat(30));
                pod.dns_config.searches = (10..24).map(long).collect();
                pod.dns_config.searches.push("x".repeat(254));
            },
            &expect![[r#"
                search d10.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d11.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d12.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d13.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d14.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d15.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d16.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d17.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d18.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d19.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d20.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d21.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d22.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long
                nameserver 1.1.1.1
                ! Search Line limits were exceeded, some search paths have been omitted, the applied search line is: d10.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d11.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d12.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d13.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d14.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d15.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d16.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d17.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d18.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d19.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d20.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d21.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long d22.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long
            "#]],
        );
    }

    #[test]
    fn names_to_try() {
        let check = |conf: &str, name: &str, expected: &[&str]| {
            assert_eq!(Resolver::parse(conf).candidates(name), expected);
        };
        let conf = "search a.b. c\n# search d\noptions ndots:2 rotate\nnameserver x";
        check(conf, "one", &["one.a.b", "one.c", "one"]);
        check(conf, "one.two", &["one.two.a.b", "one.two.c", "one.two"]);
        check(conf, "1.2.3", &["1.2.3", "1.2.3.a.b", "1.2.3.c"]);
        check(conf, "one.", &["one"]);
        check("search a", "one.two", &["one.two", "one.two.a"]);
        check("", "one", &["one"]);
    }
}
