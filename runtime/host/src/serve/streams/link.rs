//! A connection after its upgrade, and the machine that speaks on it.

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use seedpod_api::server::stream::command::RemoteCommand;
use seedpod_api::server::stream::forward::PortForward;
use seedpod_api::server::stream::spdy::SpdyError;
use seedpod_core::limits::{
    STREAM_BYTES_WAITING, STREAM_CLOSING_TIME_MAX, WEBSOCKET_MESSAGE_BYTES,
};
use std::io::{self, Read, Write};
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

pub(super) type Io = TokioIo<Upgraded>;

/// How much is read at once; events of so much are all that is held between two reads.
const READ_BYTES: usize = 32 << 10;

/// What turns the client's bytes into events, and the pod's into bytes.
pub(super) trait Machine {
    fn receive(&mut self, bytes: &[u8]) -> Result<(), SpdyError>;
    fn next_output(&mut self) -> Option<Bytes>;
}

impl Machine for RemoteCommand {
    fn receive(&mut self, bytes: &[u8]) -> Result<(), SpdyError> {
        Self::receive(self, bytes)
    }

    fn next_output(&mut self) -> Option<Bytes> {
        Self::next_output(self)
    }
}

impl Machine for PortForward {
    fn receive(&mut self, bytes: &[u8]) -> Result<(), SpdyError> {
        Self::receive(self, bytes)
    }

    fn next_output(&mut self) -> Option<Bytes> {
        Self::next_output(self)
    }
}

/// Messages that only go to the client.
pub(super) struct Messages(pub(super) Option<Bytes>);

impl Machine for Messages {
    fn receive(&mut self, _bytes: &[u8]) -> Result<(), SpdyError> {
        Ok(())
    }

    fn next_output(&mut self) -> Option<Bytes> {
        self.0.take()
    }
}

/// How a machine's messages are on the connection.
pub(super) enum Wire {
    /// As they are.
    Plain(Vec<u8>),
    /// In messages of a WebSocket, of text or not.
    WebSocket {
        socket: Box<WebSocket<Memory>>,
        is_text: bool,
    },
}

/// A connection that is what was read and what is to be written.
#[derive(Default)]
pub(super) struct Memory {
    input: io::Cursor<Vec<u8>>,
    output: Vec<u8>,
}

impl Read for Memory {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match Read::read(&mut self.input, buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The client has closed its end, or breaks the rules.
#[derive(Debug)]
pub(super) struct Closed;

impl Wire {
    pub(super) fn plain() -> Self {
        Self::Plain(Vec::new())
    }

    pub(super) fn websocket(is_text: bool) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(WEBSOCKET_MESSAGE_BYTES))
            .max_frame_size(Some(WEBSOCKET_MESSAGE_BYTES))
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0);
        let socket = WebSocket::from_raw_socket(Memory::default(), Role::Server, Some(config));
        Self::WebSocket {
            socket: Box::new(socket),
            is_text,
        }
    }

    /// The messages in what was read, given to `take`.
    fn feed(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), SpdyError>,
    ) -> Result<(), Closed> {
        let wrong = |error| {
            tracing::debug!(%error, "a client breaks the protocol");
            Closed
        };
        let socket = match self {
            Self::Plain(_) => return take(bytes).map_err(wrong),
            Self::WebSocket { socket, .. } => socket,
        };
        socket.get_mut().input = io::Cursor::new(bytes.to_vec());
        loop {
            match socket.read() {
                Ok(Message::Binary(message)) => take(&message).map_err(wrong)?,
                Ok(Message::Text(message)) => take(message.as_bytes()).map_err(wrong)?,
                // Pings are answered with the next write.
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    break;
                }
                Err(error) => {
                    tracing::debug!(%error, "a WebSocket ends");
                    let _ = socket.flush();
                    return Err(Closed);
                }
            }
        }
        // Memory takes everything.
        let _ = socket.flush();
        Ok(())
    }

    fn send(&mut self, message: Bytes) {
        match self {
            Self::Plain(output) => output.extend_from_slice(&message),
            Self::WebSocket { socket, is_text } => {
                let message = match *is_text {
                    false => Message::Binary(message),
                    true => match Utf8Bytes::try_from(message) {
                        Ok(text) => Message::Text(text),
                        Err(_) => return,
                    },
                };
                // To a client that has closed its end nothing is sent.
                let _ = socket.write(message).and_then(|()| socket.flush());
            }
        }
    }

    fn close(&mut self) {
        if let Self::WebSocket { socket, .. } = self {
            let frame = tungstenite::protocol::CloseFrame {
                code: tungstenite::protocol::frame::coding::CloseCode::Normal,
                reason: Utf8Bytes::default(),
            };
            let _ = socket.close(Some(frame)).and_then(|()| socket.flush());
        }
    }

    fn output(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Plain(output) => output,
            Self::WebSocket { socket, .. } => &mut socket.get_mut().output,
        }
    }
}

