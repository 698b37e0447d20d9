//! The hostname of a pod and the files that name hosts (kubelet `managedHostsFileContent`, containerd's resolv.conf).

use crate::net::CLUSTER_DOMAIN;
use crate::spec;
use std::net::IpAddr;

/// A hostname no kernel would accept; the sandbox fails with it and is tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostnameError {
    /// `setHostnameAsFQDN` with a name longer than Linux allows.
    #[error(
        "failed to construct FQDN from pod hostname and cluster domain, FQDN {0} is too long ({HOSTNAME_BYTES_MAX} characters is the max, {len} characters requested)",
        len = .0.len()
    )]
    TooLong(String),
}

/// What Linux allows (`__NEW_UTS_LEN`).
const HOSTNAME_BYTES_MAX: usize = 64;

/// The name of a pod with a `subdomain` in the cluster: `hostname.subdomain.namespace.svc.domain`. One with
/// `hostnameOverride` has no domain.
pub fn fqdn(pod: &spec::Pod) -> Option<String> {
    let subdomain = pod.subdomain.as_deref().filter(|name| !name.is_empty())?;
    if pod.hostname_override.is_some() {
        return None;
    }
    let (hostname, namespace) = (pod.hostname(), &pod.meta.namespace);
    Some(format!(
        "{hostname}.{subdomain}.{namespace}.svc.{CLUSTER_DOMAIN}"
    ))
}

/// What `hostname` prints in every container: with `hostNetwork` it is the node's name.
///
/// # Errors
/// When `setHostnameAsFQDN` asks for a name that is too long.
pub fn hostname(pod: &spec::Pod, node_name: &str) -> Result<String, HostnameError> {
    if pod.host_network {
        return Ok(node_name.to_owned());
    }
    match fqdn(pod).filter(|_| pod.set_hostname_as_fqdn) {
        None => Ok(pod.hostname().to_owned()),
        Some(fqdn) if fqdn.len() > HOSTNAME_BYTES_MAX => Err(HostnameError::TooLong(fqdn)),
        Some(fqdn) => Ok(fqdn),
    }
}

/// `/etc/hosts`. With `hostNetwork` it is the node's file, with another headline.
pub fn etc_hosts(pod: &spec::Pod, pod_ips: &[IpAddr], node_name: &str) -> String {
    let mut text = String::new();
    let names = if pod.host_network {
        text.push_str(HEADLINE_OF_NODE);
        text.push_str(NODE_HOSTS);
        node_name.to_owned()
    } else {
        text.push_str(HEADLINE);
        text.push_str(POD_HOSTS);
        let hostname = pod.hostname();
        match fqdn(pod) {
            Some(fqdn) => format!("{fqdn}\t{hostname}"),
            None => hostname.to_owned(),
        }
    };
    for ip in pod_ips {
        text.extend([&ip.to_string(), "\t", &names, "\n"]);
    }
    if !pod.host_aliases.is_empty() {
        text.push_str("\n# Entries added by HostAliases.\n");
        for alias in &pod.host_aliases {
            let ip = alias.ip.to_string();
            text.extend([&ip, "\t", &alias.hostnames.join("\t"), "\n"]);
        }
    }
    text
}

