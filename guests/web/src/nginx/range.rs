//! `Range` requests.

/// What a `Range` header asks of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Ranges {
    /// The file as a whole.
    Whole,
    /// From (inclusive) and to (exclusive).
    Parts(Vec<(u64, u64)>),
    /// 416
    Unsatisfiable,
}

/// Reads `bytes=…` as `ngx_http_range_parse` does.
pub fn parse(header: &str, length: u64, ranges_max: u64) -> Ranges {
    let Some(list) = header
        .get(..6)
        .filter(|unit| unit.eq_ignore_ascii_case("bytes="))
        .map(|_| &header[6..])
    else {
        return Ranges::Whole;
    };
    let mut parts = Vec::new();
    let mut size = 0_u64;
    for range in list.split(',') {
        let Some((start, end)) = range.trim().split_once('-') else {
            return Ranges::Unsatisfiable;
        };
        let (start, end) = (start.trim(), end.trim());
        let (from, to) = match (number(start), number(end)) {
            (Some(from), Some(last)) if from <= last => (from, last.saturating_add(1).min(length)),
            (Some(from), None) if end.is_empty() => (from, length),
            (None, Some(suffix)) if start.is_empty() => (length.saturating_sub(suffix), length),
            (Some(from), Some(_)) => (from, 0),
            _ => return Ranges::Unsatisfiable,
        };
        if from < to {
            if parts.len() as u64 >= ranges_max {
                return Ranges::Whole;
            }
            size = size.saturating_add(to - from);
            parts.push((from, to));
        } else if from == 0 {
            return Ranges::Whole;
        }
    }
    if parts.is_empty() {
        return Ranges::Unsatisfiable;
    }
    if size > length {
        Ranges::Whole
    } else {
        Ranges::Parts(parts)
    }
}

fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_nginx_reads_them() {
        check("bytes=0-4", &Ranges::Parts(vec![(0, 5)]));
        check("bytes=5-", &Ranges::Parts(vec![(5, 10)]));
        check("bytes=-3", &Ranges::Parts(vec![(7, 10)]));
        check("bytes=0-99", &Ranges::Parts(vec![(0, 10)]));
        check("bytes=0-1,4-5", &Ranges::Parts(vec![(0, 2), (4, 6)]));
        check("bytes=0-1, 20-30", &Ranges::Parts(vec![(0, 2)]));
        check("bytes=0-9,0-9", &Ranges::Whole);
        check("lines=0-1", &Ranges::Whole);
        check("bytes=10-", &Ranges::Unsatisfiable);
        check("bytes=5-2", &Ranges::Unsatisfiable);
        check("bytes=a-b", &Ranges::Unsatisfiable);
        check("bytes=", &Ranges::Unsatisfiable);
        check("bytes=-0", &Ranges::Unsatisfiable);
    }

    fn check(header: &str, expected: &Ranges) {
        assert_eq!(&parse(header, 10, u64::MAX), expected, "of {header:?}");
    }
}
