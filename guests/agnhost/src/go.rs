//! Texts as Go's standard library writes and reads them.

use std::fmt::Write as _;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use web::date::Civil;

/// `time.Duration.String`: `1m0s`, `2.5s`, `150ms`.
pub fn duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000_000_000 {
        let (unit, name) = match nanos {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            _ => (1_000_000, "ms"),
        };
        return format!("{}{name}", decimal(nanos, unit));
    }
    let seconds = nanos / 1_000_000_000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let rest = nanos - (hours * 3600 + minutes * 60) * 1_000_000_000;
    let rest = decimal(rest, 1_000_000_000);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

/// `amount / unit` without zeros at the end; `unit` is a power of ten.
fn decimal(amount: u128, unit: u128) -> String {
    let digits = unit.ilog10() as usize;
    let fraction = format!("{:0digits$}", amount % unit);
    match fraction.trim_end_matches('0') {
        "" => (amount / unit).to_string(),
        _ if digits == 0 => amount.to_string(),
        fraction => format!("{}.{fraction}", amount / unit),
    }
}

/// `time.ParseDuration`, in nanoseconds: `300ms`, `-1.5h`, `2h45m`, `0`.
pub fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0f64;
    while !rest.is_empty() {
        let number = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let amount: f64 = rest[..number].parse().ok()?;
        rest = &rest[number..];
        let unit = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let nanos = match &rest[..unit] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        total += amount * nanos;
        rest = &rest[unit..];
    }
    (total <= i64::MAX as f64).then_some(if negative {
        -(total as i64)
    } else {
        total as i64
    })
}

/// `%q` of a string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let _infallible = write!(quoted, "\\x{:02x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// `fs.FileMode.String` of permission bits as `st_mode` has them.
pub fn file_mode(directory: bool, bits: u32) -> String {
    let mut text = String::new();
    let letters = [
        (directory, 'd'),
        (bits & 0o4000 != 0, 'u'),
        (bits & 0o2000 != 0, 'g'),
        (bits & 0o1000 != 0, 't'),
    ];
    text.extend(letters.iter().filter(|(is, _)| *is).map(|(_, c)| c));
    if text.is_empty() {
        text.push('-');
    }
    for bit in (0..9).rev() {
        let set = bits & (1 << bit) != 0;
        text.push(if set { b"xwr"[bit % 3] as char } else { '-' });
    }
    text
}

/// The text of an `errno`, as Linux' Go writes it.
pub fn errno(error: &io::Error) -> String {
    use io::ErrorKind;
    let text = match error.kind() {
        ErrorKind::NotFound => "no such file or directory",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::AlreadyExists => "file exists",
        ErrorKind::NotADirectory => "not a directory",
        ErrorKind::IsADirectory => "is a directory",
        ErrorKind::ReadOnlyFilesystem => "read-only file system",
        ErrorKind::StorageFull => "no space left on device",
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::ConnectionReset => "connection reset by peer",
        ErrorKind::HostUnreachable => "no route to host",
        ErrorKind::NetworkUnreachable => "network is unreachable",
        ErrorKind::AddrInUse => "address already in use",
        ErrorKind::AddrNotAvailable => "cannot assign requested address",
        ErrorKind::BrokenPipe => "broken pipe",
        ErrorKind::TimedOut => "connection timed out",
        _ => return error.to_string(),
    };
    text.to_owned()
}

/// `%v` of `time.Now()`, in UTC, after this much of the program's time.
pub fn time(wall: SystemTime, monotonic: Duration) -> String {
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    let at = Civil::of(since.as_secs() as i64);
    let fraction = format!("{:09}", since.subsec_nanos());
    let fraction = match fraction.trim_end_matches('0') {
        "" => String::new(),
        fraction => format!(".{fraction}"),
    };
    format!(
        "{}-{:02}-{:02} {:02}:{:02}:{:02}{fraction} +0000 UTC m=+{}.{:09}",
        at.year,
        at.month,
        at.day,
        at.hour,
        at.minute,
        at.second,
        monotonic.as_secs(),
        monotonic.subsec_nanos()
    )
}

/// The head of a line of klog at level info: `I1121 14:48:56.000000       1 file.go:94] `.
pub fn klog_head(level: char, wall: SystemTime, pid: u32, place: &str) -> String {
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    let at = Civil::of(since.as_secs() as i64);
    format!(
        "{level}{:02}{:02} {:02}:{:02}:{:02}.{:06} {pid:>7} {place}] ",
        at.month,
        at.day,
        at.hour,
        at.minute,
        at.second,
        since.subsec_micros()
    )
}

/// `http.CanonicalHeaderKey`
pub fn header_key(name: &str) -> String {
    let mut upper = true;
    name.chars()
        .map(|c| {
            let shown = if upper {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            };
            upper = c == '-';
            shown
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (150_000_000, "150ms"),
            (1_000_000_000, "1s"),
            (10_000_120_000, "10.00012s"),
            (60_000_000_000, "1m0s"),
            (5_400_000_000_000, "1h30m0s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(duration(Duration::from_nanos(nanos)), text);
            assert_eq!(parse_duration(text), Some(nanos as i64), "{text}");
        }
        assert_eq!(parse_duration("-1.5h"), Some(-5_400_000_000_000));
        for wrong in ["", "1", "s", "1x", "1..2s", "-", "1e3s"] {
            assert_eq!(parse_duration(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn modes() {
        assert_eq!(file_mode(false, 0o644), "-rw-r--r--");
        assert_eq!(file_mode(true, 0o777), "drwxrwxrwx");
        assert_eq!(file_mode(true, 0o1777), "dtrwxrwxrwx");
        assert_eq!(file_mode(false, 0o4755), "urwxr-xr-x");
    }

    #[test]
    fn times() {
        let wall = UNIX_EPOCH + Duration::new(784_111_777, 120_000_000);
        assert_eq!(
            time(wall, Duration::from_millis(1500)),
            "1994-11-06 08:49:37.12 +0000 UTC m=+1.500000000"
        );
        assert_eq!(
            klog_head('I', wall, 1, "a.go:3"),
            "I1106 08:49:37.120000       1 a.go:3] "
        );
    }

    #[test]
    fn words() {
        assert_eq!(quoted("/a \"b\"\n"), "\"/a \\\"b\\\"\\n\"");
        assert_eq!(header_key("x-forwarded-FOR"), "X-Forwarded-For");
    }
}
