//! A small client that can also do what no client should.

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longer than anything takes: a test that hangs says where.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a server is, and what shows that one may.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) name: String,
    pub(crate) roots: Arc<RootCertStore>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;

impl Client {
    /// For the server whose files are in a state folder.
    pub(crate) fn of(state: &Path, address: SocketAddr) -> Self {
        let read = |name: &str| std::fs::read_to_string(state.join(name)).unwrap();
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(read("ca.crt").as_bytes()).unwrap();
        roots.add(certificate).unwrap();
        Self {
            address,
            token: read("token"),
            name: address.ip().to_string(),
            roots: Arc::new(roots),
        }
    }

    pub(crate) fn tcp(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// A connection of TLS with this protocol in it.
    pub(crate) fn tls(&self, protocol: &[u8]) -> io::Result<Tls> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from(self.name.clone()).unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, self.tcp()?);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    /// A connection for requests of HTTP/1.1.
    pub(crate) fn connect(&self) -> io::Result<Connection> {
        Ok(Connection {
            client: self.clone(),
            stream: BufReader::new(self.tls(b"http/1.1")?),
        })
    }

    /// One request on a connection of its own.
    pub(crate) fn once(&self, method: &str, path: &str, body: &str) -> Reply {
        let mut connection = self.connect().unwrap();
        connection.request(method, path, body).unwrap()
    }
}

/// Requests one after the other.
pub(crate) struct Connection {
    client: Client,
    stream: BufReader<Tls>,
}

impl Connection {
    /// Sends a request and reads its response.
    pub(crate) fn request(&mut self, method: &str, path: &str, body: &str) -> io::Result<Reply> {
        let head = self.head(method, path, body.len());
        self.send(&[head.as_bytes(), body.as_bytes()].concat())?;
        self.reply()
    }

    /// The head of a request with a body of this length.
    pub(crate) fn head(&self, method: &str, path: &str, length: usize) -> String {
        let Client { address, token, .. } = &self.client;
        let kind = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             User-Agent: raw\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        )
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Reads a whole response.
    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        let (status, headers) = self.head_of_reply()?;
        let length = headers
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let body = match length {
            Some(length) => {
                let mut body = vec![0; length.trim().parse().unwrap()];
                self.stream.read_exact(&mut body)?;
                body
            }
            None => {
                let mut body = Vec::new();
                while let Some(chunk) = self.chunk()? {
                    body.extend_from_slice(&chunk);
                }
                body
            }
        };
        Ok(Reply {
            status,
            headers,
            body,
        })
    }

    /// Reads the head of a response.
    pub(crate) fn head_of_reply(&mut self) -> io::Result<(u16, String)> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no response: {first:?}")))?;
        let mut headers = String::new();
        loop {
            match self.line()? {
                line if line.is_empty() => return Ok((status, headers)),
                line => headers += &format!("{line}\n"),
            }
        }
    }

    /// Reads the next chunk; `None` at the end.
    pub(crate) fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let length = usize::from_str_radix(&self.line()?, 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; length + 2];
        self.stream.read_exact(&mut chunk)?;
        chunk.truncate(length);
        Ok((length > 0).then_some(chunk))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}
