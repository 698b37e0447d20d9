//! Messages of the domain name system (RFC 1035, 2782, 6891), as far as the cluster's name server speaks it.

use super::CLUSTER_DOMAIN;
use super::zone::{Found, Kind, Record};
use crate::limits::{DNS_DATAGRAM_BYTES, DNS_DATAGRAM_BYTES_MAX, HOST_NAME_BYTES_MAX};
use bytes::Bytes;
use std::net::IpAddr;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    id: [u8; 2],
    recursion_desired: bool,
    /// In lower case, without a dot at its end.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// As it came, with name, type and class.
    question: Bytes,
    /// What the client takes in one datagram, if it says so.
    edns: Option<usize>,
}

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// `FORMERR`
    Malformed = 1,
    /// `SERVFAIL`
    Server = 2,
    /// `NXDOMAIN`
    NoName = 3,
    /// `NOTIMP`
    NotImplemented = 4,
    /// `REFUSED`
    Refused = 5,
}

/// Seconds that an answer may be kept (kubeadm's CoreDNS).
const TTL_S: u32 = 30;
const HEADER: usize = 12;
const CLASS_IN: u16 = 1;
const TYPE_OPT: u16 = 41;
const TYPE_SOA: u16 = 6;
/// Where the name of the question stands in every answer, as a compressed name.
const NAME_OF_QUESTION: [u8; 2] = [0xc0, HEADER as u8];

impl Query {
    /// Reads a question. What is wrong with it comes as the answer to send; nothing is sent to what is no question.
    pub(super) fn parse(message: &Bytes) -> Result<Self, Option<Bytes>> {
        let header = message.get(..HEADER).ok_or(None)?;
        let id = [header[0], header[1]];
        let is_response = header[2] & 0x80 != 0;
        if is_response {
            return Err(None);
        }
        let reject = |failure: Failure| {
            let mut reply = id.to_vec();
            reply.extend([0x80 | header[2] & 0x01, failure as u8]);
            reply.resize(HEADER, 0);
            Some(Bytes::from(reply))
        };
        if header[2] & 0x78 != 0 {
            return Err(reject(Failure::NotImplemented));
        }
        let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        if [count(4), count(6), count(8)] != [1, 0, 0] {
            return Err(reject(Failure::Malformed));
        }
        let question = parse_name(&message[HEADER..]);
        let (name, len) = question.ok_or_else(|| reject(Failure::Malformed))?;
        let end = HEADER + len;
        let [kind, class] = words(message, end).ok_or_else(|| reject(Failure::Malformed))?;
        if class != CLASS_IN {
            return Err(reject(Failure::Refused));
        }
        let end = end + 4;
        let edns = (count(10) > 0 && message.get(end) == Some(&0))
            .then(|| words(message, end + 1))
            .flatten()
            .filter(|[kind, _]| *kind == TYPE_OPT)
            .map(|[_, size]| usize::from(size));
        Ok(Self {
            id,
            recursion_desired: header[2] & 0x01 != 0,
            name,
            kind: Kind::of(kind),
            question: message.slice(HEADER..end),
            edns,
        })
    }

    /// How long an answer in one datagram may be.
    pub(super) fn datagram_bytes(&self) -> usize {
        let size = self.edns.unwrap_or(DNS_DATAGRAM_BYTES);
        size.clamp(DNS_DATAGRAM_BYTES, DNS_DATAGRAM_BYTES_MAX)
    }

    /// The answer, of at most `max` bytes: what does not fit is left out and said to be.
    pub(super) fn answer(&self, found: &Found, max: usize) -> Bytes {
        match found {
            Found::Records(records) => self.reply(0, records, max),
            Found::NoData => self.reply(0, &[], max),
            Found::NoName => self.reply(Failure::NoName as u8, &[], max),
            Found::Elsewhere => self.fail(Failure::Refused),
        }
    }

    /// The addresses of a name outside of the cluster.
    pub(super) fn answer_addresses(&self, addresses: &[IpAddr], max: usize) -> Bytes {
        let records: Vec<_> = addresses.iter().copied().map(Record::Address).collect();
        self.answer(&self.kind.select(records), max)
    }

    pub(super) fn fail(&self, failure: Failure) -> Bytes {
        self.message(failure as u8, false, &[], 0)
    }

    fn reply(&self, code: u8, records: &[Record], max: usize) -> Bytes {
        let mut body = Vec::new();
        let mut count = 0_u16;
        let room = max.saturating_sub(HEADER + self.question.len() + OPT_BYTES);
        let mut truncated = false;
        for record in records {
            let before = body.len();
            write_record(&mut body, record);
            if body.len() > room {
                body.truncate(before);
                truncated = true;
                break;
            }
            count += 1;
        }
        self.message(code, truncated, &body, count)
    }

