//! The hostname of a pod and the files that name hosts (kubelet `managedHostsFileContent`, containerd's resolv.conf).

use crate::spec;
use std::fmt::Write;
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

/// The name of a pod with a `subdomain` in the cluster: `hostname.subdomain.namespace.svc.domain`.
pub fn fqdn(pod: &spec::Pod, cluster_domain: &str) -> Option<String> {
    let subdomain = pod.subdomain.as_deref().filter(|name| !name.is_empty())?;
    let (hostname, namespace) = (pod.hostname(), &pod.meta.namespace);
    Some(format!(
        "{hostname}.{subdomain}.{namespace}.svc.{cluster_domain}"
    ))
}

/// What `hostname` prints in every container.
///
/// # Errors
/// When `setHostnameAsFQDN` asks for a name that is too long.
pub fn hostname(pod: &spec::Pod, cluster_domain: &str) -> Result<String, HostnameError> {
    match fqdn(pod, cluster_domain).filter(|_| pod.set_hostname_as_fqdn) {
        None => Ok(pod.hostname().to_owned()),
        Some(fqdn) if fqdn.len() > HOSTNAME_BYTES_MAX => Err(HostnameError::TooLong(fqdn)),
        Some(fqdn) => Ok(fqdn),
    }
}

/// `/etc/hostname`.
///
/// # Errors
/// As [`hostname`].
pub fn etc_hostname(pod: &spec::Pod, cluster_domain: &str) -> Result<String, HostnameError> {
    Ok(format!("{}\n", hostname(pod, cluster_domain)?))
}

/// `/etc/hosts`.
pub fn etc_hosts(pod: &spec::Pod, pod_ips: &[IpAddr], cluster_domain: &str) -> String {
    let mut text = HOSTS_HEADER.to_owned();
    let hostname = pod.hostname();
    let names = match fqdn(pod, cluster_domain) {
        Some(fqdn) => format!("{fqdn}\t{hostname}"),
        None => hostname.to_owned(),
    };
    for ip in pod_ips {
        text.extend([&ip.to_string(), "\t", &names, "\n"]);
    }
    if !pod.host_aliases.is_empty() {
        text.push_str("\n# Entries added by HostAliases.\n");
        for alias in &pod.host_aliases {
            text.extend([
                &alias.ip.to_string(),
                "\t",
                &alias.hostnames.join("\t"),
                "\n",
            ]);
        }
    }
    text
}

const HOSTS_HEADER: &str = "\
# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
";

/// `/etc/resolv.conf` for `dnsPolicy: ClusterFirst`.
pub fn resolv_conf(pod: &spec::Pod, nameserver: IpAddr, cluster_domain: &str) -> String {
    let namespace = &pod.meta.namespace;
    let mut text =
        format!("search {namespace}.svc.{cluster_domain} svc.{cluster_domain} {cluster_domain}\n");
    let _infallible = writeln!(text, "nameserver {nameserver}\noptions ndots:5");
    text
}

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
            let hosts = etc_hosts(&pod, &[[10, 0, 0, 2].into()], "cluster.local");
            let added = hosts.strip_prefix(HOSTS_HEADER).unwrap();
            let hostname = etc_hostname(&pod, "cluster.local").unwrap();
            expect.assert_eq(&format!("hostname: {hostname}hosts:\n{added}"));
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
    fn too_long_a_name() {
        let pod = pod(|pod| {
            pod.meta.name = "a".repeat(45);
            pod.subdomain = Some("s".to_owned());
            pod.set_hostname_as_fqdn = true;
        });
        let error = hostname(&pod, "cluster.local").unwrap_err();
        expect!["failed to construct FQDN from pod hostname and cluster domain, FQDN aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.s.ns.svc.cluster.local is too long (64 characters is the max, 68 characters requested)"].assert_eq(&error.to_string());
    }

    #[test]
    fn resolver() {
        let text = resolv_conf(&pod(|_| {}), [10, 96, 0, 10].into(), "cluster.local");
        expect![[r#"
            search ns.svc.cluster.local svc.cluster.local cluster.local
            nameserver 10.96.0.10
            options ndots:5
        "#]]
        .assert_eq(&text);
    }
}
