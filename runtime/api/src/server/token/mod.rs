//! Tokens of ServiceAccounts: JSON Web Tokens (RFC 7519) that the server signs and later knows again.
//!
//! The server has no key of its own: the world gives it a [`Signer`]. A token names its account and, where it was made
//! for a pod, the pod, by name and UID; once one of them is gone, so is the token.

mod request;
mod volume;

pub(crate) use request::token_request;
pub(crate) use volume::{TokenVolumes, with_same_tokens, with_tokens};

use super::registry::{PODS, SERVICE_ACCOUNTS};
use super::{Now, Server, User, object};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use seedpod_core::hash::fnv1a;
use seedpod_core::limits::TOKEN_BYTES_MAX;
use seedpod_core::seed::Seed;
use seedpod_core::time::WallTime;
use serde_json::{Value, json};
use std::fmt;

/// Signs what the server vouches for: `ES256` (RFC 7518, section 3.4).
pub trait Signer: fmt::Debug + Send + Sync {
    /// Names the key: `kid`.
    fn key_id(&self) -> String;

    /// The signature of a message.
    fn sign(&self, message: &[u8]) -> Vec<u8>;

    /// Whether the signature is of this message.
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool;
}

/// For worlds without secrets, such as the simulator: its signatures follow from the seed, and keep nobody from making them.
#[derive(Clone, Copy, Debug)]
pub struct SeedSigner(pub Seed);

impl Signer for SeedSigner {
    fn key_id(&self) -> String {
        "seed".to_owned()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let digest = fnv1a(message.iter().copied());
        let mut signature = vec![0; 64];
        let seed = self.0.fork(&format!("token {digest:016x}"));
        seed.rng().fill(&mut signature);
        signature
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.sign(message) == signature
    }
}

/// `--service-account-issuer` of kubeadm, which is also the audience of the API server.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// What a token is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant<'g> {
    /// The ServiceAccount.
    pub(crate) account: &'g Value,
    /// Who takes the token; [`ISSUER`] when there is nobody.
    pub(crate) audiences: &'g [String],
    /// From now on.
    pub(crate) seconds: u64,
    /// The pod or Secret without which it is worth nothing, with its kind in lower case.
    pub(crate) bound: Option<(&'static str, &'g Value)>,
}

/// A signed token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) expires: WallTime,
}

impl fmt::Debug for Token {
    /// Never shows the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// What a token says, after its signature has been found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) user: User,
    /// `metadata.uid` of the account.
    pub(crate) uid: String,
    /// `userInfo.extra`
    pub(crate) extra: Value,
    pub(crate) audiences: Vec<String>,
}

impl Server {
    /// Who has this bearer token: a ServiceAccount of the cluster, for as long as the token, the account and the pod it was
    /// made for last. `None` when nobody has.
    pub fn authenticate(&self, now: Now, token: &str) -> Option<User> {
        let identity = self.identify(now, token)?;
        let is_for_api = identity.audiences.iter().any(|one| one == ISSUER);
        is_for_api.then_some(identity.user)
    }

    /// The same, whoever the token is meant for.
    pub(crate) fn identify(&self, now: Now, token: &str) -> Option<Identity> {
        let claims = self.claims(token)?;
        let seconds = seconds_of(now.wall);
        let is_valid = claims["nbf"].as_u64()? <= seconds && seconds < claims["exp"].as_u64()?;
        if !is_valid || claims["iss"] != ISSUER {
            return None;
        }
        let private = &claims["kubernetes.io"];
        let namespace = private["namespace"].as_str()?;
        let is_there = |resource, named: &Value| {
            let found = self.object(resource, namespace, named["name"].as_str()?)?;
            (object::uid(&found) == named["uid"].as_str()?).then_some(())
        };
        let account = &private["serviceaccount"];
        is_there(&SERVICE_ACCOUNTS, account)?;
        for (kind, resource) in BOUND {
            if let Some(named) = private.get(*kind) {
                is_there(resource, named)?;
            }
        }
        let name = account["name"].as_str()?;
        let mut extra = json!({"authentication.kubernetes.io/credential-id":
            [format!("JTI={}", claims["jti"].as_str().unwrap_or_default())]});
        if let Some(pod) = private.get("pod") {
            extra["authentication.kubernetes.io/pod-name"] = json!([pod["name"]]);
            extra["authentication.kubernetes.io/pod-uid"] = json!([pod["uid"]]);
        }
        let audiences = claims["aud"].as_array().into_iter().flatten();
        let audiences = audiences.filter_map(Value::as_str).map(str::to_owned);
        Some(Identity {
            user: account_user(namespace, name),
            uid: account["uid"].as_str()?.to_owned(),
            extra,
            audiences: audiences.collect(),
        })
    }

    /// Makes a token.
    pub(crate) fn issue(&mut self, grant: &Grant<'_>) -> Token {
        let (namespace, name) = (
            object::namespace(grant.account),
            object::name(grant.account),
        );
        let issued = seconds_of(self.now.wall);
        let expires = issued.saturating_add(grant.seconds);
        let audiences = match grant.audiences {
            [] => vec![ISSUER.to_owned()],
            audiences => audiences.to_vec(),
        };
        let named = |of: &Value| json!({"name": object::name(of), "uid": object::uid(of)});
        let mut private = json!({"namespace": namespace, "serviceaccount": named(grant.account)});
        if let Some((kind, bound)) = grant.bound {
            private[kind] = named(bound);
        }
        let claims = json!({
            "aud": audiences, "exp": expires, "iat": issued, "iss": ISSUER, "jti": self.uid(),
            "kubernetes.io": private, "nbf": issued, "sub": account_user(namespace, name).name,
        });
        let signer = &self.settings.signer;
        let header = json!({"alg": "ES256", "kid": signer.key_id()});
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signer.sign(message.as_bytes()));
        Token {
            text: format!("{message}.{signature}"),
            expires: WallTime::from_unix_nanos(expires.saturating_mul(1_000_000_000)),
        }
    }

    /// What a token says, if this server has signed it.
    fn claims(&self, token: &str) -> Option<Value> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let read = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
        let json = |part: &str| serde_json::from_slice::<Value>(&read(part)?).ok();
        let header = json(header)?;
        let signer = &self.settings.signer;
        let is_ours = header["alg"] == "ES256"
            && header["kid"] == signer.key_id().as_str()
            && signer.verify(message.as_bytes(), &read(signature)?);
        is_ours.then(|| json(claims)).flatten()
    }
}

/// What tokens may be bound to.
const BOUND: &[(&str, &super::registry::Resource)] =
    &[("pod", &PODS), ("secret", &super::registry::SECRETS)];

/// Who a ServiceAccount is for the API server.
pub(crate) fn account_user(namespace: &str, name: &str) -> User {
    User {
        name: format!("system:serviceaccount:{namespace}:{name}"),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".to_owned(),
        ],
    }
}

/// Whole seconds since 1970, as tokens count.
fn seconds_of(wall: WallTime) -> u64 {
    wall.as_unix_nanos() / 1_000_000_000
}