    fn message(&self, code: u8, truncated: bool, body: &[u8], answers: u16) -> Bytes {
        let authority = answers == 0 && !truncated && is_of_cluster(&self.name);
        let mut reply = self.id.to_vec();
        let (response, authoritative, available) = (0x80, 0x04, 0x80);
        let flags = response | authoritative | u8::from(truncated) << 1;
        reply.extend([flags | u8::from(self.recursion_desired), available | code]);
        for count in [1, answers, authority.into(), self.edns.is_some().into()] {
            reply.extend(count.to_be_bytes());
        }
        reply.extend_from_slice(&self.question);
        reply.extend_from_slice(body);
        if authority {
            write_authority(&mut reply);
        }
        if self.edns.is_some() {
            reply.push(0);
            let size = u16::try_from(DNS_DATAGRAM_BYTES_MAX).unwrap_or(u16::MAX);
            reply.extend([TYPE_OPT, size].map(u16::to_be_bytes).concat());
            reply.extend([0; 6]);
        }
        Bytes::from(reply)
    }
}

const OPT_BYTES: usize = 11;

fn is_of_cluster(name: &str) -> bool {
    let rest = name.strip_suffix(CLUSTER_DOMAIN);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A name without compression, and how many bytes it takes.
fn parse_name(bytes: &[u8]) -> Option<(String, usize)> {
    let mut labels: Vec<String> = Vec::new();
    let mut at = 0;
    loop {
        let len = usize::from(*bytes.get(at)?);
        at += 1;
        if len == 0 {
            break;
        }
        if len > 63 || at + len > HOST_NAME_BYTES_MAX + 1 {
            return None;
        }
        let label = std::str::from_utf8(bytes.get(at..at + len)?).ok()?;
        if label.contains('.') {
            return None;
        }
        labels.push(label.to_ascii_lowercase());
        at += len;
    }
    Some((labels.join("."), at))
}

fn words(message: &[u8], at: usize) -> Option<[u16; 2]> {
    let bytes: [u8; 4] = message.get(at..at + 4)?.try_into().ok()?;
    let [a, b, c, d] = bytes;
    Some([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])])
}

fn write_name(out: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let len = u8::try_from(label.len()).unwrap_or(63).min(63);
        out.push(len);
        out.extend_from_slice(&label.as_bytes()[..usize::from(len)]);
    }
    out.push(0);
}

fn write_record(out: &mut Vec<u8>, record: &Record) {
    let mut data = Vec::new();
    match record {
        Record::Address(IpAddr::V4(ip)) => data.extend(ip.octets()),
        Record::Address(IpAddr::V6(ip)) => data.extend(ip.octets()),
        Record::Service { port, target } => {
            let (priority, weight) = (0_u16, 100_u16);
            data.extend([priority, weight, *port].map(u16::to_be_bytes).concat());
            write_name(&mut data, target);
        }
        Record::Pointer(name) => write_name(&mut data, name),
    }
    out.extend(NAME_OF_QUESTION);
    write_data(out, record.kind().number(), &data);
}

/// Who answers for the cluster, so that a client knows how long it may believe that there is nothing.
fn write_authority(out: &mut Vec<u8>) {
    write_name(out, CLUSTER_DOMAIN);
    let mut data = Vec::new();
    write_name(&mut data, &format!("ns.dns.{CLUSTER_DOMAIN}"));
    write_name(&mut data, &format!("hostmaster.{CLUSTER_DOMAIN}"));
    let (serial, refresh, retry, expire) = (1_u32, 7200, 1800, 86_400);
    data.extend(
        [serial, refresh, retry, expire, TTL_S]
            .map(u32::to_be_bytes)
            .concat(),
    );
    write_data(out, TYPE_SOA, &data);
}

fn write_data(out: &mut Vec<u8>, kind: u16, data: &[u8]) {
    out.extend([kind, CLASS_IN].map(u16::to_be_bytes).concat());
    out.extend(TTL_S.to_be_bytes());
    let len = u16::try_from(data.len()).unwrap_or(u16::MAX);
    out.extend(len.to_be_bytes());
    out.extend_from_slice(data);
}

/// For tests: a question, and an answer as text.
#[cfg(test)]
pub(super) mod client {
    use super::*;
    use std::fmt::Write as _;

