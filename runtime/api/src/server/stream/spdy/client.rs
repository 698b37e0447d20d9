use super::headers::{Reader, Writer};
use super::*;
use std::fmt::Write as _;

/// Writes frames of a client and tells those of a server as text.
#[derive(Default)]
pub(crate) struct Client {
    writer: Writer,
    reader: Reader,
}

fn control(kind: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut spdy = Spdy::new();
    spdy.control(kind, flags, payload);
    spdy.take_output()
}

fn numbers(kind: u16, numbers: &[u32]) -> Vec<u8> {
    let payload: Vec<u8> = numbers
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect();
    control(kind, 0, &payload)
}

impl Client {
    /// Frames of a line of a script: `open 1 streamtype=error`, `data 1 text`, `end 1`, `reset 1`, `ping 1`,
    /// `window 1 100`, `settings 7 100`, `goaway`, `hex 80…`.
    pub(crate) fn frame(&mut self, line: &str) -> Vec<u8> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (first, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let id: u32 = first.parse().unwrap_or_default();
        match verb {
            "open" => {
                let headers: Vec<_> = rest
                    .split_whitespace()
                    .filter_map(|pair| pair.split_once('='))
                    .collect();
                let mut payload = [id.to_be_bytes(), [0; 4]].concat();
                payload.extend_from_slice(&[0, 0]);
                payload.extend_from_slice(&self.writer.write(&headers));
                control(SYN_STREAM, 0, &payload)
            }
            "data" | "end" => {
                let mut spdy = Spdy::new();
                let flags = if verb == "end" { FLAG_FIN } else { 0 };
                spdy.data_frame(id, flags, rest.as_bytes());
                spdy.take_output()
            }
            "reset" => numbers(RST_STREAM, &[id, 5]),
            "ping" => numbers(PING, &[id]),
            "window" => numbers(WINDOW_UPDATE, &[id, rest.parse().unwrap()]),
            "settings" => numbers(SETTINGS, &[1, id, rest.parse().unwrap()]),
            "goaway" => numbers(7, &[0, 0]),
            "hex" => first
                .as_bytes()
                .chunks(2)
                .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap())
                .collect(),
            other => panic!("unknown verb {other}"),
        }
    }

    /// What a server has sent, a line for each frame.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> String {
        let mut text = String::new();
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_at(HEAD_BYTES);
            let (payload, rest) = rest.split_at(be24(&head[5..]));
            bytes = rest;
            let kind = u16::from_be_bytes([head[2], head[3]]);
            let frame = if head[0] & 0x80 == 0 {
                let end = if head[4] & FLAG_FIN != 0 { " end" } else { "" };
                let shown = match payload.len() {
                    0..200 => String::from_utf8_lossy(payload).into_owned(),
                    many => format!("({many} bytes)"),
                };
                format!("data {} {shown}{end}", be32(head))
            } else {
                let number = be32(payload);
                match kind {
                    SYN_REPLY => {
                        let headers = self.reader.read(&payload[4..]).unwrap();
                        format!("reply {number} {headers:?}")
                    }
                    RST_STREAM => format!("reset {number} {}", be32(&payload[4..])),
                    PING => format!("ping {number}"),
                    WINDOW_UPDATE => format!("window {number} {}", be32(&payload[4..])),
                    other => format!("control {other} {payload:?}"),
                }
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "< {}", frame.trim_end());
        }
        text
    }
}
