//! One body of socket tests, on the virtual network and on the operating system: what differs is a bug of ours.

#[path = "sockets/virtual_network.rs"]
mod virtual_network;

#[cfg(target_os = "linux")]
#[path = "sockets/operating_system.rs"]
mod operating_system;

use seedpod_core::net::{Error, Shutdown};
use std::net::SocketAddr;

/// The calls the tests make. Calls wait; one that waits for what cannot come any more fails its test.
trait SocketApi {
    type Tcp;
    type Udp;

    fn tcp(&self, at: SocketAddr) -> Result<Self::Tcp, Error>;
    fn listen(&self, socket: &Self::Tcp, backlog: u16) -> Result<(), Error>;
    fn accept(&self, listener: &Self::Tcp) -> Result<Self::Tcp, Error>;
    /// A socket on its way to `to`; it may fail at once.
    fn connect(&self, socket: &Self::Tcp, to: SocketAddr) -> Result<Connect, Error>;
    fn finish_connect(&self, socket: &Self::Tcp) -> Result<(), Error>;
    fn local(&self, socket: &Self::Tcp) -> SocketAddr;
    fn remote(&self, socket: &Self::Tcp) -> SocketAddr;
    /// No bytes are the end of the stream.
    fn read(&self, socket: &Self::Tcp, max: usize) -> Result<Vec<u8>, Error>;
    /// Writes what there is room for, `None` if there is none.
    fn try_write(&self, socket: &Self::Tcp, bytes: &[u8]) -> Option<Result<usize, Error>>;
    fn shutdown(&self, socket: &Self::Tcp, how: Shutdown) -> Result<(), Error>;
    fn resolve(&self, name: &str) -> Result<Vec<std::net::IpAddr>, Error>;