    pub(in crate::net) fn query(name: &str, kind: u16, edns: Option<u16>) -> Vec<u8> {
        let mut message = vec![7, 8, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns.is_some())];
        write_name(&mut message, name);
        message.extend([kind, CLASS_IN].map(u16::to_be_bytes).concat());
        if let Some(size) = edns {
            message.push(0);
            message.extend([TYPE_OPT, size].map(u16::to_be_bytes).concat());
            message.extend([0; 6]);
        }
        message
    }

    pub(in crate::net) fn show(reply: &[u8]) -> String {
        let codes = ["ok", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
        let mut text = codes[usize::from(reply[3] & 15)].to_owned();
        let (_, len) = parse_name(&reply[HEADER..]).unwrap();
        let mut at = HEADER + len + 4;
        for _ in 0..reply[7] {
            assert_eq!(reply[at..at + 2], NAME_OF_QUESTION);
            let [kind, class] = words(reply, at + 2).unwrap();
            assert_eq!(class, CLASS_IN);
            let [_, len] = words(reply, at + 8).unwrap();
            let data = &reply[at + 12..at + 12 + usize::from(len)];
            match Kind::of(kind) {
                Kind::A => write!(
                    text,
                    " {}",
                    Ipv4Addr::from(<[u8; 4]>::try_from(data).unwrap())
                ),
                Kind::Aaaa => {
                    write!(
                        text,
                        " {}",
                        Ipv6Addr::from(<[u8; 16]>::try_from(data).unwrap())
                    )
                }
                Kind::Srv => {
                    let port = u16::from_be_bytes([data[4], data[5]]);
                    write!(text, " {port}@{}", parse_name(&data[6..]).unwrap().0)
                }
                Kind::Ptr => write!(text, " {}", parse_name(data).unwrap().0),
                Kind::Other(kind) => write!(text, " {kind}?"),
            }
            .unwrap();
            at += 12 + usize::from(len);
        }
        text
    }

    use std::net::{Ipv4Addr, Ipv6Addr};
}

#[cfg(test)]
mod tests {
    use super::client::query;
    use super::*;

    #[test]
    fn questions() {
        let parsed = Query::parse(&query("Web.NS.svc.cluster.local", 1, None).into()).unwrap();
        assert_eq!(parsed.name, "web.ns.svc.cluster.local");
        assert_eq!(parsed.kind, Kind::A);
        assert_eq!(parsed.datagram_bytes(), 512);
        let parsed = Query::parse(&query("", 28, Some(4096)).into()).unwrap();
        assert_eq!((parsed.name.as_str(), parsed.kind), ("", Kind::Aaaa));
        assert_eq!(parsed.datagram_bytes(), DNS_DATAGRAM_BYTES_MAX);
    }

    #[test]
    fn what_is_no_question() {
        let code = |edit: fn(&mut Vec<u8>)| {
            let mut message = query("a.b", 1, None);
            edit(&mut message);
            match Query::parse(&message.into()) {
                Ok(_) => "ok".to_owned(),
                Err(None) => "silence".to_owned(),
                Err(Some(reply)) => format!("id {} code {}", reply[0], reply[3]),
            }
        };
        assert_eq!(code(|_| {}), "ok");
        assert_eq!(code(|message| message.truncate(11)), "silence");
        assert_eq!(code(|message| message[2] |= 0x80), "silence");
        assert_eq!(code(|message| message[2] |= 0x28), "id 7 code 4");
        assert_eq!(code(|message| message[5] = 2), "id 7 code 1");
        assert_eq!(code(|message| message[12] = 0xc0), "id 7 code 1");
        assert_eq!(code(|message| message.truncate(16)), "id 7 code 1");
        assert_eq!(code(|message| message[20] = 3), "id 7 code 5");
        assert_eq!(code(|message| message[13] = b'.'), "id 7 code 1");
    }

    #[test]
    fn answers_fit() {
        let query = Query::parse(&query("many.cluster.local", 1, None).into()).unwrap();
        let ip = |last| Record::Address([10, 0, 0, last].into());
        let few = query.answer(&Found::Records(vec![ip(1), ip(2)]), 512);
        assert_eq!(few.len(), HEADER + 24 + 2 * 16);
        assert_eq!((few[2] & 2, few[7]), (0, 2));
        let many = query.answer(&Found::Records((0..200).map(ip).collect()), 512);
        assert!(many.len() <= 512);
        assert_eq!((many[2] & 2, many[7]), (2, 29));
        let none = query.answer(&Found::NoName, 512);
        assert_eq!((none[3] & 15, none[7], none[9]), (3, 0, 1));
    }
}
