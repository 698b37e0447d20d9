//! A script is a transcript: `pod socket call arguments -> answer`. `UPDATE_EXPECT=1` writes the answers.

use crate::net::dns;
use crate::net::{
    Egress, End, Error, Fabric, Family, Mailbox, NameFiles, Namespace, Request, Shutdown, SocketId,
    Stream,
};
use crate::pod::hosts::etc_hosts;
use crate::pod::resolver::Resolver;
use crate::spec::{
    self, ClusterIp, Container, ContainerPort, HostAlias, Protocol, ServicePort, TargetPort,
};
use bytes::Bytes;
use expect_test::{Expect, expect};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::task::{Poll, Waker};

fn check(transcript: &Expect) {
    let mut world = World::new(Egress::None);
    world.check(transcript);
}

fn check_with_egress(transcript: &Expect) {
    let mut world = World::new(Egress::Host);
    world.check(transcript);
}

#[test]
fn a_connection_carries_bytes_both_ways_and_ends_by_halves() {
    check(&expect![[r#"
        a s tcp
        a s bind 0.0.0.0:80
        a s listen
        a c tcp
        a c connect 127.0.0.1:80
        a s accept d
        a c local -> 127.0.0.1:49152
        a c remote -> 127.0.0.1:80
        a d local -> 127.0.0.1:80
        a d remote -> 127.0.0.1:49152
        a c write hello
        a d read -> "hello"
        a d read -> pending
        a d write world
        a c shutdown send
        a c write more -> broken pipe
        a d read -> end
        a d write !
        a d close
        a c read -> "world!"
        a c read -> end
        a c write late -> broken pipe
        a c write late -> broken pipe
    "#]]);
}

#[test]
fn closing_with_unread_bytes_resets_the_peer_once() {
    check(&expect![[r#"
        a s tcp
        a s bind 127.0.0.1:80
        a s listen
        a c tcp
        a c connect 127.0.0.1:80
        a s accept d
        a d write kept
        a c write unread
        a d close
        a c read -> "kept"
        a c read -> connection reset by peer
        a c read -> end
        a c write late -> broken pipe
    "#]]);
}

#[test]
fn reset_after_the_end_of_the_stream_is_a_broken_pipe() {
    check(&expect![[r#"
        a s tcp
        a s bind 127.0.0.1:80
        a s listen
        a c tcp
        a c connect 127.0.0.1:80
        a s accept d
        a c write unread
        a d shutdown send
        a d close
        a c read -> end
        a c write late -> broken pipe
        a c read -> end
    "#]]);
}

#[test]
fn bytes_for_who_stopped_receiving_are_dropped() {
    check(&expect![[r#"
        a s tcp
        a s bind 127.0.0.1:80
        a s listen
        a c tcp
        a c connect 127.0.0.1:80
        a s accept d
        a c write before
        a d shutdown receive
        a d read -> end
        a c write after
        a d read -> end
        a d write fine
        a c read -> "fine"
        a d close
        a c read -> end
    "#]]);
}

#[test]
fn a_full_buffer_takes_no_more_until_a_third_is_free() {
    check(&expect![[r#"
        a s tcp
        a s bind 127.0.0.1:80
        a s listen
        a c tcp
        a c connect 127.0.0.1:80
        a s accept d
        a c fill -> 196608 bytes
        a d read 60000 -> 60000 bytes
        a c fill -> 65536 bytes
        a d read 60000 -> 5536 bytes
        a c fill -> 0 bytes
    "#]]);
}

#[test]
fn ports_are_taken_by_linux_rules() {
    check(&expect![[r#"
        a s tcp
        a s bind 127.0.0.1:80
        a t tcp
        a t bind 0.0.0.0:80
        a s listen
        a t listen -> address already in use
        a u tcp
        a u bind 127.0.0.1:80 -> address already in use
        a u bind 127.0.0.2:80
        a u listen
        a v tcp6
        a v bind [::]:80
        a v listen
        a s close
        a t listen -> address already in use
        a w tcp
        a w bind 10.244.0.2:80
        a w bind 10.244.0.3:80 -> invalid socket state
        a w bind 0.0.0.0:0 -> invalid socket state
        a w local -> 10.244.0.2:80
        a w bind 0.0.0.0:0 -> invalid socket state
        a x tcp
        a x bind 0.0.0.0:49152
        b s tcp
        b s bind 0.0.0.0:80
        b s listen
    "#]]);
}

#[test]
fn addresses_that_cannot_be() {
    check(&expect![[r#"
        a s tcp
        a s bind 224.0.0.1:80 -> invalid argument
        a s bind [::1]:80 -> invalid argument
        a s bind 8.8.8.8:80 -> cannot assign requested address
        a s connect 0.0.0.0:80 -> at once: invalid argument
        a s connect 127.0.0.1:0 -> at once: invalid argument
        a s connect [::1]:80 -> at once: invalid argument
        a s connect 255.255.255.255:80 -> at once: invalid argument
        a s bind 127.0.0.1:0
        a s connect 10.244.0.3:80 -> at once: invalid argument
        a t tcp6
        a t bind [::ffff:127.0.0.1]:80 -> invalid argument
        a t connect [::ffff:127.0.0.1]:80 -> at once: invalid argument
        a t bind [fd00:10:244::af4:2]:80
        a t bind [fd00:10:244::af4:3]:81 -> invalid socket state
        a u udp
        a u send 127.0.0.1:0 x -> invalid argument
        a u send 0.0.0.0:1 x -> invalid argument
        a u write x -> invalid argument
    "#]]);
}

#[test]
fn families_do_not_meet() {
    check(&expect![[r#"
        a s tcp
        a s bind 0.0.0.0:80
        a s listen
        a c tcp6
        a c connect [::1]:80 -> connection refused
        a t tcp6
        a t bind [::]:81
        a t listen
        a d tcp
        a d connect 127.0.0.1:81 -> connection refused
        a e tcp6
        a e connect [::1]:81
        b f tcp6
        b f connect [fd00:10:244::af4:2]:81
        b f local -> [fd00:10:244::af4:3]:49152
    "#]]);
}

#[test]
fn connecting_to_nothing() {
    check(&expect![[r#"
        a c tcp
        a c connect 127.0.0.1:80 -> connection refused
        a c connect 127.0.0.1:80 -> at once: invalid socket state
        a d tcp
        a d connect 10.244.0.3:80 -> connection refused
        a e tcp
        a e connect 10.244.0.77:80 -> no route to host
        a f tcp
        a f connect 93.184.216.34:443 -> no route to host
        a g tcp
        a g connect 93.184.216.34:443 -> no route to host
        a u udp
        a u send 93.184.216.34:53 x -> no route to host
        a lookup example.com -> name or service not known
        a lookup typo -> name or service not known
        a lookup no.svc.cluster.local -> name or service not known
        a lookup not/a/name -> invalid argument
        a events -> connection to 93.184.216.34:443 denied: it is outside the pod network; allow it with --egress host, datagram to 93.184.216.34:53 denied: it is outside the pod network; allow it with --egress host, look-up of "example.com" denied: it is outside the pod network; allow it with --egress host
    "#]]);
}

#[test]
fn a_full_backlog_lets_connects_wait_in_order() {
    check(&expect![[r#"
        a s tcp
        a s bind 127.0.0.1:80
        a s backlog 1
        a s listen
        a c1 tcp
        a c1 connect 127.0.0.1:80
        a c2 tcp
        a c2 connect 127.0.0.1:80
        a c3 tcp
        a c3 connect 127.0.0.1:80 -> pending
        a c4 tcp
        a c4 connect 127.0.0.1:80 -> pending
        a c5 tcp
        a c5 connect 127.0.0.1:80 -> pending
        a c3 close
        a s accept d1
        a c4 connected
        a c5 connected -> pending
        a c4 write hi
        a s close
        a c5 connected -> connection refused
        a c2 read -> connection reset by peer
        a c4 read -> connection reset by peer
    "#]]);
}

#[test]
fn who_gave_up_in_the_backlog_is_still_accepted() {
    check(&expect![[r#"
        a s tcp
        a s bind 127.0.0.1:80
        a s listen
        a c tcp
        a c connect 127.0.0.1:80
        a c write bye
        a c close
        a s accept d
        a d read -> "bye"
        a d read -> end
        a s accept e -> pending
    "#]]);
}

#[test]
fn a_server_restarts_at_once_on_the_port_of_its_open_connections() {
    check(&expect![[r#"
        a s tcp
        a s bind 0.0.0.0:80
        a s listen
        b c tcp
        b c connect 10.244.0.2:80
        a s accept d
        a s close
        a t tcp
        a t bind 0.0.0.0:80
        a t listen
        a d write still
        b c read -> "still"
    "#]]);
}

#[test]
fn pods_meet_by_pod_ip() {
    check(&expect![[r#"
        a s tcp
        a s bind 0.0.0.0:80
        a s listen
        a l tcp
        a l bind 127.0.0.1:81
        a l listen
        b c tcp
        b c connect 10.244.0.2:80
        b c local -> 10.244.0.3:49152
        b c remote -> 10.244.0.2:80
        a s accept d
        a d remote -> 10.244.0.3:49152
        b d tcp
        b d connect 10.244.0.2:81 -> connection refused
        a e tcp
        a e connect 10.244.0.2:80
        a e local -> 10.244.0.2:49152
        a f tcp
        a f connect 127.3.3.3:80
        a f local -> 127.0.0.1:49153
    "#]]);
}

#[test]
fn a_service_gives_its_backends_turns() {
    check(&expect![[r#"
        service web app=web 80:8080 -> 10.96.0.1
        a lookup web -> 10.96.0.1
        a lookup web.default -> 10.96.0.1
        a lookup WEB.default.svc.cluster.local. -> 10.96.0.1
        a c tcp
        a c connect 10.96.0.1:80 -> connection refused
        b s tcp
        b s bind 0.0.0.0:8080
        b s listen
        c s tcp
        c s bind 0.0.0.0:8080
        c s listen
        b ready
        a d tcp
        a d connect 10.96.0.1:80
        b s accept x
        b x local -> 10.244.0.3:8080
        a d remote -> 10.96.0.1:80
        c ready
        a e tcp
        a e connect 10.96.0.1:80
        c s accept x
        a f tcp
        a f connect 10.96.0.1:80
        b s accept y
        b g tcp
        b g connect 10.96.0.1:80
        c s accept y
        b h tcp
        b h connect 10.96.0.1:80
        b h local -> 10.244.0.3:49153
        a i tcp
        a i connect 10.96.0.1:81 -> connection refused
        a j tcp
        a j connect 10.96.0.2:80 -> no route to host
        outside o connect 10.96.0.1:80
        a places 0.0.0.0:8080 -> 10.244.0.2:8080
        a places 127.0.0.1:8080 -> 10.244.0.2:8080
        a places [::1]:8080 -> 10.244.0.2:8080
        a places [fd00:10:244::10.244.0.3]:80 -> 10.244.0.3:80
        a places 10.96.0.1:80 -> 10.96.0.1:80 10.244.0.3:8080 10.244.0.4:8080
        a places 10.96.0.1:81 -> 10.96.0.1:81
        a places 192.0.2.1:80 -> 192.0.2.1:80
    "#]]);
}

#[test]
fn a_service_leads_where_it_is_told() {
    check_with_egress(&expect![[r#"
        service web @10.244.0.3:8080,10.244.0.4:8081,192.0.2.1:82 80:p -> 10.96.0.1
        b s tcp
        b s bind 0.0.0.0:8080
        b s listen
        a c tcp
        a c connect 10.96.0.1:80
        b s accept x
        a c remote -> 10.96.0.1:80
        a d tcp
        a d connect 10.96.0.1:80 -> connection refused
        a e tcp
        a e connect 10.96.0.1:80 -> pending
        a f tcp
        a f connect 10.96.0.1:80
        b s accept y
        a places 10.96.0.1:80 -> 10.96.0.1:80 10.244.0.4:8081 192.0.2.1:82 10.244.0.3:8080
        service web @ 80:p -> 10.96.0.1
    "#]]);
}

#[test]
fn names_of_what_a_service_lists() {
    check(&expect![[r#"
        service none @one=10.244.0.3:8080,192.0.2.1:82 - -> headless
        a lookup none -> 10.244.0.3, 192.0.2.1
        a lookup one.none -> 10.244.0.3
        a lookup 192-0-2-1.none -> 192.0.2.1
        a lookup 10-244-0-3.none -> name or service not known
    "#]]);
}

#[test]
fn a_client_stays_with_its_backend() {
    check(&expect![[r#"
        service web ~app=web 80:8080 -> 10.96.0.1
        b s tcp
        b s bind 0.0.0.0:8080
        b s listen
        c s tcp
        c s bind 0.0.0.0:8080
        c s listen
        b ready
        c ready
        a d tcp
        a d connect 10.96.0.1:80
        b s accept x
        a e tcp
        a e connect 10.96.0.1:80
        b s accept y
        b f tcp
        b f connect 10.96.0.1:80
        c s accept z
        b unready
        a g tcp
        a g connect 10.96.0.1:80
        c s accept w
    "#]]);
}

#[test]
fn names() {
    check(&expect![[r#"
        service nobody app=none 80:named -> 10.96.0.1
        service none app=web - -> headless
        b ready
        c ready
        a lookup localhost -> 127.0.0.1, ::1
        a lookup a -> 10.244.0.2
        a lookup db -> 192.0.2.1
        a lookup ::1 -> ::1
        a lookup 1.2.3.4 -> 1.2.3.4
        a lookup none -> 10.244.0.3, 10.244.0.4
        a lookup nobody -> 10.96.0.1
        a lookup b -> name or service not known
        a lookup bee.sub -> name or service not known
        service sub app=web - -> headless
        a lookup bee.sub -> 10.244.0.3
        a lookup bee.sub.default.svc.cluster.local -> 10.244.0.3
        b lookup bee -> 10.244.0.3
        b lookup bee.sub.default.svc.cluster.local -> 10.244.0.3
        a lookup 10-244-0-4.sub -> 10.244.0.4
        a lookup 10-244-0-4.default.pod -> 10.244.0.4
        a lookup web.default.svc.cluster.local.x.y -> name or service not known
        a lookup - -> name or service not known
        a lookup a..b -> invalid argument
    "#]]);
}

#[test]
fn a_named_target_port_passes_over_pods_without_it() {
    check(&expect![[r#"
        service web app=web 80:named -> 10.96.0.1
        b ready
        c ready
        c s tcp
        c s bind 0.0.0.0:9090
        c s listen
        a d tcp
        a d connect 10.96.0.1:80
        a e tcp
        a e connect 10.96.0.1:80
    "#]]);
}

#[test]
fn datagrams() {
    check(&expect![[r#"
        a s udp
        a s bind 127.0.0.1:53
        a t udp
        a t bind 0.0.0.0:53 -> address already in use
        a c udp
        a c send 127.0.0.1:53 hi
        a c local -> 0.0.0.0:49152
        a s recv -> "hi" from 127.0.0.1:49152
        a s recv -> pending
        a s send 127.0.0.1:49152 back
        a c recv -> "back" from 127.0.0.1:53
        a c send 127.0.0.1:54 lost
        a c recv -> pending
        a c connect 127.0.0.1:54
        a c local -> 127.0.0.1:49152
        a c write lost
        a c recv -> connection refused
        a c write again
        a c write again -> connection refused
        a c send 127.0.0.1:53 elsewhere -> invalid argument
        a s send 127.0.0.1:49152 early
        a d udp
        a d send 127.0.0.1:49152 stranger
        a c connect 127.0.0.1:53
        a c recv -> pending
        a d send 127.0.0.1:49152 stranger
        a s send 127.0.0.1:49152 friend
        a c recv -> "friend" from 127.0.0.1:53
        a c recv -> pending
        a c disconnect
        a c write nowhere -> invalid argument
        a d big 65508 -> message too long
        a d big 65507
        a s recv -> 65507 bytes from 127.0.0.1:49153
    "#]]);
}

#[test]
fn datagrams_that_do_not_fit_are_dropped() {
    check(&expect![[r#"
        a s udp
        a s bind 127.0.0.1:53
        a c udp
        a c flood 127.0.0.1:53 1000
        a s drain -> 141 datagrams
        a c send 127.0.0.1:53 next
        a s recv -> "next" from 127.0.0.1:49152
    "#]]);
}

#[test]
fn datagrams_between_pods_and_through_a_service() {
    check(&expect![[r#"
        service dns app=web 53/udp:5353 -> 10.96.0.1
        b ready
        c ready
        b s udp
        b s bind 0.0.0.0:5353
        c s udp
        c s bind 0.0.0.0:5353
        a c udp
        a c send 10.244.0.3:5353 direct
        b s recv -> "direct" from 10.244.0.2:49152
        a c connect 10.96.0.1:53
        a c write one
        a c write two
        b s recv -> "one" from 10.244.0.2:49152
        b s recv -> "two" from 10.244.0.2:49152
        b s send 10.244.0.2:49152 answer
        a c recv -> "answer" from 10.96.0.1:53
        c s recv -> pending
    "#]]);
}

#[test]
fn the_outside_comes_in_by_one_door() {
    check(&expect![[r#"
        a s tcp
        a s bind 127.0.0.1:80
        a s listen
        outside o connect 10.244.0.2:80 -> connection refused
        inside a o connect 127.0.0.1:80
        a s accept d
        a d remote -> 192.0.2.7:7777
        outside o write ping
        a d read -> "ping"
        a d write pong
        outside o read -> "pong"
        outside o close
        a d read -> end
        a u udp
        a u bind 0.0.0.0:53
        inside a p datagrams 127.0.0.1:53 ask
        a u recv -> "ask" from 192.0.2.7:7777
        a u send 192.0.2.7:7777 answer
        outside p recv -> "answer" from 10.244.0.2:53
    "#]]);
}

#[test]
fn egress_asks_the_world() {
    check_with_egress(&expect![[r#"
        a c tcp
        a c connect 93.184.216.34:443 -> pending
        a request accept o -> to 93.184.216.34:443
        a c connected
        a c write hello
        outside o read -> "hello"
        outside o close
        a c read -> end
        a d tcp
        a d connect 93.184.216.34:444 -> pending
        a request refuse
        a d connected -> connection refused
        a e tcp
        a e connect 93.184.216.34:445 -> pending
        a request drop
        a e connected -> no route to host
        a f tcp
        a f connect 93.184.216.34:446 -> pending
        a f close
        a request accept p -> gave up
        a lookup example.com -> pending
        a request resolve 93.184.216.34
        a lookup nope.svc.cluster.local -> name or service not known
        a u udp
        a u send 1.1.1.1:53 query
        a request datagrams p -> to 1.1.1.1:53
        outside p recv -> "query" from 10.244.0.2:49152
        a g tcp
        a g connect 10.244.9.9:80 -> no route to host
        a events
    "#]]);
}

#[test]
fn ephemeral_ports_run_out() {
    let mut world = World::new(Egress::None);
    let pod = world.pods.get_mut("a").unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let ids: Vec<SocketId> = (0..16384)
        .map(|_| {
            let id = pod.tcp_create(None, Family::Ipv4).unwrap();
            pod.tcp_bind(id, any).unwrap();
            id
        })
        .collect();
    let id = pod.tcp_create(None, Family::Ipv4).unwrap();
    assert_eq!(pod.tcp_bind(id, any), Err(Error::AddressInUse));
    assert_eq!(
        pod.tcp_connect(id, "127.0.0.1:80".parse().unwrap()),
        Err(Error::AddressInUse)
    );
    let freed = pod.local_address(ids[77]).unwrap();
    pod.close(ids[77]);
    assert_eq!(pod.tcp_bind(id, any), Ok(()));
    assert_eq!(pod.local_address(id), Ok(freed));
}

#[test]
fn sockets_are_bounded() {
    let mut world = World::new(Egress::None);
    let pod = world.pods.get_mut("a").unwrap();
    let limit = crate::limits::SOCKETS_PER_POD;
    let ids: Vec<_> = (0..limit)
        .map(|_| pod.udp_create(None, Family::Ipv4).unwrap())
        .collect();
    assert_eq!(pod.tcp_create(None, Family::Ipv4), Err(Error::SocketLimit));
    pod.close(ids[0]);
    assert!(pod.tcp_create(None, Family::Ipv4).is_ok());
}

#[test]
fn a_pod_that_ends_takes_its_sockets_and_its_address_along() {
    let mut world = World::new(Egress::None);
    for line in [
        "a s tcp",
        "a s bind 0.0.0.0:80",
        "a s listen",
        "b c tcp",
        "b c connect 10.244.0.2:80",
    ] {
        world.run(line);
    }
    world.pods.remove("a");
    assert_eq!(world.run("b c read"), "connection reset by peer");
    world.run("b d tcp");
    assert_eq!(world.run("b d connect 10.244.0.2:80"), "no route to host");
}

#[test]
fn the_node_reaches_what_pods_show_to_the_pod_network() {
    check(&expect![[r#"
        a s tcp
        a s bind 0.0.0.0:80
        a s listen
        a l tcp
        a l bind 127.0.0.1:81
        a l listen
        a v tcp6
        a v bind [::]:80
        a v listen
        b s tcp
        b s bind 10.244.0.3:80
        b s listen
        b ready
        service web app=web 8080:80 -> 10.96.0.1
        node a one connect 10.244.0.2:80
        a s accept d
        a d remote -> 10.244.0.1:50000
        outside one write hello
        a d read -> "hello"
        node a six connect [fd00:10:244::af4:2]:80
        node a two connect 10.244.0.2:81 -> connection refused
        node a two connect 127.0.0.1:81 -> connection refused
        node a two connect 10.244.0.1:81 -> connection refused
        node a two connect 10.244.0.3:80
        node a two connect 10.244.0.9:80 -> no route to host
        node a two connect 10.96.0.1:8080
        node a two connect 10.96.0.1:8081 -> connection refused
        node a two connect 10.96.0.9:80 -> no route to host
        node a two connect 192.0.2.9:80 -> no route to host
        node a lookup web -> 10.96.0.1
        node a lookup web.default.svc.cluster.local -> 10.96.0.1
        node a lookup localhost -> 127.0.0.1
        node a lookup 10.244.0.7 -> 10.244.0.7
        node a lookup db -> name or service not known
        node a lookup example.com -> name or service not known
        node a lookup no/name -> invalid argument
        a events -> connection to 192.0.2.9:80 denied: it is outside the pod network; allow it with --egress host, look-up of "example.com" denied: it is outside the pod network; allow it with --egress host
    "#]]);
}

#[test]
fn the_node_leaves_the_pod_network_where_the_egress_policy_lets_the_pod() {
    check_with_egress(&expect![[r#"
        node a one connect 192.0.2.9:80 -> pending
        a request accept two -> to 192.0.2.9:80
        outside one write hello
        outside two read -> "hello"
        node a lookup example.com -> pending
        a request resolve 192.0.2.9
        node a lookup nobody.svc.cluster.local -> name or service not known
    "#]]);
}

#[test]
fn the_name_server_of_the_cluster() {
    check(&expect![[r#"
        service web app=web 80:named -> 10.96.0.1
        service none app=web 81/udp:53 -> 10.96.0.2
        b ready
        c ready
        a ask 10.96.0.10:53 A web.default.svc.cluster.local -> ok 10.96.0.1
        a ask 10.96.0.10:53 A WEB.Default.svc.cluster.local -> ok 10.96.0.1
        a ask 10.96.0.10:53 AAAA web.default.svc.cluster.local -> ok
        a ask 10.96.0.10:53 SRV web.default.svc.cluster.local -> ok 80@web.default.svc.cluster.local
        a ask 10.96.0.10:53 SRV _p._tcp.web.default.svc.cluster.local -> ok 80@web.default.svc.cluster.local
        a ask 10.96.0.10:53 TXT web.default.svc.cluster.local -> ok
        a ask 10.96.0.10:53 A 10-244-0-3.web.default.svc.cluster.local -> ok 10.244.0.3
        a ask 10.96.0.10:53 A 1-2-3-4.any.pod.cluster.local -> ok 1.2.3.4
        a ask 10.96.0.10:53 A no.default.svc.cluster.local -> NXDOMAIN
        a ask 10.96.0.10:53 A default.svc.cluster.local -> ok
        a ask 10.96.0.10:53 A other.svc.cluster.local -> NXDOMAIN
        a ask 10.96.0.10:53 A cluster.local -> ok
        a ask 10.96.0.10:53 PTR 1.0.96.10.in-addr.arpa -> ok web.default.svc.cluster.local
        a ask 10.96.0.10:53 PTR 3.0.244.10.in-addr.arpa -> ok 10-244-0-3.none.default.svc.cluster.local 10-244-0-3.web.default.svc.cluster.local
        a ask 10.96.0.10:53 PTR 9.0.244.10.in-addr.arpa -> NXDOMAIN
        a ask 10.96.0.10:53 PTR 9.9.9.9.in-addr.arpa -> REFUSED
        a ask 10.96.0.10:53 A example.com -> NXDOMAIN
        a ask 10.96.0.10:54 A example.com -> no route to host
        a ask 10.244.0.1:53 A web.default.svc.cluster.local -> NXDOMAIN
        a asks 10.96.0.10:53 web.default.svc.cluster.local no.cluster.local example.com -> ok 10.96.0.1, NXDOMAIN, NXDOMAIN
        a events -> look-up of "example.com" denied: it is outside the pod network; allow it with --egress host
    "#]]);
    check_with_egress(&expect![[r#"
        a ask 10.96.0.10:53 A example.com -> nothing
        a request resolve 192.0.2.9
        a heard -> ok 192.0.2.9
        a ask 10.244.0.1:53 A example.com -> nothing
        a heard -> nothing
    "#]]);
}

#[test]
fn pods_with_host_network_share_the_node() {
    check(&expect![[r#"
        pod h hostNetwork -> 10.244.0.1
        pod i hostNetwork -> 10.244.0.1
        h s tcp
        h s bind 127.0.0.1:80
        h s listen
        i t tcp
        i t bind 127.0.0.1:80 -> address already in use
        i t bind 0.0.0.0:81
        i t listen
        h c tcp
        h c connect 10.244.0.1:81
        i t accept d
        i d remote -> 10.244.0.1:49152
        i e tcp
        i e connect 127.0.0.1:80
        h s accept f
        a c tcp
        a c connect 10.244.0.1:81
        a l tcp
        a l connect 10.244.0.1:80 -> connection refused
        h u udp
        h u bind 0.0.0.0:53
        a ask 10.244.0.1:53 A example.com -> nothing
        i w udp
        i w bind 10.244.0.1:53 -> address already in use
        service node app=node 8080:81 -> 10.96.0.1
        i ready
        a v tcp
        a v connect 10.96.0.1:8080
        a lookup node -> 10.96.0.1
        i labels other
        a w tcp
        a w connect 10.96.0.1:8080 -> connection refused
        node a one connect 127.0.0.1:80
        node a two connect 127.0.0.1:81
        i gone
        h c tcp
        h c connect 10.244.0.1:81 -> connection refused
        h n tcp
        h n bind 0.0.0.0:81
    "#]]);
}

struct World {
    fabric: Fabric,
    pods: BTreeMap<String, Namespace>,
    /// `/etc/hosts` and `/etc/resolv.conf` by pod.
    files: BTreeMap<String, [String; 2]>,
    sockets: BTreeMap<(String, String), (SocketId, Option<End>)>,
    streams: BTreeMap<String, Stream>,
    mailboxes: BTreeMap<String, Mailbox>,
    lookups: Vec<crate::net::Lookup>,
}

impl World {
    /// Pods `a`, `b` and `c` at 10.244.0.2 to .4; the latter two have the label `app=web`.
    fn new(egress: Egress) -> Self {
        let mut world = Self {
            fabric: Fabric::default(),
            pods: BTreeMap::new(),
            files: BTreeMap::new(),
            sockets: BTreeMap::new(),
            streams: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            lookups: Vec::new(),
        };
        for name in ["a", "b", "c"] {
            let mut pod = spec::Pod::default();
            pod.meta.name = name.to_owned();
            pod.meta.namespace = "default".to_owned();
            let app = if name == "a" { "client" } else { "web" };
            pod.meta.labels.insert("app".to_owned(), app.to_owned());
            if name == "a" {
                let hostnames = vec!["db".to_owned(), "db.example".to_owned()];
                pod.host_aliases = vec![HostAlias {
                    ip: IpAddr::from([192, 0, 2, 1]),
                    hostnames,
                }];
            }
            if name == "b" {
                pod.hostname = Some("bee".to_owned());
                pod.subdomain = Some("sub".to_owned());
            }
            if name == "c" {
                let port = ContainerPort {
                    name: Some("named".to_owned()),
                    container_port: 9090,
                    host_port: None,
                    host_ip: None,
                    protocol: Protocol::Tcp,
                };
                pod.containers = vec![Container {
                    ports: vec![port],
                    ..Container::default()
                }];
            }
            world.add(&pod, egress);
        }
        world
    }

    fn add(&mut self, pod: &spec::Pod, egress: Egress) {
        let name = pod.meta.name.clone();
        let net = Namespace::new(&self.fabric, pod, egress).unwrap();
        let hosts = etc_hosts(pod, &[net.pod_ip().into()], "node");
        let resolver = Resolver::of_pod(pod).0.text();
        self.files.insert(name.clone(), [hosts, resolver]);
        self.pods.insert(name, net);
    }

    fn check(&mut self, transcript: &Expect) {
        let mut actual = String::new();
        for line in transcript
            .data()
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
        {
            let call = line.split(" -> ").next().unwrap();
            let answer = self.run(call);
            actual += &if answer.is_empty() {
                format!("{call}\n")
            } else {
                format!("{call} -> {answer}\n")
            };
        }
        transcript.assert_eq(&actual);
    }

    /// Nothing is the answer of a call that succeeds and has nothing to say.
    fn run(&mut self, line: &str) -> String {
        let words: Vec<_> = line.split(' ').collect();
        match *words.as_slice() {
            ["service", name, selector, port] => self.service(name, selector, port),
            ["inside", pod, name, "connect", to] => {
                let from = address("192.0.2.7:7777");
                self.door(name, |world| {
                    world
                        .pods
                        .get_mut(pod)
                        .unwrap()
                        .connect_from(from, address(to))
                })
            }
            ["node", pod, name, "connect", to] => self.door(name, |world| {
                let pod = world.pods.get_mut(pod).unwrap();
                pod.connect_from_node(50_000, address(to))
            }),
            ["node", pod, "lookup", name] => {
                let lookup = self.pods.get_mut(pod).unwrap().lookup_from_node(name);
                self.lookup(lookup)
            }
            ["outside", name, "connect", to] => {
                let from = address("192.0.2.7:7777");
                self.door(name, |world| world.fabric.connect_from(from, address(to)))
            }
            ["inside", pod, name, "datagrams", to, data] => {
                let (from, pod) = (address("192.0.2.7:7777"), self.pods.get_mut(pod).unwrap());
                self.mailboxes
                    .insert(name.to_owned(), pod.open_outside(from).unwrap());
                answer(pod.send_from(from, address(to), Bytes::copy_from_slice(data.as_bytes())))
            }
            ["outside", name, "recv"] => receive(&self.mailboxes[name]),
            ["outside", name, "close"] => {
                self.streams.remove(name);
                String::new()
            }
            ["outside", name, call, ref arguments @ ..] => {
                on_end(&self.streams[name], call, arguments)
            }
            [pod, "request", answer, ref arguments @ ..] => self.request(pod, answer, arguments),
            [pod, "lookup", name] => {
                let [hosts, resolv_conf] = &self.files[pod];
                let files = NameFiles { hosts, resolv_conf };
                let pod = self.pods.get_mut(pod).unwrap();
                let lookup = pod.lookup(None, name, files);
                self.lookup(lookup)
            }
            ["pod", name, "hostNetwork"] => {
                let mut pod = spec::Pod::default();
                pod.meta.name = name.to_owned();
                pod.meta.namespace = "default".to_owned();
                pod.meta.labels.insert("app".to_owned(), "node".to_owned());
                pod.host_network = true;
                self.add(&pod, Egress::None);
                self.pods[name].pod_ip().to_string()
            }
            [pod, "places", to] => {
                let places = self.pods[pod].places(Protocol::Tcp, address(to));
                let places: Vec<_> = places.iter().map(ToString::to_string).collect();
                places.join(" ")
            }
            [pod, "labels", app] => {
                let labels = [("app".to_owned(), app.to_owned())].into();
                self.pods.get_mut(pod).unwrap().set_labels(&labels);
                String::new()
            }
            [pod, "gone"] => {
                self.pods.remove(pod);
                String::new()
            }
            [pod, "ask", server, kind, name] => self.ask(pod, server, kind, name),
            [pod, "heard"] => {
                let (id, _) = self.sockets[&(pod.to_owned(), "dns".to_owned())];
                heard(&self.pods[pod], id)
            }
            [pod, "asks", server, ref names @ ..] => self.ask_over_tcp(pod, server, names),
            [pod, "events"] => {
                let pod = self.pods.get_mut(pod).unwrap();
                list(&std::iter::from_fn(|| pod.poll_event()).collect::<Vec<_>>())
            }
            [pod, word @ ("ready" | "unready")] => {
                let ready = word == "ready";
                self.pods.get_mut(pod).unwrap().set_ready(ready);
                String::new()
            }
            [pod, socket, call, ref arguments @ ..] => self.call(pod, socket, call, arguments),
            _ => panic!("no such line: {line}"),
        }
    }

    fn call(&mut self, pod: &str, socket: &str, call: &str, arguments: &[&str]) -> String {
        let key = (pod.to_owned(), socket.to_owned());
        let net = self.pods.get_mut(pod).unwrap();
        let family = if call.ends_with('6') {
            Family::Ipv6
        } else {
            Family::Ipv4
        };
        let created = match call {
            "tcp" | "tcp6" => Some(net.tcp_create(None, family)),
            "udp" | "udp6" => Some(net.udp_create(None, family)),
            _ => None,
        };
        if let Some(created) = created {
            return answer(created.map(|id| drop(self.sockets.insert(key, (id, None)))));
        }
        let (id, end) = self
            .sockets
            .get_mut(&key)
            .unwrap_or_else(|| panic!("no socket {key:?}"));
        let id = *id;
        match (call, arguments) {
            ("local", []) => show(net.local_address(id)),
            ("remote", []) => show(net.remote_address(id)),
            ("close", []) => {
                net.close(id);
                self.sockets.remove(&key);
                String::new()
            }
            ("accept", [name]) => {
                let accepted = net.poll_accept(id, Waker::noop());
                let key = (pod.to_owned(), (*name).to_owned());
                poll(accepted, |(id, end)| {
                    drop(self.sockets.insert(key, (id, Some(end))));
                })
            }
            _ if net.mailbox(id).is_ok() => on_udp(net, id, call, arguments),
            _ => on_tcp(net, id, end, call, arguments),
        }
    }

    /// A question by datagram.
    fn ask(&mut self, pod: &str, server: &str, kind: &str, name: &str) -> String {
        let net = self.pods.get_mut(pod).unwrap();
        let id = net.udp_create(None, Family::Ipv4).unwrap();
        let message = dns::client::query(name, kind_number(kind), None);
        let sent = net.udp_send(id, message.into(), Some(address(server)));
        if let Err(error) = sent {
            return error.to_string();
        }
        self.sockets
            .insert((pod.to_owned(), "dns".to_owned()), (id, None));
        heard(&self.pods[pod], id)
    }

    /// Questions about addresses over one connection, all sent before the first answer is read.
    fn ask_over_tcp(&mut self, pod: &str, server: &str, names: &[&str]) -> String {
        let net = self.pods.get_mut(pod).unwrap();
        let id = net.tcp_create(None, Family::Ipv4).unwrap();
        net.tcp_connect(id, address(server)).unwrap();
        let Poll::Ready(Ok(end)) = net.poll_connect(id, Waker::noop()) else {
            return "not connected".to_owned();
        };
        for name in names {
            let message = dns::client::query(name, 1, None);
            let len = u16::try_from(message.len()).unwrap().to_be_bytes();
            end.write([&len[..], &message].concat().into()).unwrap();
        }
        assert!(net.poll_request().is_none());
        let mut answers = Vec::new();
        let mut input = Vec::new();
        while let Some(read) = end.try_read(usize::MAX) {
            input.extend_from_slice(&read.unwrap());
        }
        while let Some((len, rest)) = input.split_first_chunk::<2>() {
            let (message, rest) = rest.split_at(u16::from_be_bytes(*len).into());
            answers.push(dns::client::show(message));
            input = rest.to_vec();
        }
        net.close(id);
        assert!(net.poll_request().is_none());
        answers.join(", ")
    }

    fn door(
        &mut self,
        name: &str,
        connect: impl FnOnce(&mut Self) -> Result<Stream, Error>,
    ) -> String {
        match connect(self) {
            Ok(stream) => {
                let answer = poll(stream.poll_connected(Waker::noop()), drop);
                self.streams.insert(name.to_owned(), stream);
                answer
            }
            Err(error) => error.to_string(),
        }
    }

    fn lookup(&mut self, lookup: Result<crate::net::Lookup, Error>) -> String {
        let waker = Waker::noop();
        match lookup.map(|lookup| (lookup.poll(waker), self.lookups.push(lookup))) {
            Ok((Poll::Ready(result), ())) => {
                result.map_or_else(|error| error.to_string(), |ips| list(&ips))
            }
            Ok((Poll::Pending, ())) => "pending".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    fn request(&mut self, pod: &str, verb: &str, arguments: &[&str]) -> String {
        let request = self.pods.get_mut(pod).unwrap().poll_request();
        match (request, verb, arguments) {
            (Some(Request::Connect(connect)), "accept", [name]) => {
                let remote = connect.remote();
                match connect.accept() {
                    Some(stream) => {
                        self.streams.insert((*name).to_owned(), stream);
                        format!("to {remote}")
                    }
                    None => "gave up".to_owned(),
                }
            }
            (Some(Request::Connect(connect)), "refuse", []) => {
                connect.refuse(Error::ConnectionRefused);
                String::new()
            }
            (Some(_), "drop", []) => String::new(),
            (Some(Request::Lookup(lookup)), "resolve", [ip]) => {
                lookup.resolve(vec![ip.parse().unwrap()]);
                let asked = self.lookups.last();
                asked.map_or_else(String::new, |lookup| poll(lookup.poll(Waker::noop()), drop))
            }
            (Some(Request::Datagrams { remote, mailbox }), "datagrams", [name]) => {
                self.mailboxes.insert((*name).to_owned(), mailbox);
                format!("to {remote}")
            }
            (request, ..) => panic!("{verb} does not answer {request:?}"),
        }
    }

    fn service(&mut self, name: &str, selector: &str, port: &str) -> String {
        let mut service = spec::Service::default();
        service.meta.name = name.to_owned();
        service.meta.namespace = "default".to_owned();
        service.client_affinity = selector.starts_with('~');
        let selector = selector.trim_start_matches('~');
        match selector.strip_prefix('@') {
            Some(listed) => service.backends = Some(backends(listed)),
            None => {
                let (key, value) = selector.split_once('=').unwrap();
                service.selector.insert(key.to_owned(), value.to_owned());
            }
        }
        match port.split_once(':') {
            None => service.cluster_ip = ClusterIp::Headless,
            Some((port, target)) => {
                let udp = port.strip_suffix("/udp");
                service.ports = vec![ServicePort {
                    name: Some("p".to_owned()),
                    port: udp.unwrap_or(port).parse().unwrap(),
                    target_port: target
                        .parse()
                        .map_or(TargetPort::Name(target.to_owned()), TargetPort::Number),
                    node_port: None,
                    protocol: if udp.is_some() {
                        Protocol::Udp
                    } else {
                        Protocol::Tcp
                    },
                }];
            }
        }
        let ip = self.fabric.set_service(&service).unwrap();
        ip.map_or_else(|| "headless".to_owned(), |ip| ip.to_string())
    }
}

fn backends(listed: &str) -> Vec<spec::Backend> {
    let listed = listed.split(',').filter(|one| !one.is_empty());
    listed.map(backend).collect()
}

/// `1.2.3.4:80`, `name=1.2.3.4:80`
fn backend(text: &str) -> spec::Backend {
    let (hostname, address) = match text.split_once('=') {
        Some((name, address)) => (Some(name.to_owned()), address),
        None => (None, text),
    };
    let address: SocketAddr = address.parse().unwrap();
    let port = |protocol| spec::BackendPort {
        name: Some("p".to_owned()),
        protocol,
        port: address.port(),
    };
    spec::Backend {
        ip: address.ip(),
        hostname,
        ports: vec![port(Protocol::Tcp), port(Protocol::Udp)],
    }
}

fn kind_number(kind: &str) -> u16 {
    match kind {
        "A" => 1,
        "AAAA" => 28,
        "SRV" => 33,
        "PTR" => 12,
        "TXT" => 16,
        _ => panic!("no such kind: {kind}"),
    }
}

fn heard(net: &Namespace, id: SocketId) -> String {
    match net.mailbox(id).unwrap().try_receive() {
        Some(Ok(datagram)) => dns::client::show(&datagram.data),
        Some(Err(error)) => error.to_string(),
        None => "nothing".to_owned(),
    }
}

fn on_tcp(
    net: &mut Namespace,
    id: SocketId,
    end: &mut Option<End>,
    call: &str,
    arguments: &[&str],
) -> String {
    match (call, arguments) {
        ("bind", [at]) => answer(net.tcp_bind(id, address(at))),
        ("backlog", [backlog]) => {
            let mut options = net.tcp_options(id).unwrap();
            options.backlog = backlog.parse().unwrap();
            answer(net.set_tcp_options(id, options))
        }
        ("listen", []) => answer(net.tcp_listen(id)),
        ("connect" | "connected", to) => {
            if let [to] = to
                && let Err(error) = net.tcp_connect(id, address(to))
            {
                return format!("at once: {error}");
            }
            poll(net.poll_connect(id, Waker::noop()), |connected| {
                *end = Some(connected);
            })
        }
        ("shutdown", [how]) => answer(net.tcp_shutdown(id, shutdown(how))),
        _ => match end {
            Some(end) => on_end(end, call, arguments),
            None => panic!("no such call: {call}"),
        },
    }
}

fn on_udp(net: &mut Namespace, id: SocketId, call: &str, arguments: &[&str]) -> String {
    let bytes = |data: &str| Bytes::copy_from_slice(data.as_bytes());
    match (call, arguments) {
        ("bind", [at]) => answer(net.udp_bind(id, address(at))),
        ("connect", [to]) => answer(net.udp_connect(id, Some(address(to)))),
        ("disconnect", []) => answer(net.udp_connect(id, None)),
        ("recv", []) => receive(&net.mailbox(id).unwrap()),
        ("drain", []) => {
            let mailbox = net.mailbox(id).unwrap();
            let datagrams = std::iter::from_fn(|| mailbox.try_receive());
            format!("{} datagrams", datagrams.count())
        }
        ("send", [to, data]) => answer(net.udp_send(id, bytes(data), Some(address(to)))),
        ("write", [data]) => answer(net.udp_send(id, bytes(data), None)),
        ("flood", [to, times]) => answer((0..times.parse().unwrap()).try_for_each(|_: u32| {
            net.udp_send(id, Bytes::from_static(&[0; 1000]), Some(address(to)))
        })),
        ("big", [size]) => {
            let data = vec![0; size.parse().unwrap()];
            answer(net.udp_send(id, data.into(), Some(address("127.0.0.1:53"))))
        }
        _ => panic!("no such call: {call}"),
    }
}

fn on_end(end: &End, call: &str, arguments: &[&str]) -> String {
    let text = |bytes: Bytes| match bytes.len() {
        0 => "end".to_owned(),
        1..100 => format!("{:?}", String::from_utf8_lossy(&bytes)),
        len => format!("{len} bytes"),
    };
    match (call, arguments) {
        ("read", max) => {
            let max = max.first().map_or(100, |max| max.parse().unwrap());
            match end.try_read(max) {
                None => "pending".to_owned(),
                Some(Ok(bytes)) => text(bytes),
                Some(Err(error)) => error.to_string(),
            }
        }
        ("write", [data]) => answer(end.write(Bytes::copy_from_slice(data.as_bytes()))),
        ("fill", []) => {
            let mut filled = 0;
            while let Ok(room @ 1..) = end.try_writable() {
                end.write(vec![0; room].into()).unwrap();
                filled += room;
            }
            format!("{filled} bytes")
        }
        _ => panic!("no such call: {call}"),
    }
}

fn receive(mailbox: &Mailbox) -> String {
    match mailbox.try_receive() {
        None => "pending".to_owned(),
        Some(Err(error)) => error.to_string(),
        Some(Ok(datagram)) if datagram.data.len() < 100 => {
            format!(
                "{:?} from {}",
                String::from_utf8_lossy(&datagram.data),
                datagram.from
            )
        }
        Some(Ok(datagram)) => format!("{} bytes from {}", datagram.data.len(), datagram.from),
    }
}

fn shutdown(how: &str) -> Shutdown {
    match how {
        "send" => Shutdown::Send,
        "receive" => Shutdown::Receive,
        _ => Shutdown::Both,
    }
}

fn poll<T>(result: Poll<Result<T, Error>>, then: impl FnOnce(T)) -> String {
    match result {
        Poll::Pending => "pending".to_owned(),
        Poll::Ready(result) => answer(result.map(then)),
    }
}

fn answer(result: Result<(), Error>) -> String {
    result.map_or_else(|error| error.to_string(), |()| String::new())
}

fn show(result: Result<impl Display, Error>) -> String {
    result.map_or_else(|error| error.to_string(), |value| value.to_string())
}

fn list(items: &[impl Display]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn address(text: &str) -> SocketAddr {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}
