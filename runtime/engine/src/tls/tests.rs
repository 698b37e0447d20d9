//! Sessions with a server of `rustls` that signs nothing: clients do not look.

use super::{Session, TlsError, chance, provider};
use crate::world::Random;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{
    Error, ServerConfig, ServerConnection, SignatureAlgorithm, SignatureScheme,
    SupportedProtocolVersion,
};
use seedpod_core::seed::Seed;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

fn random(seed: u64) -> Box<dyn Random> {
    Box::new(Seed::new(seed).rng())
}

fn client(seed: u64) -> Session {
    Session::new("10.244.0.2", random(seed)).unwrap()
}

#[derive(Debug)]
struct Unsigned;

impl ResolvesServerCert for Unsigned {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificate = CertificateDer::from(b"no certificate".to_vec());
        Some(Arc::new(CertifiedKey::new(
            vec![certificate],
            Arc::new(Self),
        )))
    }
}

impl SigningKey for Unsigned {
    fn choose_scheme(&self, _offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(Self))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for Unsigned {
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(vec![0; 64])
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// A server that echoes what it hears in upper case.
struct Server {
    connection: ServerConnection,
    random: Option<Box<dyn Random>>,
}

impl Server {
    fn new(version: &'static SupportedProtocolVersion, suite: usize) -> Self {
        let mut provider = provider::client_provider();
        provider.cipher_suites = vec![provider.cipher_suites[suite]];
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Unsigned));
        let mut random = Some(random(99));
        let connection = chance::with(&mut random, || ServerConnection::new(Arc::new(config)));
        Self {
            connection: connection.unwrap(),
            random,
        }
    }

    fn handle(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let connection = &mut self.connection;
        chance::with(&mut self.random, || {
            let mut out = Vec::new();
            while !bytes.is_empty() {
                connection.read_tls(&mut bytes).unwrap();
                let state = connection.process_new_packets().unwrap();
                let mut heard = vec![0; state.plaintext_bytes_to_read()];
                connection.reader().read_exact(&mut heard).unwrap();
                connection
                    .writer()
                    .write_all(&heard.to_ascii_uppercase())
                    .unwrap();
                while connection.wants_write() {
                    connection.write_tls(&mut out).unwrap();
                }
            }
            out
        })
    }
}

/// Everything that went over the network, and what the client heard.
fn talk(server: &mut Server, seed: u64, text: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut client = client(seed);
    let (mut wire, mut heard) = (Vec::new(), Vec::new());
    let mut rest = text;
    while heard.len() < text.len() {
        if !client.is_handshaking() && !rest.is_empty() {
            let written = client.write(rest).unwrap();
            rest = &rest[written..];
        }
        let sent = client.take_output();
        let answer = server.handle(&sent);
        assert!(
            !(sent.is_empty() && answer.is_empty()),
            "nobody says anything"
        );
        for piece in answer.chunks(1000) {
            client.handle(piece, &mut heard).unwrap();
        }
        wire.extend_from_slice(&sent);
        wire.extend_from_slice(&answer);
    }
    (wire, heard)
}

#[test]
fn every_suite_carries_bytes_both_ways() {
    let text = b"hello, ".repeat(20_000);
    let versions = [
        &rustls::version::TLS13,
        &rustls::version::TLS13,
        &rustls::version::TLS12,
    ];
    for (suite, version) in versions.into_iter().enumerate() {
        let (_, heard) = talk(&mut Server::new(version, suite), 1, &text);
        assert_eq!(heard, text.to_ascii_uppercase());
    }
}

#[test]
fn the_same_chance_gives_the_same_bytes() {
    let wire = |seed| talk(&mut Server::new(&rustls::version::TLS13, 0), seed, b"hello").0;
    assert_eq!(wire(1), wire(1));
    assert_ne!(wire(1), wire(2));
}

#[test]
fn the_end_shows() {
    let mut server = Server::new(&rustls::version::TLS13, 0);
    let mut client = client(1);
    let mut heard = Vec::new();
    while client.is_handshaking() {
        let answer = server.handle(&client.take_output());
        client.handle(&answer, &mut heard).unwrap();
    }
    assert!(!client.is_closed());
    server.connection.send_close_notify();
    let answer = server.handle(&client.take_output());
    let mut last = Vec::new();
    server.connection.write_tls(&mut last).unwrap();
    client.handle(&[answer, last].concat(), &mut heard).unwrap();
    assert!(client.is_closed());
}

#[test]
fn what_is_no_tls() {
    let check = |bytes: &[u8], expected: Result<(), TlsError>| {
        let mut heard = Vec::new();
        let whole = client(1).handle(bytes, &mut heard);
        let mut bytewise = client(1);
        let mut pieces = bytes.chunks(1);
        let bytewise = pieces.try_for_each(|piece| bytewise.handle(piece, &mut heard));
        assert_eq!((&whole, bytewise), (&expected, expected.clone()));
    };
    check(b"HTTP/1.1 400 Bad Request\r\n", Err(TlsError::PlainHttp));
    check(b"HTTP", Ok(()));
    check(b"SSH-2.0", Err(TlsError::NotTls));
    check(b"\0\0\0\0\0\0\0\0\0", Err(TlsError::NotTls));
    let alert = TlsError::Alert("handshake failure".to_owned());
    check(&[21, 3, 3, 0, 2, 2, 40], Err(alert));
    let unknown = TlsError::Alert("alert(199)".to_owned());
    check(&[21, 3, 3, 0, 2, 2, 199], Err(unknown));
}

#[test]
fn no_answer_brings_a_client_down() {
    let mut server = Server::new(&rustls::version::TLS13, 1);
    let answer = server.handle(&client(1).take_output());
    let mut rng = Seed::new(3).rng();
    for _ in 0..2000 {
        let mut broken = answer.clone();
        let place = usize::try_from(rng.next_u64()).unwrap() % broken.len();
        broken[place] ^= u8::try_from(rng.next_u64() % 255).unwrap() + 1;
        let mut client = client(1);
        client.take_output();
        // It may fail or wait for more, but says so.
        let _ = client.handle(&broken, &mut Vec::new());
        client.take_output();
    }
}
