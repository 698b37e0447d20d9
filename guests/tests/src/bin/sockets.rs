//! Usage: sockets. Talks to itself over the loopback and prints what each call answers.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

fn main() {
    tcp().unwrap_or_else(|error| println!("tcp: {error}"));
    errors().unwrap_or_else(|error| println!("errors: {error}"));
    udp().unwrap_or_else(|error| println!("udp: {error}"));
    names();
}

fn tcp() -> io::Result<()> {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (mut client, mut server) = connected(address)?;
        assert_eq!(client.peer_addr()?, server.local_addr()?);
        assert_eq!(server.peer_addr()?, client.local_addr()?);
        client.set_nodelay(true)?;
        println!("connected to {}", client.peer_addr()?.ip());
        if client.peer_addr()?.is_ipv4() {
            client.set_ttl(42)?;
            println!("ttl {}", client.ttl()?);
        }

        server.set_nonblocking(true)?;
        show("read nothing", server.read(&mut [0; 10]));
        server.set_nonblocking(false)?;

        // More than all buffers hold, so that the writer waits for the reader at times.
        let sent: Vec<u8> = (0..1_000_000_u32)
            .map(|index| (index % 251) as u8)
            .collect();
        let mut received = Vec::new();
        client.set_nonblocking(true)?;
        let mut rest = sent.as_slice();
        let mut full = 0;
        while received.len() < sent.len() {
            match client.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => full += 1,
                Err(error) => return Err(error),
            }
            let mut piece = vec![0; 10_000];
            let read = server.read(&mut piece)?;
            received.extend_from_slice(&piece[..read]);
        }
        println!(
            "{} bytes, same: {}, waited: {}",
            received.len(),
            received == sent,
            full > 0
        );

        client.shutdown(Shutdown::Write)?;
        show("read the end", server.read(&mut [0; 10]));
        show("write after the end", client.write(b"x"));
        server.write_all(b"still")?;
        drop(server);
        let mut answer = String::new();
        client.set_nonblocking(false)?;
        show("read the answer", client.read_to_string(&mut answer));
        println!("{answer}");
    }
    Ok(())
}

fn errors() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:4000")?;
    show("bind twice", TcpListener::bind("0.0.0.0:4000"));
    show("bind a foreign address", TcpListener::bind("192.0.2.1:0"));
    show("connect to nothing", TcpStream::connect("127.0.0.1:4001"));
    show(
        "connect to the other family",
        TcpStream::connect("[::1]:4000"),
    );
    show("connect outside", TcpStream::connect("192.0.2.1:80"));
    listener.set_nonblocking(true)?;
    show("accept nobody", listener.accept());
    drop(listener);
    show("bind again", TcpListener::bind("127.0.0.1:4000"));

    let (mut client, server) = connected("127.0.0.1:0")?;
    client.write_all(b"unread")?;
    drop(server);
    show("read after a reset", client.read(&mut [0; 10]));
    show("write after a reset", client.write(b"x"));
    Ok(())
}

fn udp() -> io::Result<()> {
    let (one, other) = (
        UdpSocket::bind("127.0.0.1:0")?,
        UdpSocket::bind("127.0.0.1:0")?,
    );
    one.send_to(b"first", other.local_addr()?)?;
    one.send_to(b"", other.local_addr()?)?;
    one.send_to(&[7; 65_507], other.local_addr()?)?;
    let mut buffer = vec![0; 70_000];
    for _ in 0..3 {
        let (len, from) = other.recv_from(&mut buffer)?;
        println!("{len} bytes, from the other: {}", from == one.local_addr()?);
    }
    show(
        "send too much",
        one.send_to(&buffer[..65_508], other.local_addr()?),
    );
    other.set_nonblocking(true)?;
    show("receive nothing", other.recv(&mut buffer));
    one.connect(other.local_addr()?)?;
    one.send(b"connected")?;
    show("receive", other.recv(&mut buffer));
    show("bind twice", UdpSocket::bind(other.local_addr()?));
    Ok(())
}

fn names() {
    for name in ["localhost", "127.0.0.1", "::1", "no-such-name"] {
        match (name, 0).to_socket_addrs() {
            Ok(addresses) => {
                let addresses: Vec<String> =
                    addresses.map(|address| address.ip().to_string()).collect();
                println!("{name}: {}", addresses.join(" "));
            }
            Err(_) => println!("{name}: unknown"),
        }
    }
}

fn connected(address: &str) -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(address)?;
    let to: SocketAddr = listener.local_addr()?;
    let client = TcpStream::connect(to)?;
    let (server, _) = listener.accept()?;
    Ok((client, server))
}

fn show<T>(what: &str, result: io::Result<T>) {
    match result {
        Ok(_) => println!("{what}: ok"),
        Err(error) => println!("{what}: {:?}", error.kind()),
    }
}
