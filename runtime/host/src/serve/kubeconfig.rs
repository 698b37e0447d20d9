//! The file that tells kubectl where the server is and how to show who asks.

use super::files::{self, FileError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

const KUBECONFIG: &str = "kubeconfig";

/// Writes the kubeconfig into a folder, unless the one that is there says the same: kubectl changes it too, for example the
/// namespace of its context.
pub(super) fn write(
    folder: &Path,
    address: SocketAddr,
    certificate: &str,
    token: &str,
) -> Result<PathBuf, FileError> {
    let path = folder.join(KUBECONFIG);
    let server = format!("https://{address}");
    let authority = STANDARD.encode(certificate);
    let is_current = |text: String| {
        let has = |value: &str| text.split_ascii_whitespace().any(|word| word == value);
        has(&server) && has(&authority) && has(token)
    };
    if !files::read_private(&path)?.is_some_and(is_current) {
        files::write_private(&path, text(&server, &authority, token).as_bytes())?;
    }
    Ok(path)
}

fn text(server: &str, authority: &str, token: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: seedpod
  cluster:
    certificate-authority-data: {authority}
    server: {server}
contexts:
- name: seedpod
  context:
    cluster: seedpod
    user: seedpod
current-context: seedpod
users:
- name: seedpod
  user:
    token: {token}
"
    )
}
