//! Who asks: the bearer token of the kubeconfig.

use super::files::{self, FileError};
use crate::world::fill_random;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use seedpod_api::server::User;
use sha2::{Digest, Sha256};
use std::path::Path;

const TOKEN: &str = "token";
const TOKEN_BYTES: usize = 32;

/// The token of whoever may read the state folder.
pub(super) struct Token {
    text: String,
    digest: [u8; 32],
}

impl Token {
    /// The token that is kept in a folder, or a new one.
    pub(super) fn open(folder: &Path) -> Result<Self, FileError> {
        let path = folder.join(TOKEN);
        let kept = files::read_private(&path)?.map(|text| text.trim().to_owned());
        let text = match kept.filter(|text| !text.is_empty()) {
            Some(text) => text,
            None => {
                let mut bytes = [0; TOKEN_BYTES];
                fill_random(&mut bytes);
                let text = URL_SAFE_NO_PAD.encode(bytes);
                files::write_private(&path, text.as_bytes())?;
                text
            }
        };
        let digest = Sha256::digest(text.as_bytes()).into();
        Ok(Self { text, digest })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whoever has it; `None` for anybody else.
    pub(super) fn user(&self, bearer: &str) -> Option<User> {
        // Digests are compared: how long that takes says nothing of the token.
        let digest: [u8; 32] = Sha256::digest(bearer).into();
        (digest == self.digest).then(|| User {
            name: "kubernetes-admin".to_owned(),
            groups: vec![
                "system:masters".to_owned(),
                "system:authenticated".to_owned(),
            ],
        })
    }
}

/// What follows `Bearer` (`apiserver/pkg/authentication/request/bearertoken`).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
