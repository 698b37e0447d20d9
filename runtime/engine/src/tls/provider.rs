//! The cryptography of TLS, from RustCrypto's parts.

use super::chance;
use super::cipher::Algorithm;
use super::hash::{HmacSha, Sha, Sha2};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use rustls::crypto::tls12::PrfUsingHmac;
use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, KeyExchangeAlgorithm, KeyProvider,
    SecureRandom, SharedSecret, SupportedKxGroup, WebPkiSupportedAlgorithms,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{
    CipherSuite, CipherSuiteCommon, Error, NamedGroup, PeerMisbehaved, SignatureScheme,
    SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite,
};
use sha2::{Sha256, Sha384};
use std::marker::PhantomData;
use std::sync::Arc;

/// What [`super`] offers servers: X25519, and for TLS 1.3 AES-128-GCM, which every server must have, and ChaCha20-Poly1305;
/// for TLS 1.2 the latter alone.
pub(super) fn client_provider() -> CryptoProvider {
    let suites = vec![
        SupportedCipherSuite::Tls13(&TLS13_AES_128_GCM_SHA256),
        SupportedCipherSuite::Tls13(&TLS13_CHACHA20_POLY1305_SHA256),
        SupportedCipherSuite::Tls12(&ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
        SupportedCipherSuite::Tls12(&ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ];
    static GROUP: X25519 = X25519 { fill: chance::fill };
    provider(suites, vec![&GROUP], &Chance)
}

/// What a server with a key of ECDSA offers: all suites of TLS 1.3, and those of TLS 1.2 that are still recommended.
/// Randomness and key exchanges are the world's.
pub fn server_provider(
    groups: Vec<&'static dyn SupportedKxGroup>,
    random: &'static dyn SecureRandom,
) -> CryptoProvider {
    let suites = vec![
        SupportedCipherSuite::Tls13(&TLS13_AES_128_GCM_SHA256),
        SupportedCipherSuite::Tls13(&TLS13_AES_256_GCM_SHA384),
        SupportedCipherSuite::Tls13(&TLS13_CHACHA20_POLY1305_SHA256),
        SupportedCipherSuite::Tls12(&ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
        SupportedCipherSuite::Tls12(&ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
        SupportedCipherSuite::Tls12(&ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ];
    provider(suites, groups, random)
}

fn provider(
    cipher_suites: Vec<SupportedCipherSuite>,
    kx_groups: Vec<&'static dyn SupportedKxGroup>,
    secure_random: &'static dyn SecureRandom,
) -> CryptoProvider {
    CryptoProvider {
        cipher_suites,
        kx_groups,
        signature_verification_algorithms: WebPkiSupportedAlgorithms {
            all: &[],
            mapping: &[],
        },
        secure_random,
        key_provider: &NoKeys,
    }
}

const fn common<D: Sha2>(suite: CipherSuite) -> CipherSuiteCommon {
    CipherSuiteCommon {
        suite,
        hash_provider: &Sha::<D>(PhantomData),
        // Below the limit of AES-GCM (RFC 8446, section 5.5); then TLS 1.3 changes its keys.
        confidentiality_limit: 1 << 23,
    }
}

macro_rules! tls13 {
    ($name:ident, $cipher:ty, $digest:ty) => {
        static $name: Tls13CipherSuite = Tls13CipherSuite {
            common: common::<$digest>(CipherSuite::$name),
            hkdf_provider: &HkdfUsingHmac(&HmacSha::<$digest>(PhantomData)),
            aead_alg: &Algorithm::<$cipher>(PhantomData),
            quic: None,
        };
    };
}

tls13!(TLS13_AES_128_GCM_SHA256, Aes128Gcm, Sha256);
tls13!(TLS13_AES_256_GCM_SHA384, Aes256Gcm, Sha384);
tls13!(TLS13_CHACHA20_POLY1305_SHA256, ChaCha20Poly1305, Sha256);

macro_rules! tls12 {
    ($name:ident, $suite:ident, $cipher:ty, $digest:ty, $sign:expr) => {
        static $name: Tls12CipherSuite = Tls12CipherSuite {
            common: common::<$digest>(CipherSuite::$suite),
            prf_provider: &PrfUsingHmac(&HmacSha::<$digest>(PhantomData)),
            kx: KeyExchangeAlgorithm::ECDHE,
            sign: $sign,
            aead_alg: &Algorithm::<$cipher>(PhantomData),
        };
    };
}

tls12!(
    ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    Aes128Gcm,
    Sha256,
    ECDSA
);
tls12!(
    ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    Aes256Gcm,
    Sha384,
    ECDSA
);
tls12!(
    ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ChaCha20Poly1305,
    Sha256,
    ECDSA
);
tls12!(
    ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ChaCha20Poly1305,
    Sha256,
    RSA
);

const ECDSA: &[SignatureScheme] = &[
    SignatureScheme::ED25519,
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
];

const RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// Random bytes of the connection that is at work.
#[derive(Debug)]
struct Chance;

impl SecureRandom for Chance {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        chance::fill(buffer).ok_or(GetRandomFailed)
    }
}

/// Probes have no certificate of their own, and a server gives its key as it is.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Error::General("no keys are supported".to_owned()))
    }
}

/// The key exchange of RFC 7748 with secrets from `fill`, which says `None` when it has none.
#[derive(Debug)]
pub struct X25519 {
    /// Fills a secret.
    pub fill: fn(&mut [u8]) -> Option<()>,
}

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut secret = [0; 32];
        (self.fill)(&mut secret).ok_or(Error::FailedToGetRandomBytes)?;
        let public = x25519_dalek::x25519(secret, x25519_dalek::X25519_BASEPOINT_BYTES);
        Ok(Box::new(Exchange { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Exchange {
    secret: [u8; 32],
    public: [u8; 32],
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let wrong = Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare);
        let peer = peer.try_into().map_err(|_| wrong.clone())?;
        match x25519_dalek::x25519(self.secret, peer) {
            [0, rest @ ..] if rest == [0; 31] => Err(wrong),
            shared => Ok(SharedSecret::from(&shared[..])),
        }
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}
