//! One body of scripts, run on every kind of volume: a memory volume, a directory of the machine, the private layer over
//! an image. All must answer alike.

use bytes::Bytes;
use expect_test::{Expect, expect};
use seedpod_core::time::WallTime;
use seedpod_core::volume::{
    Access, At, Caller, Errno, FileType, Files, Follow, MemoryVolume, Mount, OpenFile, OpenFlags,
    Payload, PayloadFile, ProjectedVolume, Times, Tree, Volume,
};
use seedpod_engine::{host_dir_volume, host_file_volume};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

#[test]
fn files_are_written_and_read() {
    check(
        "write /v/a hello; cat /v/a; append /v/a !; cat /v/a; write /v/a x; cat /v/a; stat /v/a; cat /v/none; cat /v/a/b; cat /v/a/; write /v/none/b x; ls /v",
        expect![[r#"
            write /v/a hello: ok
            cat /v/a: hello
            append /v/a !: ok
            cat /v/a: hello!
            write /v/a x: ok
            cat /v/a: x
            stat /v/a: file links 1 size 1
            cat /v/none: no such file or directory
            cat /v/a/b: not a directory
            cat /v/a/: not a directory
            write /v/none/b x: no such file or directory
            ls /v: a
        "#]],
    );
}

#[test]
fn directories_come_and_go() {
    check(
        "mkdir /v/d; mkdir /v/d; mkdir /v/d/e/; mkdir /v/x/y; stat /v/d; rmdir /v/d; rm /v/d; rmdir /v/d/e/.; rmdir /v/d/e/..; rmdir /v/d/e; rmdir /v/d/; ls /v; rmdir /v/d; mkdir /v/.; mkdir /; cat /v; write /v/d/ x; write /v/ x; rmdir /",
        expect![[r#"
            mkdir /v/d: ok
            mkdir /v/d: file exists
            mkdir /v/d/e/: ok
            mkdir /v/x/y: no such file or directory
            stat /v/d: directory
            rmdir /v/d: directory not empty
            rm /v/d: is a directory
            rmdir /v/d/e/.: invalid argument
            rmdir /v/d/e/..: directory not empty
            rmdir /v/d/e: ok
            rmdir /v/d/: ok
            ls /v: 
            rmdir /v/d: no such file or directory
            mkdir /v/.: file exists
            mkdir /: file exists
            cat /v: is a directory
            write /v/d/ x: is a directory
            write /v/ x: is a directory
            rmdir /: device or resource busy
        "#]],
    );
}

#[test]
fn entries_are_listed_in_order_of_their_names() {
    check(
        "write /v/b x; mkdir /v/a; symlink nowhere /v/C; write /v/.hidden x; write /v/ü x; ls /v",
        expect![[r#"
            write /v/b x: ok
            mkdir /v/a: ok
            symlink nowhere /v/C: ok
            write /v/.hidden x: ok
            write /v/ü x: ok
            ls /v: .hidden C@ a/ b ü
        "#]],
    );
}

#[test]
fn renames_replace_what_they_may() {
    check(
        "write /v/a 1; write /v/b 2; mkdir /v/d; mkdir /v/d/sub; mkdir /v/e; mv /v/a /v/b; cat /v/b; mv /v/b /v/d; mv /v/d /v/b; mv /v/e /v/d; mv /v/d /v/e; ls /v/e; mv /v/e /v/e/sub/in; mv /v/none /v/x; mv /v/e /v/f/; ls /v; mv /v/b /v/c/; mv /v/f/. /v/g; mv /v/b /v/b; cat /v/b; mv /v/f/sub /v/sub; ls /v",
        expect![[r#"
            write /v/a 1: ok
            write /v/b 2: ok
            mkdir /v/d: ok
            mkdir /v/d/sub: ok
            mkdir /v/e: ok
            mv /v/a /v/b: ok
            cat /v/b: 1
            mv /v/b /v/d: is a directory
            mv /v/d /v/b: not a directory
            mv /v/e /v/d: directory not empty
            mv /v/d /v/e: ok
            ls /v/e: sub/
            mv /v/e /v/e/sub/in: invalid argument
            mv /v/none /v/x: no such file or directory
            mv /v/e /v/f/: ok
            ls /v: b f/
            mv /v/b /v/c/: not a directory
            mv /v/f/. /v/g: device or resource busy
            mv /v/b /v/b: ok
            cat /v/b: 1
            mv /v/f/sub /v/sub: ok
            ls /v: b f/ sub/
        "#]],
    );
}

#[test]
fn hard_links_share_their_content() {
    check(
        "write /v/a 1; ln /v/a /v/b; append /v/b 2; cat /v/a; stat /v/a; rm /v/a; cat /v/b; stat /v/b; ln /v/none /v/c; ln /v/b /v/b; mkdir /v/d; ln /v/d /v/e; mv /v/b /v/d/b; ln /v/d/b /v/f; mv /v/f /v/d/b; ls /v; ls /v/d",
        expect![[r#"
            write /v/a 1: ok
            ln /v/a /v/b: ok
            append /v/b 2: ok
            cat /v/a: 12
            stat /v/a: file links 2 size 2
            rm /v/a: ok
            cat /v/b: 12
            stat /v/b: file links 1 size 2
            ln /v/none /v/c: no such file or directory
            ln /v/b /v/b: file exists
            mkdir /v/d: ok
            ln /v/d /v/e: operation not permitted
            mv /v/b /v/d/b: ok
            ln /v/d/b /v/f: ok
            mv /v/f /v/d/b: ok
            ls /v: d/ f
            ls /v/d: b
        "#]],
    );
}

#[test]
fn symbolic_links_are_resolved_in_the_container() {
    check(
        "mkdir /v/d; write /v/d/f in; symlink d /v/l; cat /v/l/f; symlink /v/d/f /v/abs; cat /v/abs; readlink /v/abs; lstat /v/abs; stat /v/abs; symlink ../../../../etc/passwd /v/up; cat /v/up; symlink /etc/passwd /v/p; cat /v/p; rm /v/p; cat /etc/passwd; symlink new /v/to; write /v/to x; cat /v/new; symlink none/x /v/no; write /v/no x; readlink /v/d; cat /v/l/../d/f; rmdir /v/l; rm /v/l/; rm /v/l; ls /v; symlink x /v/d; symlink x /v/y/; ls /v/l2/",
        expect![[r#"
            mkdir /v/d: ok
            write /v/d/f in: ok
            symlink d /v/l: ok
            cat /v/l/f: in
            symlink /v/d/f /v/abs: ok
            cat /v/abs: in
            readlink /v/abs: /v/d/f
            lstat /v/abs: symlink links 1 size 6
            stat /v/abs: file links 1 size 2
            symlink ../../../../etc/passwd /v/up: ok
            cat /v/up: root
            symlink /etc/passwd /v/p: ok
            cat /v/p: root
            rm /v/p: ok
            cat /etc/passwd: root
            symlink new /v/to: ok
            write /v/to x: ok
            cat /v/new: x
            symlink none/x /v/no: ok
            write /v/no x: no such file or directory
            readlink /v/d: invalid argument
            cat /v/l/../d/f: in
            rmdir /v/l: not a directory
            rm /v/l/: is a directory
            rm /v/l: ok
            ls /v: abs@ d/ new no@ to@ up@
            symlink x /v/d: file exists
            symlink x /v/y/: no such file or directory
            ls /v/l2/: no such file or directory
        "#]],
    );
}

#[test]
fn loops_of_links_end() {
    check(
        "symlink b /v/a; symlink a /v/b; cat /v/a; write /v/a x; lstat /v/a; symlink self/x /v/self; cat /v/self; symlink . /v/dot; ls /v/dot/dot/dot/dot",
        expect![[r#"
            symlink b /v/a: ok
            symlink a /v/b: ok
            cat /v/a: too many levels of symbolic links
            write /v/a x: too many levels of symbolic links
            lstat /v/a: symlink links 1 size 1
            symlink self/x /v/self: ok
            cat /v/self: too many levels of symbolic links
            symlink . /v/dot: ok
            ls /v/dot/dot/dot/dot: a@ b@ dot@ self@
        "#]],
    );
}

#[test]
fn open_files_outlive_their_names() {
    check(
        "open f /v/a rwc; put f hello; rm /v/a; pread f 0 9; put f !; pread f 0 9; fstat f; cat /v/a; write /v/a new; cat /v/a; pread f 0 9; close f; open g /v/a r; mkdir /v/d; write /v/b over; mv /v/b /v/a; pread g 0 9; cat /v/a",
        expect![[r#"
            open f /v/a rwc: ok
            put f hello: 5
            rm /v/a: ok
            pread f 0 9: hello
            put f !: 1
            pread f 0 9: hello!
            fstat f: file links 0 size 6
            cat /v/a: no such file or directory
            write /v/a new: ok
            cat /v/a: new
            pread f 0 9: hello!
            close f: ok
            open g /v/a r: ok
            mkdir /v/d: ok
            write /v/b over: ok
            mv /v/b /v/a: ok
            pread g 0 9: new
            cat /v/a: over
        "#]],
    );
}

#[test]
fn open_directories_keep_their_place() {
    check(
        "mkdir /v/a; mkdir /v/a/b; write /v/a/b/f deep; write /v/a/g up; open d /v/a/b dr; at d cat f; mv /v/a /v/c; at d cat f; at d cat ../g; at d write new x; ls /v/c/b; at d cat /v/c/g; rm /v/c/b/f; rm /v/c/b/new; rmdir /v/c/b; at d cat f; at d write f x; at d mkdir e; mkdir /v/c/b; at d write f x; ls /v/c/b",
        expect![[r#"
            mkdir /v/a: ok
            mkdir /v/a/b: ok
            write /v/a/b/f deep: ok
            write /v/a/g up: ok
            open d /v/a/b dr: ok
            at d cat f: deep
            mv /v/a /v/c: ok
            at d cat f: deep
            at d cat ../g: up
            at d write new x: ok
            ls /v/c/b: f new
            at d cat /v/c/g: up
            rm /v/c/b/f: ok
            rm /v/c/b/new: ok
            rmdir /v/c/b: ok
            at d cat f: no such file or directory
            at d write f x: no such file or directory
            at d mkdir e: no such file or directory
            mkdir /v/c/b: ok
            at d write f x: no such file or directory
            ls /v/c/b: 
        "#]],
    );
}

#[test]
fn open_flags_mean_what_linux_says() {
    check(
        "open a /v/f r; open a /v/f rwcx; open b /v/f rwcx; put a abc; open c /v/f w; pread c 0 1; open d /v/f r; pwrite d 0 x; open e /v/f wt; fstat a; open g /v/f a; put g 1; pwrite g 0 2; put a x; pread a 0 9; open h /v/f dr; open i /v dr; open j /v w; open k /v rc; open l /v rd; symlink f /v/l; open m /v/l rn; open n /v/l rnd; symlink no /v/dang; open o /v/dang rwcx; open p /v/f crd; setlen d 1; open q /v/f rt; fstat q; pwrite q 0 x",
        expect![[r#"
            open a /v/f r: no such file or directory
            open a /v/f rwcx: ok
            open b /v/f rwcx: file exists
            put a abc: 3
            open c /v/f w: ok
            pread c 0 1: bad file descriptor
            open d /v/f r: ok
            pwrite d 0 x: bad file descriptor
            open e /v/f wt: ok
            fstat a: file links 1 size 0
            open g /v/f a: ok
            put g 1: 1
            pwrite g 0 2: 1
            put a x: 1
            pread a 0 9: 12\0x
            open h /v/f dr: not a directory
            open i /v dr: ok
            open j /v w: is a directory
            open k /v rc: is a directory
            open l /v rd: ok
            symlink f /v/l: ok
            open m /v/l rn: too many levels of symbolic links
            open n /v/l rnd: not a directory
            symlink no /v/dang: ok
            open o /v/dang rwcx: file exists
            open p /v/f crd: invalid argument
            setlen d 1: invalid argument
            open q /v/f rt: ok
            fstat q: file links 1 size 0
            pwrite q 0 x: bad file descriptor
        "#]],
    );
}

#[test]
fn holes_read_as_zeros() {
    check(
        "open f /v/f rwc; pwrite f 5 x; pread f 0 9; fstat f; setlen f 3; pread f 0 9; setlen f 4; pread f 0 9; setlen f 1099511627777; pwrite f 1099511627776 x; setlen f 1099511627776; fstat f; pread f 1099511627775 9; pread f 1099511627776 9; setlen f 0; pread f 0 1",
        expect![[r#"
            open f /v/f rwc: ok
            pwrite f 5 x: 1
            pread f 0 9: \0\0\0\0\0x
            fstat f: file links 1 size 6
            setlen f 3: ok
            pread f 0 9: \0\0\0
            setlen f 4: ok
            pread f 0 9: \0\0\0\0
            setlen f 1099511627777: file too large
            pwrite f 1099511627776 x: file too large
            setlen f 1099511627776: ok
            fstat f: file links 1 size 1099511627776
            pread f 1099511627775 9: \0
            pread f 1099511627776 9: 
            setlen f 0: ok
            pread f 0 1: 
        "#]],
    );
}

#[test]
fn hostile_paths_stay_in_the_container() {
    check(
        "ls /../../..; cat /../../etc/passwd; cat ../../../etc/passwd; symlink ../../../../../.. /v/out; ls /v/out/; ls /v/out/v/out; symlink /.. /v/root; cat /v/root/etc/passwd; cat //etc//./passwd; write /v/a\\0b x; cat \\e; ls /v; symlink \\e /v/e; write /v/a\\b x; cat /v/a\\b",
        expect![[r#"
            ls /../../..: etc/ v/
            cat /../../etc/passwd: root
            cat ../../../etc/passwd: root
            symlink ../../../../../.. /v/out: ok
            ls /v/out/: etc/ v/
            ls /v/out/v/out: etc/ v/
            symlink /.. /v/root: ok
            cat /v/root/etc/passwd: root
            cat //etc//./passwd: root
            write /v/a\0b x: invalid argument
            cat \e: no such file or directory
            ls /v: out@ root@
            symlink \e /v/e: no such file or directory
            write /v/a\b x: ok
            cat /v/a\b: x
        "#]],
    );
}

#[test]
fn names_and_paths_have_the_lengths_of_linux() {
    for_each_kind(|files, kind| {
        let at_most = format!("/v/{}", "n".repeat(255));
        let name = format!("/v/{}", "n".repeat(256));
        let path = format!("/v/{}", "./".repeat(2046));
        assert_eq!(path.len(), 4095);
        let stat = |path: &str| files.stat(CALLER, At::Root, path, Follow::Yes).map(drop);
        assert_eq!(
            files.create_dir(CALLER, At::Root, &at_most, 0o755),
            Ok(()),
            "{kind}"
        );
        assert_eq!(
            files.create_dir(CALLER, At::Root, &name, 0o755),
            Err(Errno::NameTooLong),
            "{kind}"
        );
        assert_eq!(stat(&name), Err(Errno::NameTooLong), "{kind}");
        assert_eq!(stat(&path), Ok(()), "{kind}");
        assert_eq!(stat(&format!("{path}/")), Err(Errno::NameTooLong), "{kind}");
        let target = "t".repeat(4096);
        assert_eq!(
            files.symlink(CALLER, &target, At::Root, "/v/l"),
            Err(Errno::NameTooLong),
            "{kind}"
        );
    });
}

#[test]
#[cfg(unix)]
fn permission_bits_are_set_and_kept() {
    for_each_kind(|files, kind| {
        let mode = |path: &str| {
            files
                .stat(CALLER, At::Root, path, Follow::Yes)
                .map(|stat| stat.mode)
        };
        write(files, "/v/f", "x").unwrap();
        files.create_dir(CALLER, At::Root, "/v/d", 0o755).unwrap();
        files.symlink(CALLER, "f", At::Root, "/v/l").unwrap();
        for (path, changed, stays) in [
            ("/v/f", 0o755, "/v/f"),
            ("/v/l", 0o640, "/v/f"),
            ("/v/d", 0o711, "/v/d"),
        ] {
            assert_eq!(
                files.set_mode(CALLER, path, changed),
                Ok(()),
                "{kind} {path}"
            );
            assert_eq!(mode(stays), Ok(changed), "{kind} {path}");
        }
        let missing = files.set_mode(CALLER, "/v/none", 0o755);
        assert_eq!(missing, Err(Errno::NoEntry), "{kind}");
    });
}

#[test]
fn times_are_set_and_kept() {
    for_each_kind(|files, kind| {
        let time = |seconds: u64| Some(WallTime::from_unix_nanos(seconds * 1_000_000_000));
        let times = Times {
            accessed: time(1),
            modified: time(2),
        };
        let stat = |path: &str| files.stat(CALLER, At::Root, path, Follow::No).unwrap();
        write(files, "/v/f", "x").unwrap();
        files.create_dir(CALLER, At::Root, "/v/d", 0o755).unwrap();
        for path in ["/v/f", "/v/d"] {
            files
                .set_times(CALLER, At::Root, path, Follow::Yes, times)
                .unwrap();
            assert_eq!(Some(stat(path).accessed), time(1), "{kind} {path}");
            assert_eq!(Some(stat(path).modified), time(2), "{kind} {path}");
        }
        let file = files
            .open(CALLER, At::Root, "/v/f", OpenFlags::READ)
            .unwrap();
        file.set_times(
            CALLER,
            Times {
                modified: time(3),
                ..Times::default()
            },
        )
        .unwrap();
        assert_eq!(Some(stat("/v/f").accessed), time(1), "{kind}");
        assert_eq!(Some(stat("/v/f").modified), time(3), "{kind}");
        write(files, "/v/f", "y").unwrap();
        assert!(Some(stat("/v/f").modified) > time(3), "{kind}");
    });
}

#[test]
fn a_large_directory_is_listed_in_parts() {
    for_each_kind(|files, kind| {
        let names: Vec<String> = (0..2500).map(|n| format!("f{n:04}")).collect();
        for name in &names {
            write(files, &format!("/v/{name}"), "").unwrap();
        }
        let dir = files.open(CALLER, At::Root, "/v", OpenFlags::READ).unwrap();
        assert_eq!(list(&dir).unwrap(), names, "{kind}");
    });
}

#[test]
fn nodes_have_numbers_of_their_own() {
    for_each_kind(|files, kind| {
        write(files, "/v/a", "1").unwrap();
        write(files, "/v/b", "2").unwrap();
        files
            .link(CALLER, (At::Root, "/v/a"), Follow::No, (At::Root, "/v/c"))
            .unwrap();
        let identity = |path: &str| {
            let stat = files.stat(CALLER, At::Root, path, Follow::No).unwrap();
            assert_ne!(stat.node, 0);
            (stat.device, stat.node)
        };
        assert_eq!(identity("/v/a"), identity("/v/c"), "{kind}");
        assert_ne!(identity("/v/a"), identity("/v/b"), "{kind}");
        let before = identity("/v/a");
        files
            .rename(CALLER, (At::Root, "/v/a"), (At::Root, "/v/d"))
            .unwrap();
        assert_eq!(identity("/v/d"), before, "{kind}");
    });
}

#[test]
fn two_writers_append_without_loss() {
    for_each_kind(|files, kind| {
        let append = OpenFlags {
            append: true,
            truncate: false,
            ..OpenFlags::CREATE
        };
        let open = || files.open(CALLER, At::Root, "/v/log", append).unwrap();
        std::thread::scope(|scope| {
            for file in [open(), open()] {
                scope.spawn(move || {
                    for _ in 0..500 {
                        assert_eq!(file.write(CALLER, b"line\n"), Ok(5));
                    }
                });
            }
        });
        let text = files.read(CALLER, "/v/log", 1 << 20).unwrap();
        assert_eq!(text, b"line\n".repeat(1000), "{kind}");
    });
}

#[test]
fn read_only_mounts_take_no_change() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f"), "old").unwrap();
    std::fs::create_dir(dir.path().join("d")).unwrap();
    let mut files = container();
    mount(
        &mut files,
        "/r",
        host_dir_volume(dir.path()).unwrap(),
        Access::ReadOnly,
    );
    let transcript = run(
        &files,
        "cat /r/f; write /r/f x; append /r/f x; write /r/g x; mkdir /r/e; rm /r/f; rmdir /r/d; mv /r/f /r/g; ln /r/f /r/g; symlink x /r/g; open f /r/f rc; open g /r/f rt; open h /r/g rc; mkdir /r/d; ls /r",
    );
    expect![[r#"
        cat /r/f: old
        write /r/f x: read-only file system
        append /r/f x: read-only file system
        write /r/g x: read-only file system
        mkdir /r/e: read-only file system
        rm /r/f: read-only file system
        rmdir /r/d: read-only file system
        mv /r/f /r/g: read-only file system
        ln /r/f /r/g: read-only file system
        symlink x /r/g: read-only file system
        open f /r/f rc: ok
        open g /r/f rt: read-only file system
        open h /r/g rc: read-only file system
        mkdir /r/d: file exists
        ls /r: d/ f
    "#]]
    .assert_eq(&transcript);
}

#[test]
fn mounts_hide_nest_and_hold_their_place() {
    let mut files = container();
    let (outer, inner) = (empty(), empty());
    let one = MemoryVolume::file("one", Bytes::from_static(b"1\n"), 0o644, NOW).unwrap();
    let mounts = vec![
        Mount {
            path: "/a/b/inner",
            volume: inner,
            sub_path: None,
            access: Access::ReadWrite,
        },
        Mount {
            path: "/etc/passwd",
            volume: one,
            sub_path: Some("one"),
            access: Access::ReadWrite,
        },
        Mount {
            path: "/a/b",
            volume: Arc::clone(&outer) as _,
            sub_path: None,
            access: Access::ReadWrite,
        },
        Mount {
            path: "again",
            volume: outer,
            sub_path: Some("inner"),
            access: Access::ReadWrite,
        },
    ];
    files.mount_all(CALLER, mounts).unwrap();
    let transcript = run(
        &files,
        "ls /; ls /a/b; write /a/b/f 1; write /a/b/inner/g 2; ls /again; write /again/h 3; ls /a/b/inner; cat /a/b/inner/../f; mv /a/b/f /a/b/inner/f; ln /a/b/f /a/f; mv /a/b/inner /a/b/x; rmdir /a/b/inner; rm /etc/passwd; mv /etc/passwd /etc/x; cat /etc/passwd; append /etc/passwd 2; cat /etc/passwd; mv /a /c; cat /c/b/f; mv /again/h /c/b/h; rmdir /c/b",
    );
    expect![[r#"
        ls /: a/ again/ etc/ v/
        ls /a/b: inner/
        write /a/b/f 1: ok
        write /a/b/inner/g 2: ok
        ls /again: 
        write /again/h 3: ok
        ls /a/b/inner: g
        cat /a/b/inner/../f: 1
        mv /a/b/f /a/b/inner/f: invalid cross-device link
        ln /a/b/f /a/f: invalid cross-device link
        mv /a/b/inner /a/b/x: device or resource busy
        rmdir /a/b/inner: device or resource busy
        rm /etc/passwd: device or resource busy
        mv /etc/passwd /etc/x: device or resource busy
        cat /etc/passwd: 1\n
        append /etc/passwd 2: ok
        cat /etc/passwd: 1\n2
        mv /a /c: ok
        cat /c/b/f: 1
        mv /again/h /c/b/h: invalid cross-device link
        rmdir /c/b: device or resource busy
    "#]]
    .assert_eq(&transcript);
}

#[test]
fn mount_points_are_made_in_a_read_only_root_but_not_in_a_read_only_volume() {
    let image = Arc::new(Tree::builder().build());
    let mut files = Files::of_image(image, Access::ReadOnly);
    mount(&mut files, "/deep/down", empty(), Access::ReadOnly);
    let transcript = run(&files, "ls /deep; write /x y; write /deep/down/x y");
    expect![[r#"
        ls /deep: down/
        write /x y: read-only file system
        write /deep/down/x y: read-only file system
    "#]]
    .assert_eq(&transcript);

    let below = Mount {
        path: "/deep/down/more",
        volume: empty(),
        sub_path: None,
        access: Access::ReadWrite,
    };
    let error = files.mount(CALLER, &below).unwrap_err();
    assert_eq!(
        error.to_string(),
        "create mount point /deep/down/more: read-only file system"
    );
    let file = Mount {
        path: "/deep",
        sub_path: Some("f"),
        volume: file_volume(),
        access: Access::ReadWrite,
    };
    assert!(
        files
            .mount(CALLER, &file)
            .unwrap_err()
            .to_string()
            .starts_with("mount at /deep: not a directory")
    );
}

#[test]
fn sub_paths_stay_in_their_volume() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "s").unwrap();
    let volume = host_dir_volume(dir.path()).unwrap();
    let mut files = container();
    mount(
        &mut files,
        "/v2",
        Arc::clone(&volume) as _,
        Access::ReadWrite,
    );
    let out = outside.path().to_str().unwrap();
    let script = format!(
        "symlink {out} /v2/abs; symlink .. /v2/up; symlink in /v2/ok; mkdir /v2/in; write /v2/in/f x"
    );
    run(&files, &script);
    let check = |sub_path: &str, expected: Result<(), Errno>| {
        let mount = Mount {
            path: "/m",
            volume: Arc::clone(&volume) as _,
            sub_path: Some(sub_path),
            access: Access::ReadWrite,
        };
        let result = container().mount(CALLER, &mount);
        let expected =
            expected.map_err(|errno| format!("subPath {sub_path} of the volume at /m: {errno}"));
        assert_eq!(result.map_err(|error| error.to_string()), expected);
    };
    check("abs/secret", Err(Errno::NotPermitted));
    check("abs", Err(Errno::NotPermitted));
    check("up", Err(Errno::NotPermitted));
    check("..", Err(Errno::NotPermitted));
    check("in/../../x", Err(Errno::NotPermitted));
    check("/in", Err(Errno::NotPermitted));
    check("ok", Ok(()));
    check("in/f", Ok(()));
    check("in/f/g", Err(Errno::NotDirectory));
    check("new/dir", Ok(()));
    assert!(dir.path().join("new/dir").is_dir());
}

#[test]
fn a_memory_volume_is_full_at_its_size_limit() {
    let mut files = container();
    let volume = MemoryVolume::empty("memory", Some(10_000), NOW);
    mount(
        &mut files,
        "/m",
        Arc::clone(&volume) as _,
        Access::ReadWrite,
    );
    let file = files
        .open(CALLER, At::Root, "/m/f", OpenFlags::CREATE)
        .unwrap();
    assert_eq!(file.write(CALLER, &[1; 10_000]), Ok(8192));
    assert_eq!(file.write(CALLER, b"x"), Err(Errno::InsufficientSpace));
    assert_eq!(file.write_at(CALLER, 100, b"x"), Ok(1));
    assert_eq!(write(&files, "/m/g", "x"), Err(Errno::InsufficientSpace));
    files.unlink(CALLER, At::Root, "/m/f").unwrap();
    assert_eq!(write(&files, "/m/g", "x"), Err(Errno::InsufficientSpace));
    drop(file);
    assert_eq!(write(&files, "/m/g", "x"), Ok(()));
    assert_eq!(volume.usage().bytes, 4096);
}

#[test]
fn a_projected_volume_changes_at_once_and_sub_paths_never() {
    let projected = ProjectedVolume::new(payload(&[("a", "1"), ("dir/b", "2")]), NOW).unwrap();
    let mut files = container();
    mount(&mut files, "/c", projected.volume(), Access::ReadOnly);
    let mounted = Mount {
        path: "/sub",
        volume: projected.volume(),
        sub_path: Some("a"),
        access: Access::ReadOnly,
    };
    files.mount(CALLER, &mounted).unwrap();
    let script =
        "ls /c; readlink /c/..data; readlink /c/a; cat /c/a; cat /c/dir/b; cat /sub; write /c/a x";
    expect![[r#"
        ls /c: ..2026_01_02_15_04_05.000000000/ ..data@ a@ dir@
        readlink /c/..data: ..2026_01_02_15_04_05.000000000
        readlink /c/a: ..data/a
        cat /c/a: 1
        cat /c/dir/b: 2
        cat /sub: 1
        write /c/a x: read-only file system
    "#]]
    .assert_eq(&run(&files, script));

    projected
        .update(payload(&[("a", "1"), ("dir/b", "2")]), NOW)
        .unwrap();
    assert_eq!(
        run(&files, "readlink /c/..data"),
        "readlink /c/..data: ..2026_01_02_15_04_05.000000000\n"
    );
    let open = files
        .open(CALLER, At::Root, "/c/a", OpenFlags::READ)
        .unwrap();
    projected
        .update(payload(&[("a", "new"), ("z", "3")]), NOW)
        .unwrap();
    expect![[r#"
        ls /c: ..2026_01_02_15_04_05.000000001/ ..data@ a@ z@
        cat /c/a: new
        cat /c/z: 3
        cat /c/dir/b: no such file or directory
        cat /sub: 1
    "#]]
    .assert_eq(&run(
        &files,
        "ls /c; cat /c/a; cat /c/z; cat /c/dir/b; cat /sub",
    ));
    assert_eq!(open.read(9).unwrap(), "1");
    for path in ["../x", "/x", "a//b", "..x", "a/../b", ""] {
        assert!(
            ProjectedVolume::new(payload(&[(path, "")]), NOW).is_err(),
            "{path}"
        );
    }
}

#[test]
fn devices_behave() {
    let mut files = container();
    let seed = seedpod_core::seed::Seed::new(1);
    let devices = MemoryVolume::devices(Box::new(seed.rng()), NOW).unwrap();
    mount(&mut files, "/dev", devices, Access::ReadOnly);
    let transcript = run(
        &files,
        "cat /dev/null; write /dev/null x; write /dev/full x; open z /dev/zero r; pread z 7 3; stat /dev/null; open r /dev/urandom rw; put r x; rm /dev/null; ls /dev",
    );
    expect![[r#"
        cat /dev/null: 
        write /dev/null x: ok
        write /dev/full x: no space left on device
        open z /dev/zero r: ok
        pread z 7 3: \0\0\0
        stat /dev/null: device links 1 size 0
        open r /dev/urandom rw: ok
        put r x: 1
        rm /dev/null: read-only file system
        ls /dev: fd@ full null random shm/ stderr stdin stdout urandom zero
    "#]]
    .assert_eq(&transcript);
    let random = files
        .open(CALLER, At::Root, "/dev/random", OpenFlags::READ)
        .unwrap();
    assert_ne!(random.read(32).unwrap(), random.read(32).unwrap());
}

#[test]
fn a_file_of_the_machine_is_a_volume() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("conf"), "old").unwrap();
    std::fs::write(dir.path().join("other"), "no").unwrap();
    let mut files = container();
    mount(
        &mut files,
        "/etc/conf",
        host_file_volume(&dir.path().join("conf")).unwrap(),
        Access::ReadWrite,
    );
    let transcript = run(
        &files,
        "cat /etc/conf; write /etc/conf new; cat /etc/conf/../other; ls /etc; rm /etc/conf",
    );
    expect![[r#"
        cat /etc/conf: old
        write /etc/conf new: ok
        cat /etc/conf/../other: not a directory
        ls /etc: conf passwd
        rm /etc/conf: device or resource busy
    "#]]
    .assert_eq(&transcript);
    assert_eq!(
        std::fs::read_to_string(dir.path().join("conf")).unwrap(),
        "new"
    );
}

/// What somebody on the machine puts into a directory while a container has it must not lead out of it.
#[cfg(unix)]
#[test]
fn links_made_on_the_machine_do_not_lead_out() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "s").unwrap();
    std::os::unix::fs::symlink(outside.path(), dir.path().join("abs")).unwrap();
    std::os::unix::fs::symlink("../..", dir.path().join("up")).unwrap();
    let mut files = container();
    mount(
        &mut files,
        "/h",
        host_dir_volume(dir.path()).unwrap(),
        Access::ReadWrite,
    );
    let transcript = run(
        &files,
        "cat /h/abs/secret; write /h/abs/new x; ls /h/up; mv /h/up /h/abs/up",
    );
    expect![[r#"
        cat /h/abs/secret: no such file or directory
        write /h/abs/new x: no such file or directory
        ls /h/up: etc/ h/ v/
        mv /h/up /h/abs/up: no such file or directory
    "#]]
    .assert_eq(&transcript);

    std::fs::create_dir(dir.path().join("d")).unwrap();
    let open = files
        .open(CALLER, At::Root, "/h/d", OpenFlags::READ)
        .unwrap();
    std::fs::remove_dir(dir.path().join("d")).unwrap();
    std::os::unix::fs::symlink(outside.path(), dir.path().join("d")).unwrap();
    let secret = files.open(CALLER, At::Dir(&open), "secret", OpenFlags::READ);
    assert_eq!(secret.map(drop), Err(Errno::NotPermitted));
    assert!(
        files
            .create_dir(CALLER, At::Dir(&open), "new", 0o755)
            .is_err()
    );
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

const NOW: WallTime = WallTime::from_unix_nanos(1_767_366_245_000_000_000);
const CALLER: Caller = Caller::host(NOW);

#[expect(clippy::needless_pass_by_value, reason = "it reads as a literal")]
fn check(script: &str, expect: Expect) {
    let mut transcripts = BTreeMap::new();
    for_each_kind(|files, kind| {
        transcripts.insert(kind, run(files, script));
    });
    expect.assert_eq(&transcripts["memory"]);
    for (kind, transcript) in &transcripts {
        assert_eq!(transcript, &transcripts["memory"], "{kind}");
    }
}

/// Runs `test` with an empty directory `/v` of each kind.
fn for_each_kind(mut test: impl FnMut(&Files, &'static str)) {
    test(&container(), "layer");

    let mut files = container();
    mount(&mut files, "/v", empty(), Access::ReadWrite);
    test(&files, "memory");

    let around = tempfile::tempdir().unwrap();
    let dir = around.path().join("dir");
    std::fs::create_dir(&dir).unwrap();
    let mut files = container();
    let volume = host_dir_volume(&dir).unwrap();
    mount(&mut files, "/v", volume, Access::ReadWrite);
    test(&files, "host");
    let around = std::fs::read_dir(around.path()).unwrap();
    let names: Vec<_> = around.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["dir"]);
}

fn container() -> Files {
    let mut builder = Tree::builder();
    builder
        .insert_file("/etc/passwd", Bytes::from_static(b"root"), 0o644)
        .unwrap();
    builder.insert_dir("/v", 0o755).unwrap();
    Files::of_image(Arc::new(builder.build()), Access::ReadWrite)
}

fn empty() -> Arc<MemoryVolume> {
    MemoryVolume::empty("memory", None, NOW)
}

fn file_volume() -> Arc<MemoryVolume> {
    MemoryVolume::file("f", Bytes::new(), 0o644, NOW).unwrap()
}

fn mount(files: &mut Files, path: &str, volume: Arc<dyn Volume>, access: Access) {
    files
        .mount(
            CALLER,
            &Mount {
                path,
                volume,
                sub_path: None,
                access,
            },
        )
        .unwrap();
}

fn payload(files: &[(&str, &str)]) -> Payload {
    let file = |text: &str| PayloadFile {
        bytes: Bytes::from(text.to_owned()),
        mode: 0o644,
    };
    files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), file(text)))
        .collect()
}

/// Runs commands separated by `;` and writes what each answers.
fn run(files: &Files, script: &str) -> String {
    let mut transcript = String::new();
    let mut open = BTreeMap::new();
    for line in script.split("; ") {
        let words = line.replace("\\0", "\0").replace("\\e", "");
        let words: Vec<&str> = words.split(' ').collect();
        let answer = match words.as_slice() {
            ["at", dir, rest @ ..] => {
                let dir: &OpenFile = &open[*dir];
                command(files, At::Dir(dir), rest)
            }
            ["open", name, path, flags] => files
                .open(CALLER, At::Root, path, open_flags(flags))
                .map(|file| {
                    open.insert((*name).to_owned(), file);
                    "ok".to_owned()
                }),
            ["close", name] => {
                open.remove(*name).unwrap();
                Ok("ok".to_owned())
            }
            [
                verb @ ("pread" | "pwrite" | "put" | "setlen" | "fstat"),
                name,
                rest @ ..,
            ] => file_command(&open[*name], verb, rest),
            words => command(files, At::Root, words),
        };
        let answer = answer.unwrap_or_else(|errno| errno.to_string());
        let answer = answer.replace('\0', "\\0").replace('\n', "\\n");
        writeln!(transcript, "{line}: {answer}").unwrap();
    }
    transcript
}

fn command(files: &Files, at: At<'_>, words: &[&str]) -> Result<String, Errno> {
    let done = match words {
        ["cat", path] => {
            let file = files.open(CALLER, at, path, OpenFlags::READ)?;
            return Ok(text(&file.read(100)?));
        }
        ["write", path, data] => {
            let file = files.open(CALLER, at, path, OpenFlags::CREATE)?;
            file.write(CALLER, data.as_bytes()).map(drop)
        }
        ["append", path, data] => {
            let flags = OpenFlags {
                append: true,
                truncate: false,
                create: false,
                ..OpenFlags::CREATE
            };
            let file = files.open(CALLER, at, path, flags)?;
            file.write(CALLER, data.as_bytes()).map(drop)
        }
        ["ls", path] => {
            let dir = files.open(
                CALLER,
                at,
                path,
                OpenFlags {
                    directory: true,
                    ..OpenFlags::READ
                },
            )?;
            return Ok(list_with_kinds(&dir)?.join(" "));
        }
        ["stat", path] => return Ok(describe(files.stat(CALLER, at, path, Follow::Yes)?)),
        ["lstat", path] => return Ok(describe(files.stat(CALLER, at, path, Follow::No)?)),
        ["readlink", path] => return files.read_link(CALLER, at, path),
        ["mkdir", path] => files.create_dir(CALLER, at, path, 0o755),
        ["rmdir", path] => files.remove_dir(CALLER, at, path),
        ["rm", path] => files.unlink(CALLER, at, path),
        ["mv", from, to] => files.rename(CALLER, (at, from), (at, to)),
        ["ln", from, to] => files.link(CALLER, (at, from), Follow::No, (at, to)),
        ["symlink", target, path] => files.symlink(CALLER, target, at, path),
        words => panic!("unknown command {words:?}"),
    };
    done.map(|()| "ok".to_owned())
}

fn file_command(file: &OpenFile, verb: &str, words: &[&str]) -> Result<String, Errno> {
    match (verb, words) {
        ("pread", [offset, max]) => Ok(text(
            &file.read_at(offset.parse().unwrap(), max.parse().unwrap())?,
        )),
        ("pwrite", [offset, data]) => Ok(file
            .write_at(CALLER, offset.parse().unwrap(), data.as_bytes())?
            .to_string()),
        ("put", [data]) => Ok(file.write(CALLER, data.as_bytes())?.to_string()),
        ("setlen", [len]) => file
            .set_len(CALLER, len.parse().unwrap())
            .map(|()| "ok".to_owned()),
        ("fstat", []) => Ok(describe(file.stat(CALLER)?)),
        _ => panic!("unknown command {verb} {words:?}"),
    }
}

fn open_flags(letters: &str) -> OpenFlags {
    OpenFlags {
        read: letters.contains('r'),
        write: letters.contains(['w', 'a']),
        append: letters.contains('a'),
        create: letters.contains('c'),
        exclusive: letters.contains('x'),
        truncate: letters.contains('t'),
        directory: letters.contains('d'),
        follow: if letters.contains('n') {
            Follow::No
        } else {
            Follow::Yes
        },
        mode: 0o644,
    }
}

fn write(files: &Files, path: &str, data: &str) -> Result<(), Errno> {
    let file = files.open(CALLER, At::Root, path, OpenFlags::CREATE)?;
    if !data.is_empty() {
        file.write(CALLER, data.as_bytes())?;
    }
    Ok(())
}

fn list(dir: &OpenFile) -> Result<Vec<String>, Errno> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let part = dir.read_dir(CALLER, names.last().map(String::as_str))?;
        if part.is_empty() {
            return Ok(names);
        }
        names.extend(part.into_iter().map(|entry| entry.name));
    }
}

fn list_with_kinds(dir: &OpenFile) -> Result<Vec<String>, Errno> {
    let entries = dir.read_dir(CALLER, None)?.into_iter();
    Ok(entries
        .map(|entry| match entry.kind {
            FileType::Directory => format!("{}/", entry.name),
            FileType::Symlink => format!("{}@", entry.name),
            FileType::Regular | FileType::Device | FileType::Other => entry.name,
        })
        .collect())
}

fn describe(stat: seedpod_core::volume::Stat) -> String {
    let kind = match stat.kind {
        FileType::Directory => return "directory".to_owned(),
        FileType::Regular => "file",
        FileType::Symlink => "symlink",
        FileType::Device => "device",
        FileType::Other => "other",
    };
    format!("{kind} links {} size {}", stat.links, stat.size)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
