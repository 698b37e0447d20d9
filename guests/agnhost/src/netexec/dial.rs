//! `/dial`: calls another server and tells what it said.

use super::Response;
use crate::go;
use crate::http::client::{Call, resolve};
use crate::http::{Exchange, error, reply};
use crate::json;
use crate::system::log;
use hyper::Method;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use web::rt::{self, UdpSocket};

const LIMIT: Duration = Duration::from_secs(5);
/// Bytes of a datagram that are read.
const DATAGRAM_BYTES: usize = 2048;
/// Calls that one request may ask for.
const TRIES_MAX: u32 = 10_000;

pub(super) async fn answer(exchange: &Exchange) -> Response {
    let query = exchange.query();
    let (host, port) = (query.get("host"), query.get("port"));
    let (request, protocol) = (query.get("request"), query.get("protocol"));
    let tries = query.get("tries");
    log!("GET /dial?host={host}&protocol={protocol}&port={port}&request={request}&tries={tries}");
    let tries = match tries {
        "" => 1,
        text => match text.parse::<u32>() {
            Ok(tries) => tries.min(TRIES_MAX),
            Err(_) => {
                let problem = format!("strconv.Atoi: parsing {}: invalid syntax", go::quoted(text));
                return error(400, &format!("tries parameter is invalid. {problem}"));
            }
        },
    };
    if request.is_empty() {
        return error(400, "request parameter not specified. <nil>");
    }
    let protocol = protocol.to_ascii_lowercase();
    if !matches!(protocol.as_str(), "" | "http" | "udp") {
        return error(400, &format!("unsupported protocol. {protocol}"));
    }
    let address = port
        .parse::<u16>()
        .map_err(|_| format!("lookup tcp/{port}: unknown port"))
        .and_then(|port| resolve(host, port));
    let address = match address {
        Ok(address) => address,
        Err(problem) => {
            return error(
                400,
                &format!("host and/or port param are invalid. {problem}"),
            );
        }
    };
    let (mut responses, mut errors) = (Vec::new(), Vec::new());
    let mut last = String::new();
    for _ in 0..tries {
        let called = match protocol.as_str() {
            "udp" => over_udp(request, address).await,
            _ => over_http(request, address).await,
        };
        match called {
            Ok(response) => {
                last.clone_from(&response);
                responses.push(response);
            }
            Err(problem) => {
                last.clear();
                errors.push(problem);
            }
        }
    }
    let mut output = BTreeMap::new();
    if !last.is_empty() {
        output.insert("responses", json::list(&responses));
    }
    if !errors.is_empty() {
        output.insert("errors", json::list(&errors));
    }
    reply(200, json::object(&output))
}

async fn over_http(request: &str, address: SocketAddr) -> Result<String, String> {
    let url = format!("http://{address}/{request}");
    let call = Call {
        method: Method::GET,
        url: &url,
        content_type: None,
        body: Vec::new(),
        limit: LIMIT,
    };
    let body = call.run().await?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

async fn over_udp(request: &str, address: SocketAddr) -> Result<String, String> {
    let socket = UdpSocket::connect(address).await.map_err(|error| {
        format!(
            "udp dial failed. err:dial udp {address}: {}",
            go::errno(&error)
        )
    })?;
    socket
        .send(request.as_bytes(), None)
        .await
        .map_err(|error| format!("udp connection write failed. err:{}", go::errno(&error)))?;
    let problem = match rt::timeout(LIMIT, socket.receive()).await {
        Ok(Ok((bytes, _))) if !bytes.is_empty() => {
            let bytes = &bytes[..bytes.len().min(DATAGRAM_BYTES)];
            return Ok(String::from_utf8_lossy(bytes).into_owned());
        }
        Ok(Ok(_)) => "<nil>".to_owned(),
        Ok(Err(error)) => format!("read udp {address}: {}", go::errno(&error)),
        Err(_) => format!("read udp {address}: i/o timeout"),
    };
    Err(format!(
        "reading from udp connection failed. err:'{problem}'"
    ))
}
