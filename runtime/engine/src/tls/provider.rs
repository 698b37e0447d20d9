//! The cryptography of TLS, from RustCrypto's parts.

use super::chance;
use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;
use hmac::{Hmac, Mac};
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter,
    MessageEncrypter, NONCE_LEN, Nonce, OutboundOpaqueMessage, OutboundPlainMessage,
    PrefixedPayload, Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError,
    make_tls12_aad, make_tls13_aad,
};
use rustls::crypto::tls12::PrfUsingHmac;
use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, KeyExchangeAlgorithm, KeyProvider,
    SecureRandom, SharedSecret, SupportedKxGroup, WebPkiSupportedAlgorithms, hash,
    hmac as tls_hmac,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{
    CipherSuite, CipherSuiteCommon, ConnectionTrafficSecrets, ContentType, Error, NamedGroup,
    PeerMisbehaved, ProtocolVersion, SignatureScheme, SupportedCipherSuite, Tls12CipherSuite,
    Tls13CipherSuite,
};
use sha2::{Digest, Sha256};
use std::marker::PhantomData;
use std::sync::Arc;

/// What [`super`] offers servers: X25519, and for TLS 1.3 AES-128-GCM, which every server must have, and ChaCha20-Poly1305;
/// for TLS 1.2 the latter alone.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            SupportedCipherSuite::Tls13(&TLS13_AES_128_GCM_SHA256),
            SupportedCipherSuite::Tls13(&TLS13_CHACHA20_POLY1305_SHA256),
            SupportedCipherSuite::Tls12(&ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
            SupportedCipherSuite::Tls12(&ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
        ],
        kx_groups: vec![&X25519],
        signature_verification_algorithms: WebPkiSupportedAlgorithms {
            all: &[],
            mapping: &[],
        },
        secure_random: &Chance,
        key_provider: &NoKeys,
    }
}

const fn common(suite: CipherSuite) -> CipherSuiteCommon {
    CipherSuiteCommon {
        suite,
        hash_provider: &Sha,
        // A probe sends one request: no limit of any cipher is near.
        confidentiality_limit: 1 << 23,
    }
}

static TLS13_AES_128_GCM_SHA256: Tls13CipherSuite = Tls13CipherSuite {
    common: common(CipherSuite::TLS13_AES_128_GCM_SHA256),
    hkdf_provider: &HkdfUsingHmac(&HmacSha),
    aead_alg: &Algorithm::<Aes128Gcm>(PhantomData),
    quic: None,
};

static TLS13_CHACHA20_POLY1305_SHA256: Tls13CipherSuite = Tls13CipherSuite {
    common: common(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
    hkdf_provider: &HkdfUsingHmac(&HmacSha),
    aead_alg: &Algorithm::<ChaCha20Poly1305>(PhantomData),
    quic: None,
};

static ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: Tls12CipherSuite = Tls12CipherSuite {
    common: common(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    prf_provider: &PrfUsingHmac(&HmacSha),
    kx: KeyExchangeAlgorithm::ECDHE,
    sign: &[
        SignatureScheme::ED25519,
        SignatureScheme::ECDSA_NISTP256_SHA256,
        SignatureScheme::ECDSA_NISTP384_SHA384,
        SignatureScheme::ECDSA_NISTP521_SHA512,
    ],
    aead_alg: &Algorithm::<ChaCha20Poly1305>(PhantomData),
};

static ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: Tls12CipherSuite = Tls12CipherSuite {
    common: common(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    prf_provider: &PrfUsingHmac(&HmacSha),
    kx: KeyExchangeAlgorithm::ECDHE,
    sign: &[
        SignatureScheme::RSA_PSS_SHA256,
        SignatureScheme::RSA_PSS_SHA384,
        SignatureScheme::RSA_PSS_SHA512,
        SignatureScheme::RSA_PKCS1_SHA256,
        SignatureScheme::RSA_PKCS1_SHA384,
        SignatureScheme::RSA_PKCS1_SHA512,
    ],
    aead_alg: &Algorithm::<ChaCha20Poly1305>(PhantomData),
};

/// Random bytes of the connection that is at work.
#[derive(Debug)]
struct Chance;

impl SecureRandom for Chance {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        chance::fill(buffer).ok_or(GetRandomFailed)
    }
}

/// Probes have no certificate of their own.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Error::General("no keys are supported".to_owned()))
    }
}

