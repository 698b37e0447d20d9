//! Exec, attach, logs, port forwarding and proxies: what `seedpod_api::server::stream` says, over real connections.
//!
//! `link` is a connection after its upgrade and the protocol on it; `command`, `forward` and `log` move bytes between one
//! and a pod, `proxy` is one request more.

mod command;
mod forward;
mod link;
mod log;
mod proxy;

use super::body::Body;
use super::state::State;
use crate::pod::Pod;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use command::Target;
use http::header::SEC_WEBSOCKET_ACCEPT;
use http::{HeaderValue, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use link::Io;
use seedpod_api::server::error::ApiError;
use seedpod_api::server::stream::upgrade::{Upgrade, negotiate};
use seedpod_api::server::stream::{Stream, StreamKind};
use seedpod_api::server::{Request, Response};
use seedpod_core::limits::STREAM_IDLE_TIME_MAX;
use sha1::{Digest as _, Sha1};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

type HttpResponse = hyper::Response<Body>;

/// Opens a stream. It holds `permit` until its end, which is long after this returns.
///
/// # Errors
/// With the response for a stream that is not.
pub(super) async fn answer(
    state: &Arc<State>,
    stream: Stream,
    request: Request,
    upgrade: Option<OnUpgrade>,
    permit: OwnedSemaphorePermit,
) -> Result<HttpResponse, Box<Response>> {
    let agreed = negotiate(&request, &stream.kind)?;
    let upgrade = match (&agreed, upgrade) {
        (Upgrade::None, _) => None,
        (_, Some(upgrade)) => Some(upgrade),
        // Over HTTP/2 there is none.
        (_, None) => return Err(Box::new(upgrade_required())),
    };
    let pod = (stream.namespace, stream.name, stream.uid);
    match (stream.kind, upgrade) {
        (StreamKind::Proxy(backend), _) => {
            let proxied = proxy::answer(state, &backend, request, permit).await;
            proxied.map_err(Box::new)
        }
        (
            StreamKind::Log {
                container,
                restart,
                options,
            },
            upgrade,
        ) => {
            let reader = log::open(state, pod, container, restart, options.tail_lines).await?;
            let printed = log::Printed::new(reader, options);
            Ok(match upgrade {
                None => log::body(state, printed, permit),
                Some(upgrade) => {
                    let protocol = protocol(&agreed);
                    spawn(state, upgrade, permit, move |io| async move {
                        log::send(io, protocol, printed).await;
                    });
                    switching(&agreed)
                }
            })
        }
        (_, None) => Err(Box::new(upgrade_required())),
        (StreamKind::PortForward { ports }, Some(upgrade)) => {
            let pod = state
                .pod(&pod.2)
                .ok_or_else(|| Response::text(StatusCode::NOT_FOUND, "pod does not exist"))?;
            let agreed_on = agreed.clone();
            spawn(state, upgrade, permit, move |io| async move {
                forward::run(io, &agreed_on, &ports, pod).await;
            });
            Ok(switching(&agreed))
        }
        (
            StreamKind::Exec {
                container,
                command,
                streams,
            },
            Some(upgrade),
        ) => {
            let target = Target::new(container, Some(command), streams);
            talk(state, target, &pod, &agreed, upgrade, permit)
        }
        (StreamKind::Attach { container, streams }, Some(upgrade)) => {
            let target = Target::new(container, None, streams);
            talk(state, target, &pod, &agreed, upgrade, permit)
        }
    }
}

/// Exec and attach.
fn talk(
    state: &Arc<State>,
    target: Target,
    (namespace, name, uid): &(String, String, String),
    agreed: &Upgrade,
    upgrade: OnUpgrade,
    permit: OwnedSemaphorePermit,
) -> Result<HttpResponse, Box<Response>> {
    let pod = state.pod(uid);
    let absent = target.absent(pod.as_ref(), namespace, name);
    // Version 5 is told of it on its own channel, after the upgrade.
    if let Some(text) = &absent
        && !protocol(agreed).starts_with("v5.")
    {
        let code = StatusCode::INTERNAL_SERVER_ERROR;
        return Err(Box::new(Response::text(code, text.clone())));
    }
    let pod = match absent {
        Some(text) => Err(format!("unable to upgrade connection: {text}")),
        None => pod.ok_or_else(String::new),
    };
    let agreed_on = agreed.clone();
    spawn(state, upgrade, permit, move |io| async move {
        command::run(io, &agreed_on, target, pod).await;
    });
    Ok(switching(agreed))
}

/// `apimachinery/pkg/util/proxy/upgradeaware.go`
fn upgrade_required() -> Response {
    ApiError::bad_request("Upgrade request required").response()
}

/// What stands between the words of the protocol in WebSocket and SPDY.
fn protocol(agreed: &Upgrade) -> &'static str {
    match agreed {
        Upgrade::WebSocket { protocol, .. } => protocol,
        Upgrade::Spdy { .. } | Upgrade::None => "",
    }
}

/// Runs what follows the upgrade until it ends, or the server does.
fn spawn<F: Future<Output = ()> + Send>(
    state: &Arc<State>,
    upgrade: OnUpgrade,
    permit: OwnedSemaphorePermit,
    run: impl FnOnce(Io) -> F + Send + 'static,
) {
    let mut closing = state.closing();
    tokio::spawn(async move {
        let io = match upgrade.await {
            Ok(upgraded) => TokioIo::new(upgraded),
            Err(error) => return tracing::debug!(%error, "no upgrade"),
        };
        tokio::select! {
            () = run(io) => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
        drop(permit);
    });
}

/// `101 Switching Protocols`
fn switching(agreed: &Upgrade) -> HttpResponse {
    let mut response = agreed.response();
    if let Upgrade::WebSocket { key, .. } = agreed
        && let Ok(accept) = HeaderValue::from_str(&accept(key))
    {
        response.headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    let mut sent = hyper::Response::new(super::body::whole(response.body, None));
    *sent.status_mut() = response.status;
    *sent.headers_mut() = response.headers;
    sent
}

/// RFC 6455 section 4.2.2
fn accept(key: &str) -> String {
    const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let hash = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    STANDARD.encode(hash)
}

/// Waits until nothing has come or gone for as long as a stream may be silent.
async fn idle(last: impl Fn() -> std::time::Instant) {
    loop {
        let silent = last().elapsed();
        match STREAM_IDLE_TIME_MAX.checked_sub(silent) {
            Some(rest) if !rest.is_zero() => sleep(rest).await,
            _ => return,
        }
    }
}

/// Whether the container of a pod runs.
fn is_running(pod: &Pod, container: &str) -> bool {
    use seedpod_core::pod::{ContainerState, Status};
    let status = pod.status();
    let mut all = status.iter().flat_map(Status::all_containers);
    all.any(|one| one.name == container && matches!(one.state, ContainerState::Running { .. }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_key_is_accepted_as_the_protocol_has_it() {
        let accept = super::accept("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
