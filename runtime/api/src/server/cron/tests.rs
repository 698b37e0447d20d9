use super::*;

fn next(schedule: &str, zone: &str, after: &str, times: usize) -> Vec<String> {
    let schedule = Schedule::parse(schedule).unwrap();
    let zone = time_zone(zone).unwrap();
    let mut time: Timestamp = after.parse().unwrap();
    let mut found = Vec::new();
    for _ in 0..times {
        match schedule.next(time, &zone) {
            Some(next) => time = next,
            None => break,
        }
        found.push(time.to_string());
    }
    found
}

#[test]
fn schedules_say_when() {
    let check = |schedule: &str, after: &str, expected: &[&str]| {
        assert_eq!(
            next(schedule, "UTC", after, expected.len().max(1)),
            expected,
            "{schedule}"
        );
    };
    check(
        "* * * * *",
        "2026-01-01T00:00:30Z",
        &["2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"],
    );
    check(
        "*/15 * * * *",
        "2026-01-01T00:44:59.5Z",
        &["2026-01-01T00:45:00Z", "2026-01-01T01:00:00Z"],
    );
    check(
        "5/20 2 * * *",
        "2026-01-01T00:00:00Z",
        &[
            "2026-01-01T02:05:00Z",
            "2026-01-01T02:25:00Z",
            "2026-01-01T02:45:00Z",
            "2026-01-02T02:05:00Z",
        ],
    );
    check("@hourly", "2026-12-31T23:59:59Z", &["2027-01-01T00:00:00Z"]);
    check(
        "@monthly",
        "2026-01-31T00:00:00Z",
        &["2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"],
    );
    check("@yearly", "2026-01-01T00:00:00Z", &["2027-01-01T00:00:00Z"]);
    check("@weekly", "2026-01-01T00:00:00Z", &["2026-01-04T00:00:00Z"]);
    check(
        "@every 90s",
        "2026-01-01T00:00:00Z",
        &["2026-01-01T00:01:30Z", "2026-01-01T00:03:00Z"],
    );
    check(
        "0 12 29 feb ?",
        "2026-01-01T00:00:00Z",
        &["2028-02-29T12:00:00Z"],
    );
    // One of both is enough when both are restricted.
    check(
        "0 0 13 * FRI",
        "2026-02-01T00:00:00Z",
        &["2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z"],
    );
    check(
        "0 0 */10 * 5",
        "2026-02-01T00:00:00Z",
        &["2026-02-06T00:00:00Z", "2026-02-11T00:00:00Z"],
    );
    check("0 0 30 2 *", "2026-01-01T00:00:00Z", &[]);
}

#[test]
fn clocks_that_are_changed_leave_out_and_repeat() {
    let berlin = |schedule: &str, after: &str| next(schedule, "Europe/Berlin", after, 2);
    assert_eq!(
        berlin("30 12 * * *", "2026-03-28T00:00:00Z"),
        ["2026-03-28T11:30:00Z", "2026-03-29T10:30:00Z"]
    );
    assert_eq!(
        berlin("30 2 * * *", "2026-03-28T12:00:00Z"),
        ["2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"]
    );
    assert_eq!(
        berlin("30 2 * * *", "2026-10-24T12:00:00Z"),
        ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]
    );
}

#[test]
fn what_is_no_schedule_is_refused() {
    let check = |text: &str, error: &str| {
        assert_eq!(Schedule::parse(text).unwrap_err().to_string(), error);
    };
    check("* * * *", "expected exactly 5 fields, found 4: [* * * *]");
    check("60 * * * *", "end of range (60) above maximum (59): 60");
    check("* * 0 * *", "beginning of range (0) below minimum (1): 0");
    check(
        "5-3 * * * *",
        "beginning of range (5) beyond end of range (3): 5-3",
    );
    check(
        "*/0 * * * *",
        "step of range should be a positive number: */0",
    );
    check(
        "a * * * *",
        "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax",
    );
    check("1-2-3 * * * *", "too many hyphens: 1-2-3");
    check("1/2/3 * * * *", "too many slashes: 1/2/3");
    check("@often", "unrecognized descriptor: @often");
    check(
        "@every x",
        "failed to parse duration @every x: time: invalid duration \"x\"",
    );
    assert_eq!(
        time_zone("Mars/Olympus").unwrap_err().to_string(),
        "unknown time zone Mars/Olympus"
    );
}

#[test]
fn durations_are_those_of_go() {
    let check = |text: &str, millis: Option<u64>| {
        assert_eq!(
            go_duration(text),
            millis.map(Duration::from_millis),
            "{text}"
        );
    };
    check("1h30m", Some(5_400_000));
    check("1.5s", Some(1500));
    check("10ms", Some(10));
    check("0", Some(0));
    check("5", None);
    check("", None);
    check("1x", None);
}