const HEADLINE: &str = "# Kubernetes-managed hosts file.\n";
const HEADLINE_OF_NODE: &str = "# Kubernetes-managed hosts file (host network).\n";
const POD_HOSTS: &str = "\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
";
/// What the node's own file says before its name, as Debian has it.
const NODE_HOSTS: &str = "\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::HostAlias;
    use expect_test::{Expect, expect};

    fn pod(edit: impl FnOnce(&mut spec::Pod)) -> spec::Pod {
        let mut pod = spec::Pod::default();
        pod.meta.name = "web-0".to_owned();
        pod.meta.namespace = "ns".to_owned();
        edit(&mut pod);
        pod
    }

    #[test]
    fn files() {
        let check = |pod: spec::Pod, expect: Expect| {
            let hosts = etc_hosts(&pod, &[[10, 0, 0, 2].into()], "node");
            let head = format!("{HEADLINE}{POD_HOSTS}");
            let added = hosts.strip_prefix(&head).unwrap_or(&hosts);
            let hostname = hostname(&pod, "node").unwrap();
            expect.assert_eq(&format!("hostname: {hostname}\nhosts:\n{added}"));
        };
        check(
            pod(|_| {}),
            expect![[r#"
            hostname: web-0
            hosts:
            10.0.0.2	web-0
        "#]],
        );
        check(
            pod(|pod| pod.hostname = Some("other".to_owned())),
            expect![[r#"
                hostname: other
                hosts:
                10.0.0.2	other
            "#]],
        );
        check(
            pod(|pod| {
                pod.subdomain = Some("sub".to_owned());
                let alias = |ip: [u8; 4], names: &[&str]| HostAlias {
                    ip: ip.into(),
                    hostnames: names.iter().map(|name| (*name).to_owned()).collect(),
                };
                pod.host_aliases = vec![
                    alias([127, 0, 0, 1], &["foo.local", "bar.local"]),
                    alias([10, 1, 2, 3], &["far"]),
                ];
            }),
            expect![[r#"
                hostname: web-0
                hosts:
                10.0.0.2	web-0.sub.ns.svc.cluster.local	web-0

                # Entries added by HostAliases.
                127.0.0.1	foo.local	bar.local
                10.1.2.3	far
            "#]],
        );
        check(
            pod(|pod| {
                pod.subdomain = Some("sub".to_owned());
                pod.set_hostname_as_fqdn = true;
            }),
            expect![[r#"
                hostname: web-0.sub.ns.svc.cluster.local
                hosts:
                10.0.0.2	web-0.sub.ns.svc.cluster.local	web-0
            "#]],
        );
        check(
            pod(|pod| pod.set_hostname_as_fqdn = true),
            expect![[r#"
            hostname: web-0
            hosts:
            10.0.0.2	web-0
        "#]],
        );
        check(
            pod(|pod| pod.meta.name = format!("{}-tail", "a".repeat(62))),
            expect![[r#"
                hostname: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
                hosts:
                10.0.0.2	aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            "#]],
        );
    }

    #[test]
    fn overrides() {
        let check = |pod: spec::Pod, expect: Expect| {
            let hosts = etc_hosts(&pod, &[[10, 0, 0, 2].into()], "node");
            let hostname = hostname(&pod, "node").unwrap();
            expect.assert_eq(&format!("hostname: {hostname}\n{hosts}"));
        };
        check(
            pod(|pod| {
                pod.hostname_override = Some("other.example".to_owned());
                pod.subdomain = Some("sub".to_owned());
            }),
            expect![[r#"
                hostname: other.example
                # Kubernetes-managed hosts file.
                127.0.0.1	localhost
                ::1	localhost ip6-localhost ip6-loopback
                fe00::0	ip6-localnet
                fe00::0	ip6-mcastprefix
                fe00::1	ip6-allnodes
                fe00::2	ip6-allrouters
                10.0.0.2	other.example
            "#]],
        );
        check(
            pod(|pod| {
                pod.host_network = true;
                pod.subdomain = Some("sub".to_owned());
                pod.set_hostname_as_fqdn = true;
                pod.host_aliases = vec![HostAlias {
                    ip: [10, 1, 2, 3].into(),
                    hostnames: vec!["far".to_owned()],
                }];
            }),
            expect![[r#"
                hostname: node
                # Kubernetes-managed hosts file (host network).
                127.0.0.1	localhost
                ::1	localhost ip6-localhost ip6-loopback
                ff02::1	ip6-allnodes
                ff02::2	ip6-allrouters
                10.0.0.2	node

                # Entries added by HostAliases.
                10.1.2.3	far
            "#]],
        );
    }

    #[test]
    fn too_long_a_name() {
        let pod = pod(|pod| {
            pod.meta.name = "a".repeat(45);
            pod.subdomain = Some("s".to_owned());
            pod.set_hostname_as_fqdn = true;
        });
        let error = hostname(&pod, "node").unwrap_err();
        expect!["failed to construct FQDN from pod hostname and cluster domain, FQDN aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.s.ns.svc.cluster.local is too long (64 characters is the max, 68 characters requested)"].assert_eq(&error.to_string());
    }
}
