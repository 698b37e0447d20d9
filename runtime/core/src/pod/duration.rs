//! Durations as Kubernetes prints them.

use std::time::Duration;

/// As Go's `time.Duration` prints: `1m20s`, `1.5s`, `345ms`, `0s`. Cut to milliseconds.
pub fn go_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let (seconds, fraction) = (millis / 1000 % 60, millis % 1000);
    let seconds = match fraction {
        0 => format!("{seconds}s"),
        _ => format!(
            "{seconds}.{}s",
            format!("{fraction:03}").trim_end_matches('0')
        ),
    };
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, _) => format!("{minutes}m{seconds}"),
        _ => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// As kubectl prints ages: at most two units (apimachinery `duration.HumanDuration`).
pub fn human_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, years) = (hours / 24, hours / 24 / 365);
    let two = |large: u64, unit: char, small: u64, small_unit: char| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{small_unit}"),
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, 'm', seconds % 60, 's'),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, 'h', minutes % 60, 'm'),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => two(days, 'd', hours % 24, 'h'),
        () if years < 2 => format!("{days}d"),
        () if years < 8 => two(years, 'y', days % 365, 'd'),
        () => format!("{years}y"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        let check =
            |millis, text: &str| assert_eq!(go_duration(Duration::from_millis(millis)), text);
        check(0, "0s");
        check(345, "345ms");
        check(1200, "1.2s");
        check(10_000, "10s");
        check(80_000, "1m20s");
        check(300_000, "5m0s");
        check(3_661_005, "1h1m1.005s");
    }

    #[test]
    fn human_durations() {
        let check =
            |seconds, text: &str| assert_eq!(human_duration(Duration::from_secs(seconds)), text);
        check(0, "0s");
        check(119, "119s");
        check(120, "2m");
        check(125, "2m5s");
        check(599, "9m59s");
        check(600, "10m");
        check(3 * 3600, "3h");
        check(3 * 3600 + 60, "3h1m");
        check(8 * 3600 + 60, "8h");
        check(49 * 3600, "2d1h");
        check(8 * 86_400, "8d");
        check(3 * 365 * 86_400, "3y");
        check(3 * 365 * 86_400 + 86_400, "3y1d");
        check(9 * 365 * 86_400, "9y");
    }
}
