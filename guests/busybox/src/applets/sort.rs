//! `sort`.

use crate::regex::decode;
use crate::sys::How;
use crate::tool::{Options, Ran, Tool};
use std::cmp::Ordering;

/// How one key compares.
#[derive(Debug, Clone, Default)]
struct Key {
    /// Field and character, counted from 1; the end is included.
    start: (usize, usize),
    end: Option<(usize, usize)>,
    letters: String,
}

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [
        ("reverse", 'r'),
        ("numeric-sort", 'n'),
        ("unique", 'u'),
        ("key", 'k'),
        ("output", 'o'),
        ("field-separator", 't'),
    ];
    let options = Options::read(arguments, "ngMucszbrdfihVo:k:t:", &long)?;
    let order = Order::read(&options)?;
    let end = if options.has('z') { 0 } else { b'\n' };
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let status = tool.inputs_briefly(&options.operands, |tool, input| {
        while let Some(mut line) = input.until(end, tool)? {
            if line.last() == Some(&end) {
                line.pop();
            }
            lines.push(line);
        }
        Ok(())
    })?;
    if status != 0 {
        return Ok(2);
    }
    if options.has('c') {
        let least = if order.unique {
            Ordering::Equal
        } else {
            Ordering::Greater
        };
        let disorder = lines
            .windows(2)
            .position(|pair| order.of(&pair[0], &pair[1]) >= least);
        disorder
            .iter()
            .for_each(|at| tool.line(format_args!("Check line {}", at + 1)));
        return Ok(u8::from(disorder.is_some()));
    }
    lines.sort_by(|a, b| order.of(a, b));
    if order.unique {
        lines.dedup_by(|b, a| order.of(a, b) == Ordering::Equal);
    }
    let mut output = Vec::new();
    for line in lines {
        output.extend(line);
        output.push(end);
    }
    match options.value('o') {
        Some(path) => tool
            .create(path, How::CREATE)?
            .write(&output)
            .map_err(|error| error.to_string())?,
        None => tool.write(&output),
    }
    Ok(0)
}

/// How lines compare.
struct Order {
    keys: Vec<Key>,
    separator: Option<char>,
    reverse: bool,
    unique: bool,
    stable: bool,
}

impl Order {
    fn read(options: &Options) -> Result<Self, String> {
        let separator = match options.value('t') {
            Some(text) => Some(text.chars().next().ok_or("bad -t parameter")?),
            None => None,
        };
        let global: String = "ngMbdfihVr"
            .chars()
            .filter(|letter| options.has(*letter))
            .collect();
        let mut keys = options
            .values('k')
            .map(parse)
            .collect::<Result<Vec<Key>, String>>()?;
        for key in keys.iter_mut().filter(|key| key.letters.is_empty()) {
            key.letters.clone_from(&global);
        }
        if keys.is_empty() {
            keys.push(Key {
                start: (1, 1),
                end: None,
                letters: global,
            });
        }
        let (reverse, unique) = (options.has('r'), options.has('u'));
        Ok(Self {
            keys,
            separator,
            reverse,
            unique,
            stable: options.has('s') || unique,
        })
    }

    fn of(&self, a: &[u8], b: &[u8]) -> Ordering {
        let last_resort = || match (self.stable, self.reverse) {
            (true, _) => Ordering::Equal,
            (false, true) => b.cmp(a),
            (false, false) => a.cmp(b),
        };
        compare_keys(a, b, &self.keys, self.separator).then_with(last_resort)
    }
}

/// `2.3,4nr`.
fn parse(text: &str) -> Result<Key, String> {
    let bad = || format!("bad field specification '{text}'");
    let mut letters = String::new();
    let mut position = |part: &str| -> Result<(usize, usize), String> {
        let digits = part.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        letters.push_str(&part[digits.len()..]);
        let (field, character) = digits.split_once('.').unwrap_or((digits, "0"));
        Ok((
            field.parse().map_err(|_| bad())?,
            character.parse().map_err(|_| bad())?,
        ))
    };
    let (start, end) = match text.split_once(',') {
        Some((start, end)) => (position(start)?, Some(position(end)?)),
        None => (position(text)?, None),
    };
    if start.0 == 0 {
        return Err(bad());
    }
    Ok(Key {
        start: (start.0, start.1.max(1)),
        end,
        letters,
    })
}

fn compare_keys(a: &[u8], b: &[u8], keys: &[Key], separator: Option<char>) -> Ordering {
    for key in keys {
        let whole = key.start == (1, 1) && key.end.is_none();
        if whole && key.letters.chars().all(|letter| letter == 'r') {
            let order = a.cmp(b);
            return if key.letters.is_empty() {
                order
            } else {
                order.reverse()
            };
        }
        let (a, b) = (
            key.extract(&decode(a), separator),
            key.extract(&decode(b), separator),
        );
        let order = compare(&a, &b, &key.letters);
        if order != Ordering::Equal {
            return if key.letters.contains('r') {
                order.reverse()
            } else {
                order
            };
        }
    }
    Ordering::Equal
}

