//! Keys that sign with ECDSA on P-256: certificates, handshakes, and tokens of ServiceAccounts.

use super::files;
use super::tls::TlsError;
use crate::world::fill_random;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::SecretKey;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{DerSignature, Signature, SigningKey};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use rcgen::PublicKeyData;
use rustls::{Error, SignatureAlgorithm, SignatureScheme};
use seedpod_api::server::token;
use sha2::{Digest, Sha256};
use std::path::Path;

pub(super) fn new_secret() -> SecretKey {
    loop {
        let mut bytes = [0; 32];
        fill_random(&mut bytes);
        // Zero and what is too large are none, which nobody will ever see.
        if let Ok(key) = SecretKey::from_slice(&bytes) {
            return key;
        }
    }
}

/// A key that signs with ECDSA.
pub(super) struct Key {
    signing: SigningKey,
    public: Vec<u8>,
}

impl Key {
    /// A key that is gone with the process.
    pub(super) fn ephemeral() -> Self {
        Self::of(&new_secret())
    }

    /// The key that is kept in a file; `None` when there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, TlsError> {
        let Some(pem) = files::read_private(path)? else {
            return Ok(None);
        };
        let key = SecretKey::from_pkcs8_pem(&pem);
        let key = key.map_err(|_| TlsError::Key(path.to_owned()))?;
        Ok(Some(Self::of(&key)))
    }

    /// A new key, kept in a file.
    pub(super) fn create(path: &Path) -> Result<Self, TlsError> {
        let key = new_secret();
        let pem = key.to_pkcs8_pem(LineEnding::LF);
        let pem = pem.map_err(|_| TlsError::Key(path.to_owned()))?;
        files::write_private(path, pem.as_bytes())?;
        Ok(Self::of(&key))
    }

    fn of(secret: &SecretKey) -> Self {
        let public = secret.public_key().to_sec1_point(false);
        Self {
            signing: SigningKey::from(secret),
            public: public.as_bytes().to_vec(),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.signing.sign(message);
        signature.as_bytes().to_vec()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Self::sign(self, message))
    }
}

impl rustls::sign::SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn rustls::sign::Signer>> {
        offered
            .contains(&SignatureScheme::ECDSA_NISTP256_SHA256)
            .then(|| Box::new(Signer(self.signing.clone())) as _)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

struct Signer(SigningKey);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl rustls::sign::Signer for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature: DerSignature = self.0.sign(message);
        Ok(signature.as_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}

impl token::Signer for Key {
    fn key_id(&self) -> String {
        let digest = Sha256::digest(&self.public);
        URL_SAFE_NO_PAD.encode(digest)
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.signing.sign(message);
        signature.to_bytes().to_vec()
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = self.signing.verifying_key();
        Signature::from_slice(signature)
            .is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }
}