/// A machine and its connection. Tasks of one stream share it; no lock is held while one waits.
pub(super) struct Link<M> {
    shared: Mutex<Shared<M>>,
    /// There is something to write.
    written: Notify,
    /// Something was written, or came from the client.
    progress: Notify,
}

struct Shared<M> {
    machine: M,
    wire: Wire,
    last: Instant,
    is_closing: bool,
}

impl<M: Machine> Link<M> {
    pub(super) fn new(machine: M, wire: Wire) -> Self {
        let link = Self {
            shared: Mutex::new(Shared {
                machine,
                wire,
                last: Instant::now(),
                is_closing: false,
            }),
            written: Notify::new(),
            progress: Notify::new(),
        };
        link.with(|_| ());
        link
    }

    /// Asks something of the machine, and has what comes of it written.
    pub(super) fn with<R>(&self, call: impl FnOnce(&mut M) -> R) -> R {
        let mut shared = self.lock();
        let result = call(&mut shared.machine);
        shared.move_output();
        drop(shared);
        self.written.notify_one();
        result
    }

    /// When the last byte came or went.
    pub(super) fn last(&self) -> Instant {
        self.lock().last
    }

    /// Reads what the client sends next into the machine: take all events then.
    pub(super) async fn receive(&self, reader: &mut ReadHalf<Io>) -> Result<(), Closed> {
        let mut bytes = vec![0; READ_BYTES];
        let count = match reader.read(&mut bytes).await {
            Ok(count) if count > 0 => count,
            _ => return Err(Closed),
        };
        let mut shared = self.lock();
        let Shared {
            machine,
            wire,
            last,
            ..
        } = &mut *shared;
        *last = Instant::now();
        let fed = wire.feed(&bytes[..count], |message| machine.receive(message));
        shared.move_output();
        drop(shared);
        self.written.notify_one();
        self.progress.notify_waiters();
        fed
    }

    /// Waits until the machine takes something, of which `room` knows, and not too much waits to be written; `None` as
    /// soon as `room` says so.
    pub(super) async fn room(&self, room: impl Fn(&M) -> Option<usize>) -> Option<usize> {
        loop {
            let mut progress = pin!(self.progress.notified());
            progress.as_mut().enable();
            {
                let mut shared = self.lock();
                let waiting = shared.wire.output().len();
                let room = room(&shared.machine)?;
                if room > 0 && waiting < STREAM_BYTES_WAITING {
                    return Some(room);
                }
            }
            progress.await;
        }
    }

    /// Writes to the client until [`close`](Self::close), or until it takes no more.
    pub(super) async fn write(&self, writer: &mut WriteHalf<Io>) {
        loop {
            let (output, is_closing) = {
                let mut shared = self.lock();
                (std::mem::take(shared.wire.output()), shared.is_closing)
            };
            if output.is_empty() {
                if is_closing {
                    let _ = writer.shutdown().await;
                    return;
                }
                self.written.notified().await;
                continue;
            }
            let written = async {
                writer.write_all(&output).await?;
                writer.flush().await
            };
            if let Err(error) = written.await {
                return tracing::debug!(%error, "a client is gone");
            }
            self.lock().last = Instant::now();
            self.progress.notify_waiters();
        }
    }

    /// Ends the connection once `write`, which is [`write`](Self::write), has written everything, and gives the client some
    /// time to do the same.
    pub(super) async fn close(
        &self,
        reader: &mut ReadHalf<Io>,
        write: Pin<&mut impl Future<Output = ()>>,
    ) {
        self.begin_to_close();
        let end = async {
            write.await;
            let mut rest = vec![0; READ_BYTES];
            while reader.read(&mut rest).await.is_ok_and(|count| count > 0) {}
        };
        // A client that does not close is cut off.
        let _ = timeout(STREAM_CLOSING_TIME_MAX, end).await;
    }

    fn begin_to_close(&self) {
        let mut shared = self.lock();
        shared.wire.close();
        shared.is_closing = true;
        drop(shared);
        self.written.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Shared<M>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Machine> Shared<M> {
    fn move_output(&mut self) {
        while let Some(message) = self.machine.next_output() {
            self.wire.send(message);
        }
    }
}
