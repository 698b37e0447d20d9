//! TLS of the API server: a certificate authority that is made once, a certificate that is made at each start.
//!
//! The cryptography is that of [`seedpod_engine::tls`] with what only a server needs: ECDSA on P-256, and an exchange of keys
//! on the same curve for clients without X25519. The authority is kept, so that a kubeconfig stays good; the key of the
//! server never leaves the process.

use super::files::{self, FileError};
use super::key::{Key, new_secret};
use crate::world::fill_random;
use p256::elliptic_curve::point::AffineCoordinates as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{PublicKey, SecretKey};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber, date_time_ymd,
};
use rustls::crypto::{
    ActiveKeyExchange, GetRandomFailed, SecureRandom, SharedSecret, SupportedKxGroup,
};
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, NamedGroup, PeerMisbehaved, ServerConfig};
use seedpod_core::time::WallTime;
use seedpod_engine::tls::{X25519, server_provider};
use sha2::{Digest, Sha256};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A key or certificate cannot be kept.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key that was kept is none.
    #[error("{0} holds no key: remove it to have a new one made, and take the new kubeconfig")]
    Key(PathBuf),
    /// A name for the certificate is none.
    #[error("{0:?} is neither an address nor a name of a host")]
    Name(String),
    /// No certificate can be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// rustls does not take what was made.
    #[error("cannot set up TLS: {0}")]
    Setup(#[from] Error),
}

const CA_KEY: &str = "ca.key";
const CA_CERTIFICATE: &str = "ca.crt";
/// As kubeadm's.
const CA_YEARS: i32 = 10;
/// At most this, and never longer than the process runs.
const CERTIFICATE_YEARS: i32 = 1;

/// Who signs the server's certificate.
pub(super) struct Authority {
    key: Key,
    certificate: String,
}

impl Authority {
    /// The authority that is kept in a folder, or a new one.
    pub(super) fn open(folder: &Path, now: WallTime) -> Result<Self, TlsError> {
        let (key_path, certificate_path) = (folder.join(CA_KEY), folder.join(CA_CERTIFICATE));
        if let Some(key) = Key::read(&key_path)?
            && let Ok(certificate) = fs::read_to_string(&certificate_path)
        {
            return Ok(Self { key, certificate });
        }
        // The certificate last: with a key alone both are made again.
        let key = Key::create(&key_path)?;
        let certificate = ca_params(&key, now).self_signed(&key)?.pem();
        files::write_private(&certificate_path, certificate.as_bytes())?;
        Ok(Self { key, certificate })
    }

    /// Its certificate, in PEM.
    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// What a server says to clients that know it by one of `names`.
    pub(super) fn server(
        &self,
        names: &[String],
        now: WallTime,
    ) -> Result<Arc<ServerConfig>, TlsError> {
        let key = Key::ephemeral();
        let mut params = params("kube-apiserver", &key, now, CERTIFICATE_YEARS);
        for name in names {
            params.subject_alt_names.push(alternative_name(name)?);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::new(ca_params(&self.key, now), &self.key);
        let certificate: CertificateDer<'static> =
            params.signed_by(&key, &issuer)?.der().clone().into_owned();
        let certified = CertifiedKey::new(vec![certificate], Arc::new(key));
        let provider = server_provider(vec![&EXCHANGE, &P256], &Machine);
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // A process of kubectl is one connection: nobody comes back with a ticket.
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

fn ca_params(key: &Key, now: WallTime) -> CertificateParams {
    let mut params = params("seedpod", key, now, CA_YEARS);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
    ];
    params
}

fn params(name: &str, key: &Key, now: WallTime, years: i32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let mut serial = [0; 16];
    fill_random(&mut serial);
    // A positive number (RFC 5280, section 4.1.2.2).
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let digest = Sha256::digest(key.der_bytes());
    params.key_identifier_method = KeyIdMethod::PreSpecified(digest[..20].to_vec());
    let year = year(now);
    // From the beginning of the year: clocks differ.
    params.not_before = date_time_ymd(year, 1, 1);
    params.not_after = date_time_ymd(year + years + 1, 1, 1);
    params
}

fn year(now: WallTime) -> i32 {
    let text = now.to_string();
    let year = text.split('-').next().and_then(|year| year.parse().ok());
    year.unwrap_or(1970)
}

fn alternative_name(name: &str) -> Result<SanType, TlsError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '*');
    let wrong = || TlsError::Name(name.to_owned());
    if name.is_empty() || !name.chars().all(is_host) {
        return Err(wrong());
    }
    name.try_into().map(SanType::DnsName).map_err(|_| wrong())
}

static EXCHANGE: X25519 = X25519 { fill };

fn fill(buffer: &mut [u8]) -> Option<()> {
    getrandom::fill(buffer).ok()
}

/// Random bytes of the operating system.
#[derive(Debug)]
struct Machine;

impl SecureRandom for Machine {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        fill(buffer).ok_or(GetRandomFailed)
    }
}

/// The key exchange on the curve that every client must have (RFC 8446, section 9.1).
#[derive(Debug)]
struct P256;

impl SupportedKxGroup for P256 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let secret = new_secret();
        let public = secret.public_key().to_sec1_point(false);
        let public = public.as_bytes().to_vec();
        Ok(Box::new(Exchange { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

struct Exchange {
    secret: SecretKey,
    public: Vec<u8>,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let wrong = Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare);
        // Uncompressed, and on the curve (RFC 8446, section 4.2.8.2).
        if peer.first() != Some(&4) {
            return Err(wrong);
        }
        let peer = PublicKey::from_sec1_bytes(peer).map_err(|_| wrong)?;
        let point = peer.to_projective() * *self.secret.to_nonzero_scalar();
        Ok(SharedSecret::from(&point.to_affine().x()[..]))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}