    fn udp(&self, at: SocketAddr) -> Result<Self::Udp, Error>;
    fn udp_local(&self, socket: &Self::Udp) -> SocketAddr;
    fn udp_connect(&self, socket: &Self::Udp, to: SocketAddr) -> Result<(), Error>;
    fn send(&self, socket: &Self::Udp, bytes: &[u8], to: Option<SocketAddr>) -> Result<(), Error>;
    fn receive(&self, socket: &Self::Udp) -> Result<(Vec<u8>, SocketAddr), Error>;
    /// `None` when nothing has come.
    fn try_receive(&self, socket: &Self::Udp) -> Option<Result<(Vec<u8>, SocketAddr), Error>>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connect {
    Done,
    InProgress,
}

macro_rules! on_both_arms {
    ($($test:ident),* $(,)?) => {
        mod on_the_virtual_network {
            $(#[test] fn $test() { super::$test(&super::virtual_network::Virtual::new()); })*
        }

        #[cfg(target_os = "linux")]
        mod on_the_operating_system {
            $(#[test] fn $test() { super::$test(&super::operating_system::Os); })*
        }
    };
}

on_both_arms! {
    bytes_go_both_ways,
    a_stream_ends_by_halves,
    a_stream_keeps_order_and_loses_nothing,
    closing_with_unread_bytes_resets,
    writing_to_who_has_closed_breaks_the_pipe,
    a_port_is_listened_on_once,
    a_wildcard_overlaps_every_address_of_its_family,
    a_bound_port_that_does_not_listen_refuses,
    a_foreign_address_cannot_be_bound,
    connecting_to_nothing_is_refused,
    connecting_twice_is_an_error,
    a_server_restarts_at_once,
    a_free_port_is_chosen,
    a_server_on_every_address_sees_which_one_was_asked,
    localhost_reaches_a_v4_only_server,
    v6_stays_v6,
    connections_are_accepted_in_order,
    a_full_backlog_lets_connects_wait,
    a_listener_that_closes_resets_who_waits,
    who_gave_up_in_the_backlog_is_still_accepted,
    a_listening_socket_does_not_connect,
    datagrams_keep_their_borders,
    a_connected_socket_hears_one_peer,
    datagrams_to_nobody,
    datagrams_that_do_not_fit_are_dropped,
    a_datagram_has_a_size_limit,
    a_udp_port_is_bound_once,
}

fn bytes_go_both_ways(api: &impl SocketApi) {
    let (client, server) = connected(api);
    assert_eq!(api.local(&client), api.remote(&server));
    assert_eq!(api.remote(&client), api.local(&server));
    write(api, &client, b"ping");
    assert_eq!(api.read(&server, 100), Ok(b"ping".to_vec()));
    write(api, &server, b"pong");
    assert_eq!(api.read(&client, 2), Ok(b"po".to_vec()));
    assert_eq!(api.read(&client, 100), Ok(b"ng".to_vec()));
}

fn a_stream_ends_by_halves(api: &impl SocketApi) {
    let (client, server) = connected(api);
    write(api, &client, b"last words");
    api.shutdown(&client, Shutdown::Send).unwrap();
    assert_eq!(
        api.try_write(&client, b"more"),
        Some(Err(Error::BrokenPipe))
    );
    assert_eq!(read_to_end(api, &server), Ok(b"last words".to_vec()));
    assert_eq!(api.read(&server, 100), Ok(Vec::new()));
    write(api, &server, b"answer");
    drop(server);
    assert_eq!(read_to_end(api, &client), Ok(b"answer".to_vec()));
}

fn a_stream_keeps_order_and_loses_nothing(api: &impl SocketApi) {
    let (client, server) = connected(api);
    let bytes: Vec<u8> = (0..10_000_000_u32)
        .map(|index| (index % 251) as u8)
        .collect();
    let (mut sent, mut received) = (0, 0);
    while received < bytes.len() {
        while sent < bytes.len()
            && let Some(written) = api.try_write(&client, &bytes[sent..])
        {
            sent += written.unwrap();
        }
        assert!(
            sent > received,
            "a writer waits only while there is something to read"
        );
        let read = api.read(&server, 100_000).unwrap();
        assert_eq!(read, bytes[received..received + read.len()]);
        received += read.len();
    }
}

fn closing_with_unread_bytes_resets(api: &impl SocketApi) {
    let (client, server) = connected(api);
    write(api, &server, b"kept");
    write(api, &client, b"unread");
    drop(server);
    assert_eq!(api.read(&client, 100), Ok(b"kept".to_vec()));
    assert_eq!(api.read(&client, 100), Err(Error::ConnectionReset));
    assert_eq!(api.read(&client, 100), Ok(Vec::new()));
    assert_eq!(
        api.try_write(&client, b"late"),
        Some(Err(Error::BrokenPipe))
    );
}

fn writing_to_who_has_closed_breaks_the_pipe(api: &impl SocketApi) {
    let (client, server) = connected(api);
    drop(server);
    assert_eq!(api.read(&client, 100), Ok(Vec::new()));
    assert_eq!(api.try_write(&client, b"lost"), Some(Ok(4)));
    // The answer to the lost bytes is on its way; on a busy machine some more are lost before it arrives.
    let errors = (0..100_000)
        .filter_map(|_| api.try_write(&client, b"late"))
        .find_map(Result::err);
    assert_eq!(errors, Some(Error::BrokenPipe));
    assert_eq!(api.read(&client, 100), Ok(Vec::new()));
}

fn a_port_is_listened_on_once(api: &impl SocketApi) {
    let first = listening(api, "127.0.0.9:0");
    let at = api.local(&first);
    assert_eq!(api.tcp(at).err(), Some(Error::AddressInUse));
    drop(first);
    let second = api.tcp(at).unwrap();
    let third = api.tcp(at).unwrap();
    assert_eq!(api.listen(&second, 128), Ok(()));
    assert_eq!(api.listen(&third, 128), Err(Error::AddressInUse));
}

fn a_wildcard_overlaps_every_address_of_its_family(api: &impl SocketApi) {
    let first = listening(api, "127.0.0.1:0");
    let port = api.local(&first).port();
    assert_eq!(
        api.tcp(([0, 0, 0, 0], port).into()).err(),
        Some(Error::AddressInUse)
    );
    let other = api.tcp(([127, 0, 0, 2], port).into()).unwrap();
    assert_eq!(api.listen(&other, 128), Ok(()));
}

fn a_bound_port_that_does_not_listen_refuses(api: &impl SocketApi) {
    let bound = api.tcp(address("127.0.0.1:0")).unwrap();
    let client = api.tcp(address("127.0.0.1:0")).unwrap();
    assert_eq!(
        connect(api, &client, api.local(&bound)),
        Err(Error::ConnectionRefused)
    );
}

fn a_foreign_address_cannot_be_bound(api: &impl SocketApi) {
    assert_eq!(
        api.tcp(address("192.0.2.1:0")).err(),
        Some(Error::AddressNotBindable)
    );
    assert_eq!(
        api.udp(address("192.0.2.1:0")).err(),
        Some(Error::AddressNotBindable)
    );
}

fn connecting_to_nothing_is_refused(api: &impl SocketApi) {
    let gone = api.local(&listening(api, "127.0.0.8:0"));
    let client = api.tcp(address("127.0.0.1:0")).unwrap();
    assert_eq!(connect(api, &client, gone), Err(Error::ConnectionRefused));
}

fn connecting_twice_is_an_error(api: &impl SocketApi) {
    let listener = listening(api, "127.0.0.1:0");
    let client = api.tcp(address("127.0.0.1:0")).unwrap();
    assert_eq!(connect(api, &client, api.local(&listener)), Ok(()));
    assert_eq!(
        connect(api, &client, api.local(&listener)),
        Err(Error::InvalidState)
    );
}

fn a_server_restarts_at_once(api: &impl SocketApi) {
    // Only a server that names its port gets `SO_REUSEADDR`. The address is this test's, so that the port stays free.
    let at = api.local(&api.tcp(address("127.0.0.7:0")).unwrap());
    let listener = listening(api, &at.to_string());
    let client = api.tcp(address("127.0.0.1:0")).unwrap();
    connect(api, &client, at).unwrap();
    let server = api.accept(&listener).unwrap();
    // The side that closes first is the one that TCP makes wait.
    drop((listener, server));
    let again = api.tcp(at).unwrap();
    assert_eq!(api.listen(&again, 128), Ok(()));
    assert_eq!(api.read(&client, 100), Ok(Vec::new()));
}

fn a_free_port_is_chosen(api: &impl SocketApi) {
    let sockets: Vec<_> = (0..50)
        .map(|_| api.tcp(address("127.0.0.1:0")).unwrap())
        .collect();
    let mut ports: Vec<_> = sockets
        .iter()
        .map(|socket| api.local(socket).port())
        .collect();
    assert!(ports.iter().all(|port| *port >= 1024));
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 50);
}

fn a_server_on_every_address_sees_which_one_was_asked(api: &impl SocketApi) {
    let listener = listening(api, "0.0.0.0:0");
    let port = api.local(&listener).port();
    let client = api.tcp(address("0.0.0.0:0")).unwrap();
    connect(api, &client, ([127, 0, 0, 5], port).into()).unwrap();
    let server = api.accept(&listener).unwrap();
    assert_eq!(api.local(&server), ([127, 0, 0, 5], port).into());
    assert!(api.local(&client).ip().is_loopback());
    assert_eq!(api.local(&client), api.remote(&server));
}

fn localhost_reaches_a_v4_only_server(api: &impl SocketApi) {
    let listener = listening(api, "127.0.0.1:0");
    let port = api.local(&listener).port();
    let addresses = api.resolve("localhost").unwrap();
    assert!(addresses.iter().all(std::net::IpAddr::is_loopback));
    let reached = addresses.iter().any(|ip| {
        let any = if ip.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        api.tcp(address(any))
            .is_ok_and(|client| connect(api, &client, (*ip, port).into()).is_ok())
    });
    assert!(reached);
}

fn v6_stays_v6(api: &impl SocketApi) {
    let Ok(v6) = api.tcp(address("[::]:0")) else {
        println!("this machine has no IPv6");
        return;
    };
    api.listen(&v6, 128).unwrap();
    let port = api.local(&v6).port();
    let client = api.tcp(address("127.0.0.1:0")).unwrap();
    assert_eq!(
        connect(api, &client, ([127, 0, 0, 1], port).into()),
        Err(Error::ConnectionRefused)
    );
    let client = api.tcp(address("[::]:0")).unwrap();
    assert_eq!(
        connect(api, &client, SocketAddr::new("::1".parse().unwrap(), port)),
        Ok(())
    );
    // The port is free in the other family.
    let v4 = api.tcp(([0, 0, 0, 0], port).into()).unwrap();
    assert_eq!(api.listen(&v4, 128), Ok(()));
}

fn connections_are_accepted_in_order(api: &impl SocketApi) {
    let listener = listening(api, "127.0.0.1:0");
    let clients = [(); 3].map(|()| {
        let client = api.tcp(address("127.0.0.1:0")).unwrap();
        connect(api, &client, api.local(&listener)).unwrap();
        client
    });
    for client in &clients {
        assert_eq!(
            api.remote(&api.accept(&listener).unwrap()),
            api.local(client)
        );
    }
}

fn a_full_backlog_lets_connects_wait(api: &impl SocketApi) {
    let listener = api.tcp(address("127.0.0.1:0")).unwrap();
    api.listen(&listener, 1).unwrap();
    let to = api.local(&listener);
    let clients = [(); 3].map(|()| api.tcp(address("127.0.0.1:0")).unwrap());
    // A backlog of one admits two.
    for client in &clients[..2] {
        connect(api, client, to).unwrap();
    }
    assert_eq!(api.connect(&clients[2], to), Ok(Connect::InProgress));
    let first = api.accept(&listener).unwrap();
    assert_eq!(api.remote(&first), api.local(&clients[0]));
    assert_eq!(api.finish_connect(&clients[2]), Ok(()));
    let others = [(); 2].map(|()| api.accept(&listener).unwrap());
    write(api, &clients[2], b"finally");
    assert_eq!(api.read(&others[1], 100), Ok(b"finally".to_vec()));
}

fn a_listener_that_closes_resets_who_waits(api: &impl SocketApi) {
    let listener = listening(api, "127.0.0.1:0");
    let client = api.tcp(address("127.0.0.1:0")).unwrap();
    connect(api, &client, api.local(&listener)).unwrap();
    drop(listener);
    assert_eq!(api.read(&client, 100), Err(Error::ConnectionReset));
}

fn who_gave_up_in_the_backlog_is_still_accepted(api: &impl SocketApi) {
    let listener = listening(api, "127.0.0.1:0");
    let client = api.tcp(address("127.0.0.1:0")).unwrap();
    connect(api, &client, api.local(&listener)).unwrap();
    write(api, &client, b"bye");
    drop(client);
    let server = api.accept(&listener).unwrap();
    assert_eq!(read_to_end(api, &server), Ok(b"bye".to_vec()));
}

fn a_listening_socket_does_not_connect(api: &impl SocketApi) {
    let (one, other) = (listening(api, "127.0.0.1:0"), listening(api, "127.0.0.1:0"));
    assert_eq!(
        connect(api, &one, api.local(&other)),
        Err(Error::InvalidState)
    );
    assert_eq!(
        api.shutdown(&api.tcp(address("127.0.0.1:0")).unwrap(), Shutdown::Send),
        Err(Error::InvalidState)
    );
}

fn datagrams_keep_their_borders(api: &impl SocketApi) {
    let (one, other) = (
        api.udp(address("127.0.0.1:0")).unwrap(),
        api.udp(address("127.0.0.1:0")).unwrap(),
    );
    for data in [&b"first"[..], b"", b"third"] {
        api.send(&one, data, Some(api.udp_local(&other))).unwrap();
    }
    for data in [&b"first"[..], b"", b"third"] {
        assert_eq!(
            api.receive(&other),
            Ok((data.to_vec(), api.udp_local(&one)))
        );
    }
    assert_eq!(api.try_receive(&other), None);
    assert_eq!(api.send(&one, b"whom?", None), Err(Error::InvalidArgument));
}

fn a_connected_socket_hears_one_peer(api: &impl SocketApi) {
    let [one, friend, stranger] = [(); 3].map(|()| api.udp(address("127.0.0.1:0")).unwrap());
    api.udp_connect(&one, api.udp_local(&friend)).unwrap();
    api.send(&stranger, b"psst", Some(api.udp_local(&one)))
        .unwrap();
    api.send(&friend, b"hello", Some(api.udp_local(&one)))
        .unwrap();
    assert_eq!(
        api.receive(&one),
        Ok((b"hello".to_vec(), api.udp_local(&friend)))
    );
    api.send(&one, b"hello yourself", None).unwrap();
    assert_eq!(
        api.receive(&friend),
        Ok((b"hello yourself".to_vec(), api.udp_local(&one)))
    );
}

fn datagrams_to_nobody(api: &impl SocketApi) {
    let nobody = api.udp_local(&api.udp(address("127.0.0.8:0")).unwrap());
    let unconnected = api.udp(address("127.0.0.1:0")).unwrap();
    assert_eq!(api.send(&unconnected, b"lost", Some(nobody)), Ok(()));
    assert_eq!(api.send(&unconnected, b"lost", Some(nobody)), Ok(()));
    let connected = api.udp(address("127.0.0.1:0")).unwrap();
    api.udp_connect(&connected, nobody).unwrap();
    assert_eq!(api.send(&connected, b"lost", None), Ok(()));
    assert_eq!(api.receive(&connected), Err(Error::ConnectionRefused));
}

fn datagrams_that_do_not_fit_are_dropped(api: &impl SocketApi) {
    let (sender, receiver) = (
        api.udp(address("127.0.0.1:0")).unwrap(),
        api.udp(address("127.0.0.1:0")).unwrap(),
    );
    let to = Some(api.udp_local(&receiver));
    for number in 0..20_000_u32 {
        let mut data = number.to_be_bytes().to_vec();
        data.resize(1000, 0);
        api.send(&sender, &data, to).unwrap();
    }
    let mut received = 0_u32;
    while let Some(datagram) = api.try_receive(&receiver) {
        let (data, _) = datagram.unwrap();
        assert_eq!(data[..4], received.to_be_bytes());
        received += 1;
    }
    assert!((1..20_000).contains(&received), "{received}");
    api.send(&sender, b"next", to).unwrap();
    assert_eq!(
        api.receive(&receiver).map(|(data, _)| data),
        Ok(b"next".to_vec())
    );
}

fn a_datagram_has_a_size_limit(api: &impl SocketApi) {
    let (sender, receiver) = (
        api.udp(address("127.0.0.1:0")).unwrap(),
        api.udp(address("127.0.0.1:0")).unwrap(),
    );
    let to = Some(api.udp_local(&receiver));
    assert_eq!(
        api.send(&sender, &[0; 65_508], to),
        Err(Error::DatagramTooLarge)
    );
    assert_eq!(api.send(&sender, &[1; 65_507], to), Ok(()));
    assert_eq!(
        api.receive(&receiver).map(|(data, _)| data.len()),
        Ok(65_507)
    );
}

fn a_udp_port_is_bound_once(api: &impl SocketApi) {
    let first = api.udp(address("127.0.0.9:0")).unwrap();
    let at = api.udp_local(&first);
    assert_eq!(api.udp(at).err(), Some(Error::AddressInUse));
    assert_eq!(
        api.udp(([0, 0, 0, 0], at.port()).into()).err(),
        Some(Error::AddressInUse)
    );
    drop(first);
    assert!(api.udp(at).is_ok());
}

fn connected<A: SocketApi>(api: &A) -> (A::Tcp, A::Tcp) {
    let listener = listening(api, "127.0.0.1:0");
    let client = api.tcp(address("127.0.0.1:0")).unwrap();
    connect(api, &client, api.local(&listener)).unwrap();
    let server = api.accept(&listener).unwrap();
    (client, server)
}

fn listening<A: SocketApi>(api: &A, at: &str) -> A::Tcp {
    let listener = api.tcp(address(at)).unwrap();
    api.listen(&listener, 128).unwrap();
    listener
}

fn connect<A: SocketApi>(api: &A, socket: &A::Tcp, to: SocketAddr) -> Result<(), Error> {
    match api.connect(socket, to)? {
        Connect::Done => Ok(()),
        Connect::InProgress => api.finish_connect(socket),
    }
}

fn write<A: SocketApi>(api: &A, socket: &A::Tcp, bytes: &[u8]) {
    assert_eq!(api.try_write(socket, bytes), Some(Ok(bytes.len())));
}

fn read_to_end<A: SocketApi>(api: &A, socket: &A::Tcp) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    loop {
        match api.read(socket, 4096)? {
            bytes if bytes.is_empty() => return Ok(all),
            bytes => all.extend(bytes),
        }
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}
