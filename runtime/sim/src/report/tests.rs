use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use seedpod_core::time::Instant;
use seedpod_core::trace::TraceEvent;
use std::collections::BTreeMap;
use std::time::Duration;

/// A reader that meets half a file, and says so.
const HALF: &str = r#"
{"n":0,"t":0,"c":"writer","k":"start"}
{"n":1,"t":1000,"c":"reader","k":"start"}
{"n":2,"t":10000,"c":"writer","fuel":900,"k":"log","a":"writing"}
{"n":3,"t":12000,"c":"writer","fuel":1000,"k":"fs.write","o":"vol:shared/out.json","a":"0..4096","r":"ok"}
{"n":4,"t":14000,"c":"reader","fuel":800,"k":"fs.open","o":"vol:shared/out.json","r":"ok"}
{"n":5,"t":15000,"c":"reader","fuel":820,"k":"fs.read","o":"vol:shared/out.json","a":"0..4096","r":"ok"}
{"n":6,"t":16000,"c":"reader","fuel":850,"k":"mq.receive","o":"mq:/jobs","r":"blocked"}
{"n":7,"t":3000016000,"c":"writer","fuel":1100,"k":"mq.send","o":"mq:/jobs","a":"12 bytes","r":"ok"}
{"n":8,"t":3000017000,"c":"reader","fuel":860,"k":"mq.receive","o":"mq:/jobs","a":"12 bytes","r":"ok"}
{"n":9,"t":3000018000,"c":"reader","fuel":900,"k":"log","a":"half \u001b[31ma file"}
{"n":10,"t":3000019000,"c":"reader","fuel":910,"k":"exit","a":"exit 1"}
"#;

fn trace(lines: &str) -> Vec<TraceEvent> {
    jsonl::read(lines.as_bytes()).map(Result::unwrap).collect()
}

