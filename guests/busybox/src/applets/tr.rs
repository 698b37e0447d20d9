//! `tr`.

use super::echo::unescape;
use crate::sh::in_class;
use crate::tool::{Options, Ran, Tool};

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        arguments,
        "+cCdst",
        &[
            ("delete", 'd'),
            ("squeeze-repeats", 's'),
            ("complement", 'c'),
        ],
    )?;
    let (delete, squeeze) = (options.has('d'), options.has('s'));
    let Some(first) = options.operands.first() else {
        return Err("missing operand".to_owned());
    };
    let mut from = expand(first);
    let to = options.operands.get(1).map(|set| expand(set));
    if to.is_none() && !delete && !squeeze {
        return Err("missing operand".to_owned());
    }
    if options.has('c') || options.has('C') {
        from = (0..=255).filter(|byte| !from.contains(byte)).collect();
    }
    let mut map: Vec<u8> = (0..=255).collect();
    if let Some(to) = &to
        && !delete
        && let Some(last) = to.last()
    {
        for (index, byte) in from.iter().enumerate() {
            map[usize::from(*byte)] = *to.get(index).unwrap_or(last);
        }
    }
    let mut squeezed = [false; 256];
    for byte in to.as_ref().unwrap_or(&from) {
        squeezed[usize::from(*byte)] = squeeze;
    }
    let mut deleted = [false; 256];
    for byte in &from {
        deleted[usize::from(*byte)] = delete;
    }
    let Some(mut input) = tool.open("-") else {
        return Ok(1);
    };
    let mut last = None;
    loop {
        let mut chunk = input.chunk(tool)?;
        if chunk.is_empty() {
            return Ok(0);
        }
        chunk.retain_mut(|byte| {
            if deleted[usize::from(*byte)] {
                return false;
            }
            *byte = map[usize::from(*byte)];
            let repeats = last == Some(*byte) && squeezed[usize::from(*byte)];
            last = Some(*byte);
            !repeats
        });
        tool.write(&chunk);
    }
}

/// The bytes a set stands for, in order.
fn expand(set: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = set;
    while !rest.is_empty() {
        if let Some(class) = rest.strip_prefix("[:")
            && let Some((name, after)) = class.split_once(":]")
        {
            bytes.extend((0..=127_u8).filter(|byte| in_class(name, *byte as char)));
            rest = after;
            continue;
        }
        let (low, after) = one(rest);
        match after.strip_prefix('-').filter(|after| !after.is_empty()) {
            Some(after) => {
                let (high, after) = one(after);
                match (low.as_slice(), high.as_slice()) {
                    ([low], [high]) if low <= high => bytes.extend(*low..=*high),
                    _ => bytes.extend(low.iter().chain(b"-").chain(&high)),
                }
                rest = after;
            }
            None => {
                bytes.extend(low);
                rest = after;
            }
        }
    }
    bytes
}

/// The first character of a set, and what follows it.
fn one(set: &str) -> (Vec<u8>, &str) {
    let mut chars = set.chars();
    let first = chars.next().unwrap_or('\\');
    if first != '\\' || set.len() == 1 {
        return (first.to_string().into_bytes(), chars.as_str());
    }
    let digits = set[1..]
        .bytes()
        .take(3)
        .take_while(|byte| (b'0'..=b'7').contains(byte))
        .count();
    let length = match digits {
        0 => 1 + chars.next().map_or(0, char::len_utf8),
        digits => 1 + digits,
    };
    let (mut bytes, _) = unescape(&set.as_bytes()[..length], false);
    if digits == 0 && bytes.len() > 1 && bytes[0] == b'\\' {
        bytes.remove(0);
    }
    (bytes, &set[length..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_sets() {
        for (set, expected) in [
            ("a-d", "abcd"),
            ("[:digit:]x", "0123456789x"),
            ("\\n\\t", "\n\t"),
            ("a-", "a-"),
            ("\\101\\\\", "A\\"),
            ("z-a", "z-a"),
            ("\\-", "-"),
            ("\\", "\\"),
        ] {
            assert_eq!(String::from_utf8_lossy(&expand(set)), expected, "{set}");
        }
    }
}
