//! SHA-2 and HMAC for TLS.

use aes_gcm::aead::KeyInit;
use hmac::{Hmac, Mac};
use rustls::crypto::{hash, hmac as tls_hmac};
use sha2::{Digest, Sha256, Sha384};
use std::marker::PhantomData;

/// A hash of the family.
pub(super) trait Sha2: Digest + Clone + Send + Sync + 'static {
    type Mac: Mac + KeyInit + Clone + Send + Sync + 'static;
    const ALGORITHM: hash::HashAlgorithm;
}

impl Sha2 for Sha256 {
    type Mac = Hmac<Self>;
    const ALGORITHM: hash::HashAlgorithm = hash::HashAlgorithm::SHA256;
}

impl Sha2 for Sha384 {
    type Mac = Hmac<Self>;
    const ALGORITHM: hash::HashAlgorithm = hash::HashAlgorithm::SHA384;
}

pub(super) struct Sha<D>(pub(super) PhantomData<fn() -> D>);

impl<D: Sha2> hash::Hash for Sha<D> {
    fn start(&self) -> Box<dyn hash::Context> {
        Box::new(Context(D::new()))
    }

    fn hash(&self, data: &[u8]) -> hash::Output {
        hash::Output::new(&D::digest(data))
    }

    fn output_len(&self) -> usize {
        <D as Digest>::output_size()
    }

    fn algorithm(&self) -> hash::HashAlgorithm {
        D::ALGORITHM
    }
}

struct Context<D>(D);

impl<D: Sha2> hash::Context for Context<D> {
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

pub(super) struct HmacSha<D>(pub(super) PhantomData<fn() -> D>);

impl<D: Sha2> tls_hmac::Hmac for HmacSha<D> {
    fn with_key(&self, key: &[u8]) -> Box<dyn tls_hmac::Key> {
        let mac = <D::Mac as KeyInit>::new_from_slice(key);
        Box::new(Key::<D>(mac.expect("HMAC takes keys of any length")))
    }

    fn hash_output_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}

struct Key<D: Sha2>(D::Mac);

impl<D: Sha2> tls_hmac::Key for Key<D> {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> tls_hmac::Tag {
        let mut mac = self.0.clone();
        mac.update(first);
        middle.iter().for_each(|part| mac.update(part));
        mac.update(last);
        tls_hmac::Tag::new(&mac.finalize().into_bytes())
    }

    fn tag_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}
