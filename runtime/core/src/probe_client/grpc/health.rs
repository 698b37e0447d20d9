//! Messages of `grpc.health.v1` (protobuf), and gRPC's status codes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::fmt;

/// `HealthCheckRequest` with the five bytes gRPC puts before a message.
pub(super) fn request(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(FIELD_1_BYTES);
        put_varint(&mut message, service.len() as u64);
        message.extend_from_slice(service.as_bytes());
    }
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.extend_from_slice(&message);
    framed.freeze()
}

/// `status` of a `HealthCheckResponse`; `None` when it is none.
pub(super) fn serving_status(mut message: &[u8]) -> Option<u64> {
    let mut status = 0;
    while !message.is_empty() {
        let key = get_varint(&mut message)?;
        if key >> 3 == 0 {
            return None;
        }
        match key & 7 {
            0 => {
                let value = get_varint(&mut message)?;
                if key >> 3 == 1 {
                    status = value;
                }
            }
            wire => {
                let length = match wire {
                    1 => 8,
                    2 => usize::try_from(get_varint(&mut message)?).ok()?,
                    5 => 4,
                    _ => return None,
                };
                message = message.get(length..)?;
            }
        }
    }
    Some(status)
}

/// Name of a `ServingStatus`.
pub(super) fn status_name(status: u64) -> String {
    match status {
        0 => "UNKNOWN".to_owned(),
        SERVING => "SERVING".to_owned(),
        2 => "NOT_SERVING".to_owned(),
        3 => "SERVICE_UNKNOWN".to_owned(),
        other => other.to_string(),
    }
}

pub(super) const SERVING: u64 = 1;
/// Key of field 1 with a length.
const FIELD_1_BYTES: u8 = 0x0a;

fn put_varint(out: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        out.put_u8(0x80 | u8::try_from(value & 0x7f).unwrap_or(0));
        value >>= 7;
    }
    out.put_u8(u8::try_from(value).unwrap_or(0));
}

fn get_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes.try_get_u8().ok()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// What a call came to when it is not a message: `rpc error: code = NotFound desc = unknown service`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: u32,
    pub(super) message: String,
}

pub(super) const CANCELED: u32 = 1;
pub(super) const UNKNOWN: u32 = 2;
pub(super) const DEADLINE_EXCEEDED: u32 = 4;
pub(super) const PERMISSION_DENIED: u32 = 7;
pub(super) const RESOURCE_EXHAUSTED: u32 = 8;
pub(super) const UNIMPLEMENTED: u32 = 12;
pub(super) const INTERNAL: u32 = 13;
pub(super) const UNAVAILABLE: u32 = 14;
pub(super) const UNAUTHENTICATED: u32 = 16;

impl Status {
    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    /// An answer that is HTTP but not gRPC; `wrong_type` says so of its content.
    pub(super) fn of_http(status: u16, wrong_type: Option<String>) -> Self {
        let code = match status {
            400 => INTERNAL,
            401 => UNAUTHENTICATED,
            403 => PERMISSION_DENIED,
            404 => UNIMPLEMENTED,
            429 | 502..=504 => UNAVAILABLE,
            _ => UNKNOWN,
        };
        let text = http_text(status);
        let wrong_status = (status != 200).then(|| {
            format!("unexpected HTTP status code received from server: {status} ({text})")
        });
        let errors: Vec<_> = wrong_status.into_iter().chain(wrong_type).collect();
        Self::new(code, errors.join("; "))
    }

    /// The server has given up the stream.
    pub(super) fn of_reset(http2: u32) -> Self {
        const NAMES: [&str; 14] = [
            "NO_ERROR",
            "PROTOCOL_ERROR",
            "INTERNAL_ERROR",
            "FLOW_CONTROL_ERROR",
            "SETTINGS_TIMEOUT",
            "STREAM_CLOSED",
            "FRAME_SIZE_ERROR",
            "REFUSED_STREAM",
            "CANCEL",
            "COMPRESSION_ERROR",
            "CONNECT_ERROR",
            "ENHANCE_YOUR_CALM",
            "INADEQUATE_SECURITY",
            "HTTP_1_1_REQUIRED",
        ];
        let code = match http2 {
            3 | 11 => RESOURCE_EXHAUSTED,
            7 => UNAVAILABLE,
            8 => CANCELED,
            12 => PERMISSION_DENIED,
            0..=13 => INTERNAL,
            _ => UNKNOWN,
        };
        let name = NAMES.get(http2 as usize).copied();
        let name = name.map_or_else(|| format!("unknown error code 0x{http2:x}"), str::to_owned);
        Self::new(
            code,
            format!("stream terminated by RST_STREAM with error code: {name}"),
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 17] = [
            "OK",
            "Canceled",
            "Unknown",
            "InvalidArgument",
            "DeadlineExceeded",
            "NotFound",
            "AlreadyExists",
            "PermissionDenied",
            "ResourceExhausted",
            "FailedPrecondition",
            "Aborted",
            "OutOfRange",
            "Unimplemented",
            "Internal",
            "Unavailable",
            "DataLoss",
            "Unauthenticated",
        ];
        match NAMES.get(self.code as usize) {
            Some(name) => write!(f, "rpc error: code = {name}")?,
            None => write!(f, "rpc error: code = Code({})", self.code)?,
        }
        write!(f, " desc = {}", self.message)
    }
}

/// `grpc-message` is percent-encoded; what is no escape stays as it is.
pub(super) fn percent_decoded(text: &[u8]) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        let escaped = digit(0).zip(digit(1)).filter(|_| *byte == b'%');
        let (byte, after) = match escaped {
            Some((high, low)) => (u8::try_from(high * 16 + low).unwrap_or(b'?'), &after[2..]),
            None => (*byte, after),
        };
        decoded.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Go's `http.StatusText`, for those that servers answer to what they do not understand.
fn http_text(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        415 => "Unsupported Media Type",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
