//! A script of calls, a list of decisions, and what is left after the power was cut.

use super::*;
use crate::sched::ChoiceKind;
use crate::volume::{Access, At, Files, Follow, OpenFlags};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use std::fmt::Write as _;

const CALLER: Caller = Caller::host(WallTime::from_unix_nanos(7_000_000_001));

/// Takes the picks in order, the first possibility when there are no more, and writes down what was asked.
#[derive(Default)]
struct Scripted(Mutex<Asked>);

#[derive(Default)]
struct Asked {
    picks: std::collections::VecDeque<u32>,
    log: String,
}

impl Decisions for Scripted {
    fn choose(&self, kind: ChoiceKind, arity: u32, label: &str) -> u32 {
        let mut asked = lock(&self.0);
        let pick = asked.picks.pop_front().unwrap_or(0) % arity;
        writeln!(asked.log, "{kind:?} {label}: {pick} of {arity}").unwrap();
        pick
    }

    fn chance(&self, kind: ChoiceKind, per_million: u32, label: &str) -> bool {
        let mut asked = lock(&self.0);
        let happens = asked.picks.pop_front().unwrap_or(0) == 1;
        writeln!(asked.log, "{kind:?} {label}: {happens} at {per_million}").unwrap();
        happens
    }
}

struct Machine {
    disk: Arc<DiskVolume>,
    files: Files,
    decisions: Arc<Scripted>,
}

fn machine(durability: Durability, picks: &[u32]) -> Machine {
    let decisions = Arc::new(Scripted(Mutex::new(Asked {
        picks: picks.iter().copied().collect(),
        log: String::new(),
    })));
    let disk = DiskVolume::new("d", Some(64 << 10), CALLER.now, decisions.clone());
    disk.keep_journal(durability);
    Machine {
        files: Files::new(disk.clone(), Access::ReadWrite),
        disk,
        decisions,
    }
}

const WRITE: OpenFlags = OpenFlags {
    write: true,
    create: true,
    ..OpenFlags::READ
};

impl Machine {
    /// `write f 10 text`, where `a*9` is nine times a; `cut f 3`, `sync f`, `datasync f`, `mkdir`, `rmdir`, `unlink`,
    /// `rename a b`, `link a b`, `crash`.
    fn step(&self, line: &str) -> Result<(), Errno> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let open = |path, flags| self.files.open(CALLER, At::Root, path, flags);
        match words[..] {
            ["write", path, offset, text] => {
                let data = match text.split_once('*') {
                    Some((byte, count)) => byte.repeat(count.parse().unwrap()),
                    None => text.to_owned(),
                };
                let offset = offset.parse().unwrap();
                let written = open(path, WRITE)?.write_at(CALLER, offset, data.as_bytes())?;
                match written == data.len() {
                    true => Ok(()),
                    false => Err(Errno::InsufficientSpace),
                }
            }
            ["cut", path, len] => open(path, WRITE)?.set_len(CALLER, len.parse().unwrap()),
            ["sync", path] => open(path, OpenFlags::READ)?.sync(),
            ["datasync", path] => open(path, OpenFlags::READ)?.sync_data(),
            ["mkdir", path] => self.files.create_dir(CALLER, At::Root, path, 0o755),
            ["rmdir", path] => self.files.remove_dir(CALLER, At::Root, path),
            ["unlink", path] => self.files.unlink(CALLER, At::Root, path),
            ["rename", from, to] => self.files.rename(CALLER, (At::Root, from), (At::Root, to)),
            ["link", from, to] => {
                self.files
                    .link(CALLER, (At::Root, from), Follow::No, (At::Root, to))
            }
            ["crash"] => {
                self.disk.crash();
                Ok(())
            }
            ref other => panic!("{other:?} is no step"),
        }
    }

    fn tree(&self, dir: &str, text: &mut String) {
        let path = if dir.is_empty() { "/" } else { dir };
        let open = self.files.open(CALLER, At::Root, path, OpenFlags::READ);
        let open = open.unwrap();
        let entries = open.read_dir(CALLER, None).unwrap();
        let is_dir = |entry: &&DirEntry| entry.kind == FileType::Directory;
        let dirs = entries.iter().filter(is_dir).count() as u64;
        assert_eq!(open.stat(CALLER).unwrap().links, 2 + dirs);
        for entry in entries {
            let path = format!("{dir}/{}", entry.name);
            if entry.kind == FileType::Directory {
                writeln!(text, "{path}/").unwrap();
                self.tree(&path, text);
                continue;
            }
            let bytes = self.files.read(CALLER, &path, 1 << 20).unwrap();
            writeln!(text, "{path}: {}", runs(&bytes)).unwrap();
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        self.tree("", &mut text);
        text
    }
}

