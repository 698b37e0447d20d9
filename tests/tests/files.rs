//! What a guest sees of files through its standard library. The same commands run on the operating system: what differs
//! is a bug of ours, or is listed here.

#[cfg(target_os = "linux")]
#[expect(dead_code, unsafe_code, reason = "it is a program of the guests")]
#[path = "../../guests/tests/src/bin/files.rs"]
mod operating_system;

use bytes::Bytes;
use expect_test::{Expect, expect};
use seedpod_api::Source;
use seedpod_core::image::{Image, ImageConfig};
use seedpod_core::seed::Seed;
use seedpod_core::volume::Tree;
use seedpod_engine::world::ResolvedImage;
use seedpod_engine::{Engine, EngineSettings};
use seedpod_sim::{Settings, Simulation};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

#[test]
fn files() {
    check(
        "write a hello; cat a; append a !; cat a; new a x; new b x; copy a c; cat c; ls .; stat a; setlen a 3; cat a; setlen a 5; cat a; at a 7 x; cat a; from a 3; cat none; cat a/b; cat .; write . x; write none/a x; unlinked u gone; touch a 86400; fill big 300; stat big; rm big; ls .",
        expect![[r#"
            write a hello: ok
            cat a: hello
            append a !: ok
            cat a: hello!
            new a x: AlreadyExists
            new b x: ok
            copy a c: ok
            cat c: hello!
            ls .: a b c
            stat a: file 6
            setlen a 3: ok
            cat a: hel
            setlen a 5: ok
            cat a: hel\0\0
            at a 7 x: ok
            cat a: hel\0\0\0\0x
            from a 3: \0\0\0\0x
            cat none: NotFound
            cat a/b: NotADirectory
            cat .: IsADirectory
            write . x: IsADirectory
            write none/a x: NotFound
            unlinked u gone: gone exists false
            touch a 86400: 86400
            fill big 300: 307200 of 307200 bytes
            stat big: file 307200
            rm big: ok
            ls .: a b c
        "#]],
    );
}

#[test]
fn directories() {
    check(
        "mkdir d; mkdir d; mkdirs d/e/f; ls d; rmdir d; rm d; write d/e/x 1; ls d/e; stat d; rmtree d; ls .; rmdir none; rmtree none; mkdirs a/b/c; symlink a l; symlink b a/m; ls a; write a/b/c/f x; rmtree l; rmtree a; ls .",
        expect![[r#"
            mkdir d: ok
            mkdir d: AlreadyExists
            mkdirs d/e/f: ok
            ls d: e/
            rmdir d: DirectoryNotEmpty
            rm d: IsADirectory
            write d/e/x 1: ok
            ls d/e: f/ x
            stat d: directory
            rmtree d: ok
            ls .: 
            rmdir none: NotFound
            rmtree none: NotFound
            mkdirs a/b/c: ok
            symlink a l: ok
            symlink b a/m: ok
            ls a: b/ m@
            write a/b/c/f x: ok
            rmtree l: ok
            rmtree a: ok
            ls .: 
        "#]],
    );
}

#[test]
fn renames() {
    check(
        "write a 1; write b 2; mv a b; cat b; mkdir d; mkdir d/s; mkdir e; mv b d; mv d b; mv e d; mv d e; ls e; mv e e/s/x; mv none x; mv b e/s/b; cat e/s/b; mv e f; cat f/s/b; ls .",
        expect![[r#"
            write a 1: ok
            write b 2: ok
            mv a b: ok
            cat b: 1
            mkdir d: ok
            mkdir d/s: ok
            mkdir e: ok
            mv b d: IsADirectory
            mv d b: NotADirectory
            mv e d: DirectoryNotEmpty
            mv d e: ok
            ls e: s/
            mv e e/s/x: InvalidInput
            mv none x: NotFound
            mv b e/s/b: ok
            cat e/s/b: 1
            mv e f: ok
            cat f/s/b: 1
            ls .: f/
        "#]],
    );
}

#[test]
fn links() {
    check(
        "write a 1; ln a b; append b 2; cat a; rm a; cat b; ln none c; mkdir d; ln d e; symlink b s; cat s; readlink s; lstat s; stat s; symlink none t; cat t; lstat t; stat t; readlink b; symlink d/../b u; cat u; symlink l1 l2; symlink l2 l1; cat l1; write t made; cat none; rm s; ls .",
        expect![[r#"
            write a 1: ok
            ln a b: ok
            append b 2: ok
            cat a: 12
            rm a: ok
            cat b: 12
            ln none c: NotFound
            mkdir d: ok
            ln d e: PermissionDenied
            symlink b s: ok
            cat s: 12
            readlink s: b
            lstat s: symlink 1
            stat s: file 2
            symlink none t: ok
            cat t: NotFound
            lstat t: symlink 4
            stat t: NotFound
            readlink b: InvalidInput
            symlink d/../b u: ok
            cat u: 12
            symlink l1 l2: ok
            symlink l2 l1: ok
            cat l1: FilesystemLoop
            write t made: ok
            cat none: made
            rm s: ok
            ls .: b d/ l1@ l2@ none t@ u@
        "#]],
    );
}

#[test]
fn working_directory() {
    let script = "mkdirs d/e; write d/f in; write f out; cd d; here f; here e/../f; here ../f; cd none; here f";
    let found = run_in_container(script, "/v");
    expect![[r#"
        mkdirs d/e: ok
        write d/f in: ok
        write f out: ok
        cd d: ok
        here f: in
        here e/../f: in
        here ../f: out
        cd none: NotFound
        here f: in
    "#]]
    .assert_eq(&found);
}

#[test]
fn open_files_are_limited() {
    let script = "write a x; hold a 1000; hold a 2000; hold a 1000; cat a";
    let found = run_in_container(script, "/v");
    expect![[r#"
        write a x: ok
        hold a 1000: 1000 files
        hold a 2000: OutOfMemory after 1023
        hold a 1000: 1000 files
        cat a: x
    "#]]
    .assert_eq(&found);
}

#[expect(clippy::needless_pass_by_value, reason = "it reads as a literal")]
fn check(script: &str, expect: Expect) {
    let on_volume = run_in_container(script, "/v");
    expect.assert_eq(&on_volume);
    let on_layer = run_in_container(script, "/layer");
    assert_eq!(on_layer, on_volume, "the private layer");
    let on_machine = run_on_machine(script);
    assert_eq!(on_machine, on_volume, "a directory of the machine");
    #[cfg(target_os = "linux")]
    {
        let dir = tempfile::tempdir().unwrap();
        let on_linux = operating_system::run(dir.path(), script);
        assert_eq!(on_linux, on_volume, "Linux");
    }
}

/// A pod that runs the program in `root`; a volume is mounted at `/v`.
fn manifest(image: &str, script: &str, root: &str) -> String {
    format!(
        r#"
apiVersion: v1
kind: Pod
metadata: {{ name: p }}
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: {image}
    args: [{root:?}, {script:?}]
    volumeMounts: [{{ name: v, mountPath: /v }}]
  volumes: [{{ name: v, emptyDir: {{}} }}]
"#
    )
}

/// In a simulation, where the volume is in memory; the image has a directory `/layer`.
fn run_in_container(script: &str, root: &str) -> String {
    let source = Source {
        name: "pod.yaml".to_owned(),
        bytes: manifest("files", script, root).into_bytes(),
    };
    let objects = seedpod_api::load(&[source]).unwrap().objects;
    let mut simulation = Simulation::new(Settings {
        seed: Seed::new(1),
        engine: ENGINE.clone(),
        images: Arc::new(|_, _| Ok(IMAGE.clone())),
    });
    simulation.start(&objects).unwrap();
    assert!(simulation.run(Duration::from_secs(60)));
    let log = simulation.log();
    log.lines()
        .map(|line| format!("{}\n", line.trim_start_matches("[p/c] ")))
        .collect()
}

/// On a node, where the volume is a directory of the machine that is gone when the pod has ended.
fn run_on_machine(script: &str) -> String {
    let volumes = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let log = runtime.block_on(async {
        let node = seedpod::Node::builder()
            .run_folder(volumes.path())
            .image_folder(seedpod_tests::root().join("guests/images/tests"))
            .build()
            .unwrap();
        let started = node.run(&manifest("./files.wasm", script, "/v")).unwrap();
        let mut lines = started.pods[0].logs();
        let mut log = String::new();
        while let Some(line) = lines.next().await {
            log += &format!("{}\n", String::from_utf8_lossy(&line.bytes));
        }
        assert_eq!(started.pods[0].wait().await.phase.to_string(), "Succeeded");
        let left: Vec<_> = uids(volumes.path());
        assert!(left.is_empty(), "{left:?}");
        log
    });
    drop(runtime);
    log
}

/// What lies in the directories of the runs, besides their locks.
fn uids(volumes: &Path) -> Vec<PathBuf> {
    let entries = |path: &Path| {
        let entries = std::fs::read_dir(path).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let runs = entries(volumes).into_iter().filter(|path| path.is_dir());
    runs.flat_map(|run| entries(&run))
        .filter(|path| path.is_dir())
        .collect()
}

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::new(EngineSettings::deterministic(None)).unwrap());

static IMAGE: LazyLock<ResolvedImage> = LazyLock::new(|| {
    let program = include_bytes!("../../guests/images/tests/files.wasm");
    let mut tree = Tree::builder();
    tree.insert_file("/files.wasm", Bytes::from_static(program), 0o755)
        .unwrap();
    tree.insert_dir("/layer", 0o755).unwrap();
    let config = ImageConfig {
        entrypoint: vec!["/files.wasm".to_owned()],
        ..ImageConfig::default()
    };
    let image = Image {
        reference: "files".to_owned(),
        digest: "sha256:00".to_owned(),
        size: program.len() as u64,
        config,
        tree: Arc::new(tree.build()),
    };
    ResolvedImage {
        image: Arc::new(image),
        already_present: true,
        substitute: None,
    }
});
