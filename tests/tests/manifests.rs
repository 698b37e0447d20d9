//! Every example pod, in virtual time: what the documents show, a reader must see here.

use expect_test::{Expect, expect};
use seedpod_tests::{Pods, manifest};

/// Runs a manifest twice for at most this many seconds: the same both times, to the byte; and then what the containers
/// wrote and how they ended.
fn check(name: &str, seconds: u64, expected: &Expect) -> Pods {
    let run = || {
        let mut pods = Pods::start(&manifest(name));
        pods.run(seconds);
        pods
    };
    let pods = run();
    assert_eq!(pods.trace(), run().trace(), "{name}: two runs differ");
    expected.assert_eq(&(pods.log_by_container() + &pods.summary()));
    pods
}

#[test]
fn a_writer_and_a_server_share_a_volume() {
    let mut pods = check(
        "mc1.yaml",
        3,
        &expect![[r#"
            [mc1/1st] 2026/01/01 00:00:00 [notice] 1#1: nginx/1.27.5
            [mc1/1st] 2026/01/01 00:00:00 [notice] 1#1: start worker processes
            mc1 Running: 1st Running, 2nd Running
        "#]],
    );
    let first = pods.get("mc1", 80).unwrap();
    pods.run(3);
    let second = pods.get("mc1", 80).unwrap();
    assert!(
        second.starts_with(&first) && second.len() > first.len(),
        "{first}\n{second}"
    );
    expect![[r#"
        Thu Jan  1 00:00:00 UTC 2026
        Thu Jan  1 00:00:01 UTC 2026
        Thu Jan  1 00:00:02 UTC 2026
        Thu Jan  1 00:00:03 UTC 2026
        Thu Jan  1 00:00:04 UTC 2026
        Thu Jan  1 00:00:05 UTC 2026
        Thu Jan  1 00:00:06 UTC 2026
    "#]]
    .assert_eq(&second);
}

#[test]
fn a_producer_and_a_consumer_share_a_queue() {
    let pods = check(
        "mc2.yaml",
        60,
        &expect![[r#"
            [mc2/consumer] Consumed: da
            [mc2/consumer] Consumed: 59
            [mc2/consumer] Consumed: d5
            [mc2/consumer] Consumed: bb
            [mc2/consumer] Consumed: ed
            [mc2/consumer] Consumed: 2e
            [mc2/consumer] Consumed: 19
            [mc2/consumer] Consumed: c
            [mc2/consumer] Consumed: f9
            [mc2/consumer] Consumed: d
            [mc2/consumer] Consumed: 1f
            [mc2/consumer] Consumed: 80
            [mc2/consumer] Consumed: b5
            [mc2/consumer] Consumed: 37
            [mc2/consumer] Consumed: aa
            [mc2/consumer] Consumed: 4
            [mc2/consumer] Consumed: 5b
            [mc2/consumer] Consumed: b9
            [mc2/consumer] Consumed: 24
            [mc2/consumer] Consumed: f5
            [mc2/consumer] Consumed: done
            [mc2/producer] Produced: da
            [mc2/producer] Produced: 59
            [mc2/producer] Produced: d5
            [mc2/producer] Produced: bb
            [mc2/producer] Produced: ed
            [mc2/producer] Produced: 2e
            [mc2/producer] Produced: 19
            [mc2/producer] Produced: c
            [mc2/producer] Produced: f9
            [mc2/producer] Produced: d
            [mc2/producer] Produced: 1f
            [mc2/producer] Produced: 80
            [mc2/producer] Produced: b5
            [mc2/producer] Produced: 37
            [mc2/producer] Produced: aa
            [mc2/producer] Produced: 4
            [mc2/producer] Produced: 5b
            [mc2/producer] Produced: b9
            [mc2/producer] Produced: 24
            [mc2/producer] Produced: f5
            mc2 Succeeded: producer Completed 0, consumer Completed 0
        "#]],
    );
    let words = |container: &str, verb: &str| -> Vec<String> {
        let log = pods.log_of("mc2", container);
        log.lines()
            .filter_map(|line| line.strip_prefix(verb))
            .map(str::to_owned)
            .collect()
    };
    let (produced, mut consumed) = (
        words("producer", "Produced: "),
        words("consumer", "Consumed: "),
    );
    assert_eq!(consumed.pop().as_deref(), Some("done"));
    assert_eq!(produced, consumed, "every message once and in order");
}

#[test]
fn an_init_container_solves_the_order_of_the_start() {
    check(
        "mc2-init.yaml",
        60,
        &expect![[r#"
            [mc2-init/consumer] Consumed: da
            [mc2-init/consumer] Consumed: e0
            [mc2-init/consumer] Consumed: 44
            [mc2-init/consumer] Consumed: 92
            [mc2-init/consumer] Consumed: 84
            [mc2-init/consumer] Consumed: e8
            [mc2-init/consumer] Consumed: 19
            [mc2-init/consumer] Consumed: 23
            [mc2-init/consumer] Consumed: af
            [mc2-init/consumer] Consumed: 79
            [mc2-init/consumer] Consumed: af
            [mc2-init/consumer] Consumed: 8d
            [mc2-init/consumer] Consumed: ee
            [mc2-init/consumer] Consumed: bd
            [mc2-init/consumer] Consumed: e
            [mc2-init/consumer] Consumed: d1
            [mc2-init/consumer] Consumed: 3f
            [mc2-init/consumer] Consumed: d3
            [mc2-init/consumer] Consumed: 7
            [mc2-init/consumer] Consumed: b
            [mc2-init/consumer] Consumed: done
            [mc2-init/producer] Produced: da
            [mc2-init/producer] Produced: e0
            [mc2-init/producer] Produced: 44
            [mc2-init/producer] Produced: 92
            [mc2-init/producer] Produced: 84
            [mc2-init/producer] Produced: e8
            [mc2-init/producer] Produced: 19
            [mc2-init/producer] Produced: 23
            [mc2-init/producer] Produced: af
            [mc2-init/producer] Produced: 79
            [mc2-init/producer] Produced: af
            [mc2-init/producer] Produced: 8d
            [mc2-init/producer] Produced: ee
            [mc2-init/producer] Produced: bd
            [mc2-init/producer] Produced: e
            [mc2-init/producer] Produced: d1
            [mc2-init/producer] Produced: 3f
            [mc2-init/producer] Produced: d3
            [mc2-init/producer] Produced: 7
            [mc2-init/producer] Produced: b
            [mc2-init/queue] Created: /ch6_ipc
            mc2-init Succeeded: queue Completed 0, consumer Completed 0, producer Completed 0
        "#]],
    );
    check(
        "mc2-startup-order.yaml",
        60,
        &expect![[r#"
        [mc2-startup-order/consumer] mq_open /ch6_ipc: No such file or directory
        [mc2-startup-order/consumer] Either the producer has not been started or this is another IPC namespace
        mc2-startup-order Failed: consumer Error 1
    "#]],
    );
}

#[test]
fn a_proxy_stands_before_an_app() {
    let mut pods = check(
        "mc3.yaml",
        5,
        &expect![[r#"
            [mc3/webapp]  * Running on http://0.0.0.0:5000/ (Press CTRL+C to quit)
            mc3 Running: webapp Running, nginx Running
        "#]],
    );
    expect!["Hello world!"].assert_eq(&pods.get("mc3", 80).unwrap());
    expect!["Hello world!"].assert_eq(&pods.get("mc3", 5000).unwrap());
}

#[test]
fn a_server_and_a_shell_share_localhost() {
    let mut pods = check(
        "nginx.yaml",
        5,
        &expect![[r#"
            [nginx/nginx-1] 2026/01/01 00:00:00 [notice] 1#1: nginx/1.27.5
            [nginx/nginx-1] 2026/01/01 00:00:00 [notice] 1#1: start worker processes
            nginx Running: nginx-1 Running, busybox Running
        "#]],
    );
    let page = pods.get("nginx", 80).unwrap();
    assert!(page.contains("<title>Welcome to nginx!</title>"), "{page}");
    pods.stop();
    expect![[r#"
        nginx Failed: nginx-1 Completed 0, busybox Error 143
    "#]]
    .assert_eq(&pods.summary());
    check(
        "nginx-curl.yaml",
        30,
        &expect![[r#"
            [nginx-curl/busybox] <!DOCTYPE html>
            [nginx-curl/busybox] <html>
            [nginx-curl/busybox] <head>
            [nginx-curl/busybox] <title>Welcome to nginx!</title>
            [nginx-curl/busybox] <style>
            [nginx-curl/busybox]     body {
            [nginx-curl/busybox]         width: 35em;
            [nginx-curl/busybox]         margin: 0 auto;
            [nginx-curl/busybox]         font-family: Tahoma, Verdana, Arial, sans-serif;
            [nginx-curl/busybox]     }
            [nginx-curl/busybox] </style>
            [nginx-curl/busybox] </head>
            [nginx-curl/busybox] <body>
            [nginx-curl/busybox] <h1>Welcome to nginx!</h1>
            [nginx-curl/busybox] <p>If you see this page, the nginx web server is successfully installed and
            [nginx-curl/busybox] working. Further configuration is required.</p>
            [nginx-curl/busybox] 
            [nginx-curl/busybox] <p>For online documentation and support please refer to
            [nginx-curl/busybox] <a href="http://nginx.org/">nginx.org</a>.<br/>
            [nginx-curl/busybox] Commercial support is available at
            [nginx-curl/busybox] <a href="http://nginx.com/">nginx.com</a>.</p>
            [nginx-curl/busybox] 
            [nginx-curl/busybox] <p><em>Thank you for using nginx.</em></p>
            [nginx-curl/busybox] </body>
            [nginx-curl/busybox] </html>
            [nginx-curl/nginx-1] 2026/01/01 00:00:00 [notice] 1#1: nginx/1.27.5
            [nginx-curl/nginx-1] 2026/01/01 00:00:00 [notice] 1#1: start worker processes
            [nginx-curl/nginx-1] 127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/7.88.1" "-"
            nginx-curl Running: nginx-1 Running, busybox Completed 0
        "#]],
    );
}

#[test]
fn containers_share_some_namespaces_and_not_others() {
    check(
        "my-pod.yaml",
        130,
        &expect![[r#"
        my-pod Running: my-container-1 Running, my-container-2 Running
    "#]],
    );
    let pods = check(
        "my-pod-namespaces.yaml",
        30,
        &expect![[r#"
            [my-pod/my-container-1] net net:[4064917470]
            [my-pod/my-container-1] ipc ipc:[4115301537]
            [my-pod/my-container-1] uts uts:[4035993758]
            [my-pod/my-container-1] pid pid:[4058179038]
            [my-pod/my-container-1] mnt mnt:[4107704658]
            [my-pod/my-container-1] my-pod
            [my-pod/my-container-1] # Kubernetes-managed hosts file.
            [my-pod/my-container-1] 127.0.0.1	localhost
            [my-pod/my-container-1] ::1	localhost ip6-localhost ip6-loopback
            [my-pod/my-container-1] fe00::0	ip6-localnet
            [my-pod/my-container-1] fe00::0	ip6-mcastprefix
            [my-pod/my-container-1] fe00::1	ip6-allnodes
            [my-pod/my-container-1] fe00::2	ip6-allrouters
            [my-pod/my-container-1] 10.244.0.2	my-pod
            [my-pod/my-container-1] my-container-1
            [my-pod/my-container-2] net net:[4064917470]
            [my-pod/my-container-2] ipc ipc:[4115301537]
            [my-pod/my-container-2] uts uts:[4035993758]
            [my-pod/my-container-2] pid pid:[4088606766]
            [my-pod/my-container-2] mnt mnt:[4072949915]
            [my-pod/my-container-2] my-pod
            [my-pod/my-container-2] # Kubernetes-managed hosts file.
            [my-pod/my-container-2] 127.0.0.1	localhost
            [my-pod/my-container-2] ::1	localhost ip6-localhost ip6-loopback
            [my-pod/my-container-2] fe00::0	ip6-localnet
            [my-pod/my-container-2] fe00::0	ip6-mcastprefix
            [my-pod/my-container-2] fe00::1	ip6-allnodes
            [my-pod/my-container-2] fe00::2	ip6-allrouters
            [my-pod/my-container-2] 10.244.0.2	my-pod
            [my-pod/my-container-2] my-container-2
            my-pod Succeeded: my-container-1 Completed 0, my-container-2 Completed 0
        "#]],
    );
    let [first, second] =
        ["my-container-1", "my-container-2"].map(|container| pods.log_of("my-pod", container));
    let namespace = |log: &str, name: &str| {
        log.lines()
            .find(|line| line.starts_with(name))
            .map(str::to_owned)
    };
    for shared in ["net ", "ipc ", "uts "] {
        assert_eq!(namespace(&first, shared), namespace(&second, shared));
    }
    for own in ["pid ", "mnt "] {
        assert_ne!(namespace(&first, own), namespace(&second, own));
    }
}

#[test]
fn pods_reach_each_other_by_address_and_by_service() {
    check(
        "two-pods.yaml",
        5,
        &expect![[r#"
        mypod1 Running: pod1 Running
        mypod2 Running: pod2 Running
    "#]],
    );
    check(
        "pod-to-pod.yaml",
        20,
        &expect![[r#"
            [client/client] <title>Welcome to nginx!</title>
            [client/client] <h1>Welcome to nginx!</h1>
            [client/own-port-80] 2026/01/01 00:00:00 [notice] 1#1: nginx/1.27.5
            [client/own-port-80] 2026/01/01 00:00:00 [notice] 1#1: start worker processes
            [client/own-port-80] 10.244.0.3 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/7.88.1" "-"
            [server/nginx] 2026/01/01 00:00:00 [notice] 1#1: nginx/1.27.5
            [server/nginx] 2026/01/01 00:00:00 [notice] 1#1: start worker processes
            [server/nginx] 10.244.0.3 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/7.88.1" "-"
            [server/nginx] 10.244.0.3 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/7.88.1" "-"
            server Running: nginx Running
            client Running: own-port-80 Running, client Completed 0
        "#]],
    );
}

#[test]
fn the_pause_process_is_the_first_where_processes_are_shared() {
    let mut pods = check(
        "pause.yaml",
        20,
        &expect![[r#"
            [pause/nginx-web] 2026/01/01 00:00:00 [notice] 3#3: nginx/1.27.5
            [pause/nginx-web] 2026/01/01 00:00:00 [notice] 3#3: start worker processes
            [pause/nginx-web] 127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 17 "-" "Wget" "-"
            [pause/node-server] Kube server starting...
            [pause/node-server] Received request from 127.0.0.1
            [pause/shell] You've hit pause
            [pause/shell] USER       PID %CPU %MEM    VSZ   RSS TTY      STAT START  TIME COMMAND
            [pause/shell] root         1  0.0  0.0      0     0 ?        S    00:00  0:00 /pause
            [pause/shell] root         2  0.0 30.9   1088  1088 ?        S    00:00  0:00 node app.js
            [pause/shell] root         3  0.0 34.5   1216  1216 ?        S    00:00  0:00 nginx -g daemon off;
            [pause/shell] root         4  0.0 34.5   1216  1216 ?        R    00:00  0:00 ps aux
            pause Running: node-server Running, nginx-web Running, shell Completed 0
        "#]],
    );
    expect![[r#"
        You've hit pause
    "#]]
    .assert_eq(&pods.get("pause", 80).unwrap());
    check(
        "no-pause.yaml",
        20,
        &expect![[r#"
            [no-pause/nginx-web] 2026/01/01 00:00:00 [notice] 1#1: nginx/1.27.5
            [no-pause/nginx-web] 2026/01/01 00:00:00 [notice] 1#1: start worker processes
            [no-pause/nginx-web] 127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 20 "-" "Wget" "-"
            [no-pause/node-server] Kube server starting...
            [no-pause/node-server] Received request from 127.0.0.1
            [no-pause/shell] You've hit no-pause
            [no-pause/shell] USER       PID %CPU  %MEM    VSZ   RSS TTY      STAT START  TIME COMMAND
            [no-pause/shell] root         1  0.0 100.0   1216  1216 ?        R    00:00  0:00 ps aux
            no-pause Running: node-server Running, nginx-web Running, shell Completed 0
        "#]],
    );
}

#[test]
fn the_second_on_a_port_is_told_so() {
    check(
        "port-conflict.yaml",
        20,
        &expect![[r#"
            [port-conflict/first] 2026/01/01 00:00:00 [notice] 1#1: nginx/1.27.5
            [port-conflict/first] 2026/01/01 00:00:00 [notice] 1#1: start worker processes
            [port-conflict/first] 127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/7.88.1" "-"
            [port-conflict/second] nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address in use)
            [port-conflict/second] nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address in use)
            [port-conflict/second] nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address in use)
            [port-conflict/second] nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address in use)
            [port-conflict/second] nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address in use)
            [port-conflict/second] nginx: [emerg] still could not bind()
            port-conflict Running: first Running, second Error 1
        "#]],
    );
}

#[test]
fn a_crash_is_the_affair_of_one_container() {
    check(
        "restart.yaml",
        120,
        &expect![[r#"
        [restart/crashing] start 1
        [restart/crashing] start 2
        [restart/crashing] start 3
        [restart/steady] steady all along
        restart Succeeded: steady Completed 0, crashing Completed 0 (2 restarts)
    "#]],
    );
}

#[test]
fn sidecar_adapter_and_ambassador() {
    check(
        "sidecar.yaml",
        60,
        &expect![[r#"
        [sidecar/log-shipper] request 1
        [sidecar/log-shipper] request 2
        [sidecar/log-shipper] request 3
        sidecar Succeeded: log-shipper Error 143, app Completed 0
    "#]],
    );
    check(
        "adapter.yaml",
        60,
        &expect![[r#"
        [adapter/adapter] {"host":"adapter","load_percent":10}
        [adapter/adapter] {"host":"adapter","load_percent":55}
        [adapter/adapter] {"host":"adapter","load_percent":90}
        adapter Succeeded: app Completed 0, adapter Completed 0
    "#]],
    );
    check(
        "ambassador.yaml",
        30,
        &expect![[r#"
            [ambassador/ambassador] 2026/01/01 00:00:00 [notice] 1#1: nginx/1.27.5
            [ambassador/ambassador] 2026/01/01 00:00:00 [notice] 1#1: start worker processes
            [ambassador/ambassador] 127.0.0.1 - - [01/Jan/2026:00:00:01 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/7.88.1" "-"
            [ambassador/app] Hello world!
            [greeter/webapp]  * Running on http://0.0.0.0:5000/ (Press CTRL+C to quit)
            [greeter/webapp] 10.244.0.2 - - [01/Jan/2026 00:00:01] "GET / HTTP/1.0" 200 -
            ambassador Running: app Completed 0, ambassador Running
            greeter Running: webapp Running
        "#]],
    );
}

#[test]
fn semaphores_shared_memory_and_messages() {
    check(
        "sysv-sem.yaml",
        60,
        &expect![[r#"
            [sysv-sem/enter] took the lock
            [sysv-sem/leave] took the lock and left
            [sysv-sem/ping] ping 1
            [sysv-sem/ping] ping 2
            [sysv-sem/ping] ping 3
            [sysv-sem/ping] ping 4
            [sysv-sem/ping] ping 5
            [sysv-sem/pong] pong 1
            [sysv-sem/pong] pong 2
            [sysv-sem/pong] pong 3
            [sysv-sem/pong] pong 4
            [sysv-sem/pong] pong 5
            [sysv-sem/rules] all rules hold
            sysv-sem Succeeded: rules Completed 0, leave Completed 0, enter Completed 0, ping Completed 0, pong Completed 0
        "#]],
    );
    check(
        "posix-shm.yaml",
        60,
        &expect![[r#"
            [posix-shm/reader] read: line 1
            [posix-shm/reader] read: line 2
            [posix-shm/reader] read: line 3
            [posix-shm/reader] read: line 4
            [posix-shm/reader] read: line 5
            [posix-shm/reader] read: line 6
            [posix-shm/reader] read: line 7
            [posix-shm/reader] read: line 8
            [posix-shm/reader] read: line 9
            [posix-shm/reader] read: line 10
            [posix-shm/writer] wrote: line 1
            [posix-shm/writer] wrote: line 2
            [posix-shm/writer] wrote: line 3
            [posix-shm/writer] wrote: line 4
            [posix-shm/writer] wrote: line 5
            [posix-shm/writer] wrote: line 6
            [posix-shm/writer] wrote: line 7
            [posix-shm/writer] wrote: line 8
            [posix-shm/writer] wrote: line 9
            [posix-shm/writer] wrote: line 10
            posix-shm Succeeded: writer Completed 0, reader Completed 0
        "#]],
    );
    check(
        "sysv-msg.yaml",
        60,
        &expect![[r#"
            [sysv-msg/client] 1 squared is 1
            [sysv-msg/client] 2 squared is 4
            [sysv-msg/client] 3 squared is 9
            [sysv-msg/client] 4 squared is 16
            [sysv-msg/client] 5 squared is 25
            [sysv-msg/rules] all rules hold
            [sysv-msg/server] stopped
            sysv-msg Succeeded: rules Completed 0, client Completed 0, server Completed 0
        "#]],
    );
}
