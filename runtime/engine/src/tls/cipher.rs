//! AES-GCM and ChaCha20-Poly1305 for TLS.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter,
    MessageEncrypter, NONCE_LEN, Nonce, OutboundOpaqueMessage, OutboundPlainMessage,
    PrefixedPayload, Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError,
    make_tls12_aad, make_tls13_aad,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};
use std::marker::PhantomData;

/// One of the ciphers, which differ in nothing that TLS sees but the length of their keys.
pub(super) struct Algorithm<A>(pub(super) PhantomData<fn() -> A>);

/// A cipher with nonces of 12 and tags of 16 bytes.
pub(super) trait Aead: KeyInit + Send + Sync + 'static {
    const KEY_BYTES: usize;
    /// What of a nonce goes with each message of TLS 1.2 (RFC 5288, RFC 7905).
    const EXPLICIT_BYTES: usize;

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
    ($cipher:ty, $key_bytes:literal, $explicit_bytes:literal) => {
        impl Aead for $cipher {
            const KEY_BYTES: usize = $key_bytes;
            const EXPLICIT_BYTES: usize = $explicit_bytes;

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

aead!(Aes128Gcm, 16, 8);
aead!(Aes256Gcm, 32, 8);
aead!(ChaCha20Poly1305, 32, 0);

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

impl<A: Aead> Tls12AeadAlgorithm for Algorithm<A> {
    fn encrypter(&self, key: AeadKey, iv: &[u8], extra: &[u8]) -> Box<dyn MessageEncrypter> {
        let iv = [iv, &extra[..A::EXPLICIT_BYTES]].concat();
        Box::new(Tls12(Self::cipher(&key), Iv::copy(&iv)))
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        // The explicit part comes with each message.
        let iv = [iv, &[0; NONCE_LEN][..A::EXPLICIT_BYTES]].concat();
        Box::new(Tls12(Self::cipher(&key), Iv::copy(&iv)))
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape {
            enc_key_len: A::KEY_BYTES,
            fixed_iv_len: NONCE_LEN - A::EXPLICIT_BYTES,
            explicit_nonce_len: A::EXPLICIT_BYTES,
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
        let nonce = Nonce::new(&self.1, sequence);
        let mut payload = PrefixedPayload::with_capacity(self.encrypted_payload_len(length));
        payload.extend_from_slice(&nonce.0[NONCE_LEN - A::EXPLICIT_BYTES..]);
        payload.extend_from_chunks(&message.payload);
        let data = make_tls12_aad(sequence, message.typ, message.version, length);
        let buffer = &mut payload.as_mut()[A::EXPLICIT_BYTES..];
        let tag = self.0.seal(&nonce, &data, buffer);
        payload.extend_from_slice(&tag.ok_or(Error::EncryptError)?);
        Ok(OutboundOpaqueMessage::new(
            message.typ,
            message.version,
            payload,
        ))
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        A::EXPLICIT_BYTES + payload_len + TAG_BYTES
    }
}

impl<A: Aead> MessageDecrypter for Tls12<A> {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let length = message.payload.len();
        let length = length.checked_sub(A::EXPLICIT_BYTES + TAG_BYTES);
        let length = length.ok_or(Error::DecryptError)?;
        let nonce = match A::EXPLICIT_BYTES {
            0 => Nonce::new(&self.1, sequence),
            explicit => {
                // With sequence 0 nothing is mixed in.
                let mut nonce = Nonce::new(&self.1, 0);
                nonce.0[NONCE_LEN - explicit..].copy_from_slice(&message.payload[..explicit]);
                message.payload.copy_within(explicit.., 0);
                let rest = message.payload.len() - explicit;
                message.payload.truncate(rest);
                nonce
            }
        };
        let data = make_tls12_aad(sequence, message.typ, message.version, length);
        open(&self.0, &nonce, &data, &mut message)?;
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
