//! The page of a failure in a real Chromium, where there is one: what is drawn, what keys and clicks do, and that no text
//! of a guest becomes part of the page.

mod browser;

use browser::{Browser, Tab};
use expect_test::{Expect, expect};
use seedpod_core::time::Instant;
use seedpod_core::trace::TraceEvent;
use seedpod_sim::report::{Decisive, FailureReport, html, jsonl};
use std::fs;
use std::sync::{LazyLock, Mutex, PoisonError};

/// One for all tests; it ends with this process, which is at the other end of its pipe.
static BROWSER: LazyLock<Option<Mutex<Browser>>> =
    LazyLock::new(|| Browser::start().map(Mutex::new));

/// Opens a page and does something there; leaves no errors.
fn on_page(reports: &[FailureReport], fragment: &str, act: impl FnOnce(&mut Tab<'_>)) {
    let Some(browser) = &*BROWSER else {
        eprintln!("skipped: there is no chromium; apt-get install chromium");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    fs::write(&file, html::page(reports)).unwrap();
    let mut browser = browser.lock().unwrap_or_else(PoisonError::into_inner);
    let url = format!("file://{}", file.display());
    let mut tab = browser.open(&format!("{url}{fragment}"));
    act(&mut tab);
    assert_eq!(tab.complaints(), [""; 0]);
    assert_eq!(tab.requests(), [url], "the page needs nothing else");
}

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
{"n":10,"t":3000018500,"c":"fault:crash writer","k":"fault.crash","o":"writer"}
{"n":11,"t":3000018700,"c":"writer@1","k":"start"}
{"n":12,"t":3000019000,"c":"reader","fuel":910,"k":"exit","a":"exit 1"}
{"n":13,"t":3000019000,"c":"orders","k":"status","a":"Failed"}
"#;

fn half() -> FailureReport {
    FailureReport {
        test: "orders".to_owned(),
        property: "never half".to_owned(),
        message: "file(\"/shared/out.json\") is no JSON".to_owned(),
        seed: 0x5eed,
        run: 37,
        runs: 500,
        at: Instant::from_nanos(15_000),
        event: 5,
        strategy: "pos".to_owned(),
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
        trace: jsonl::read(HALF.as_bytes()).map(Result::unwrap).collect(),
        choices: Some("seeds/orders-1a2b.choices".to_owned()),
        ..FailureReport::default()
    }
}

/// Three containers that send and receive on four queues, with a pause now and then.
fn long(events: u64) -> FailureReport {
    let event = |number: u64| {
        let container = ["api", "worker", "db"][(number * number / 7 % 3) as usize];
        let is_log = number.is_multiple_of(9);
        TraceEvent {
            number,
            nanos: number * 1500 + number / 500 * 40_000_000,
            task: container.to_owned(),
            fuel: number * 100,
            kind: match number % 4 {
                _ if is_log => "log",
                0 | 1 => "mq.send",
                _ => "mq.receive",
            }
            .to_owned(),
            object: if is_log {
                String::new()
            } else {
                format!("mq:/{}", number % 5)
            },
            detail: format!("step {number}"),
            result: if is_log { "" } else { "ok" }.to_owned(),
        }
    };
    FailureReport {
        property: "eventually drained".to_owned(),
        test: "long".to_owned(),
        event: events - 3,
        decisive: Some(Decisive {
            before: events / 2,
            after: events / 2 + 1,
            instead: None,
        }),
        trace: (0..events).map(event).collect(),
        ..FailureReport::default()
    }
}

/// Numbers of the events in sight.
const ROWS: &str =
    "[...document.querySelectorAll('#drawing .row')].map((row) => row.dataset.n).join(' ')";
const PICKED: &str = "[...document.querySelectorAll('#drawing .row.picked')].map((row) => row.getAttribute('aria-label')).join()";

/// Names of the lanes, and what they are.
const HEADS: &str = "[...document.querySelectorAll('#heads .head')].map((head) => head.innerText.replace('\\n', ': ')).join('\\n')";

#[test]
fn the_page_says_what_failed_and_shows_what_decided_it() {
    on_page(&[half()], "", |tab| {
        let mut check =
            |expression: &str, expected: Expect| expected.assert_eq(&tab.text(expression));
        check("document.title", expect!["FAIL orders / never half"]);
        check(
            "document.querySelector('h1').textContent",
            expect!["orders / never half"],
        );
        check(
            "document.getElementById('decisive-events').innerText",
            expect![[r#"
                writer
                fs.write vol:shared/out.json 0..4096
                0.000012 s
                ↓ the scheduler switches
                reader
                fs.open vol:shared/out.json
                0.000014 s"#]],
        );
        check(
            "document.getElementById('passes').innerText",
            expect![
                "Passes if writer fs.rename vol:shared/out.json comes before reader fs.open vol:shared/out.json."
            ],
        );
        check(
            "document.getElementById('facts').innerText",
            expect![[r#"
            seed
            0x0000000000005eed
            run
            37 of 500
            strategy
            pos
            fails at
            0.000015s"#]],
        );
        check(
            "document.getElementById('replay-line').textContent",
            expect!["seedpod replay seeds/orders-1a2b.choices"],
        );
        check(
            HEADS,
            expect![[r#"
                writer: container
                reader: container
                shared/out.json: file
                /jobs: queue"#]],
        );
        check(ROWS, expect!["0 1 2 3 4 5 6 7 8 9 10 11 12"]);
        check(
            PICKED,
            expect!["4: 0.000014 seconds, reader fs.open vol:shared/out.json"],
        );
        check(
            "document.querySelector('#turn') ? 'the switch is drawn' : ''",
            expect!["the switch is drawn"],
        );
        check(
            "document.querySelector('#failure') ? 'so is the failure' : ''",
            expect!["so is the failure"],
        );
        check(
            "document.getElementById('event-body').innerText",
            expect![[r#"
                reader fs.open

                event
                4
                time
                0.000014000 s
                on
                vol:shared/out.json
                result
                ok
                fuel
                800
                ON SHARED/OUT.JSON
                ↑writer fs.write 0..4096
                ↓reader fs.read 0..4096"#]],
        );
        check(
            "document.getElementById('log-lines').innerText",
            expect![[r#"
                writer
                0.000010
                writing
                0.000014 s
                reader
                3.000018
                half a file"#]],
        );
    });
}

#[test]
fn what_is_set_is_in_the_address() {
    let check = |fragment: &str, expression: &str, expected: Expect| {
        on_page(&[half(), long(50)], fragment, |tab| {
            expected.assert_eq(&tab.text(expression));
        });
    };
    let shown = format!("document.getElementById('count').textContent + ': ' + {ROWS}");
    check(
        "#filter=mq%20jobs",
        &shown,
        expect!["3 of 14 events: 6 7 8"],
    );
    check("#filter=no+such+thing", &shown, expect!["0 of 14 events: "]);
    check(
        "#task=writer",
        &shown,
        expect!["6 of 14 events: 0 2 3 7 10 11"],
    );
    check(
        "#object=vol:shared/out.json&kind=fs.read",
        &shown,
        expect!["1 of 14 events: 5"],
    );
    check(
        "#pods=1",
        &shown,
        expect!["14 events: 0 1 2 3 4 5 6 7 8 9 10 11 12 13"],
    );
    check("#kind=status", &shown, expect!["1 of 14 events: 13"]);
    check(
        "#select=8",
        PICKED,
        expect!["8: 3.000017 seconds, reader mq.receive mq:/jobs 12 bytes"],
    );
    check(
        "#select=8",
        "document.querySelector('#now').innerText",
        expect!["3.000017 s"],
    );
    check(
        "#report=1",
        "document.querySelector('h1').textContent",
        expect!["long / eventually drained"],
    );
    check(
        "#theme=dark",
        "getComputedStyle(document.body).backgroundColor",
        expect!["rgb(16, 19, 23)"],
    );
    check(
        "#theme=light",
        "getComputedStyle(document.body).backgroundColor",
        expect!["rgb(245, 246, 247)"],
    );
    let height = "document.querySelector('#drawing .row-wash').getBBox().height";
    check("#zoom=46", height, expect!["45"]);
    check("#zoom=0&select=nothing&scale=never", height, expect!["27"]);
}

#[test]
fn lanes_are_what_people_think_of() {
    let event = |number, task: &str, kind: &str, object: &str, detail: &str| TraceEvent {
        number,
        task: task.to_owned(),
        kind: kind.to_owned(),
        object: object.to_owned(),
        detail: detail.to_owned(),
        ..TraceEvent::default()
    };
    let (there, back) = (
        "tcp:10.244.0.2:49152>10.244.0.3:80",
        "tcp:10.244.0.3:80>10.244.0.2:49152",
    );
    let trace = vec![
        event(0, "shop", "status", "", "Running"),
        event(1, "shop/api", "tcp.write", there, "9 bytes"),
        event(2, "shop/db@1", "tcp.read", there, "9 bytes"),
        event(3, "shop/db@1", "tcp.write", back, "3 bytes"),
        event(4, "shop/api:7", "sem.wait", "sem:/s", ""),
        event(
            5,
            "fault:partition shop/api shop/db",
            "fault.partition",
            "",
            "",
        ),
        event(6, "", "drive.publish", "mq:/jobs", ""),
        event(7, "fault:crash nobody", "fault.crash", "", ""),
    ];
    let report = FailureReport {
        test: "shop".to_owned(),
        decisive: Some(Decisive {
            before: 4,
            after: 5,
            instead: None,
        }),
        trace,
        ..FailureReport::default()
    };
    on_page(&[report], "", |tab| {
        expect![[r#"
            shop/api: container
            shop/db: container
            shop/api:7: process
            world
            /s: semaphore
            …10.244.0.3:80: connection
            /jobs: queue"#]]
        .assert_eq(&tab.text(HEADS));
        let decisive = "document.getElementById('decisive-events').innerText";
        expect![[r#"
            shop/api:7
            sem.wait sem:/s
            0.000000 s
            ↓ the fault strikes
            fault:partition shop/api shop/db
            fault.partition
            0.000000 s"#]]
        .assert_eq(&tab.text(decisive));
        let chips = "[...document.querySelectorAll('#drawing .chip')].map((chip) => chip.textContent).join()";
        expect!["deciding fault: partition shop/api shop/db"].assert_eq(&tab.text(chips));
        expect!["RUN"].assert_eq(&tab.text("document.querySelector('#verdict').textContent"));
        let rows = "[...document.querySelectorAll('#drawing .row')].map((row) => row.getAttribute('aria-label')).join('\\n')";
        expect![[r#"
            1: 0.000000 seconds, shop/api tcp.write tcp:10.244.0.2:49152>10.244.0.3:80 9 bytes
            2: 0.000000 seconds, shop/db@1 tcp.read tcp:10.244.0.2:49152>10.244.0.3:80 9 bytes
            3: 0.000000 seconds, shop/db@1 tcp.write tcp:10.244.0.3:80>10.244.0.2:49152 3 bytes
            4: 0.000000 seconds, shop/api:7 sem.wait sem:/s
            5: 0.000000 seconds, fault:partition shop/api shop/db fault.partition
            6: 0.000000 seconds, world drive.publish mq:/jobs
            7: 0.000000 seconds, fault:crash nobody fault.crash"#]]
        .assert_eq(&tab.text(rows));
    });
}

#[test]
fn keys_move_filter_and_zoom() {
    on_page(&[half()], "", |tab| {
        let mut check = |keys: &[&str], expression: &str, expected: Expect| {
            keys.iter().for_each(|key| tab.press(key));
            expected.assert_eq(&tab.text(expression));
        };
        check(
            &["ArrowDown"],
            PICKED,
            expect!["5: 0.000015 seconds, reader fs.read vol:shared/out.json 0..4096"],
        );
        check(
            &["ArrowRight"],
            PICKED,
            expect!["6: 0.000016 seconds, reader mq.receive mq:/jobs → blocked"],
        );
        check(
            &["ArrowLeft", "ArrowLeft"],
            PICKED,
            expect!["4: 0.000014 seconds, reader fs.open vol:shared/out.json"],
        );
        check(
            &["End"],
            PICKED,
            expect!["12: 3.000019 seconds, reader exit 1"],
        );
        check(
            &["f"],
            PICKED,
            expect!["5: 0.000015 seconds, reader fs.read vol:shared/out.json 0..4096"],
        );
        check(
            &["]"],
            PICKED,
            expect!["5: 0.000015 seconds, reader fs.read vol:shared/out.json 0..4096"],
        );
        check(
            &["["],
            PICKED,
            expect!["4: 0.000014 seconds, reader fs.open vol:shared/out.json"],
        );
        check(
            &["d"],
            PICKED,
            expect!["4: 0.000014 seconds, reader fs.open vol:shared/out.json"],
        );
        check(&["Home"], "location.hash", expect!["#select=0"]);
        check(&["/", "m", "q"], ROWS, expect!["6 7 8"]);
        check(
            &["Enter", "ArrowDown"],
            PICKED,
            expect!["7: 3.000016 seconds, writer mq.send mq:/jobs 12 bytes"],
        );
        check(&["Escape"], PICKED, expect![[""]]);
        check(
            &["Escape"],
            "document.getElementById('count').textContent",
            expect!["13 of 14 events"],
        );
        check(&["+"], "location.hash", expect!["#zoom=36"]);
        check(&["-", "-"], "location.hash", expect!["#zoom=22"]);
        check(&["0"], ROWS, expect!["0 1 2 3 4 5 6 7 8 9 10 11 12"]);
        check(
            &["?"],
            "document.getElementById('help').open",
            expect!["true"],
        );
        check(
            &["Escape", "t"],
            "document.documentElement.dataset.theme",
            expect!["dark"],
        );
    });
}

#[test]
fn a_click_selects_and_the_logs_follow() {
    on_page(&[long(5000)], "", |tab| {
        tab.click("#to-failure");
        tab.click("#e4990 .node, #e4990 rect:last-of-type");
        let log_is_near = "(() => {
            const box = document.getElementById('log-lines').getBoundingClientRect();
            const now = document.getElementById('now').getBoundingClientRect();
            const before = document.getElementById('now').previousElementSibling.innerText.replace(/\\s+/g, ' ');
            return `${now.top > box.top && now.bottom < box.bottom ? 'in sight' : 'out of sight'} after: ${before}`;
        })()";
        expect!["4990: 0.367485 seconds, api mq.receive mq:/0 step 4990"]
            .assert_eq(&tab.text(PICKED));
        expect!["in sight after: db 0.367479 step 4986"].assert_eq(&tab.text(log_is_near));
        tab.click("#log-lines .log.later");
        expect!["4995: 0.367492 seconds, worker log step 4995"].assert_eq(&tab.text(PICKED));
        tab.click("#menu-task summary");
        tab.click("#menu-task label:nth-of-type(2)");
        expect!["952 of 5,000 events"]
            .assert_eq(&tab.text("document.getElementById('count').textContent"));
        tab.click("#clear");
        expect!["5,000 events"]
            .assert_eq(&tab.text("document.getElementById('count').textContent"));
    });
}

/// How many milliseconds it takes to draw after scrolling.
const SCROLL: &str = "new Promise((resolve) => {
    const start = performance.now();
    document.getElementById('diagram').scrollTop += 300;
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - start)));
})";

#[test]
fn a_long_run_is_drawn_where_it_is_looked_at() {
    on_page(&[long(5000)], "", |tab| {
        for key in [
            "Home", "End", "d", "-", "-", "-", "End", "PageUp", "+", "0", "Home", "End",
        ] {
            tab.press(key);
            let rows = tab.number("document.querySelectorAll('#drawing .row').length");
            assert!(rows < 200.0, "{rows} rows are drawn after {key}");
            let nodes = tab.number("document.querySelectorAll('*').length");
            assert!(nodes < 5000.0, "{nodes} nodes are there after {key}");
            let took = tab.number(SCROLL);
            assert!(took < 500.0, "drawing takes {took} ms after {key}");
        }
        expect!["#select=4999&zoom=0.1"].assert_eq(&tab.text("location.hash"));
    });
}

/// Were one of these taken for markup, it would run or load something.
const HOSTILE: [&str; 6] = [
    "</script><script>window.broken = 'script'</script>",
    "<img src=x onerror=\"window.broken = 'image'\">",
    "<!--<script>",
    "\u{2028}window.broken = 'line'\u{2029}",
    "\"}]}; window.broken = 'json'; //",
    "{{data}} &lt;b&gt; ]]>",
];

#[test]
fn text_of_guests_stays_text() {
    for text in HOSTILE {
        let event = |number, kind: &str| TraceEvent {
            number,
            task: text.to_owned(),
            kind: kind.to_owned(),
            object: text.to_owned(),
            detail: text.to_owned(),
            result: text.to_owned(),
            ..TraceEvent::default()
        };
        let report = FailureReport {
            test: text.to_owned(),
            property: text.to_owned(),
            message: text.to_owned(),
            strategy: text.to_owned(),
            fingerprint: vec![(text.to_owned(), text.to_owned())],
            choices: Some(text.to_owned()),
            decisive: Some(Decisive {
                before: 0,
                after: 1,
                instead: Some(event(9, "x")),
            }),
            trace: vec![event(0, text), event(1, "log"), event(2, "start")],
            ..FailureReport::default()
        };
        on_page(&[report.clone(), report], "#select=1", |tab| {
            assert_eq!(tab.text("String(window.broken)"), "undefined", "{text}");
            assert_eq!(tab.text("String(document.scripts.length)"), "2", "{text}");
            assert_eq!(tab.text("String(document.images.length)"), "0", "{text}");
            let log = tab.text("document.querySelector('.log .text').textContent");
            assert_eq!(log, text);
            let title = tab.text("document.querySelector('h1').textContent");
            assert_eq!(title, format!("{text} / {text}"));
        });
    }
}

#[test]
fn it_can_be_read_by_all() {
    on_page(&[half()], "", |tab| {
        let nameless = tab.nameless(&[
            "button",
            "option",
            "listbox",
            "checkbox",
            "searchbox",
            "dialog",
            "combobox",
        ]);
        assert_eq!(nameless, [""; 0]);
        for scheme in ["light", "dark"] {
            tab.set_scheme(scheme);
            assert_eq!(tab.text("document.documentElement.dataset.theme"), scheme);
            let low = tab.text(LOW_CONTRAST);
            assert_eq!(low, "", "{scheme}");
        }
        for width in [360, 768, 1440] {
            tab.set_width(width);
            let wide = tab.number("document.documentElement.scrollWidth");
            assert!(wide <= f64::from(width), "{wide} of {width}");
        }
    });
}

/// Texts with less contrast to their background than WCAG AA wants.
const LOW_CONTRAST: &str = r"(() => {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => {
        const box = document.createElement('canvas').getContext('2d');
        box.fillStyle = style.getPropertyValue(name).trim();
        const value = parseInt(box.fillStyle.slice(1), 16);
        const part = [value >> 16, (value >> 8) & 255, value & 255].map((c) => c / 255)
            .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
    };
    const contrast = (one, two) => { const [a, b] = [color(one), color(two)].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); };
    const pairs = [['--ink', '--card'], ['--soft', '--card'], ['--soft', '--page'], ['--fail', '--card'], ['--fail', '--fail-wash'],
        ['--turn', '--turn-wash'], ['--turn', '--card'], ['--accent', '--card'], ['--accent', '--pick'], ['--good', '--turn-wash'], ['--soft', '--turn-wash'],
        ['--soft', '--fail-wash'], ['--soft', '--pick'], ...Array.from({ length: 8 }, (_, index) => [`--t${index}`, '--card'])];
    return pairs.filter(([one, two]) => contrast(one, two) < 4.5).map((pair) => pair.join(' on ') + ': ' + contrast(...pair).toFixed(2)).join('\n');
})()";
