//! Each subcommand of the bundled `agnhost`, in pods of virtual time: what Kubernetes' own tests see of it.

use expect_test::{Expect, expect};
use seedpod_tests::Pods;

/// A container `c` of a pod `p` with this command line, run for a minute: its log, and how it ended.
fn check(command: &str, expected: &Expect) {
    let mut pods = Pods::start(&pod("p", command));
    pods.run(60);
    expected.assert_eq(&(pods.log_of("p", "c") + &pods.summary()));
}

fn pod(name: &str, args: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: agnhost}}}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 3
  containers:
  - name: c
    image: registry.k8s.io/e2e-test-images/agnhost:2.63.0
    args: [{args}]
    volumeMounts: [{{name: v, mountPath: /v}}, {{name: m, mountPath: /m}}]
  volumes:
  - name: v
    configMap: {{name: files, defaultMode: 0400}}
  - name: m
    emptyDir: {{medium: Memory}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: files}}
data: {{data-1: value-1}}
"
    )
}

/// `GET path` of a server that a pod `p` runs: status line, headers that matter, body.
fn get(pods: &mut Pods, port: u16, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n");
    answer(pods, port, &request)
}

fn answer(pods: &mut Pods, port: u16, request: &str) -> String {
    let answer = pods
        .request("p", port, request)
        .unwrap_or_else(|| panic!("nobody listens: {}", pods.log()));
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer of HTTP");
    let mut shown = String::new();
    for line in head.lines() {
        let dull = ["Date:", "Connection:", "Content-Length:", "Last-Modified:"];
        if !dull.iter().any(|name| line.starts_with(name)) {
            shown += line;
            shown += "\n";
        }
    }
    shown + &body.replace('\r', "") + "\n"
}

/// A server with these arguments: answers to paths, then its log.
fn check_server(args: &str, port: u16, paths: &[&str], expected: &Expect) {
    let mut pods = Pods::start(&pod("p", args));
    pods.run(1);
    let mut text = String::new();
    for path in paths {
        text += &format!("> {path}\n{}", get(&mut pods, port, path));
    }
    expected.assert_eq(&(text + &log(&pods)));
}

/// The log of a server without the times at the beginning of its lines.
fn log(pods: &Pods) -> String {
    pods.log_of("p", "c")
        .lines()
        .map(|line| match line.starts_with("2026/") {
            true => format!("{}\n", &line["2026/01/01 00:00:00 ".len()..]),
            false => format!("{line}\n"),
        })
        .collect()
}