impl Key {
    fn extract(&self, line: &str, separator: Option<char>) -> String {
        let starts = field_starts(line, separator);
        let skip = |at: usize, blanks: bool| {
            let rest = &line[at..];
            if blanks {
                at + rest.len() - rest.trim_start_matches([' ', '\t']).len()
            } else {
                at
            }
        };
        let after = |at: usize, count: usize| {
            line[at..]
                .char_indices()
                .nth(count)
                .map_or(line.len(), |(length, _)| at + length)
        };
        let blanks = self.letters.contains('b');
        let Some((start, _)) = starts.get(self.start.0 - 1).copied() else {
            return String::new();
        };
        let start = after(skip(start, blanks), self.start.1 - 1);
        let end = match self.end {
            None => line.len(),
            Some((0, _)) => line.len(),
            Some((field, character)) => match starts.get(field - 1) {
                None => line.len(),
                Some((_, end)) if character == 0 => *end,
                Some((start, _)) => after(skip(*start, blanks), character),
            },
        };
        line.get(start..end.max(start)).unwrap_or("").to_owned()
    }
}

/// First and last byte of each field. Without a separator the blanks before a field belong to it.
fn field_starts(line: &str, separator: Option<char>) -> Vec<(usize, usize)> {
    let mut fields = Vec::new();
    let mut start = 0;
    match separator {
        Some(separator) => {
            for piece in line.split(separator) {
                fields.push((start, start + piece.len()));
                start += piece.len() + separator.len_utf8();
            }
        }
        None => {
            let is_blank = |c: char| c == ' ' || c == '\t';
            while start < line.len() || fields.is_empty() {
                let rest = &line[start..];
                let word = rest.find(|c| !is_blank(c)).unwrap_or(rest.len());
                let length = rest[word..]
                    .find(is_blank)
                    .map_or(rest.len(), |end| word + end);
                fields.push((start, start + length));
                start += length;
                if length == 0 {
                    break;
                }
            }
        }
    }
    fields
}

fn compare(a: &str, b: &str, letters: &str) -> Ordering {
    if letters.contains('n') || letters.contains('g') {
        return number(a).total_cmp(&number(b));
    }
    if letters.contains('h') {
        return human(a).total_cmp(&human(b));
    }
    if letters.contains('M') {
        return month(a).cmp(&month(b));
    }
    if letters.contains('V') {
        return version(a, b);
    }
    let prepare = |text: &str| -> String {
        let text = if letters.contains('b') {
            text.trim_start()
        } else {
            text
        };
        let keep = |c: &char| !letters.contains('d') || c.is_alphanumeric() || c.is_whitespace();
        let text: String = text.chars().filter(keep).collect();
        if letters.contains('f') {
            text.to_uppercase()
        } else {
            text
        }
    };
    prepare(a).cmp(&prepare(b))
}

fn number(text: &str) -> f64 {
    let text = text.trim_start();
    let allowed =
        |(at, c): &(usize, char)| c.is_ascii_digit() || *c == '.' || (*at == 0 && *c == '-');
    let length = text.char_indices().take_while(allowed).count();
    text[..length].parse().unwrap_or(0.0)
}

fn human(text: &str) -> f64 {
    let text = text.trim();
    let factor = match text.chars().last() {
        Some('K' | 'k') => 1024.0,
        Some('M') => 1024.0_f64.powi(2),
        Some('G') => 1024.0_f64.powi(3),
        Some('T') => 1024.0_f64.powi(4),
        _ => 1.0,
    };
    number(text) * factor
}

fn month(text: &str) -> usize {
    let start: String = text.trim_start().chars().take(3).collect();
    let known = crate::time::MONTHS
        .iter()
        .position(|month| month[..3].eq_ignore_ascii_case(&start));
    known.map_or(0, |index| index + 1)
}

fn version(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let split = |text: &str| {
            text.find(|c: char| c.is_ascii_digit())
                .unwrap_or(text.len())
        };
        let (a_text, a_rest) = a.split_at(split(a));
        let (b_text, b_rest) = b.split_at(split(b));
        let digits = |text: &str| {
            text.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len())
        };
        let (a_digits, a_after) = a_rest.split_at(digits(a_rest));
        let (b_digits, b_after) = b_rest.split_at(digits(b_rest));
        let value = |digits: &str| digits.parse::<u128>().unwrap_or(0);
        let order = a_text
            .cmp(b_text)
            .then_with(|| value(a_digits).cmp(&value(b_digits)));
        if order != Ordering::Equal || (a_after.is_empty() && b_after.is_empty()) {
            return order;
        }
        (a, b) = (a_after, b_after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_by_kind() {
        for (letters, a, b, expected) in [
            ("", "b", "a", Ordering::Greater),
            ("n", "10", "9", Ordering::Greater),
            ("n", "-1", "x", Ordering::Less),
            ("f", "B", "a", Ordering::Greater),
            ("h", "2K", "1M", Ordering::Less),
            ("M", "Feb", "jan", Ordering::Greater),
            ("V", "1.10", "1.9", Ordering::Greater),
        ] {
            assert_eq!(compare(a, b, letters), expected, "{letters} {a} {b}");
        }
    }

    #[test]
    fn extracts_keys() {
        for (key, separator, expected) in [
            ("2", None, " b c"),
            ("2,2", None, " b"),
            ("2b,2", None, "b"),
            ("2,2", Some(' '), "b"),
            ("1.2,1", None, "a"),
            ("9", None, ""),
        ] {
            assert_eq!(
                parse(key).unwrap().extract("aa b c", separator),
                expected,
                "{key}"
            );
        }
        assert!(parse("0").is_err() && parse("x").is_err());
    }
}
