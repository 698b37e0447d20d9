use super::*;
use seedpod_core::time::Instant;

struct Fixture {
    folder: tempfile::TempDir,
    logs: LogFolder,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let logs = LogFolder::open(folder.path().join("logs")).unwrap();
    Fixture { folder, logs }
}

fn pod() -> PodName {
    PodName {
        namespace: "default".to_owned(),
        name: "web".to_owned(),
    }
}

fn line(restart: u32, text: &str) -> LogLine {
    LogLine {
        container: "c".to_owned(),
        restart,
        stream: LogStream::Stdout,
        at: Instant::ZERO,
        bytes: text.as_bytes().to_vec(),
        partial: false,
    }
}

/// The last words of all lines until the present end.
fn read(reader: &mut LogReader) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let bytes = reader.read().unwrap();
        if bytes.is_empty() {
            break;
        }
        all.extend(bytes);
    }
    let text = String::from_utf8(all).unwrap();
    let words = text
        .lines()
        .map(|line| line.rsplit(' ').next().unwrap().to_owned());
    words.collect()
}

fn names(fixture: &Fixture) -> Vec<String> {
    let container = fixture.folder.path().join("logs/default_web_1/c");
    let mut names: Vec<String> = fs::read_dir(container)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn each_instance_has_its_log() {
    let fixture = fixture();
    let logs = fixture.logs.pod(&pod(), "1");
    logs.begin();
    logs.take(&line(0, "a"), WallTime::default());
    logs.take(&line(1, "b"), WallTime::default());
    logs.take(&line(1, "c"), WallTime::default());
    let open =
        |restart, tail_lines| LogReader::open(logs.clone(), "c", restart, tail_lines).unwrap();
    assert_eq!(read(&mut open(0, None)), ["a"]);
    assert_eq!(read(&mut open(1, None)), ["b", "c"]);
    assert_eq!(read(&mut open(1, Some(1))), ["c"]);
    assert_eq!(read(&mut open(1, Some(0))), [""; 0]);
    assert_eq!(read(&mut open(2, None)), [""; 0]);
    assert!(open(0, None).has_ended());
    assert!(!open(1, None).has_ended());
    logs.end();
    assert!(open(1, None).has_ended());
}

#[test]
fn a_log_is_there_for_the_next_process_and_goes_with_its_pod() {
    let fixture = fixture();
    let logs = fixture.logs.pod(&pod(), "1");
    logs.begin();
    logs.take(&line(0, "a"), WallTime::default());
    let next = LogFolder::open(fixture.folder.path().join("logs")).unwrap();
    next.retain(|uid| uid == "1").unwrap();
    let mut reader = LogReader::open(next.pod(&pod(), "1"), "c", 0, None).unwrap();
    assert!(reader.has_ended());
    assert_eq!(read(&mut reader), ["a"]);
    next.retain(|_| false).unwrap();
    let left = fs::read_dir(fixture.folder.path().join("logs")).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn large_logs_are_set_aside_and_read_on() {
    let fixture = fixture();
    let logs = fixture.logs.pod(&pod(), "1");
    logs.begin();
    let mut reader = LogReader::open(logs.clone(), "c", 0, None).unwrap();
    let long = "x".repeat(1 << 20);
    let mut expected = Vec::new();
    for round in 0..70 {
        let text = format!("{round}-{long}");
        logs.take(&line(0, &text), WallTime::default());
        expected.push(text);
        if round == 5 || round == 15 {
            assert!(
                read(&mut reader) == std::mem::take(&mut expected),
                "{round}"
            );
        }
    }
    let files = ["0.log", "0.log.3", "0.log.4", "0.log.5", "0.log.6"];
    let kept: Vec<_> = names(&fixture);
    assert!(kept.len() <= LOG_FILES_KEPT, "{kept:?}");
    assert!(files.contains(&kept[1].as_str()), "{kept:?}");
    // The rest of the file that it has open, and then what is still there.
    let late = read(&mut reader);
    let gap = (1..late.len()).find(|at| late[*at] != expected[*at]);
    let (open, kept) = late.split_at(gap.unwrap_or(0));
    assert!(open.len() < 10, "{}", open.len());
    assert!(
        expected.ends_with(kept),
        "{} of {}",
        kept.len(),
        expected.len()
    );
    let mut tail = LogReader::open(logs.clone(), "c", 0, Some(15)).unwrap();
    assert!(read(&mut tail) == expected[expected.len() - 15..]);
    fixture.logs.forget("1");
    assert!(reader.has_ended());
    assert!(!fixture.folder.path().join("logs/default_web_1").exists());
}

#[tokio::test]
async fn who_follows_learns_of_more_and_of_the_end() {
    let fixture = fixture();
    let logs = fixture.logs.pod(&pod(), "1");
    logs.begin();
    let mut reader = LogReader::open(logs.clone(), "c", 0, None).unwrap();
    assert_eq!(read(&mut reader), [""; 0]);
    logs.take(&line(0, "a"), WallTime::default());
    assert!(reader.more().await);
    assert_eq!(read(&mut reader), ["a"]);
    logs.take(&line(1, "b"), WallTime::default());
    assert!(!reader.more().await);
    assert_eq!(read(&mut reader), [""; 0]);
}