#[derive(Debug)]
struct X25519;

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut secret = [0; 32];
        chance::fill(&mut secret).ok_or(Error::FailedToGetRandomBytes)?;
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

struct Sha;

impl hash::Hash for Sha {
    fn start(&self) -> Box<dyn hash::Context> {
        Box::new(ShaContext(Sha256::new()))
    }

    fn hash(&self, data: &[u8]) -> hash::Output {
        hash::Output::new(&Sha256::digest(data))
    }

    fn output_len(&self) -> usize {
        <Sha256 as Digest>::output_size()
    }

    fn algorithm(&self) -> hash::HashAlgorithm {
        hash::HashAlgorithm::SHA256
    }
}

struct ShaContext(Sha256);

impl hash::Context for ShaContext {
    fn fork_finish(&self) -> hash::Output {
        hash::Output::new(&self.0.clone().finalize())
    }

    fn fork(&self) -> Box<dyn hash::Context> {
        Box::new(Self(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> hash::Output {
        hash::Output::new(&self.0.finalize())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

struct HmacSha;

impl tls_hmac::Hmac for HmacSha {
    fn with_key(&self, key: &[u8]) -> Box<dyn tls_hmac::Key> {
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key);
        Box::new(HmacKey(mac.expect("HMAC takes keys of any length")))
    }

    fn hash_output_len(&self) -> usize {
        <Sha256 as Digest>::output_size()
    }
}

struct HmacKey(Hmac<Sha256>);

impl tls_hmac::Key for HmacKey {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> tls_hmac::Tag {
        let mut mac = self.0.clone();
        mac.update(first);
        middle.iter().for_each(|part| mac.update(part));
        mac.update(last);
        tls_hmac::Tag::new(&mac.finalize().into_bytes())
    }

    fn tag_len(&self) -> usize {
        <Sha256 as Digest>::output_size()
    }
}

/// One of the ciphers, which differ in nothing that TLS sees but the length of their keys.
struct Algorithm<A>(PhantomData<fn() -> A>);

/// A cipher with nonces of 12 and tags of 16 bytes.
trait Aead: KeyInit + Send + Sync + 'static {
    const KEY_BYTES: usize;

    /// Encrypts in place; the tag.
    fn seal(&self, nonce: &Nonce, data: &[u8], buffer: &mut [u8]) -> Option<[u8; TAG_BYTES]>;

    /// Decrypts in place, if the tag is right.
    fn open(
        &self,
        nonce: &Nonce,
        data: &[u8],
        buffer: &mut [u8],
        tag: [u8; TAG_BYTES],
    ) -> Option<()>;
}

const TAG_BYTES: usize = 16;

macro_rules! aead {
    ($cipher:ty, $key_bytes:literal) => {
        impl Aead for $cipher {
            const KEY_BYTES: usize = $key_bytes;

            fn seal(
                &self,
                nonce: &Nonce,
                data: &[u8],
                buffer: &mut [u8],
            ) -> Option<[u8; TAG_BYTES]> {
                let tag = self.encrypt_inout_detached(&nonce.0.into(), data, buffer.into());
                tag.ok().map(Into::into)
            }

            fn open(
                &self,
                nonce: &Nonce,
                data: &[u8],
                buffer: &mut [u8],
                tag: [u8; TAG_BYTES],
            ) -> Option<()> {
                self.decrypt_inout_detached(&nonce.0.into(), data, buffer.into(), &tag.into())
                    .ok()
            }
        }
    };
}

aead!(Aes128Gcm, 16);
aead!(ChaCha20Poly1305, 32);

impl<A: Aead> Algorithm<A> {
    fn cipher(key: &AeadKey) -> A {
        A::new_from_slice(key.as_ref()).expect("the key has the length that was asked for")
    }
}

impl<A: Aead> Tls13AeadAlgorithm for Algorithm<A> {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Tls13(Self::cipher(&key), iv))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Tls13(Self::cipher(&key), iv))
    }

