//! TLS: its cryptography, and the client side for probes and hooks with `scheme: HTTPS`, which verify no certificate
//! (`pkg/probe/http`). The side of a server is the world's ([`server_provider`]).
//!
//! `rustls` without input and output of its own, so that bytes go through the virtual network. Its usual providers, `ring`
//! and `aws-lc-rs`, are C and assembler: they need a compiler of C for every target, and draw from the machine's entropy.
//! `rustls-rustcrypto` is pure Rust, but an alpha with RSA and all curves inside, whose keys come from the machine too.
//! Since nothing is verified no signature is ever computed here, and what remains, one key exchange and two ciphers, is a page of
//! glue over RustCrypto's own crates; their keys come from the world, so a simulated handshake is the same every time.
//!
//! Servers of TLS 1.3 always have what this offers. Under TLS 1.2 a server needs ChaCha20-Poly1305 with X25519, and OpenSSL
//! then takes no certificate with another curve.

mod chance;
mod cipher;
mod hash;
mod provider;

#[cfg(test)]
mod tests;

pub use provider::{X25519, server_provider};

use crate::world::Random;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, ClientConnection, Resumption};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{AlertDescription, DigitallySignedStruct, Error, SignatureScheme};
use std::io::{Read as _, Write as _};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// One connection: bytes of the network in and out, bytes of the application in and out.
pub(crate) struct Session {
    connection: ClientConnection,
    /// Not there only while it is lent.
    random: Option<Box<dyn Random>>,
    /// The beginning of what the server said, until it shows what it is.
    first: Vec<u8>,
    first_seen: bool,
    closed: bool,
}

/// Why a session ends, as Go words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsError {
    /// The server speaks HTTP without TLS.
    #[error("http: server gave HTTP response to HTTPS client")]
    PlainHttp,
    /// It speaks something else.
    #[error("tls: first record does not look like a TLS handshake")]
    NotTls,
    /// It says why it gives up.
    #[error("remote error: tls: {0}")]
    Alert(String),
    /// Something else.
    #[error("tls: {0}")]
    Other(String),
}

static CONFIG: LazyLock<Result<Arc<ClientConfig>, Error>> = LazyLock::new(|| {
    let provider = Arc::new(provider::client_provider());
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(NoTime))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
});

impl Session {
    pub(crate) fn new(host: &str, random: Box<dyn Random>) -> Result<Self, TlsError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| TlsError::Other(error.to_string()))?;
        let config = CONFIG.clone().map_err(TlsError::from)?;
        let mut random = Some(random);
        let connection = chance::with(&mut random, || ClientConnection::new(config, name));
        Ok(Self {
            connection: connection?,
            random,
            first: Vec::new(),
            first_seen: false,
            closed: false,
        })
    }

    /// Whether the handshake is not over.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether the server has said that it sends no more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// What is to be sent over the network.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while self.connection.wants_write() {
            let connection = &mut self.connection;
            let written = chance::with(&mut self.random, || connection.write_tls(&mut out));
            if written.is_err() {
                break;
            }
        }
        out
    }

    /// Takes the beginning of `bytes` for the server; how much of it. The rest follows after
    /// [`take_output`](Self::take_output).
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<usize, TlsError> {
        let connection = &mut self.connection;
        let written = chance::with(&mut self.random, || connection.writer().write(bytes));
        written.map_err(|error| TlsError::Other(error.to_string()))
    }

    /// Takes what has come over the network; what it means goes to `plain`. Also after an error there may be output: what
    /// the server is told of it.
    pub(crate) fn handle(&mut self, bytes: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        if self.first_seen {
            return self.decrypt(bytes, plain);
        }
        self.first.extend_from_slice(bytes);
        match &self.first[..] {
            b"HTTP/" | [b'H', b'T', b'T', b'P', b'/', ..] => Err(TlsError::PlainHttp),
            [_, _, _, _, _, ..] if !is_record(&self.first) => Err(TlsError::NotTls),
            [_, _, _, _, _, ..] => {
                self.first_seen = true;
                let first = std::mem::take(&mut self.first);
                self.decrypt(&first, plain)
            }
            _ => Ok(()),
        }
    }

    fn decrypt(&mut self, mut bytes: &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        while !bytes.is_empty() {
            let connection = &mut self.connection;
            let taken = connection
                .read_tls(&mut bytes)
                .map_err(|error| TlsError::Other(error.to_string()))?;
            let state = chance::with(&mut self.random, || connection.process_new_packets())?;
            self.closed |= state.peer_has_closed();
            let reader = self.connection.reader();
            let mut reader = reader.take(state.plaintext_bytes_to_read() as u64);
            reader
                .read_to_end(plain)
                .map_err(|error| TlsError::Other(error.to_string()))?;
            if taken == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// Whether this begins a record: its type, and a version that TLS uses for it.
fn is_record(bytes: &[u8]) -> bool {
    matches!(bytes, [20..=23, 3, 0..=4, ..])
}

impl From<Error> for TlsError {
    fn from(error: Error) -> Self {
        match error {
            Error::AlertReceived(alert) => Self::Alert(alert_text(alert)),
            error => Self::Other(error.to_string()),
        }
    }
}

/// As Go's `crypto/tls` calls it.
fn alert_text(alert: AlertDescription) -> String {
    let text = match alert {
        AlertDescription::CloseNotify => "close notify",
        AlertDescription::UnexpectedMessage => "unexpected message",
        AlertDescription::BadRecordMac => "bad record MAC",
        AlertDescription::RecordOverflow => "record overflow",
        AlertDescription::HandshakeFailure => "handshake failure",
        AlertDescription::BadCertificate => "bad certificate",
        AlertDescription::UnsupportedCertificate => "unsupported certificate",
        AlertDescription::IllegalParameter => "illegal parameter",
        AlertDescription::UnknownCA => "unknown certificate authority",
        AlertDescription::AccessDenied => "access denied",
        AlertDescription::DecodeError => "error decoding message",
        AlertDescription::DecryptError => "error decrypting message",
        AlertDescription::ProtocolVersion => "protocol version not supported",
        AlertDescription::InsufficientSecurity => "insufficient security level",
        AlertDescription::InternalError => "internal error",
        AlertDescription::UserCanceled => "user canceled",
        AlertDescription::MissingExtension => "missing extension",
        AlertDescription::UnsupportedExtension => "unsupported extension",
        AlertDescription::UnrecognisedName => "unrecognized name",
        AlertDescription::CertificateRequired => "certificate required",
        AlertDescription::NoApplicationProtocol => "no application protocol",
        other => return format!("alert({})", u8::from(other)),
    };
    text.to_owned()
}

/// Takes every certificate.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::ED25519,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
        ]
    }
}

/// Nobody looks at how long a certificate is valid.
#[derive(Debug)]
struct NoTime;

impl TimeProvider for NoTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::ZERO))
    }
}