#[test]
fn pause_ends_of_a_signal() {
    let mut pods = Pods::start(&pod("p", "pause"));
    pods.run(5);
    pods.stop();
    pods.run(5);
    expect![[r#"
        [p/c] Paused
        p Failed: c Error 2
    "#]]
    .assert_eq(&(pods.log() + &pods.summary()));
}

#[test]
fn a_server_ends_of_a_signal_as_a_go_program_does() {
    let mut pods = Pods::start(&pod("p", "test-webserver"));
    pods.run(5);
    pods.stop();
    pods.run(5);
    expect![[r#"
        p Failed: c Error 2
    "#]]
    .assert_eq(&(pods.log() + &pods.summary()));
}

#[test]
fn command_lines() {
    check(
        "entrypoint-tester, override, arguments",
        &expect![[r#"
        [/agnhost entrypoint-tester override arguments]
        p Succeeded: c Completed 0
    "#]],
    );
    check(
        "--version",
        &expect![[r#"
        app version 2.63.0
        p Succeeded: c Completed 0
    "#]],
    );
    check(
        "pause, --help",
        &expect![[r#"
        Pauses the execution. Useful for keeping the containers running, so other commands can be executed.

        Usage:
          app pause [flags]

        p Succeeded: c Completed 0
    "#]],
    );
    check(
        "pause, now",
        &expect![[r#"
        Error: accepts at most 0 arg(s), received 1
        Usage:
          app pause [flags]

        p Failed: c Error 1
    "#]],
    );
    check(
        "nothing",
        &expect![[r#"
        Error: unknown command "nothing" for "app"
        Run 'app --help' for usage.
        p Failed: c Error 1
    "#]],
    );
    check(
        "netexec, --htp-port=1",
        &expect![[r#"
        Error: unknown flag: --htp-port
        Usage:
          app netexec [flags]

        Flags:
              --http-port int                 HTTP Listen Port (default 8080)
              --tls-cert-file string          File containing an x509 certificate for HTTPS. (CA cert, if any, concatenated after server cert)
              --tls-private-key-file string   File containing an x509 private key matching --tls-cert-file
              --udp-port int                  UDP Listen Port (default 8081)
              --sctp-port int                 SCTP Listen Port (default -1)
              --http-override string          Override the HTTP handler to always respond as if it were a GET with this path & params
              --udp-listen-addresses string   A comma separated list of ip addresses the udp servers listen from
              --delay-shutdown int            Number of seconds to delay shutdown when receiving SIGTERM.

        p Failed: c Error 1
    "#]],
    );
}

#[test]
fn resolver_files() {
    check(
        "etc-hosts",
        &expect![[r#"
        # Kubernetes-managed hosts file.
        127.0.0.1	localhost
        ::1	localhost ip6-localhost ip6-loopback
        fe00::0	ip6-localnet
        fe00::0	ip6-mcastprefix
        fe00::1	ip6-allnodes
        fe00::2	ip6-allrouters
        10.244.0.2	p

        p Succeeded: c Completed 0
    "#]],
    );
    check(
        "dns-suffix",
        &expect![[r#"
        default.svc.cluster.local,svc.cluster.local,cluster.local
        p Succeeded: c Completed 0
    "#]],
    );
}

#[test]
fn mounttest_shows_files() {
    check(
        "mounttest, --fs_type=/v, --file_content=/v/data-1, --file_mode=/v/data-1",
        &expect![[r#"
            mount type of "/v": volume
            mode of file "/v/data-1": -r--------
            content of file "/v/data-1": value-1
            p Succeeded: c Completed 0
        "#]],
    );
    check(
        "mounttest, --fs_type=/m, --new_file_0644=/m/f, --file_mode=/m, --file_perm=/m/f, --file_owner=/m/f",
        &expect![[r#"
            mount type of "/m": tmpfs
            content of file "/m/f": mount-tester new file

            mode of file "/m": drwxrwxrwx
            perms of file "/m/f": -rw-r--r--
            owner UID of "/m/f": 0
            owner GID of "/m/f": 0
            p Succeeded: c Completed 0
        "#]],
    );
    check(
        "mounttest, --file_content=/v/none, --file_mode=/v/none",
        &expect![[r#"
            error from Stat("/v/none"): stat /v/none: no such file or directory
            error reading file content for "/v/none": open /v/none: no such file or directory
            p Failed: c Error 1
        "#]],
    );
    check(
        "mounttest, --file_content_in_loop=/v/data-1, --retry_time=5, --break_on_expected_content=false",
        &expect![[r#"
            content of file "/v/data-1": value-1
            content of file "/v/data-1": value-1
            content of file "/v/data-1": value-1
            p Succeeded: c Completed 0
        "#]],
    );
}

#[test]
fn logs_generator_writes_evenly() {
    let mut pods = Pods::start(&pod("p", "logs-generator, --log-lines-total, '4', -d, 20s"));
    pods.run(12);
    expect![[r#"
        I0101 00:00:00.000015       1 logs_generator.go:94] 0 POST /api/v1/namespaces/kube-system/pods/fcbq 572
        I0101 00:00:05.000015       1 logs_generator.go:94] 1 POST /api/v1/namespaces/default/pods/hgr 416
        I0101 00:00:10.000015       1 logs_generator.go:94] 2 GET /api/v1/namespaces/default/pods/dxzq 328
    "#]].assert_eq(&pods.log_of("p", "c"));
    assert!(pods.run(20), "{}", pods.log());
}

#[test]
fn liveness_is_healthy_for_ten_seconds() {
    let mut pods = Pods::start(&pod("p", "liveness"));
    pods.run(5);
    let early = get(&mut pods, 8080, "/healthz");
    pods.run(6);
    let late = get(&mut pods, 8080, "/healthz");
    assert!(late.contains("\nerror: 11.0"), "{late}");
    let redirect = get(&mut pods, 8080, "/redirect?loc=%2Fhealthz");
    let slow = get(&mut pods, 8080, "/sleep-headers?time=3&code=200");
    expect![[r#"
        HTTP/1.1 200 OK
        Content-Type: text/plain; charset=utf-8
        ok
        HTTP/1.1 500 Internal Server Error
        HTTP/1.1 302 Found
        Content-Type: text/html; charset=utf-8
        Location: /healthz
        <a href="/healthz">Found</a>.


        HTTP/1.1 200 OK
        Content-Type: text/plain; charset=utf-8
        Transfer-Encoding: chunked
        11
        Slept for 3 secs

        0


    "#]]
    .assert_eq(&(early + &status(&late) + &redirect + &slow));
}

#[test]
fn test_webserver_serves_the_container() {
    check_server(
        "test-webserver, --port=8080",
        8080,
        &["/", "/v/data-1", "/v", "/none", "/etc/../v/data-1"],
        &expect![[r#"
            > /
            HTTP/1.1 200 OK
            Content-Type: text/html; charset=utf-8
            Cache-Control: private
            Access-Control-Allow-Origin: *
            Access-Control-Allow-Credentials: true
            Access-Control-Allow-Methods: GET, POST, OPTIONS
            Access-Control-Allow-Headers: DNT,X-Mx-ReqToken,Keep-Alive,User-Agent,X-Requested-With,Cache-Control,Content-Type
            <!doctype html>
            <meta name="viewport" content="width=device-width">
            <pre>
            <a href="agnhost">agnhost</a>
            <a href="agnhost-2">agnhost-2</a>
            <a href="bin/">bin/</a>
            <a href="dev/">dev/</a>
            <a href="etc/">etc/</a>
            <a href="localhost.crt">localhost.crt</a>
            <a href="localhost.key">localhost.key</a>
            <a href="m/">m/</a>
            <a href="proc/">proc/</a>
            <a href="sys/">sys/</a>
            <a href="tmp/">tmp/</a>
            <a href="uploads/">uploads/</a>
            <a href="usr/">usr/</a>
            <a href="v/">v/</a>
            </pre>

            > /v/data-1
            HTTP/1.1 200 OK
            Content-Type: text/plain; charset=utf-8
            Cache-Control: private
            Access-Control-Allow-Origin: *
            Access-Control-Allow-Credentials: true
            Access-Control-Allow-Methods: GET, POST, OPTIONS
            Access-Control-Allow-Headers: DNT,X-Mx-ReqToken,Keep-Alive,User-Agent,X-Requested-With,Cache-Control,Content-Type
            value-1
            > /v
            HTTP/1.1 301 Moved Permanently
            Content-Type: text/html; charset=utf-8
            Location: /v/
            Cache-Control: private
            Access-Control-Allow-Origin: *
            Access-Control-Allow-Credentials: true
            Access-Control-Allow-Methods: GET, POST, OPTIONS
            Access-Control-Allow-Headers: DNT,X-Mx-ReqToken,Keep-Alive,User-Agent,X-Requested-With,Cache-Control,Content-Type
            <a href="/v/">Moved Permanently</a>.


            > /none
            HTTP/1.1 404 Not Found
            Content-Type: text/plain; charset=utf-8
            X-Content-Type-Options: nosniff
            Cache-Control: private
            Access-Control-Allow-Origin: *
            Access-Control-Allow-Credentials: true
            Access-Control-Allow-Methods: GET, POST, OPTIONS
            Access-Control-Allow-Headers: DNT,X-Mx-ReqToken,Keep-Alive,User-Agent,X-Requested-With,Cache-Control,Content-Type
            404 page not found

            > /etc/../v/data-1
            HTTP/1.1 200 OK
            Content-Type: text/plain; charset=utf-8
            Cache-Control: private
            Access-Control-Allow-Origin: *
            Access-Control-Allow-Credentials: true
            Access-Control-Allow-Methods: GET, POST, OPTIONS
            Access-Control-Allow-Headers: DNT,X-Mx-ReqToken,Keep-Alive,User-Agent,X-Requested-With,Cache-Control,Content-Type
            value-1
        "#]],
    );
}

#[test]
fn netexec_answers() {
    check_server(
        "netexec, --http-port=80",
        80,
        &[
            "/echo?msg=poststart",
            "/echo?msg=a+b%21&code=201",
            "/healthz",
            "/readyz",
            "/hostname",
            "/header?key=Connection",
            "/header",
            "/redirect?location=/echo%3Fmsg=foobar&code=307",
            "/shell?cmd=echo%20hi%3B%20ls%20/none%3B%20exit%203",
            "/dial?host=127.0.0.1&port=80&request=echo%3Fmsg%3Dx&tries=2",
            "/dial?host=127.0.0.1&port=8081&request=hostname&protocol=udp",
            "/dial?host=127.0.0.1&port=81&request=hostname",
            "/dial?host=localhost&port=80",
        ],
        &expect![[r#"
            > /echo?msg=poststart
            HTTP/1.1 200 OK
            Content-Type: text/plain; charset=utf-8
            poststart
            > /echo?msg=a+b%21&code=201
            HTTP/1.1 201 Created
            Content-Type: text/plain; charset=utf-8
            a b!
            > /healthz
            HTTP/1.1 200 OK

            > /readyz
            HTTP/1.1 200 OK
            Content-Type: text/plain; charset=utf-8
            ok
            > /hostname
            HTTP/1.1 200 OK
            Content-Type: text/plain; charset=utf-8
            p
            > /header?key=Connection
            HTTP/1.1 200 OK
            Content-Type: text/plain; charset=utf-8
            close
            > /header
            HTTP/1.1 200 OK
            Content-Type: text/plain; charset=utf-8
            {"Connection":["close"]}
            > /redirect?location=/echo%3Fmsg=foobar&code=307
            HTTP/1.1 307 Temporary Redirect
            Content-Type: text/html; charset=utf-8
            Location: /echo?msg=foobar
            <a href="/echo?msg=foobar">Temporary Redirect</a>.


            > /shell?cmd=echo%20hi%3B%20ls%20/none%3B%20exit%203
            HTTP/1.1 200 OK
            Content-Type: text/plain; charset=utf-8
            {"error":"exit status 3","output":"hi\nls: /none: No such file or directory\n"}
            > /dial?host=127.0.0.1&port=80&request=echo%3Fmsg%3Dx&tries=2
            HTTP/1.1 200 OK
            Content-Type: text/plain; charset=utf-8
            {"responses":["x","x"]}
            > /dial?host=127.0.0.1&port=8081&request=hostname&protocol=udp
            HTTP/1.1 200 OK
            Content-Type: text/plain; charset=utf-8
            {"responses":["p"]}
            > /dial?host=127.0.0.1&port=81&request=hostname
            HTTP/1.1 200 OK
            Content-Type: text/plain; charset=utf-8
            {"errors":["Get \"http://127.0.0.1:81/hostname\": dial tcp 127.0.0.1:81: connect: connection refused"]}
            > /dial?host=localhost&port=80
            HTTP/1.1 400 Bad Request
            Content-Type: text/plain; charset=utf-8
            X-Content-Type-Options: nosniff
            request parameter not specified. <nil>

            Started HTTP server on port 80
            Started UDP server on port  8081
            GET /echo?msg=poststart&code=
            GET /echo?msg=a b!&code=201
            GET /healthz
            GET /readyz
            GET /hostname
            hostname: p
            GET /header?key=Connection
            GET /header
            GET /redirect?msg=/echo?msg=foobar&code=307
            GET /shell?cmd=echo hi; ls /none; exit 3
            Output: map[error:exit status 3 output:hi
            ls: /none: No such file or directory
            ]
            GET /dial?host=127.0.0.1&protocol=&port=80&request=echo?msg=x&tries=2
            GET /echo?msg=x&code=
            GET /echo?msg=x&code=
            GET /dial?host=127.0.0.1&protocol=udp&port=8081&request=hostname&tries=
            Sending udp hostName response
            hostname: p
            GET /dial?host=127.0.0.1&protocol=&port=81&request=hostname&tries=
            GET /dial?host=localhost&protocol=&port=80&request=&tries=
        "#]],
    );
}

#[test]
fn netexec_keeps_files() {
    let mut pods = Pods::start(&pod("p", "netexec"));
    pods.run(1);
    let body = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nhello\r\n--B--\r\n";
    let request = format!(
        "POST /upload HTTP/1.1\r\nHost: p\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=B\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let text = answer(&mut pods, 8080, &request)
        + &get(
            &mut pods,
            8080,
            "/shell?cmd=cat+/uploads/*+%26%26+ls+-l+/uploads",
        );
    expect![[r#"
        HTTP/1.1 201 Created
        Content-Type: text/plain; charset=utf-8
        {"output":"/uploads/upload1466350042"}
        HTTP/1.1 200 OK
        Content-Type: text/plain; charset=utf-8
        {"output":"hellototal 4\n-rwx------    1 root     root             5 Jan  1 00:00 upload1466350042\n"}
    "#]].assert_eq(&text);
}

#[test]
fn netexec_leaves() {
    let mut pods = Pods::start(&pod("p", "netexec"));
    pods.run(1);
    let text = get(&mut pods, 8080, "/exit?code=3&wait=2s&timeout=1s");
    assert!(pods.run(5));
    expect![[r#"
        HTTP/1.1 200 OK

        Started HTTP server on port 8080
        Started UDP server on port  8081
        GET /exit?code=3&timeout=1s&wait=2s
        Will begin shutdown in 2s, allowing 1s for connections to close, then will exit with 3
        Graceful shutdown completed with: <nil>
        p Failed: c Error 3
    "#]]
    .assert_eq(&(text + &log(&pods) + &pods.summary()));
}

#[test]
fn netexec_delays_its_end() {
    let mut pods = Pods::start(&pod("p", "netexec, --delay-shutdown=2"));
    pods.run(5);
    let asks_later = "/shell?cmd=sleep+1;curl+-s+localhost:8080/readyz";
    let open = pods.open(
        "p",
        8080,
        &format!("GET {asks_later} HTTP/1.1\r\nHost: p\r\n\r\n"),
    );
    pods.stop();
    drop(open);
    expect![[r#"
        Started HTTP server on port 8080
        Started UDP server on port  8081
        GET /shell?cmd=sleep 1;curl -s localhost:8080/readyz
        Sleeping 2 seconds before terminating...
        GET /readyz
        Output: map[output:shutting down]
        p Succeeded: c Completed 0
    "#]]
    .assert_eq(&(log(&pods) + &pods.summary()));
}

#[test]
fn a_slow_client_blocks_nobody() {
    let mut pods = Pods::start(&pod("p", "netexec"));
    pods.run(1);
    let slow = pods.open(
        "p",
        8080,
        "GET /shell?cmd=sleep+20 HTTP/1.1\r\nHost: p\r\n\r\n",
    );
    let half = pods.open("p", 8080, "GET /echo?msg=");
    expect![[r#"
        HTTP/1.1 200 OK
        Content-Type: text/plain; charset=utf-8
        quick
    "#]]
    .assert_eq(&get(&mut pods, 8080, "/echo?msg=quick"));
    drop((slow, half));
}

#[test]
fn nettest_finds_its_peers() {
    let args = "nettest, --port=80, --peers=2, --service=nettest";
    let manifest = format!(
        "{}---\n{}---
apiVersion: v1
kind: Service
metadata: {{name: nettest}}
spec: {{clusterIP: None, selector: {{app: agnhost}}, ports: [{{port: 80}}]}}
",
        pod("p", args),
        pod("q", args).split("---").next().unwrap_or_default(),
    );
    let mut pods = Pods::start(&manifest);
    pods.run(30);
    let mut text = get(&mut pods, 80, "/status");
    let post = "{\"Source\":\"prestop\"}";
    let request = format!(
        "POST /write HTTP/1.0\r\nContent-Length: {}\r\n\r\n{post}",
        post.len()
    );
    text += &answer(&mut pods, 80, &request);
    text += &get(&mut pods, 80, "/read");
    expect![[r#"
        HTTP/1.1 200 OK
        Content-Type: text/plain; charset=utf-8
        pass
        HTTP/1.0 200 OK
        Content-Type: text/plain; charset=utf-8
        {"Hostname":"p"}

        HTTP/1.1 200 OK
        Content-Type: text/plain; charset=utf-8
        {
        	"Hostname": "p",
        	"Sent": {
        		"p": 6,
        		"q": 6
        	},
        	"Received": {
        		"p": 6,
        		"prestop": 1,
        		"q": 7
        	},
        	"Errors": null,
        	"Log": [
        		"default/nettest has 1 endpoints ([10.244.0.2:80]), which is less than 2 as expected. Waiting for all endpoints to come up.",
        		"Attempting to contact http://10.244.0.2:80",
        		"Attempting to contact http://10.244.0.3:80",
        		"Attempting to contact http://10.244.0.2:80",
        		"Attempting to contact http://10.244.0.3:80",
        		"Attempting to contact http://10.244.0.2:80",
        		"Attempting to contact http://10.244.0.3:80",
        		"Attempting to contact http://10.244.0.2:80",
        		"Attempting to contact http://10.244.0.3:80",
        		"Attempting to contact http://10.244.0.2:80",
        		"Attempting to contact http://10.244.0.3:80",
        		"Attempting to contact http://10.244.0.2:80",
        		"Attempting to contact http://10.244.0.3:80"
        	],
        	"StillContactingPeers": true
        }
    "#]].assert_eq(&text);
}

/// Frames of HTTP/2 as `TYPE flags content`, without what differs between libraries: settings and window updates.
fn frames(mut bytes: &[u8]) -> String {
    let mut text = String::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (content, rest) = rest.split_at(len);
        bytes = rest;
        let kind = match head[3] {
            0 => "DATA",
            1 => "HEADERS",
            3 => "RST_STREAM",
            7 => "GOAWAY",
            _ => continue,
        };
        text += &format!("{kind} {:x} {content:02x?}\n", head[4]);
    }
    text
}

/// A call of `/grpc.health.v1.Health/Check` with this message; then the client goes.
fn grpc_check(pods: &mut Pods, message: &[u8]) -> String {
    let frame = |kind: u8, flags: u8, stream: u8, content: &[u8]| {
        let mut frame = vec![0, 0, content.len() as u8, kind, flags, 0, 0, 0, stream];
        frame.extend_from_slice(content);
        frame
    };
    let literal = |name: &str, value: &str| {
        let mut field = vec![0, name.len() as u8];
        field.extend(name.bytes());
        field.push(value.len() as u8);
        field.extend(value.bytes());
        field
    };
    let headers = [
        literal(":method", "POST"),
        literal(":scheme", "http"),
        literal(":path", "/grpc.health.v1.Health/Check"),
        literal(":authority", "p"),
        literal("content-type", "application/grpc"),
        literal("te", "trailers"),
    ]
    .concat();
    let mut data = vec![0, 0, 0, 0, message.len() as u8];
    data.extend_from_slice(message);
    let request = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[]),
        frame(1, 4, 1, &headers),
        frame(0, 1, 1, &data),
        frame(7, 0, 0, &[0; 8]),
    ]
    .concat();
    let answer = pods.request_bytes("p", 5000, &request).expect("a server");
    frames(&answer)
}

/// The line of status of an answer. What follows tells times that change with the program.
fn status(answer: &str) -> String {
    answer
        .lines()
        .take(1)
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn grpc_health_checking_turns_sick() {
    let args = "grpc-health-checking, --service=s, --delay-unhealthy-sec=10";
    let mut pods = Pods::start(&pod("p", args));
    pods.run(1);
    let mut text = grpc_check(&mut pods, b"\x0a\x01s");
    text += &grpc_check(&mut pods, b"");
    text += &status(&get(&mut pods, 8080, "/make-not-serving"));
    text += &grpc_check(&mut pods, b"\x0a\x01s");
    text += &status(&get(&mut pods, 8080, "/make-serving"));
    text += &grpc_check(&mut pods, b"\x0a\x01s");
    pods.run(10);
    text += &grpc_check(&mut pods, b"\x0a\x01s");
    expect![[r#"
        HEADERS 4 [88, 5f, 8b, 1d, 75, d0, 62, 0d, 26, 3d, 4c, 4d, 65, 64, 61, 96, df, 3d, bf, 4a, 00, 2a, 65, 1d, 4a, 08, 02, 71, 40, 02, e0, 01, 70, 01, 53, 16, 8d, ff, 0f, 0d, 81, 77]
        DATA 0 [00, 00, 00, 00, 02, 08, 01]
        HEADERS 5 [40, 88, 9a, ca, c8, b2, 12, 34, da, 8f, 81, 07, 40, 89, 9a, ca, c8, b5, 25, 42, 07, 31, 7f, 00]
        GOAWAY 0 [00, 00, 00, 01, 00, 00, 00, 00]
        HEADERS 5 [88, 5f, 8b, 1d, 75, d0, 62, 0d, 26, 3d, 4c, 4d, 65, 64, 40, 88, 9a, ca, c8, b2, 12, 34, da, 8f, 81, 6f, 40, 89, 9a, ca, c8, b5, 25, 42, 07, 31, 7f, 8b, b6, ae, b5, 1f, c5, 4a, 20, b6, 77, 31, 0b, 61, 96, df, 3d, bf, 4a, 00, 2a, 65, 1d, 4a, 08, 02, 71, 40, 02, e0, 01, 70, 01, 53, 16, 8d, ff]
        GOAWAY 0 [00, 00, 00, 01, 00, 00, 00, 00]
        HTTP/1.1 200 OK
        HEADERS 4 [88, 5f, 8b, 1d, 75, d0, 62, 0d, 26, 3d, 4c, 4d, 65, 64, 61, 96, df, 3d, bf, 4a, 00, 2a, 65, 1d, 4a, 08, 02, 71, 40, 02, e0, 01, 70, 01, 53, 16, 8d, ff, 0f, 0d, 81, 77]
        DATA 0 [00, 00, 00, 00, 02, 08, 02]
        HEADERS 5 [40, 88, 9a, ca, c8, b2, 12, 34, da, 8f, 81, 07, 40, 89, 9a, ca, c8, b5, 25, 42, 07, 31, 7f, 00]
        GOAWAY 0 [00, 00, 00, 01, 00, 00, 00, 00]
        HTTP/1.1 200 OK
        HEADERS 4 [88, 5f, 8b, 1d, 75, d0, 62, 0d, 26, 3d, 4c, 4d, 65, 64, 61, 96, df, 3d, bf, 4a, 00, 2a, 65, 1d, 4a, 08, 02, 71, 40, 02, e0, 01, 70, 01, 53, 16, 8d, ff, 0f, 0d, 81, 77]
        DATA 0 [00, 00, 00, 00, 02, 08, 01]
        HEADERS 5 [40, 88, 9a, ca, c8, b2, 12, 34, da, 8f, 81, 07, 40, 89, 9a, ca, c8, b5, 25, 42, 07, 31, 7f, 00]
        GOAWAY 0 [00, 00, 00, 01, 00, 00, 00, 00]
        HEADERS 4 [88, 5f, 8b, 1d, 75, d0, 62, 0d, 26, 3d, 4c, 4d, 65, 64, 61, 96, df, 3d, bf, 4a, 00, 2a, 65, 1d, 4a, 08, 02, 71, 40, 02, e0, 01, 70, 21, 53, 16, 8d, ff, 0f, 0d, 81, 77]
        DATA 0 [00, 00, 00, 00, 02, 08, 02]
        HEADERS 5 [40, 88, 9a, ca, c8, b2, 12, 34, da, 8f, 81, 07, 40, 89, 9a, ca, c8, b5, 25, 42, 07, 31, 7f, 00]
        GOAWAY 0 [00, 00, 00, 01, 00, 00, 00, 00]
        gRPC server starting to listen on :5000
        Http server starting to listen on :8080
        Serving the Check request for health check, started at 2026-01-01 00:00:00.000008621 +0000 UTC m=+0.000000000
        Serving the Check request for health check, started at 2026-01-01 00:00:00.000008621 +0000 UTC m=+0.000000000
        Mark as unhealthy
        Serving the Check request for health check, started at 2026-01-01 00:00:00.000008621 +0000 UTC m=+0.000000000
        Mark as healthy
        Serving the Check request for health check, started at 2026-01-01 00:00:00.000008621 +0000 UTC m=+0.000000000
        Serving the Check request for health check, started at 2026-01-01 00:00:00.000008621 +0000 UTC m=+0.000000000
    "#]].assert_eq(&(text + &log(&pods)));
}

#[test]
fn netexec_serves_tls() {
    check(
        "netexec, --tls-cert-file=/none, --tls-private-key-file=/localhost.key",
        &expect![[r#"
            2026/01/01 00:00:00 open /none: no such file or directory
            p Failed: c Error 1
        "#]],
    );
    check(
        "netexec, --tls-cert-file=/localhost.key, --tls-private-key-file=/localhost.key",
        &expect![[r#"
            2026/01/01 00:00:00 tls: failed to find any PEM data in certificate input
            p Failed: c Error 1
        "#]],
    );
    let args = "netexec, --tls-cert-file=/localhost.crt, --tls-private-key-file=/localhost.key";
    let mut pods = Pods::start(&pod("p", args));
    pods.run(1);
    // An alert, `decode_error`, is the answer to what is no TLS.
    let alert = pods.request_bytes("p", 8080, b"GET / HTTP/1.0\r\n\r\n");
    expect![[r#"
        Some([15, 03, 03, 00, 02, 02, 32])
        Started HTTP server on port 8080
        Started UDP server on port  8081
        http: TLS handshake error from 127.0.0.1:0: tls: first record does not look like a TLS handshake
    "#]].assert_eq(&format!("{alert:02x?}\n{}", log(&pods)));
}

/// Probes of all kinds that a node makes, answered by agnhost.
#[test]
fn probes_reach_it() {
    let manifest = "apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 3
  containers:
  - name: c
    image: registry.k8s.io/e2e-test-images/agnhost:2.63.0
    args: [netexec, --udp-port=-1, --tls-cert-file=/localhost.crt, --tls-private-key-file=/localhost.key]
    startupProbe:
      httpGet: {scheme: HTTPS, port: 8080, path: /echo?msg=startup}
  - name: grpc
    image: registry.k8s.io/e2e-test-images/agnhost:2.63.0
    args: [grpc-health-checking, --port=5000, --http-port=8081, --service=s, --delay-unhealthy-sec=15]
    livenessProbe:
      grpc: {port: 5000, service: s}
      initialDelaySeconds: 1
      periodSeconds: 5
      failureThreshold: 1
  - name: web
    image: registry.k8s.io/e2e-test-images/agnhost:2.63.0
    args: [test-webserver]
    readinessProbe:
      httpGet: {port: 80}
    livenessProbe:
      tcpSocket: {port: 80}
";
    let mut pods = Pods::start(manifest);
    pods.run(25);
    expect![[r#"
        Started HTTP server on port 8080
        GET /echo?msg=startup&code=
        p Running: c Running, grpc Running (1 restarts), web Running
    "#]]
    .assert_eq(&(log(&pods) + &pods.summary()));
}

#[test]
fn other_pods_reach_it() {
    let client = "apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: registry.k8s.io/e2e-test-images/busybox:1.37.0-1
    command:
    - sh
    - -c
    - |
      wget -q -O- --post-data='{\"Source\": \"prestop\"}' http://10.244.0.2:8080/write
      wget -q -O- http://10.244.0.2:8080/read | grep prestop
---
";
    let manifest = format!("{}---\n{client}", pod("p", "nettest"));
    let mut pods = Pods::start(&manifest);
    pods.run(5);
    expect![[r#"
        {"Hostname":"p"}
        		"prestop": 1
    "#]]
    .assert_eq(&pods.log_of("client", "c"));
}

/// As the tests of readiness while a pod ends have it: `bash` with a trap, in the image of agnhost.
#[test]
fn its_shell_traps_signals() {
    let manifest = "apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 30
  restartPolicy: Never
  containers:
  - name: c
    image: registry.k8s.io/e2e-test-images/agnhost:2.63.0
    command: [/bin/bash]
    args:
    - -c
    - |
      _term() {
        rm -f /tmp/ready
        sleep 10
        echo leaving
        exit 0
      }
      trap _term SIGTERM

      touch /tmp/ready

      while true; do
        echo \"hello\"
        sleep 10
      done
";
    let mut pods = Pods::start(manifest);
    pods.run(15);
    pods.stop();
    expect![[r#"
        [p/c] hello
        [p/c] hello
        [p/c] leaving
        p Succeeded: c Completed 0
    "#]]
    .assert_eq(&(pods.log() + &pods.summary()));
}
