//! Splits a configuration file into directives exactly where nginx does (`ngx_conf_read_token`).

use super::error::ConfigError;

/// What ended a list of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `;`
    Semicolon,
    /// `{`
    BlockStart,
    /// `}`; there are no words.
    BlockEnd,
    /// There are no words.
    EndOfFile,
}

/// Longest word, as nginx' read buffer.
const WORD_MAX: usize = 4096;

pub struct Lexer<'a> {
    text: &'a [u8],
    position: usize,
    /// Line of the last character read, from 1.
    pub line: u32,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Lexer {
            text,
            position: 0,
            line: 1,
        }
    }

    /// Returns the words of the next directive and what ended them.
    pub fn directive(&mut self) -> Result<(Vec<String>, Ending), ConfigError> {
        let mut words = Vec::new();
        loop {
            let Some(byte) = self.next_byte() else {
                return match words.is_empty() {
                    true => Ok((words, Ending::EndOfFile)),
                    false => Err(self.unexpected_end()),
                };
            };
            match byte {
                byte if is_space(byte) => {}
                b';' | b'{' if words.is_empty() => return Err(self.unexpected(byte)),
                b';' => return Ok((words, Ending::Semicolon)),
                b'{' => return Ok((words, Ending::BlockStart)),
                b'}' if words.is_empty() => return Ok((words, Ending::BlockEnd)),
                b'}' => return Err(self.unexpected(byte)),
                b'#' => while self.next_byte().is_some_and(|byte| byte != b'\n') {},
                b'"' | b'\'' => words.push(self.quoted(byte)?),
                first => words.push(self.plain(first)?),
            }
        }
    }

    /// The rest of a word in quotes, and a look at what follows it.
    fn quoted(&mut self, quote: u8) -> Result<String, ConfigError> {
        let (start, line) = (self.position, self.line);
        loop {
            if self.position - start >= WORD_MAX {
                let message = format!(
                    "too long parameter, probably missing terminating \"{}\" character",
                    char::from(quote)
                );
                return Err(ConfigError::new(message).at(line));
            }
            match self.next_byte() {
                Some(b'\\') => drop(self.next_byte()),
                Some(byte) if byte == quote => break,
                Some(_) => {}
                None => return Err(self.unexpected_end()),
            }
        }
        let word = unescape(&self.text[start..self.position - 1]);
        match self.text.get(self.position) {
            Some(&byte) if !is_space(byte) && !matches!(byte, b';' | b'{' | b')') => {
                Err(self.unexpected(byte))
            }
            Some(_) => Ok(word),
            None => Err(self.unexpected_end()),
        }
    }

    /// The rest of a word without quotes; what ends it is left.
    fn plain(&mut self, first: u8) -> Result<String, ConfigError> {
        let (start, line) = (self.position - 1, self.line);
        let mut last = first;
        if first == b'\\' {
            self.next_byte();
        }
        while let Some(&byte) = self.text.get(self.position) {
            if self.position - start >= WORD_MAX {
                let begin = String::from_utf8_lossy(&self.text[start..start + 10]);
                return Err(
                    ConfigError::new(format!("too long parameter \"{begin}...\" started")).at(line),
                );
            }
            if is_space(byte) || byte == b';' || (byte == b'{' && last != b'$') {
                return Ok(unescape(&self.text[start..self.position]));
            }
            self.next_byte();
            if byte == b'\\' {
                self.next_byte();
            }
            // After `${` the brace belongs to the word, and so does a second one.
            if !(byte == b'{' && last == b'$') {
                last = byte;
            }
        }
        Err(self.unexpected_end())
    }

    fn next_byte(&mut self) -> Option<u8> {
        let byte = *self.text.get(self.position)?;
        self.position += 1;
        self.line += u32::from(byte == b'\n');
        Some(byte)
    }

    fn unexpected(&self, byte: u8) -> ConfigError {
        ConfigError::new(format!("unexpected \"{}\"", char::from(byte))).at(self.line)
    }

    fn unexpected_end(&self) -> ConfigError {
        ConfigError::new("unexpected end of file, expecting \";\" or \"}\"").at(self.line)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn unescape(word: &[u8]) -> String {
    let mut out = Vec::with_capacity(word.len());
    let mut bytes = word.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let replaced = match (byte, bytes.peek()) {
            (b'\\', Some(&quoted @ (b'"' | b'\'' | b'\\'))) => quoted,
            (b'\\', Some(b't')) => b'\t',
            (b'\\', Some(b'r')) => b'\r',
            (b'\\', Some(b'n')) => b'\n',
            _ => {
                out.push(byte);
                continue;
            }
        };
        bytes.next();
        out.push(replaced);
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_where_nginx_ends_them() {
        check("a b;", "a|b;");
        check("a{", "a{");
        check("a \"b c\" 'd\"e';", "a|b c|d\"e;");
        check("a b\\;c;", "a|b\\;c;");
        check("a \\\"b\\t;", "a|\"b\t;");
        check("# c ; }\n a ; # x", "a;");
        check("a ${b}c;", "a|${b}c;");
        check("location ~ \\.php$ {", "location|~|\\.php${");
        check("}", "}");
        check("  \n", "<end>");
    }

    #[test]
    fn errors_are_those_of_nginx() {
        check(";", "unexpected \";\":1");
        check("{", "unexpected \"{\":1");
        check("a }", "unexpected \"}\":1");
        check("a\n\"b\"c;", "unexpected \"c\":2");
        check(
            "a b\n",
            "unexpected end of file, expecting \";\" or \"}\":2",
        );
    }

    fn check(text: &str, expected: &str) {
        let shown = match Lexer::new(text.as_bytes()).directive() {
            Ok((words, ending)) => {
                let ending = match ending {
                    Ending::Semicolon => ";",
                    Ending::BlockStart => "{",
                    Ending::BlockEnd => "}",
                    Ending::EndOfFile => "<end>",
                };
                words.join("|") + ending
            }
            Err(error) => format!("{}:{}", error.message, error.line.unwrap_or(0)),
        };
        assert_eq!(shown, expected, "of {text:?}");
    }
}
