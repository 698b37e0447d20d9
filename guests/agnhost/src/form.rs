//! What a request carries besides its path: query, form and files.

/// Names and values in order.
#[derive(Debug, Default, Clone)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `a=1&b=2`. A part that is not well-formed is left out.
    pub fn read(text: &str) -> Self {
        let parts = text.split('&').filter(|part| !part.is_empty());
        let pairs = parts.filter_map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((unescape(name)?, unescape(value)?))
        });
        Form(pairs.collect())
    }

    /// Appends another form: its values come after those that are here.
    pub fn extend(&mut self, other: Form) {
        self.0.extend(other.0);
    }

    /// The first value of a name, or nothing.
    pub fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }
}

/// `url.QueryUnescape`
pub fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |byte: Option<u8>| (byte? as char).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                bytes.push((high * 16 + low) as u8);
            }
            byte => bytes.push(byte),
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The content of the file field `name` in a body of type `multipart/form-data`.
pub fn file<'a>(content_type: &str, body: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("boundary="))?
        .trim_matches('"');
    let delimiter = format!("--{boundary}").into_bytes();
    let mut rest = body;
    loop {
        let start = find(rest, &delimiter)? + delimiter.len();
        rest = rest[start..].strip_prefix(b"\r\n")?;
        let head_len = find(rest, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&rest[..head_len]).into_owned();
        let content = &rest[head_len + 4..];
        let end = find(content, &delimiter)?;
        if is_file(&head, name) {
            return content[..end].strip_suffix(b"\r\n");
        }
        rest = &content[end..];
    }
}

/// Whether the head of a part names a file in this field.
fn is_file(head: &str, name: &str) -> bool {
    head.lines().any(|line| {
        let lower = line.to_ascii_lowercase();
        lower.starts_with("content-disposition:")
            && line.contains("filename=")
            && line.split(';').any(|part| {
                part.trim()
                    .strip_prefix("name=")
                    .is_some_and(|value| value.trim_matches('"') == name)
            })
    })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_forms() {
        let form = Form::read("msg=a+b%21&code=&x&msg=c&bad=%2");
        assert_eq!(form.get("msg"), "a b!");
        assert_eq!(form.get("code"), "");
        assert_eq!(form.get("bad"), "");
    }

    #[test]
    fn finds_files() {
        let body = b"--B\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n\
            --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\nContent-Type: a/b\r\n\r\none\r\ntwo\r\n--B--\r\n";
        let kind = "multipart/form-data; boundary=B";
        assert_eq!(file(kind, body, "file"), Some(&b"one\r\ntwo"[..]));
        assert_eq!(file(kind, body, "other"), None, "it is not a file");
        assert_eq!(file("text/plain", body, "file"), None);
        assert_eq!(file(kind, b"--B", "file"), None);
    }
}
