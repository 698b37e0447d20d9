//! The images and the command lines that Kubernetes' node tests use, besides agnhost.

use expect_test::{Expect, expect};
use seedpod_tests::Pods;

/// A pod `p` whose only container runs a shell command in an image: its log, and how it ended.
fn check(image: &str, command: &str, expected: &Expect) {
    let manifest = manifest(image, command);
    let mut pods = Pods::start(&manifest);
    pods.run(60);
    expected.assert_eq(&(pods.log_of("p", "c") + &pods.summary()));
}

fn manifest(image: &str, command: &str) -> String {
    let command: String = command
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect();
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: p}}
spec:
  restartPolicy: Never
  subdomain: sub
  containers:
  - name: c
    image: {image}
    command:
    - sh
    - -c
    - |
{command}
    volumeMounts:
    - {{name: m, mountPath: /cache}}
    - {{name: persistent, mountPath: /persistent}}
  volumes:
  - name: m
    emptyDir: {{medium: Memory, sizeLimit: 10Mi}}
  - name: persistent
    emptyDir: {{}}
"
    )
}

const BUSYBOX: &str = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1";

#[test]
fn names() {
    check(
        "registry.k8s.io/e2e-test-images/glibc-dns-testing:2.0.0",
        "hostname; hostname -f; hostname -s; hostname -d; hostname -i; dnsdomainname
         nslookup p.sub.default.svc.cluster.local | tail -n 1",
        &expect![[r#"
            p
            p.sub.default.svc.cluster.local
            p
            sub.default.svc.cluster.local
            10.244.0.2
            sub.default.svc.cluster.local
            Address: 10.244.0.2
            p Succeeded: c Completed 0
        "#]],
    );
}

#[test]
fn identities() {
    check(
        "registry.k8s.io/e2e-test-images/nonroot:1.5",
        "id; id -u",
        &expect![[r#"
            uid=1234 gid=0(root) groups=0(root)
            1234
            p Succeeded: c Completed 0
        "#]],
    );
    check(
        BUSYBOX,
        "id -u; id",
        &expect![[r#"
        0
        uid=0(root) gid=0(root) groups=0(root)
        p Succeeded: c Completed 0
    "#]],
    );
}

#[test]
fn image_contents() {
    check(
        "registry.k8s.io/e2e-test-images/kitten:1.8",
        "cat /data.json /etc/os-release; ls -l /agnhost-2 | awk '{print $NF}'; ls /localhost.crt",
        &expect![[r#"
            {
              "image": "kitten.jpg"
            }
            PRETTY_NAME="seedpod stand-in for Alpine Linux"
            NAME="seedpod"
            ID=seedpod
            ID_LIKE=alpine
            agnhost
            /localhost.crt
            p Succeeded: c Completed 0
        "#]],
    );
    check(
        "quay.io/libpod/alpine:latest",
        "cat /etc/os-release",
        &expect![[r#"
            PRETTY_NAME="seedpod stand-in for Alpine Linux"
            NAME="seedpod"
            ID=seedpod
            ID_LIKE=alpine
            p Succeeded: c Completed 0
        "#]],
    );
    check(
        "k8s.gcr.io/e2e-test-images/nginx:1.15-4",
        "which nginx sh",
        &expect![[r#"
            /usr/sbin/nginx
            /bin/sh
            p Succeeded: c Completed 0
        "#]],
    );
}

#[test]
fn mounts() {
    check(
        BUSYBOX,
        "df | grep /cache | awk '{print $2}'
         head -c 3000 /dev/zero > /cache/f; df /cache | tail -n 1
         df -h /cache/f; mount | grep cache; stat -c %a /cache; awk '$2 == \"/cache\" {print $3}' /proc/mounts",
        &expect![[r#"
            10240
            tmpfs                    10240         4     10236   1% /cache
            Filesystem                Size      Used Available Use% Mounted on
            tmpfs                    10.0M      4.0K     10.0M   1% /cache
            tmpfs on /cache type tmpfs (rw,relatime,size=10240k)
            777
            tmpfs
            p Succeeded: c Completed 0
        "#]],
    );
}

/// The command of the test that starts a container until a file has enough lines.
#[test]
fn counting_restarts() {
    check(
        BUSYBOX,
        "f=/persistent/count
         count=$(echo hello >> $f ; wc -l $f | awk {'print $1'})
         if [ $count -eq 1 ]; then echo first; fi
         if [ $count -eq 2 ]; then exit 0; fi
         while true; do sleep 1; echo hello >> $f; [ $(wc -l < $f) -gt 3 ] && break; done; wc -l $f; usleep 1000",
        &expect![[r#"
            first
            4 /persistent/count
            p Succeeded: c Completed 0
        "#]],
    );
}

/// How the tests of container lifecycles note what happens: with milliseconds, on a volume and in the log of process 1.
#[test]
fn lifecycle_command() {
    let now = "`date -u +%FT$(nmeter -d0 '%3t' | head -n1)Z`";
    let note =
        |what: &str| format!("echo {now} 'c {what}' | tee -a /persistent/c.log >> /proc/1/fd/1; ");
    let command = format!(
        "touch /persistent/c.log; cat /persistent/c.log >> /proc/1/fd/1; {starting}_term() {{ sleep 1; {exiting}exit 3; }}; \
         trap _term TERM; exec sleep 2 & wait $!; touch started; {started}exec sleep 600 & wait $!; {late}exit 0",
        starting = note("Starting"),
        exiting = note("Exiting"),
        started = note("Started"),
        late = note("Late"),
    );
    let mut pods = Pods::start(&manifest(BUSYBOX, &command));
    pods.run(10);
    pods.stop();
    let log: String = pods
        .log_of("p", "c")
        .lines()
        .map(|line| format!("{} {}\n", &line[..19], &line[25..]))
        .collect();
    expect![[r#"
        2026-01-01T00:00:00 c Starting
        2026-01-01T00:00:02 c Started
        2026-01-01T00:00:11 c Exiting
        p Failed: c Error 3
    "#]]
    .assert_eq(&(log + &pods.summary()));
}
