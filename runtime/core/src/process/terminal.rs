//! The line discipline of a terminal whose processes change nothing about it (termios(3): canonical mode with echo).

use super::Signal;

/// What was typed of a line that is not complete.
#[derive(Debug, Default)]
pub struct LineDiscipline {
    line: Vec<u8>,
}

/// What comes of some keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// Complete lines, for who reads the terminal.
    pub lines: Vec<u8>,
    /// What the terminal shows of it.
    pub echo: Vec<u8>,
    /// For what runs in the foreground.
    pub signals: Vec<Signal>,
    /// Whether who reads finds the end after the lines. What was typed after it is lost.
    pub at_end: bool,
}

/// Linux `MAX_CANON`: more of a line is not taken.
const LINE_BYTES_MAX: usize = 4095;

const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const KILL_LINE: u8 = 0x15;
const ERASE_WORD: u8 = 0x17;
const QUIT: u8 = 0x1c;

impl LineDiscipline {
    /// Takes keys.
    pub fn type_in(&mut self, keys: &[u8]) -> Typed {
        let mut typed = Typed::default();
        for key in keys {
            self.key(*key, &mut typed);
            if typed.at_end {
                break;
            }
        }
        typed
    }

    fn key(&mut self, key: u8, typed: &mut Typed) {
        match key {
            b'\r' | b'\n' => {
                self.line.push(b'\n');
                typed.lines.append(&mut self.line);
                typed.echo.extend_from_slice(b"\r\n");
            }
            END if self.line.is_empty() => typed.at_end = true,
            END => typed.lines.append(&mut self.line),
            INTERRUPT | QUIT => {
                self.line.clear();
                echo_control(key, &mut typed.echo);
                typed.signals.push(match key {
                    INTERRUPT => Signal::INT,
                    _ => Signal::QUIT,
                });
            }
            0x08 | 0x7f => self.erase(&mut typed.echo),
            KILL_LINE => {
                while !self.line.is_empty() {
                    self.erase(&mut typed.echo);
                }
            }
            ERASE_WORD => {
                let is_space = |line: &[u8]| line.last().is_some_and(u8::is_ascii_whitespace);
                while is_space(&self.line) {
                    self.erase(&mut typed.echo);
                }
                while !self.line.is_empty() && !is_space(&self.line) {
                    self.erase(&mut typed.echo);
                }
            }
            _ if self.line.len() >= LINE_BYTES_MAX => typed.echo.push(0x07),
            key => {
                self.line.push(key);
                match key {
                    b'\t' | 0x20.. => typed.echo.push(key),
                    control => echo_control(control, &mut typed.echo),
                }
            }
        }
    }

    /// Takes the last character back, all bytes of UTF-8 of it.
    fn erase(&mut self, echo: &mut Vec<u8>) {
        let Some(last) = self.line.pop() else {
            return;
        };
        if last & 0xc0 == 0x80 {
            while self.line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
        }
        let width = if last < 0x20 { 2 } else { 1 };
        for _ in 0..width {
            echo.extend_from_slice(b"\x08 \x08");
        }
    }
}

/// `^C`
fn echo_control(key: u8, echo: &mut Vec<u8>) {
    echo.extend_from_slice(&[b'^', key ^ 0x40]);
}

/// Output as a terminal shows it: each line begins at its left.
pub fn shown(output: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(output.len() + output.len() / 16);
    for byte in output {
        if *byte == b'\n' {
            shown.push(b'\r');
        }
        shown.push(*byte);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: &str, lines: &str, echo: &str) -> Typed {
        let typed = LineDiscipline::default().type_in(keys.as_bytes());
        assert_eq!(String::from_utf8_lossy(&typed.lines), lines, "{keys:?}");
        assert_eq!(String::from_utf8_lossy(&typed.echo), echo, "{keys:?}");
        typed
    }

    #[test]
    fn lines_are_echoed_and_come_when_they_are_complete() {
        check("ls\rc", "ls\n", "ls\r\nc");
        check("a\tb\n", "a\tb\n", "a\tb\r\n");
    }

    #[test]
    fn what_was_typed_can_be_taken_back() {
        check("lx\x7fs\r", "ls\n", "lx\x08 \x08s\r\n");
        check("\x7f\r", "\n", "\r\n");
        check("ä€\x7f\x7fx\r", "x\n", "ä€\x08 \x08\x08 \x08x\r\n");
        check(
            "one two \x17\r",
            "one \n",
            "one two \x08 \x08\x08 \x08\x08 \x08\x08 \x08\r\n",
        );
        check("ab\x15c\r", "c\n", "ab\x08 \x08\x08 \x08c\r\n");
        check("\x01\x7f\r", "\n", "^A\x08 \x08\x08 \x08\r\n");
    }

    #[test]
    fn an_interrupt_drops_the_line() {
        let typed = check("abc\x03ls\r", "ls\n", "abc^Cls\r\n");
        assert_eq!(typed.signals, [Signal::INT]);
        assert_eq!(check("\x1c", "", "^\\").signals, [Signal::QUIT]);
    }

    #[test]
    fn an_end_is_one_only_on_an_empty_line() {
        assert!(check("\x04abc", "", "").at_end);
        let typed = check("abc\x04", "abc", "abc");
        assert!(!typed.at_end);
    }

    #[test]
    fn a_line_has_an_end() {
        let mut discipline = LineDiscipline::default();
        let typed = discipline.type_in(&[b'x'; LINE_BYTES_MAX + 1]);
        assert_eq!(typed.echo.last(), Some(&0x07));
        assert_eq!(discipline.type_in(b"\r").lines.len(), LINE_BYTES_MAX + 1);
    }

    #[test]
    fn output_begins_at_the_left() {
        assert_eq!(shown(b"a\nb\r\n"), b"a\r\nb\r\r\n");
    }
}
