//! A connection of the node into the virtual network, with TLS or without.

use crate::tls::{Session, TlsError};
use crate::world::Random;
use bytes::Bytes;
use seedpod_core::limits::PROBE_READ_BYTES;
use seedpod_core::net::Stream;
use seedpod_core::probe_client::{DialError, ReadError};
use std::future::poll_fn;

/// Closes when dropped.
pub(super) struct Connection {
    stream: Stream,
    tls: Option<Box<Session>>,
    /// What the server said before it was asked.
    early: Vec<u8>,
}

impl Connection {
    pub(super) fn plain(stream: Stream) -> Self {
        Self {
            stream,
            tls: None,
            early: Vec::new(),
        }
    }

    /// Shakes hands. `host` is the name that the server hears, unless it is an address.
    pub(super) async fn secure(
        stream: Stream,
        host: &str,
        random: Box<dyn Random>,
    ) -> Result<Self, DialError> {
        let mut session = Session::new(host, random).map_err(dial_error)?;
        let mut early = Vec::new();
        loop {
            send(&stream, session.take_output().into()).await;
            if !session.is_handshaking() {
                break;
            }
            let bytes = read(&stream).await;
            let bytes = bytes.map_err(|error| DialError::Tls(error.to_string()))?;
            if bytes.is_empty() {
                return Err(DialError::Tls("EOF".to_owned()));
            }
            if let Err(error) = session.handle(&bytes, &mut early) {
                send(&stream, session.take_output().into()).await;
                return Err(dial_error(error));
            }
        }
        let tls = Some(Box::new(session));
        Ok(Self { stream, tls, early })
    }

    /// Until everything is sent or nobody takes it any more, which shows when reading.
    pub(super) async fn send(&mut self, bytes: Bytes) {
        let Some(session) = &mut self.tls else {
            return send(&self.stream, bytes).await;
        };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let Ok(written @ 1..) = session.write(rest) else {
                return;
            };
            rest = &rest[written..];
            send(&self.stream, session.take_output().into()).await;
        }
    }

    /// What has come; nothing at the end.
    pub(super) async fn receive(&mut self) -> Result<Bytes, ReadError> {
        let Some(session) = &mut self.tls else {
            return read(&self.stream).await;
        };
        let mut plain = std::mem::take(&mut self.early);
        while plain.is_empty() && !session.is_closed() {
            let bytes = read(&self.stream).await?;
            if bytes.is_empty() {
                break;
            }
            let result = session.handle(&bytes, &mut plain);
            send(&self.stream, session.take_output().into()).await;
            result.map_err(|error| ReadError::Tls(error.to_string()))?;
        }
        Ok(plain.into())
    }
}

fn dial_error(error: TlsError) -> DialError {
    match error {
        TlsError::PlainHttp => DialError::PlainHttp,
        error => DialError::Tls(error.to_string()),
    }
}

async fn send(stream: &Stream, mut bytes: Bytes) {
    while !bytes.is_empty() {
        let sent = poll_fn(|cx| stream.poll_write(&mut bytes, cx.waker())).await;
        if sent.is_err() {
            return;
        }
    }
}

async fn read(stream: &Stream) -> Result<Bytes, ReadError> {
    let read = poll_fn(|cx| stream.poll_read(PROBE_READ_BYTES, cx.waker())).await;
    read.map_err(|error| ReadError::Socket {
        local: stream.local_address(),
        remote: stream.remote_address(),
        error,
    })
}