    fn key_len(&self) -> usize {
        A::KEY_BYTES
    }

    fn extract_keys(
        &self,
        _key: AeadKey,
        _iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

impl Tls12AeadAlgorithm for Algorithm<ChaCha20Poly1305> {
    fn encrypter(&self, key: AeadKey, iv: &[u8], _extra: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(Tls12(Self::cipher(&key), Iv::copy(iv)))
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(Tls12(Self::cipher(&key), Iv::copy(iv)))
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape {
            enc_key_len: ChaCha20Poly1305::KEY_BYTES,
            fixed_iv_len: NONCE_LEN,
            explicit_nonce_len: 0,
        }
    }

    fn extract_keys(
        &self,
        _key: AeadKey,
        _iv: &[u8],
        _explicit: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

struct Tls13<A>(A, Iv);

impl<A: Aead> MessageEncrypter for Tls13<A> {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let length = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(length);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&message.typ.to_array());
        let data = make_tls13_aad(length);
        let nonce = Nonce::new(&self.1, sequence);
        let tag = self.0.seal(&nonce, &data, payload.as_mut());
        payload.extend_from_slice(&tag.ok_or(Error::EncryptError)?);
        Ok(OutboundOpaqueMessage::new(
            ContentType::ApplicationData,
            ProtocolVersion::TLSv1_2,
            payload,
        ))
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        payload_len + 1 + TAG_BYTES
    }
}

impl<A: Aead> MessageDecrypter for Tls13<A> {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let data = make_tls13_aad(message.payload.len());
        open(&self.0, &Nonce::new(&self.1, sequence), &data, &mut message)?;
        message.into_tls13_unpadded_message()
    }
}

struct Tls12<A>(A, Iv);

impl<A: Aead> MessageEncrypter for Tls12<A> {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let length = message.payload.len();
        let mut payload = PrefixedPayload::with_capacity(self.encrypted_payload_len(length));
        payload.extend_from_chunks(&message.payload);
        let data = make_tls12_aad(sequence, message.typ, message.version, length);
        let nonce = Nonce::new(&self.1, sequence);
        let tag = self.0.seal(&nonce, &data, payload.as_mut());
        payload.extend_from_slice(&tag.ok_or(Error::EncryptError)?);
        Ok(OutboundOpaqueMessage::new(
            message.typ,
            message.version,
            payload,
        ))
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        payload_len + TAG_BYTES
    }
}

impl<A: Aead> MessageDecrypter for Tls12<A> {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let length = message.payload.len().checked_sub(TAG_BYTES);
        let length = length.ok_or(Error::DecryptError)?;
        let data = make_tls12_aad(sequence, message.typ, message.version, length);
        open(&self.0, &Nonce::new(&self.1, sequence), &data, &mut message)?;
        Ok(message.into_plain_message())
    }
}

/// Decrypts a payload and cuts its tag off.
fn open(
    cipher: &impl Aead,
    nonce: &Nonce,
    data: &[u8],
    message: &mut InboundOpaqueMessage<'_>,
) -> Result<(), Error> {
    let (buffer, tag) = message
        .payload
        .split_last_chunk_mut::<TAG_BYTES>()
        .ok_or(Error::DecryptError)?;
    cipher
        .open(nonce, data, buffer, *tag)
        .ok_or(Error::DecryptError)?;
    let length = message.payload.len() - TAG_BYTES;
    message.payload.truncate(length);
    Ok(())
}
