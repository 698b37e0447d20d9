//! TLS on top of a connection.

use crate::go;
use crate::system::log;
use hyper::rt::{Read, ReadBufCursor, Write};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InvalidMessage, ServerConfig, ServerConnection};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use web::rt::{Reader, Writer};
use web::stream::{Read as _, Write as _};

/// A certificate and what is spoken under it.
#[derive(Clone)]
pub(crate) struct Tls(Arc<ServerConfig>);

impl Tls {
    /// Reads both files; the error has Go's text.
    pub(crate) fn load(certificate: &str, key: &str, protocol: &str) -> Result<Self, String> {
        let read = crate::system::read_file;
        let (certificate_pem, key_pem) = (read(certificate)?, read(key)?);
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&certificate_pem)
            .collect::<Result<_, _>>()
            .unwrap_or_default();
        if chain.is_empty() {
            return Err("tls: failed to find any PEM data in certificate input".to_owned());
        }
        let key = PrivateKeyDer::from_pem_slice(&key_pem)
            .map_err(|_| "tls: failed to find any PEM data in key input".to_owned())?;
        let config = ServerConfig::builder_with_provider(Arc::new(rustls_rustcrypto::provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|error| format!("tls: {error}"))?;
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Ok(Tls(Arc::new(config)))
    }

    pub(super) fn accept(
        &self,
        reader: Reader,
        writer: Writer,
        client: SocketAddr,
    ) -> Result<TlsStream, rustls::Error> {
        Ok(TlsStream {
            connection: ServerConnection::new(self.0.clone())?,
            reader,
            writer,
            client,
        })
    }
}

pub(super) struct TlsStream {
    connection: ServerConnection,
    reader: Reader,
    writer: Writer,
    client: SocketAddr,
}

/// One end of the connection below as `std` has it: what would wait is [`ErrorKind::WouldBlock`].
struct Now<'a, 'b, T>(&'a mut T, &'a mut Context<'b>);

fn now<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

impl io::Read for Now<'_, '_, Reader> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        now(self.0.poll_read(self.1, buffer))
    }
}

impl io::Write for Now<'_, '_, Writer> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        now(self.0.poll_write(self.1, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        now(self.0.poll_flush(self.1))
    }
}

/// Pending instead of [`ErrorKind::WouldBlock`].
fn later<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        result => Poll::Ready(result),
    }
}

impl TlsStream {
    /// Sends the records that are ready.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.connection.wants_write() {
            let mut below = Now(&mut self.writer, cx);
            ready!(later(self.connection.write_tls(&mut below)))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Receives records; false at the end.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut below = Now(&mut self.reader, cx);
        let received = ready!(later(self.connection.read_tls(&mut below)));
        let handshaking = self.connection.is_handshaking();
        let problem = match received {
            Ok(0) if handshaking => "EOF".to_owned(),
            Ok(0) => return Poll::Ready(Ok(false)),
            Ok(_) => match self.connection.process_new_packets() {
                Ok(_) => return Poll::Ready(Ok(true)),
                Err(error) => {
                    // The alert says why; the peer may not wait for it.
                    let _ = self.poll_send(cx);
                    told(&error)
                }
            },
            Err(error) => go::errno(&error),
        };
        if handshaking {
            log!("http: TLS handshake error from {}: {problem}", self.client);
        }
        Poll::Ready(Err(io::Error::other(problem)))
    }
}

/// The error as Go's library tells it, where it has a text of its own.
fn told(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "tls: first record does not look like a TLS handshake".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("remote error: tls: {alert:?}"),
        error => format!("tls: {error}"),
    }
}

impl Read for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut chunk = [0; 4096];
        let room = chunk.len().min(cursor.remaining());
        loop {
            // What a handshake has to say goes first; that it cannot be sent yet does not hinder reading.
            if let Poll::Ready(Err(error)) = self.poll_send(cx) {
                return Poll::Ready(Err(error));
            }
            match self.connection.reader().read(&mut chunk[..room]) {
                Ok(count) => {
                    cursor.put_slice(&chunk[..count]);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Ok(()));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
            if !ready!(self.poll_receive(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl Write for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        let written = self.connection.writer().write(bytes)?;
        if let Poll::Ready(Err(error)) = self.poll_send(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        self.writer.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.send_close_notify();
        ready!(self.poll_send(cx))?;
        ready!(self.writer.poll_flush(cx))?;
        self.writer.shutdown();
        Poll::Ready(Ok(()))
    }
}
