//! Messages of gRPC, as far as `grpc.health.v1` needs them.

/// Bytes before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// A message as it stands in a body.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend((message.len() as u32).to_be_bytes());
    bytes.extend_from_slice(message);
    bytes
}

/// The message of a body that consists of one, not compressed.
pub fn unframed(body: &[u8]) -> Option<&[u8]> {
    let (prefix, message) = body.split_at_checked(PREFIX)?;
    let [0, length @ ..] = prefix else {
        return None;
    };
    let length = u32::from_be_bytes(length.try_into().ok()?);
    (message.len() == length as usize).then_some(message)
}

/// The field `service` (1, a string) of a `HealthCheckRequest`; `None` for what is no message.
pub fn service(mut message: &[u8]) -> Option<String> {
    let mut service = String::new();
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let value: &[u8] = match key & 7 {
            0 => {
                varint(&mut message)?;
                &[]
            }
            1 => take(&mut message, 8)?,
            2 => {
                let length = varint(&mut message)?;
                take(&mut message, length)?
            }
            5 => take(&mut message, 4)?,
            _ => return None,
        };
        // Field 1 of wire type 2.
        if key == 0x0a {
            service = String::from_utf8(value.to_vec()).ok()?;
        }
    }
    Some(service)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_service_of_a_request() {
        let cases: [(&[u8], Option<&str>); 7] = [
            (b"", Some("")),
            (b"\x0a\x03foo", Some("foo")),
            (b"\x10\x96\x01\x0a\x01a\x1a\x01b", Some("a")),
            (b"\x0a\x05foo", None),
            (b"\x0b", None),
            (b"\x0a\x01\xff", None),
            (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
        ];
        for (message, expected) in cases {
            assert_eq!(service(message).as_deref(), expected, "{message:?}");
        }
    }

    #[test]
    fn frames() {
        assert_eq!(framed(&[8, 1]), [0, 0, 0, 0, 2, 8, 1]);
        assert_eq!(unframed(&[0, 0, 0, 0, 2, 8, 1]), Some(&[8, 1][..]));
        assert_eq!(unframed(&[1, 0, 0, 0, 0]), None, "compressed");
        assert_eq!(unframed(&[0, 0, 0, 0, 2, 8]), None, "cut off");
        assert_eq!(unframed(&[0, 0]), None);
    }
}
