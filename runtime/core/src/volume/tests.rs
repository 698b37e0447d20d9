//! The files of a container against the simplest model that can be right: a map from paths to what is there.

use super::*;
use crate::time::WallTime;
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const CALLER: Caller = Caller::host(WallTime::from_unix_nanos(1));

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Dir,
    File(Vec<u8>),
}

type Model = BTreeMap<String, Entry>;

#[derive(Clone, Debug)]
enum Step {
    Write(String, Vec<u8>),
    CreateDir(String),
    Unlink(String),
    RemoveDir(String),
    Rename(String, String),
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4)
        .prop_map(|names| names.join("/"))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (path(), prop::collection::vec(any::<u8>(), 0..4)).prop_map(|(p, d)| Step::Write(p, d)),
        3 => path().prop_map(Step::CreateDir),
        2 => path().prop_map(Step::Unlink),
        2 => path().prop_map(Step::RemoveDir),
        3 => (path(), path()).prop_map(|(a, b)| Step::Rename(a, b)),
    ]
}

fn above(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(above, _)| above)
}

fn check_above(model: &Model, path: &str) -> Result<(), Errno> {
    let Some(above) = above(path) else {
        return Ok(());
    };
    check_above(model, above)?;
    match model.get(above) {
        Some(Entry::Dir) => Ok(()),
        Some(Entry::File(_)) => Err(Errno::NotDirectory),
        None => Err(Errno::NoEntry),
    }
}

fn is_empty(model: &Model, dir: &str) -> bool {
    let below = format!("{dir}/");
    !model.keys().any(|path| path.starts_with(&below))
}

fn model_rename(model: &mut Model, from: &str, to: &str) -> Result<(), Errno> {
    check_above(model, from)?;
    check_above(model, to)?;
    let entry = model.get(from).ok_or(Errno::NoEntry)?.clone();
    if from == to {
        return Ok(());
    }
    let below = format!("{from}/");
    if entry == Entry::Dir && to.starts_with(&below) {
        return Err(Errno::Invalid);
    }
    match (&entry, model.get(to)) {
        (Entry::File(_), Some(Entry::Dir)) => return Err(Errno::IsDirectory),
        (Entry::Dir, Some(Entry::File(_))) => return Err(Errno::NotDirectory),
        (Entry::Dir, Some(Entry::Dir)) if !is_empty(model, to) => return Err(Errno::NotEmpty),
        _ => {}
    }
    let moved: Vec<String> = model
        .keys()
        .filter(|path| *path == from || path.starts_with(&below))
        .cloned()
        .collect();
    for path in moved {
        if let Some(entry) = model.remove(&path) {
            model.insert(format!("{to}{}", &path[from.len()..]), entry);
        }
    }
    Ok(())
}

fn model_step(model: &mut Model, step: &Step) -> Result<(), Errno> {
    match step {
        Step::Write(path, data) => {
            check_above(model, path)?;
            if model.get(path) == Some(&Entry::Dir) {
                return Err(Errno::IsDirectory);
            }
            model.insert(path.clone(), Entry::File(data.clone()));
        }
        Step::CreateDir(path) => {
            check_above(model, path)?;
            if model.contains_key(path) {
                return Err(Errno::Exist);
            }
            model.insert(path.clone(), Entry::Dir);
        }
        Step::Unlink(path) => {
            check_above(model, path)?;
            match model.get(path).ok_or(Errno::NoEntry)? {
                Entry::Dir => return Err(Errno::IsDirectory),
                Entry::File(_) => model.remove(path),
            };
        }
        Step::RemoveDir(path) => {
            check_above(model, path)?;
            match model.get(path).ok_or(Errno::NoEntry)? {
                Entry::File(_) => return Err(Errno::NotDirectory),
                Entry::Dir if !is_empty(model, path) => return Err(Errno::NotEmpty),
                Entry::Dir => model.remove(path),
            };
        }
        Step::Rename(from, to) => model_rename(model, from, to)?,
    }
    Ok(())
}

fn files_step(files: &Files, step: &Step) -> Result<(), Errno> {
    match step {
        Step::Write(path, data) => {
            let file = files.open(CALLER, At::Root, path, OpenFlags::CREATE)?;
            if !data.is_empty() {
                assert_eq!(file.write(CALLER, data), Ok(data.len()));
            }
            Ok(())
        }
        Step::CreateDir(path) => files.create_dir(CALLER, At::Root, path, 0o755),
        Step::Unlink(path) => files.unlink(CALLER, At::Root, path),
        Step::RemoveDir(path) => files.remove_dir(CALLER, At::Root, path),
        Step::Rename(from, to) => files.rename(CALLER, (At::Root, from), (At::Root, to)),
    }
}

/// Everything below a directory; checks link counts on the way.
fn snapshot(files: &Files, dir: &str, model: &mut Model) {
    let open = files
        .open(
            CALLER,
            At::Root,
            if dir.is_empty() { "/" } else { dir },
            OpenFlags::READ,
        )
        .unwrap();
    let entries = open.read_dir(CALLER, None).unwrap();
    let dirs = entries
        .iter()
        .filter(|entry| entry.kind == FileType::Directory)
        .count();
    assert_eq!(open.stat(CALLER).unwrap().links, 2 + dirs as u64);
    for entry in entries {
        let path = if dir.is_empty() {
            entry.name
        } else {
            format!("{dir}/{}", entry.name)
        };
        if entry.kind == FileType::Directory {
            snapshot(files, &path, model);
            model.insert(path, Entry::Dir);
        } else {
            let bytes = files.read(CALLER, &path, 100).unwrap();
            model.insert(path, Entry::File(bytes.to_vec()));
        }
    }
}

fn image(model: &Model) -> Arc<Tree> {
    let mut builder = Tree::builder();
    for (path, entry) in model {
        match entry {
            Entry::Dir => builder.insert_dir(path, 0o755),
            Entry::File(data) => builder.insert_file(path, Bytes::from(data.clone()), 0o644),
        }
        .unwrap();
    }
    Arc::new(builder.build())
}

proptest! {
    #[test]
    fn a_layer_over_an_image_equals_the_model(
        below in prop::collection::vec(step(), 0..20),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut model = Model::new();
        for step in &below {
            let _ = model_step(&mut model, step);
        }
        let image = image(&model);
        let original = model.clone();
        let volume = MemoryVolume::layer(Arc::clone(&image));
        let files = Files::new(Arc::clone(&volume) as _, Access::ReadWrite);
        for step in &steps {
            prop_assert_eq!(files_step(&files, step), model_step(&mut model, step), "{:?}", step);
        }
        let mut found = Model::new();
        snapshot(&files, "", &mut found);
        prop_assert_eq!(&found, &model);

        let mut untouched = Model::new();
        snapshot(&Files::of_image(image, Access::ReadOnly), "", &mut untouched);
        prop_assert_eq!(untouched, original);

        let mut paths: Vec<_> = model.into_iter().collect();
        paths.reverse();
        for (path, entry) in paths {
            let step = if entry == Entry::Dir { Step::RemoveDir(path) } else { Step::Unlink(path) };
            prop_assert_eq!(files_step(&files, &step), Ok(()));
        }
        prop_assert_eq!(volume.usage(), Usage::default());
    }
}