/// `a*4096 b*3`, and short content as it is.
fn runs(bytes: &[u8]) -> String {
    if bytes.len() < 32 {
        return String::from_utf8_lossy(bytes).replace('\0', ".");
    }
    let runs = bytes.chunk_by(|one, other| one == other);
    let runs = runs.map(|run| match run[0] {
        0 => format!(".*{}", run.len()),
        byte => format!("{}*{}", char::from(byte), run.len()),
    });
    runs.collect::<Vec<_>>().join(" ")
}

/// Runs a script, cuts the power, and shows what was decided and what is left.
fn check(script: &str, picks: &[u32], expected: &Expect) {
    check_with(Durability::NamesWithFile, script, picks, expected);
}

fn check_with(durability: Durability, script: &str, picks: &[u32], expected: &Expect) {
    let machine = machine(durability, picks);
    for line in script.split(';') {
        assert_eq!(machine.step(line), Ok(()), "{line}");
    }
    machine.disk.crash();
    let log = lock(&machine.decisions.0).log.clone();
    expected.assert_eq(&(log + &machine.text()));
}

const ALL: u32 = 0;
const NONE: u32 = 1;
const PREFIX: u32 = 2;
const EACH: u32 = 3;

#[test]
fn a_process_that_ends_loses_nothing_and_a_sync_saves() {
    check(
        "write f 0 hello",
        &[],
        &expect![[r#"
        Disk vol:d names: 0 of 2
        Disk vol:d/f: 0 of 2
        /f: hello
    "#]],
    );
    check(
        "write f 0 hello",
        &[NONE],
        &expect![[r#"
        Disk vol:d names: 1 of 2
    "#]],
    );
    check(
        "write f 0 hello",
        &[ALL, NONE],
        &expect![[r#"
        Disk vol:d names: 0 of 2
        Disk vol:d/f: 1 of 2
        /f: 
    "#]],
    );
    check(
        "write f 0 hello; sync f",
        &[NONE, NONE],
        &expect![[r#"
        /f: hello
    "#]],
    );
    check(
        "write f 0 hello; sync f; write f 5 !; crash",
        &[NONE],
        &expect![[r#"
            Disk vol:d/f: 1 of 2
            /f: hello
        "#]],
    );
    check(
        "write f 0 hello; datasync f",
        &[NONE],
        &expect![[r#"
        /f: hello
    "#]],
    );
}

#[test]
fn names_and_content_survive_apart() {
    let replace = "write f 0 old; sync f; write t 0 new; rename t f";
    // Renamed, but empty: the bug that fsync before rename prevents.
    check(
        replace,
        &[ALL, NONE],
        &expect![[r#"
        Disk vol:d names: 0 of 4
        Disk vol:d/f: 1 of 2
        /f: 
    "#]],
    );
    check(
        replace,
        &[NONE, ALL],
        &expect![[r#"
        Disk vol:d names: 1 of 4
        /f: old
    "#]],
    );
    check(
        replace,
        &[EACH, 0, 1, ALL],
        &expect![[r#"
        Disk vol:d names: 3 of 4
        Disk vol:d create t: 0 of 2
        Disk vol:d rename t f: 1 of 2
        Disk vol:d/t: 0 of 2
        /f: old
        /t: new
    "#]],
    );
    let careful = "write f 0 old; sync f; write t 0 new; sync t; rename t f";
    check(
        careful,
        &[NONE, NONE],
        &expect![[r#"
        Disk vol:d names: 1 of 2
        /f: old
        /t: new
    "#]],
    );
    check(
        careful,
        &[ALL, NONE],
        &expect![[r#"
        Disk vol:d names: 0 of 2
        /f: new
    "#]],
    );
    check(
        &format!("{careful}; sync /"),
        &[NONE, NONE],
        &expect![[r#"
        /f: new
    "#]],
    );
}

#[test]
fn posix_promises_names_with_the_directory_only() {
    let check = |script: &str, expected: &Expect| {
        check_with(Durability::NamesApart, script, &[NONE], expected);
    };
    check(
        "write f 0 x; sync f",
        &expect![[r#"
        Disk vol:d names: 1 of 2
    "#]],
    );
    check(
        "write f 0 x; sync f; sync /",
        &expect![[r#"
        /f: x
    "#]],
    );
    check(
        "mkdir a; mkdir a/b; write a/b/f 0 x; sync a/b/f; sync a/b",
        &expect![[r#"
            /a/
            /a/b/
            /a/b/f: x
        "#]],
    );
}

#[test]
fn content_is_torn_at_blocks() {
    let two = "write f 0 a*8192; sync f; write f 0 b*8192";
    check(
        two,
        &[EACH - 1, 0, 0, 1],
        &expect![[r#"
        Disk vol:d/f: 2 of 3
        Disk vol:d/f length: 0 of 2
        Disk vol:d/f block 0: 0 of 2
        Disk vol:d/f block 1: 1 of 2
        /f: b*4096 a*4096
    "#]],
    );
    check(
        two,
        &[EACH - 1, 0, 1, 0],
        &expect![[r#"
        Disk vol:d/f: 2 of 3
        Disk vol:d/f length: 0 of 2
        Disk vol:d/f block 0: 1 of 2
        Disk vol:d/f block 1: 0 of 2
        /f: a*4096 b*4096
    "#]],
    );
    let appends = "write f 0 a*4000; sync f; write f 4000 b*1000; write f 5000 c*500";
    check(
        appends,
        &[PREFIX, 0],
        &expect![[r#"
            Disk vol:d/f: 2 of 4
            /f: a*4000 b*1000
        "#]],
    );
    check(
        appends,
        &[EACH, 0, 1, 1],
        &expect![[r#"
        Disk vol:d/f: 3 of 4
        Disk vol:d/f length: 0 of 3
        Disk vol:d/f block 0: 1 of 2
        Disk vol:d/f block 1: 1 of 3
        /f: a*4000 .*96 b*904 .*500
    "#]],
    );
    check(
        appends,
        &[EACH, 1, 0, 0],
        &expect![[r#"
        Disk vol:d/f: 3 of 4
        Disk vol:d/f length: 1 of 3
        Disk vol:d/f block 0: 0 of 2
        Disk vol:d/f block 1: 0 of 3
        /f: a*4000 b*1000
    "#]],
    );
    check(
        appends,
        &[EACH, 2, 0, 0],
        &expect![[r#"
        Disk vol:d/f: 3 of 4
        Disk vol:d/f length: 2 of 3
        Disk vol:d/f block 0: 0 of 2
        Disk vol:d/f block 1: 0 of 3
        /f: a*4000
    "#]],
    );
}

#[test]
fn a_file_that_is_written_anew_is_old_empty_or_new() {
    let rewrite = "write f 0 config-one; sync f; cut f 0; write f 0 two";
    check(
        rewrite,
        &[ALL],
        &expect![[r#"
        Disk vol:d/f: 0 of 4
        /f: two
    "#]],
    );
    check(
        rewrite,
        &[NONE],
        &expect![[r#"
        Disk vol:d/f: 1 of 4
        /f: config-one
    "#]],
    );
    check(
        rewrite,
        &[PREFIX, 0],
        &expect![[r#"
            Disk vol:d/f: 2 of 4
            /f: 
        "#]],
    );
    // The cut did not make it, so neither did what was written after it.
    check(
        rewrite,
        &[EACH, 2, 0],
        &expect![[r#"
        Disk vol:d/f: 3 of 4
        Disk vol:d/f length: 2 of 3
        Disk vol:d/f block 0: 0 of 2
        /f: config-one
    "#]],
    );
    check(
        rewrite,
        &[EACH, 0, 1],
        &expect![[r#"
        Disk vol:d/f: 3 of 4
        Disk vol:d/f length: 0 of 3
        Disk vol:d/f block 0: 1 of 2
        /f: ...
    "#]],
    );
}

#[test]
fn what_was_removed_comes_back_and_what_has_no_directory_goes() {
    check(
        "write f 0 x; sync f; unlink f",
        &[NONE],
        &expect![[r#"
        Disk vol:d names: 1 of 2
        /f: x
    "#]],
    );
    check(
        "write f 0 x; sync f; unlink f; write f 0 y",
        &[PREFIX, 0],
        &expect![[r#"
            Disk vol:d names: 2 of 4
        "#]],
    );
    check(
        "mkdir a; write a/f 0 x",
        &[EACH, 1],
        &expect![[r#"
        Disk vol:d names: 3 of 4
        Disk vol:d create a: 1 of 2
    "#]],
    );
    check(
        "mkdir a; write a/f 0 x; sync a/f",
        &[],
        &expect![[r#"
        /a/
        /a/f: x
    "#]],
    );
    check(
        "mkdir a; sync a; mkdir b; rename a b/a; rename b c",
        &[EACH, 1],
        &expect![[r#"
            Disk vol:d names: 3 of 4
            Disk vol:d create b: 1 of 2
            /a/
        "#]],
    );
    check(
        "mkdir a; sync a; rmdir a",
        &[NONE],
        &expect![[r#"
        Disk vol:d names: 1 of 2
        /a/
    "#]],
    );
    check(
        "write f 0 x; link f g; sync f; unlink f",
        &[NONE],
        &expect![[r#"
            Disk vol:d names: 1 of 2
            /f: x
            /g: x
        "#]],
    );
}

#[test]
fn too_much_that_is_not_synced_is_written_back() {
    let machine = machine(Durability::NamesWithFile, &[NONE, NONE]);
    assert_eq!(machine.step("write f 0 x"), Ok(()));
    for _ in 0..crate::limits::DISK_PENDING_WRITES_MAX {
        assert_eq!(machine.step("write f 0 y"), Ok(()));
    }
    assert_eq!(machine.step("sync /"), Ok(()));
    machine.disk.crash();
    assert_eq!(machine.text(), "/f: y\n");
}

#[test]
fn a_large_torn_file_asks_a_bounded_number_of_questions() {
    let machine = machine(Durability::NamesWithFile, &[ALL, EACH]);
    machine
        .disk
        .with(|state| state.tree = Tree::new(Usage::memory(None), 0o777, CALLER.now));
    for block in 0..200 {
        let line = format!("write f {} x", block * 3 * 4096);
        assert_eq!(machine.step(&line), Ok(()));
    }
    machine.disk.crash();
    let asked = lock(&machine.decisions.0).log.lines().count();
    assert!(
        (40..=3 + crate::limits::DISK_TORN_PARTS_MAX).contains(&asked),
        "{asked}"
    );
}

/// Runs a script on a disk with faults, and shows what every step answers.
fn check_faults(faults: DiskFaults, script: &str, picks: &[u32], expected: &Expect) {
    let machine = machine(Durability::NamesWithFile, picks);
    for line in ["write old 0 a*4096", "mkdir dir", "sync old", "sync /"] {
        assert_eq!(machine.step(line), Ok(()));
    }
    machine.disk.set_faults(faults);
    let mut text = String::new();
    for line in script.split(';') {
        let result = match machine.step(line) {
            Ok(()) => "ok".to_owned(),
            Err(errno) => errno.to_string(),
        };
        writeln!(text, "{}: {result}", line.trim()).unwrap();
    }
    machine.disk.set_faults(DiskFaults::default());
    text += &lock(&machine.decisions.0).log;
    expected.assert_eq(&(text + &machine.text()));
}

#[test]
fn a_full_disk_takes_what_needs_no_room() {
    let full = DiskFaults {
        full: true,
        ..DiskFaults::default()
    };
    check_faults(
        full,
        "write old 0 b*10; write old 4096 c; write new 0 x; mkdir more; rename old older; unlink older; write new 0 x",
        &[],
        &expect![[r#"
            write old 0 b*10: ok
            write old 4096 c: no space left on device
            write new 0 x: no space left on device
            mkdir more: no space left on device
            rename old older: ok
            unlink older: ok
            write new 0 x: no space left on device
            /dir/
        "#]],
    );
}

#[test]
fn a_bad_disk_fails_and_loses_syncs() {
    let faults = |errors: &[DiskCall]| DiskFaults {
        errors: Some(DiskErrors {
            calls: errors.iter().copied().collect(),
            per_million: 5,
        }),
        ..DiskFaults::default()
    };
    let script = "write old 0 b; sync old; unlink old";
    check_faults(
        faults(&[DiskCall::Write]),
        script,
        &[1],
        &expect![[r#"
        write old 0 b: input/output error
        sync old: ok
        unlink old: ok
        Disk write vol:d fails: true at 5
        /dir/
    "#]],
    );
    check_faults(
        faults(&[DiskCall::Fsync, DiskCall::Name]),
        script,
        &[0, 0, 1, 0],
        &expect![[r#"
            write old 0 b: ok
            sync old: input/output error
            unlink old: ok
            Disk name vol:d fails: false at 5
            Disk name vol:d fails: false at 5
            Disk fsync vol:d fails: true at 5
            Disk name vol:d fails: false at 5
            /dir/
        "#]],
    );
    let lost = DiskFaults {
        lost_syncs_per_million: 9,
        ..DiskFaults::default()
    };
    check_faults(
        lost,
        "write old 0 b; sync old; crash",
        &[1, NONE],
        &expect![[r#"
            write old 0 b: ok
            sync old: ok
            crash: ok
            Disk fsync vol:d is lost: true at 9
            Disk vol:d/old: 1 of 2
            /dir/
            /old: a*4096
        "#]],
    );
}

#[test]
fn a_torn_write_does_a_part_once_and_says_so() {
    let tear = DiskFaults {
        tear_next_write: true,
        ..DiskFaults::default()
    };
    let check = |script: &str, picks: &[u32], expected: &Expect| {
        check_faults(tear.clone(), script, picks, expected);
    };
    check(
        "write old 0 0123456789",
        &[0],
        &expect![[r#"
        write old 0 0123456789: input/output error
        Disk write vol:d is torn: 0 of 3
        /dir/
        /old: 0*1 1*1 2*1 3*1 4*1 a*4091
    "#]],
    );
    check(
        "write new 0 b*9000",
        &[1],
        &expect![[r#"
        write new 0 b*9000: input/output error
        Disk write vol:d is torn: 1 of 3
        /dir/
        /new: b*4096
        /old: a*4096
    "#]],
    );
    let twice = machine(Durability::default(), &[]);
    twice.disk.set_faults(tear.clone());
    assert!(!twice.disk.take_torn());
    assert_eq!(twice.step("write f 0 ab"), Err(Errno::Io));
    assert_eq!(twice.step("write f 0 ab"), Ok(()));
    assert!(twice.disk.take_torn());
    assert!(!twice.disk.take_torn());
}

#[test]
fn a_directory_in_any_order_is_listed_once_and_goes_on_after_any_name() {
    let list = |picks: &[u32], step| {
        let machine = machine(Durability::NamesWithFile, picks);
        for name in 'a'..='f' {
            assert_eq!(machine.step(&format!("mkdir {name}")), Ok(()));
        }
        machine.disk.choose_order();
        let mut names = String::new();
        loop {
            let after = names.split(' ').rfind(|name| !name.is_empty());
            let entries = machine.disk.read_dir(CALLER, 1, after, step).unwrap();
            if entries.is_empty() {
                return names;
            }
            for entry in entries {
                names = names + " " + &entry.name;
            }
        }
    };
    assert_eq!(list(&[], 9), " a b c d e f");
    let shuffled = list(&[1], 9);
    assert_ne!(shuffled, list(&[2], 9));
    for step in 1..4 {
        assert_eq!(list(&[1], step), shuffled);
    }
    let mut sorted: Vec<_> = shuffled.split_whitespace().collect();
    sorted.sort_unstable();
    assert_eq!(sorted.join(" "), "a b c d e f");
}

#[test]
fn coarse_time_stamps_are_rounded_down() {
    let machine = machine(Durability::NamesWithFile, &[]);
    machine
        .disk
        .change_faults(|faults| faults.time_granularity = std::time::Duration::from_secs(2));
    assert_eq!(machine.step("write f 0 x"), Ok(()));
    let stat = machine.files.stat(CALLER, At::Root, "f", Follow::No);
    let modified = stat.unwrap().modified;
    assert_eq!(modified, WallTime::from_unix_nanos(6_000_000_000));
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4)
        .prop_map(|names| names.join("/"))
}

fn step() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (path(), 0..9000_u32, 1..6000_u32)
            .prop_map(|(path, at, count)| format!("write {path} {at} x*{count}")),
        1 => (path(), 0..9000_u32).prop_map(|(path, len)| format!("cut {path} {len}")),
        2 => path().prop_map(|path| format!("mkdir {path}")),
        1 => path().prop_map(|path| format!("rmdir {path}")),
        1 => path().prop_map(|path| format!("unlink {path}")),
        2 => (path(), path()).prop_map(|(from, to)| format!("rename {from} {to}")),
        1 => (path(), path()).prop_map(|(from, to)| format!("link {from} {to}")),
        1 => path().prop_map(|path| format!("sync {path}")),
        1 => Just("crash".to_owned()),
    ]
}

fn remove_all(machine: &Machine, dir: &str) {
    let path = if dir.is_empty() { "/" } else { dir };
    let open = machine.files.open(CALLER, At::Root, path, OpenFlags::READ);
    for entry in open.unwrap().read_dir(CALLER, None).unwrap() {
        let path = format!("{dir}/{}", entry.name);
        let removed = match entry.kind {
            FileType::Directory => {
                remove_all(machine, &path);
                machine.step(&format!("rmdir {path}"))
            }
            _ => machine.step(&format!("unlink {path}")),
        };
        assert_eq!(removed, Ok(()));
    }
}

proptest! {
    #[test]
    fn what_survives_is_a_tree(
        steps in prop::collection::vec(step(), 0..40),
        picks in prop::collection::vec(0..8_u32, 0..60),
        durability in prop::sample::select(vec![Durability::NamesWithFile, Durability::NamesApart]),
    ) {
        let machine = machine(durability, &picks);
        for step in &steps {
            let _any = machine.step(step);
        }
        machine.disk.crash();
        let survived = machine.text();
        machine.disk.crash();
        prop_assert_eq!(machine.text(), survived, "a second crash has nothing to take");
        remove_all(&machine, "");
        prop_assert_eq!(machine.disk.usage(), Usage::default());
    }

    #[test]
    fn nothing_is_lost_that_was_synced(
        steps in prop::collection::vec(step(), 0..40),
        picks in prop::collection::vec(0..8_u32, 0..60),
    ) {
        let machine = machine(Durability::NamesApart, &[]);
        for step in &steps {
            let _any = machine.step(step);
        }
        let before = machine.text();
        for line in before.lines() {
            let path = line.split(": ").next().unwrap();
            prop_assert_eq!(machine.step(&format!("sync {path}")), Ok(()));
        }
        prop_assert_eq!(machine.step("sync /"), Ok(()));
        lock(&machine.decisions.0).picks = picks.into();
        machine.disk.crash();
        prop_assert_eq!(machine.text(), before);
    }
}
