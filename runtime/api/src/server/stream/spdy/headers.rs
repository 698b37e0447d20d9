//! Header blocks: names and values, compressed with one state for all of a connection (SPDY/3.1 section 2.6.10).

use super::SpdyError;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use seedpod_core::limits::SPDY_HEADERS_BYTES;
use std::collections::BTreeMap;

/// Words that both sides know before the first header block, each with its length before it.
const WORDS: &[&str] = &[
    "options",
    "head",
    "post",
    "put",
    "delete",
    "trace",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-base",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "retry-after",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "method",
    "get",
    "status",
    "200 OK",
    "version",
    "HTTP/1.1",
    "url",
    "public",
    "set-cookie",
    "keep-alive",
    "origin",
];

/// What follows them in the dictionary.
const PHRASES: &str = "\
100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Au\
thoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidd\
en404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr Ma\
y Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,imag\
e/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicpri\
vatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

fn dictionary() -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in WORDS {
        put(word.as_bytes(), &mut bytes);
    }
    bytes.extend_from_slice(PHRASES.as_bytes());
    bytes
}

fn put(text: &[u8], into: &mut Vec<u8>) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    into.extend_from_slice(&length.to_be_bytes());
    into.extend_from_slice(text);
}

/// Reads the header blocks of the other side, in order.
pub(super) struct Reader {
    zlib: Decompress,
}

impl Default for Reader {
    fn default() -> Self {
        let zlib = Decompress::new(true);
        Self { zlib }
    }
}

impl Reader {
    /// Names, in lower case, and values of one block.
    pub(super) fn read(&mut self, block: &[u8]) -> Result<BTreeMap<String, String>, SpdyError> {
        let plain = self.inflate(block)?;
        parse(&plain).ok_or(SpdyError::Headers)
    }

    fn inflate(&mut self, mut block: &[u8]) -> Result<Vec<u8>, SpdyError> {
        let mut plain = Vec::with_capacity(1024);
        loop {
            let (read, written) = (self.zlib.total_in(), plain.len());
            match self
                .zlib
                .decompress_vec(block, &mut plain, FlushDecompress::Sync)
            {
                Ok(_) => {}
                Err(error) if error.needs_dictionary().is_some() => {
                    self.zlib
                        .set_dictionary(&dictionary())
                        .map_err(|_| SpdyError::Headers)?;
                }
                Err(_) => return Err(SpdyError::Headers),
            }
            let count = usize::try_from(self.zlib.total_in() - read).unwrap_or(usize::MAX);
            block = block.get(count..).unwrap_or_default();
            if plain.len() > SPDY_HEADERS_BYTES {
                return Err(SpdyError::Headers);
            }
            let is_full = plain.len() == plain.capacity();
            if is_full {
                plain.reserve(plain.len());
            } else if block.is_empty() {
                return Ok(plain);
            } else if count == 0 && plain.len() == written {
                return Err(SpdyError::Headers);
            }
        }
    }
}

fn parse(mut plain: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut headers = BTreeMap::new();
    let count = take_length(&mut plain)?;
    for _ in 0..count {
        let name = take_text(&mut plain)?.to_ascii_lowercase();
        headers.insert(name, take_text(&mut plain)?);
    }
    Some(headers)
}

fn take_length(plain: &mut &[u8]) -> Option<usize> {
    let (length, rest) = plain.split_first_chunk::<4>()?;
    *plain = rest;
    usize::try_from(u32::from_be_bytes(*length)).ok()
}

fn take_text(plain: &mut &[u8]) -> Option<String> {
    let length = take_length(plain)?;
    let (text, rest) = plain.split_at_checked(length)?;
    *plain = rest;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// Writes the header blocks of this side, in order.
pub(super) struct Writer {
    zlib: Compress,
    is_begun: bool,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            zlib: Compress::new(Compression::fast(), true),
            is_begun: false,
        }
    }
}

impl Writer {
    /// A block of these headers.
    pub(super) fn write(&mut self, headers: &[(&str, &str)]) -> Vec<u8> {
        let mut plain = u32::try_from(headers.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes()
            .to_vec();
        for (name, value) in headers {
            put(name.as_bytes(), &mut plain);
            put(value.as_bytes(), &mut plain);
        }
        if !std::mem::replace(&mut self.is_begun, true) {
            let set = self.zlib.set_dictionary(&dictionary());
            debug_assert!(set.is_ok(), "a new state takes a dictionary");
        }
        let mut block = Vec::new();
        let mut rest = plain.as_slice();
        loop {
            block.reserve(plain.len() + 64);
            let before = self.zlib.total_in();
            let done = self
                .zlib
                .compress_vec(rest, &mut block, FlushCompress::Sync);
            debug_assert!(done.is_ok(), "compression has a state of its own");
            let count = usize::try_from(self.zlib.total_in() - before).unwrap_or(usize::MAX);
            rest = rest.get(count..).unwrap_or_default();
            if rest.is_empty() && block.len() < block.capacity() {
                return block;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionary_is_that_of_the_protocol() {
        let dictionary = dictionary();
        assert_eq!(dictionary.len(), 1423);
        assert_eq!(&dictionary[..11], b"\0\0\0\x07options");
        // The Adler-32 that zlib streams of SPDY/3 name.
        let adler = dictionary.iter().fold((1_u32, 0_u32), |(a, b), byte| {
            let a = (a + u32::from(*byte)) % 65521;
            (a, (b + a) % 65521)
        });
        assert_eq!(adler.1 << 16 | adler.0, 0xe3c6_a7c2);
    }

    #[test]
    fn what_is_written_is_read() {
        let (mut writer, mut reader) = (Writer::default(), Reader::default());
        for round in 0..3 {
            let round = round.to_string();
            let block = writer.write(&[("streamtype", "error"), ("port", &round)]);
            let read = reader.read(&block).unwrap();
            assert_eq!(
                format!("{read:?}"),
                format!("{{\"port\": \"{round}\", \"streamtype\": \"error\"}}")
            );
        }
        assert!(reader.read(&writer.write(&[])).unwrap().is_empty());
    }

    #[test]
    fn a_block_that_grows_without_end_is_refused() {
        let mut writer = Writer::default();
        let value = "x".repeat(SPDY_HEADERS_BYTES);
        let block = writer.write(&[("x", &value)]);
        assert!(block.len() < 2048);
        assert_eq!(Reader::default().read(&block), Err(SpdyError::Headers));
        assert_eq!(Reader::default().read(b"no zlib"), Err(SpdyError::Headers));
    }
}