fn half() -> FailureReport {
    FailureReport {
        test: "orders".to_owned(),
        property: "never half".to_owned(),
        message: "file(\"/shared/out.json\") is no JSON".to_owned(),
        seed: 0x5eed_0000_0000_1a2b,
        run: 37,
        runs: 500,
        at: Instant::from_nanos(15_000),
        event: 5,
        strategy: "pos".to_owned(),
        fingerprint: [("seedpod", "0.4.0"), ("wasmtime", "48.0.8")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        minimised: Some(Minimised {
            switches: 1,
            switches_before: 96,
            faults: 0,
            faults_before: 3,
            replays: 31,
        }),
        decisive: Some(Decisive {
            before: 3,
            after: 4,
            instead: Some(TraceEvent {
                task: "writer".to_owned(),
                kind: "fs.rename".to_owned(),
                object: "vol:shared/out.json".to_owned(),
                ..TraceEvent::default()
            }),
        }),
        trace: trace(HALF),
        choices: Some("seeds/orders-1a2b.choices".to_owned()),
    }
}

#[test]
fn a_failure_says_what_decides_it_and_how_to_see_it_again() {
    let check =
        |report: &FailureReport, expected: Expect| expected.assert_eq(&text::failure(report));
    check(
        &half(),
        expect![[r#"
        FAIL orders / never half   seed 0x5eed000000001a2b  run 37/500  virtual +0.000015s  strategy pos
          file("/shared/out.json") is no JSON
          fingerprint  seedpod 0.4.0 · wasmtime 48.0.8
          minimised    1 of 96 context switches, 0 of 3 faults (31 replays)
            writer fs.write vol:shared/out.json  0..4096       t=0.000012s
            ── switch ──▶ reader fs.open vol:shared/out.json   t=0.000014s
          passes if    writer fs.rename vol:shared/out.json precedes reader fs.open vol:shared/out.json
          logs         +0.000010s  writer  writing
                       +3.000018s  reader  half \u{1b}[31ma file
          replay       seedpod replay seeds/orders-1a2b.choices
    "#]],
    );
    let bare = FailureReport {
        test: "orders".to_owned(),
        property: "deadlock".to_owned(),
        message: "worker waits for mq:/a\napi waits for mq:/b".to_owned(),
        run: 1,
        runs: 1,
        strategy: "default".to_owned(),
        ..FailureReport::default()
    };
    check(
        &bare,
        expect![[r#"
        FAIL orders / deadlock   seed 0x0000000000000000  run 1/1  virtual +0.000000s  strategy default
          worker waits for mq:/a
          api waits for mq:/b
    "#]],
    );
}

#[test]
fn two_traces_are_compared_up_to_the_first_difference() {
    let check = |left: &str, right: &str, expected: Expect| {
        let (left, right) = (trace(left), trace(right));
        let difference = diff(&left, &right);
        let text = difference.map_or("equal".to_owned(), |difference| {
            difference.text(["a.trace", "b.trace"])
        });
        expected.assert_eq(&text);
    };
    check(HALF, HALF, expect!["equal"]);
    check("", "", expect!["equal"]);
    let until = |count: usize| {
        let lines: Vec<_> = HALF.lines().take(count).collect();
        lines.join("\n")
    };
    check(
        HALF,
        &until(6),
        expect![[r#"
        5 events are equal, then b.trace has ended
                 0  +0.000000s  writer start
                 1  +0.000001s  reader start
                 2  +0.000010s  writer log  writing
                 3  +0.000012s  writer fs.write vol:shared/out.json  0..4096
                 4  +0.000014s  reader fs.open vol:shared/out.json
        a.trace
          -      5  +0.000015s  reader fs.read vol:shared/out.json  0..4096
          -      6  +0.000016s  reader mq.receive mq:/jobs  → blocked
          -      7  +3.000016s  writer mq.send mq:/jobs  12 bytes
          -      8  +3.000017s  reader mq.receive mq:/jobs  12 bytes
          -      9  +3.000018s  reader log  half \u{1b}[31ma file
        b.trace
    "#]],
    );
    check(
        "",
        &until(2),
        expect![[r#"
        0 events are equal, then a.trace has ended
        a.trace
        b.trace
          +      0  +0.000000s  writer start
    "#]],
    );
    let other = HALF.replace(
        r#""c":"reader","fuel":820,"k":"fs.read""#,
        r#""c":"writer","fuel":1050,"k":"fs.read""#,
    );
    check(
        HALF,
        &other,
        expect![[r#"
            5 events are equal, then the next differs in c, fuel
                     0  +0.000000s  writer start
                     1  +0.000001s  reader start
                     2  +0.000010s  writer log  writing
                     3  +0.000012s  writer fs.write vol:shared/out.json  0..4096
                     4  +0.000014s  reader fs.open vol:shared/out.json
            a.trace
              -      5  +0.000015s  reader fs.read vol:shared/out.json  0..4096
              -      6  +0.000016s  reader mq.receive mq:/jobs  → blocked
              -      7  +3.000016s  writer mq.send mq:/jobs  12 bytes
              -      8  +3.000017s  reader mq.receive mq:/jobs  12 bytes
              -      9  +3.000018s  reader log  half \u{1b}[31ma file
            b.trace
              +      5  +0.000015s  writer fs.read vol:shared/out.json  0..4096
              +      6  +0.000016s  reader mq.receive mq:/jobs  → blocked
              +      7  +3.000016s  writer mq.send mq:/jobs  12 bytes
              +      8  +3.000017s  reader mq.receive mq:/jobs  12 bytes
              +      9  +3.000018s  reader log  half \u{1b}[31ma file
        "#]],
    );
    check(
        HALF,
        &HALF.replace(r#""fuel":860"#, r#""fuel":861"#),
        expect![[r#"
            8 events are equal, then the next differs in fuel
                     3  +0.000012s  writer fs.write vol:shared/out.json  0..4096
                     4  +0.000014s  reader fs.open vol:shared/out.json
                     5  +0.000015s  reader fs.read vol:shared/out.json  0..4096
                     6  +0.000016s  reader mq.receive mq:/jobs  → blocked
                     7  +3.000016s  writer mq.send mq:/jobs  12 bytes
            a.trace
              -      8  +3.000017s  reader mq.receive mq:/jobs  12 bytes
              -      9  +3.000018s  reader log  half \u{1b}[31ma file
              -     10  +3.000019s  reader  exit 1
            b.trace
              +      8  +3.000017s  reader mq.receive mq:/jobs  12 bytes
              +      9  +3.000018s  reader log  half \u{1b}[31ma file
              +     10  +3.000019s  reader  exit 1
        "#]],
    );
}

#[test]
fn junit_has_a_case_for_every_property() {
    let property = |property: &str, verdict| PropertyReport {
        property: property.to_owned(),
        verdict,
    };
    let report = TestReport {
        test: "orders".to_owned(),
        properties: vec![
            property("always no-dup", Verdict::Held),
            property("never half", Verdict::Failed(vec![half()])),
            property("sometimes retried", Verdict::Unmet),
        ],
        troubles: vec![
            Trouble::Nondeterminism("event 7 differs\n- a\n+ b".to_owned()),
            Trouble::Infrastructure("60 s of real time are over".to_owned()),
        ],
        seed: 0x5eed,
        strategy: "portfolio".to_owned(),
        fingerprint: half().fingerprint,
        runs: 500,
        interleavings: 123,
        elapsed: Duration::from_millis(400),
        simulated: Duration::from_secs(5000),
    };
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="seedpod" tests="5" skipped="0" failures="2" errors="2" time="0.400">
            <testsuite name="orders" tests="5" skipped="0" errors="2" failures="2" time="0.400">
                <properties>
                    <property name="seed" value="0x0000000000005eed"/>
                    <property name="strategy" value="portfolio"/>
                    <property name="fingerprint" value="seedpod 0.4.0 · wasmtime 48.0.8"/>
                    <property name="runs" value="500"/>
                    <property name="runs/s" value="1250.0"/>
                    <property name="interleavings" value="123"/>
                    <property name="simulated seconds" value="5000.000"/>
                </properties>
                <testcase name="always no-dup" classname="orders"/>
                <testcase name="never half" classname="orders">
                    <properties>
                        <property name="seed" value="0x5eed000000001a2b"/>
                        <property name="run" value="37"/>
                        <property name="choices" value="seeds/orders-1a2b.choices"/>
                    </properties>
                    <failure message="file(&quot;/shared/out.json&quot;) is no JSON" type="never">FAIL orders / never half   seed 0x5eed000000001a2b  run 37/500  virtual +0.000015s  strategy pos
          file(&quot;/shared/out.json&quot;) is no JSON
          fingerprint  seedpod 0.4.0 · wasmtime 48.0.8
          minimised    1 of 96 context switches, 0 of 3 faults (31 replays)
            writer fs.write vol:shared/out.json  0..4096       t=0.000012s
            ── switch ──▶ reader fs.open vol:shared/out.json   t=0.000014s
          passes if    writer fs.rename vol:shared/out.json precedes reader fs.open vol:shared/out.json
          logs         +0.000010s  writer  writing
                       +3.000018s  reader  half \u{1b}[31ma file
          replay       seedpod replay seeds/orders-1a2b.choices
        </failure>
                </testcase>
                <testcase name="sometimes retried" classname="orders">
                    <failure message="no run of 500 has met it: the test does not reach what it means to test" type="coverage"/>
                </testcase>
                <testcase name="determinism" classname="orders">
                    <error message="event 7 differs" type="nondeterminism">event 7 differs
        - a
        + b</error>
                </testcase>
                <testcase name="infrastructure" classname="orders">
                    <error message="60 s of real time are over" type="infra">60 s of real time are over</error>
                </testcase>
            </testsuite>
        </testsuites>
    "#]].assert_eq(&junit::xml(&[report]).unwrap());
}

/// A trace of few tasks and objects, in order of time.
fn any_trace() -> impl Strategy<Value = Vec<TraceEvent>> {
    let kinds = [
        "mq.send",
        "mq.receive",
        "fs.write",
        "fs.read",
        "log",
        "exit",
        "fault.crash",
    ];
    let results = ["", "ok", "blocked", "EAGAIN"];
    let event = (
        0..3_000_000_000_u64,
        0..4_u8,
        proptest::sample::select(kinds.to_vec()),
        0..3_u8,
        proptest::sample::select(results.to_vec()),
    );
    proptest::collection::vec(event, 0..60).prop_map(|events| {
        let mut now = 0;
        let made = events.into_iter().enumerate();
        let made = made.map(|(number, (passed, task, kind, object, result))| {
            now += passed;
            TraceEvent {
                number: number as u64,
                nanos: now,
                task: format!("pod-{}/c{task}", task % 2),
                kind: kind.to_owned(),
                object: format!("mq:/{object}"),
                result: result.to_owned(),
                ..TraceEvent::default()
            }
        });
        made.collect()
    })
}

proptest! {
    #[test]
    fn every_timeline_is_json_in_order_of_time(trace in any_trace()) {
        check_timeline(&perfetto::timeline(&trace), trace.len());
    }

    #[test]
    fn a_trace_differs_from_itself_where_one_event_does(trace in any_trace(), at in any::<prop::sample::Index>()) {
        prop_assert_eq!(diff(&trace, &trace), None);
        if !trace.is_empty() {
            let at = at.index(trace.len());
            let mut other = trace.clone();
            other[at].fuel += 1;
            let difference = diff(&trace, &other).unwrap();
            prop_assert_eq!((difference.equal, &difference.fields[..]), (at, &["fuel"][..]));
            let shorter = diff(&trace, &trace[..at]).unwrap();
            prop_assert_eq!((shorter.equal, shorter.sides[1].len()), (at, 0));
        }
    }
}

/// It is JSON, every event is in it, times go up on the whole, slices of one track do not overlap halfway, and every flow
/// has both ends.
fn check_timeline(text: &str, events: usize) -> Vec<serde_json::Value> {
    let timeline: serde_json::Value = serde_json::from_str(text).unwrap();
    let found = timeline["traceEvents"].as_array().unwrap();
    let of = |phase: &'static str| found.iter().filter(move |event| event["ph"] == phase);
    let times = found.iter().filter_map(|event| event["ts"].as_f64());
    assert!(times.is_sorted(), "{text}");
    assert_eq!(of("X").count(), events);
    let mut ends = BTreeMap::new();
    for slice in of("X") {
        let [start, long] = ["ts", "dur"].map(|name| slice[name].as_f64().unwrap());
        assert!(long >= 0.0, "{slice}");
        let end = ends.insert(slice["tid"].as_u64(), start + long);
        assert!(end.is_none_or(|end| end <= start + 0.001), "{slice}");
    }
    let ids = |phase| {
        let mut ids: Vec<_> = of(phase).map(|event| event["id"].as_u64()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids("s"), ids("f"), "every flow has both ends");
    found.clone()
}

#[test]
fn a_timeline_has_slices_for_calls_and_flows_between_them() {
    let trace = trace(HALF);
    let events = check_timeline(&perfetto::timeline(&trace), trace.len());
    let lines: Vec<_> = events.iter().map(ToString::to_string).collect();
    expect![[r#"
        {"args":{"name":"pod"},"name":"process_name","ph":"M","pid":1,"tid":2}
        {"args":{"name":"reader"},"name":"thread_name","ph":"M","pid":1,"tid":2}
        {"args":{"sort_index":2},"name":"thread_sort_index","ph":"M","pid":1,"tid":2}
        {"args":{"name":"pod"},"name":"process_name","ph":"M","pid":1,"tid":1}
        {"args":{"name":"writer"},"name":"thread_name","ph":"M","pid":1,"tid":1}
        {"args":{"sort_index":1},"name":"thread_sort_index","ph":"M","pid":1,"tid":1}
        {"args":{"detail":"","event":0,"fuel":0,"result":""},"cat":"start","dur":1.0,"name":"start","ph":"X","pid":1,"tid":1,"ts":0.0}
        {"args":{"detail":"","event":1,"fuel":0,"result":""},"cat":"start","dur":9.0,"name":"start","ph":"X","pid":1,"tid":2,"ts":1.0}
        {"args":{"detail":"writing","event":2,"fuel":900,"result":""},"cat":"log","dur":2.0,"name":"log","ph":"X","pid":1,"tid":1,"ts":10.0}
        {"args":{"detail":"0..4096","event":3,"fuel":1000,"result":"ok"},"cat":"fs","dur":2.0,"name":"fs.write vol:shared/out.json","ph":"X","pid":1,"tid":1,"ts":12.0}
        {"cat":"flow","id":0,"name":"vol:shared/out.json","ph":"s","pid":1,"tid":1,"ts":12.0}
        {"args":{"detail":"","event":4,"fuel":800,"result":"ok"},"cat":"fs","dur":1.0,"name":"fs.open vol:shared/out.json","ph":"X","pid":1,"tid":2,"ts":14.0}
        {"args":{"detail":"0..4096","event":5,"fuel":820,"result":"ok"},"cat":"fs","dur":1.0,"name":"fs.read vol:shared/out.json","ph":"X","pid":1,"tid":2,"ts":15.0}
        {"bp":"e","cat":"flow","id":0,"name":"vol:shared/out.json","ph":"f","pid":1,"tid":2,"ts":15.0}
        {"args":{"detail":"","event":6,"fuel":850,"result":"blocked"},"cat":"mq","dur":3000001.0,"name":"mq.receive mq:/jobs","ph":"X","pid":1,"tid":2,"ts":16.0}
        {"args":{"detail":"12 bytes","event":7,"fuel":1100,"result":"ok"},"cat":"mq","dur":1.0,"name":"mq.send mq:/jobs","ph":"X","pid":1,"tid":1,"ts":3000016.0}
        {"cat":"flow","id":1,"name":"mq:/jobs","ph":"s","pid":1,"tid":1,"ts":3000016.0}
        {"args":{"detail":"12 bytes","event":8,"fuel":860,"result":"ok"},"cat":"mq","dur":1.0,"name":"mq.receive mq:/jobs","ph":"X","pid":1,"tid":2,"ts":3000017.0}
        {"bp":"e","cat":"flow","id":1,"name":"mq:/jobs","ph":"f","pid":1,"tid":2,"ts":3000017.0}
        {"args":{"detail":"half \u001b[31ma file","event":9,"fuel":900,"result":""},"cat":"log","dur":1.0,"name":"log","ph":"X","pid":1,"tid":2,"ts":3000018.0}
        {"args":{"detail":"exit 1","event":10,"fuel":910,"result":""},"cat":"exit","dur":10.0,"name":"exit","ph":"X","pid":1,"tid":2,"ts":3000019.0}"#]].assert_eq(&lines.join("\n"));
}
