//! `channel.k8s.io`: messages of a WebSocket that begin with the number of a channel.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// A byte that is the channel, then the bytes.
    Binary,
    /// A digit that is the channel, then the bytes in base64: for clients that have no binary messages.
    Base64,
}

impl Encoding {
    /// That of a subprotocol.
    pub fn of(protocol: &str) -> Self {
        match protocol.contains("base64.") {
            true => Self::Base64,
            false => Self::Binary,
        }
    }

    /// The channel and bytes of a message; `None` for one that cannot be read.
    pub(super) fn decode(self, message: &[u8]) -> Option<(u8, Bytes)> {
        let (channel, rest) = message.split_first()?;
        match self {
            Self::Binary => Some((*channel, Bytes::copy_from_slice(rest))),
            Self::Base64 => {
                let channel = channel.checked_sub(b'0')?;
                Some((channel, STANDARD.decode(rest).ok()?.into()))
            }
        }
    }

    /// A message.
    pub(super) fn encode(self, channel: u8, bytes: &[u8]) -> Bytes {
        match self {
            Self::Binary => [&[channel], bytes].concat().into(),
            Self::Base64 => {
                let text = STANDARD.encode(bytes);
                format!("{channel}{text}").into()
            }
        }
    }

    /// A message without a channel, as logs are sent.
    pub fn encode_plain(self, bytes: Bytes) -> Bytes {
        match self {
            Self::Binary => bytes,
            Self::Base64 => STANDARD.encode(bytes).into(),
        }
    }

    /// Whether its messages are text for the WebSocket.
    pub fn is_text(self) -> bool {
        self == Self::Base64
    }
}
