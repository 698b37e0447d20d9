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

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Plain,
    Quoted(u8),
    AfterQuote,
    Comment,
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
    pub fn next(&mut self) -> Result<(Vec<String>, Ending), ConfigError> {
        let mut words = Vec::new();
        let mut state = State::Between;
        let mut start = self.position;
        let mut start_line = self.line;
        let mut escaped = false;
        let mut variable = false;
        while let Some(&byte) = self.text.get(self.position) {
            if self.position - start >= WORD_MAX && matches!(state, State::Plain | State::Quoted(_))
            {
                return Err(too_long(&self.text[start..], state).at(start_line));
            }
            self.position += 1;
            if byte == b'\n' {
                self.line += 1;
            }
            if state == State::Comment {
                if byte == b'\n' {
                    state = State::Between;
                }
                continue;
            }
            if escaped {
                escaped = false;
                continue;
            }
            if state == State::AfterQuote {
                state = State::Between;
                match byte {
                    b';' => return Ok((words, Ending::Semicolon)),
                    b'{' => return Ok((words, Ending::BlockStart)),
                    b')' => {}
                    byte if is_space(byte) => continue,
                    byte => return Err(self.unexpected(byte)),
                }
            }
            if state == State::Between {
                start = self.position - 1;
                start_line = self.line;
                match byte {
                    byte if is_space(byte) => continue,
                    b';' | b'{' if words.is_empty() => return Err(self.unexpected(byte)),
                    b';' => return Ok((words, Ending::Semicolon)),
                    b'{' => return Ok((words, Ending::BlockStart)),
                    b'}' if words.is_empty() => return Ok((words, Ending::BlockEnd)),
                    b'}' => return Err(self.unexpected(byte)),
                    b'#' => state = State::Comment,
                    b'"' | b'\'' => {
                        start = self.position;
                        state = State::Quoted(byte);
                    }
                    _ => {
                        escaped = byte == b'\\';
                        variable = byte == b'$';
                        state = State::Plain;
                    }
                }
                continue;
            }
            if byte == b'{' && variable {
                continue;
            }
            variable = byte == b'$';
            if byte == b'\\' {
                escaped = true;
                continue;
            }
            match state {
                State::Quoted(quote) if byte == quote => state = State::AfterQuote,
                State::Plain if is_space(byte) || matches!(byte, b';' | b'{') => {
                    state = State::Between
                }
                _ => continue,
            }
            words.push(unescape(&self.text[start..self.position - 1]));
            match byte {
                b';' if state == State::Between => return Ok((words, Ending::Semicolon)),
                b'{' if state == State::Between => return Ok((words, Ending::BlockStart)),
                _ => {}
            }
        }
        if words.is_empty() && matches!(state, State::Between | State::Comment) {
            return Ok((words, Ending::EndOfFile));
        }
        Err(ConfigError::new("unexpected end of file, expecting \";\" or \"}\"").at(self.line))
    }

    fn unexpected(&self, byte: u8) -> ConfigError {
        ConfigError::new(format!("unexpected \"{}\"", char::from(byte))).at(self.line)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn too_long(word: &[u8], state: State) -> ConfigError {
    ConfigError::new(match state {
        State::Quoted(quote) => {
            format!(
                "too long parameter, probably missing terminating \"{}\" character",
                char::from(quote)
            )
        }
        _ => format!(
            "too long parameter \"{}...\" started",
            String::from_utf8_lossy(&word[..10])
        ),
    })
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
        let shown = match Lexer::new(text.as_bytes()).next() {
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
