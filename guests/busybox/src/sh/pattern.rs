//! Patterns of `case`, `${x#…}` and path names: POSIX' shell command language, section 2.13.

use std::fs;

/// Text whose pieces know whether they were quoted.
pub type Text = Vec<(bool, String)>;

#[derive(Debug, Clone, PartialEq)]
enum Item {
    Char(char),
    One,
    Many,
    Set { negated: bool, members: Vec<Member> },
}

#[derive(Debug, Clone, PartialEq)]
enum Member {
    Range(char, char),
    Class(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Vec<Item>);

impl Pattern {
    pub fn new(text: &[(bool, String)]) -> Self {
        let chars: Vec<(bool, char)> = text
            .iter()
            .flat_map(|(quoted, piece)| piece.chars().map(move |c| (*quoted, c)))
            .collect();
        let mut items = Vec::new();
        let mut at = 0;
        while let Some(&(quoted, c)) = chars.get(at) {
            at += 1;
            match c {
                _ if quoted => items.push(Item::Char(c)),
                '*' if items.last() == Some(&Item::Many) => {}
                '*' => items.push(Item::Many),
                '?' => items.push(Item::One),
                '[' => match set(&chars[at..]) {
                    Some((item, length)) => {
                        items.push(item);
                        at += length;
                    }
                    None => items.push(Item::Char('[')),
                },
                '\\' if at < chars.len() => {
                    items.push(Item::Char(chars[at].1));
                    at += 1;
                }
                _ => items.push(Item::Char(c)),
            }
        }
        Self(items)
    }

    /// A pattern without quoting, as `find -name` takes it.
    pub fn plain(text: &str) -> Self {
        Self::new(&[(false, text.to_owned())])
    }

    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut item, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match self.0.get(item) {
                None if at == text.len() => return true,
                Some(Item::Many) => {
                    retry = Some((item, at));
                    item += 1;
                    continue;
                }
                Some(one) if text.get(at).is_some_and(|c| one.accepts(*c)) => {
                    item += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            match retry {
                Some((many, from)) if from < text.len() => {
                    retry = Some((many, from + 1));
                    item = many + 1;
                    at = from + 1;
                }
                _ => return false,
            }
        }
    }

    /// Length in bytes of the prefix of `text` that matches.
    pub fn prefix(&self, text: &str, longest: bool) -> Option<usize> {
        let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let matches = |end: &usize| self.matches(&text[..*end]);
        if longest {
            ends.rfind(matches)
        } else {
            ends.find(matches)
        }
    }

    /// Where the suffix of `text` that matches begins.
    pub fn suffix(&self, text: &str, longest: bool) -> Option<usize> {
        let mut starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let matches = |start: &usize| self.matches(&text[*start..]);
        if longest {
            starts.find(matches)
        } else {
            starts.rfind(matches)
        }
    }

    fn literal(&self) -> Option<String> {
        self.0
            .iter()
            .map(|item| {
                if let Item::Char(c) = item {
                    Some(*c)
                } else {
                    None
                }
            })
            .collect()
    }
}

impl Item {
    fn accepts(&self, c: char) -> bool {
        match self {
            Self::Char(own) => *own == c,
            Self::One => true,
            Self::Many => false,
            Self::Set { negated, members } => {
                *negated != members.iter().any(|member| member.accepts(c))
            }
        }
    }
}

impl Member {
    fn accepts(&self, c: char) -> bool {
        match self {
            Self::Range(low, high) => (*low..=*high).contains(&c),
            Self::Class(name) => in_class(name, c),
        }
    }
}

/// Whether `c` is in the character class of that POSIX name.
pub fn in_class(name: &str, c: char) -> bool {
    match name {
        "alpha" => c.is_alphabetic(),
        "digit" => c.is_ascii_digit(),
        "alnum" => c.is_alphanumeric(),
        "upper" => c.is_uppercase(),
        "lower" => c.is_lowercase(),
        "space" => c.is_whitespace(),
        "blank" => c == ' ' || c == '\t',
        "punct" => c.is_ascii_punctuation(),
        "print" => !c.is_control(),
        "graph" => !c.is_control() && !c.is_whitespace(),
        "cntrl" => c.is_control(),
        "xdigit" => c.is_ascii_hexdigit(),
        _ => false,
    }
}

/// A bracket expression after its `[`, and its length; none if it has no end.
fn set(chars: &[(bool, char)]) -> Option<(Item, usize)> {
    let negated = matches!(chars.first(), Some((false, '!' | '^')));
    let mut at = usize::from(negated);
    let mut members = Vec::new();
    loop {
        let &(quoted, c) = chars.get(at)?;
        if c == ']' && !quoted && !members.is_empty() {
            return Some((Item::Set { negated, members }, at + 1));
        }
        if c == '[' && !quoted && chars.get(at + 1).is_some_and(|next| next.1 == ':') {
            let rest: String = chars[at + 2..].iter().map(|(_, c)| *c).collect();
            let end = rest.find(":]")?;
            members.push(Member::Class(rest[..end].to_owned()));
            at += 2 + rest[..end].chars().count() + 2;
            continue;
        }
        let escaped = c == '\\' && !quoted;
        at += usize::from(escaped);
        let low = chars.get(at)?.1;
        at += 1;
        match (chars.get(at), chars.get(at + 1)) {
            (Some((false, '-')), Some((high_quoted, high))) if *high != ']' || *high_quoted => {
                members.push(Member::Range(low, *high));
                at += 2;
            }
            _ => members.push(Member::Range(low, low)),
        }
    }
}

/// The existing paths `text` stands for, sorted; none if it has no pattern or nothing matches.
pub fn paths(text: &Text) -> Option<Vec<String>> {
    let magic = |(quoted, piece): &(bool, String)| !quoted && piece.contains(['*', '?', '[']);
    if !text.iter().any(magic) {
        return None;
    }
    let mut found = vec![String::new()];
    for (index, component) in components(text).into_iter().enumerate() {
        let separator = if index > 0 { "/" } else { "" };
        let pattern = Pattern::new(&component);
        let step = |prefix: String| match pattern.literal() {
            Some(name) => vec![format!("{prefix}{separator}{name}")],
            None => entries(&prefix, separator, &pattern),
        };
        found = found.into_iter().flat_map(step).collect();
    }
    found.retain(|path| fs::symlink_metadata(path).is_ok());
    found.sort();
    (!found.is_empty()).then_some(found)
}

fn components(text: &Text) -> Vec<Text> {
    let mut all = vec![Text::new()];
    for (quoted, piece) in text {
        for (index, part) in piece.split('/').enumerate() {
            if index > 0 {
                all.push(Text::new());
            }
            if let Some(last) = all.last_mut() {
                last.push((*quoted, part.to_owned()));
            }
        }
    }
    all
}

fn entries(prefix: &str, separator: &str, pattern: &Pattern) -> Vec<String> {
    let directory = match (prefix, separator) {
        ("", "") => ".".to_owned(),
        _ => format!("{prefix}{separator}"),
    };
    let hidden = matches!(pattern.0.first(), Some(Item::Char('.')));
    let Ok(read) = fs::read_dir(&directory) else {
        return Vec::new();
    };
    let names = read.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter(|name| (hidden || !name.starts_with('.')) && pattern.matches(name))
        .map(|name| format!("{prefix}{separator}{name}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_posix_says() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*.txt", "a.txt", true),
            ("?", "ä", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]", "]", true),
            ("[[:digit:]]*", "7up", true),
            ("[", "[", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("*a*b*", "xxaxxbxx", true),
            ("[a-]", "-", true),
        ] {
            assert_eq!(
                Pattern::plain(pattern).matches(text),
                expected,
                "{pattern} {text}"
            );
        }
    }
}
