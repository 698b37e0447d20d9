use super::*;
use crate::limits::CHANGES_KEPT;
use proptest::prelude::{Strategy, any, proptest};
use std::collections::BTreeMap;

fn key(name: &str) -> Key {
    Key::new("pods", "default", name)
}

fn text(revision: Revision) -> Bytes {
    Bytes::from(revision.to_string())
}

#[test]
fn a_change_happens_only_where_it_is_expected() {
    let mut store = Store::default();
    assert_eq!(store.put(key("a"), Expected::Nothing, text), Ok(1));
    assert_eq!(
        store.put(key("a"), Expected::Nothing, text),
        Err(StoreError::Exists)
    );
    assert_eq!(store.put(key("a"), Expected::Revision(1), text), Ok(2));
    assert_eq!(
        store.put(key("a"), Expected::Revision(1), text),
        Err(StoreError::Modified { revision: 2 })
    );
    assert_eq!(
        store.put(key("b"), Expected::Something, text),
        Err(StoreError::NotFound)
    );
    let large = |_| Bytes::from(vec![0; OBJECT_BYTES_MAX + 1]);
    assert_eq!(
        store.put(key("b"), Expected::Nothing, large),
        Err(StoreError::TooLarge(OBJECT_BYTES_MAX + 1))
    );
    assert_eq!(
        store.remove(&key("a"), Expected::Something, |revision, _| text(revision)),
        Ok(3)
    );
    assert_eq!(store.revision(), 3);
    let writes = store.take_writes();
    let writes: Vec<_> = writes.iter().map(|write| write.value.is_some()).collect();
    assert_eq!(writes, [true, true, false]);
}

#[test]
fn old_changes_are_forgotten() {
    let mut store = Store::default();
    for _ in 0..=CHANGES_KEPT {
        let expected = match store.get(&key("a")) {
            Some(_) => Expected::Something,
            None => Expected::Nothing,
        };
        store.put(key("a"), expected, text).unwrap();
    }
    assert_eq!(store.changes().oldest(), 1);
    assert_eq!(store.changes().since(0).err(), Some(Expired(0)));
    assert_eq!(store.changes().since(1).unwrap().count(), CHANGES_KEPT);
    assert_eq!(store.changes().since(Revision::MAX).unwrap().count(), 0);
    assert!(store.list_at(0, "pods", None, None, 1).is_err());
}

/// Puts and removes of a few names; what was there after each of them is what the store says was there.
fn every_moment_stays_known(steps: &[(u8, bool)]) {
    let mut store = Store::default();
    let mut moments = vec![BTreeMap::new()];
    for (name, is_put) in steps {
        let key = key(&format!("{}", name % 7));
        let mut now: BTreeMap<Key, Bytes> = moments.last().cloned().unwrap_or_default();
        let expected = match now.contains_key(&key) {
            true => Expected::Something,
            false => Expected::Nothing,
        };
        if *is_put {
            let revision = store.put(key.clone(), expected, text).unwrap();
            now.insert(key, text(revision));
        } else if now.remove(&key).is_some() {
            let last = |revision, _: &Stored| text(revision);
            store.remove(&key, expected, last).unwrap();
        } else {
            continue;
        }
        moments.push(now);
    }
    for (revision, moment) in (0..).zip(&moments) {
        let mut pages = BTreeMap::new();
        let mut after = None;
        loop {
            let (page, remaining) = store
                .list_at(revision, "pods", Some("default"), after.as_ref(), 2)
                .unwrap();
            after = page.last().map(|(key, _)| key.clone());
            pages.extend(page.into_iter().map(|(key, stored)| (key, stored.value)));
            assert_eq!(remaining, moment.len() - pages.len());
            if remaining == 0 {
                break;
            }
        }
        assert_eq!(&pages, moment, "at {revision}");
    }
    let (last, _) = store
        .list_at(store.revision(), "pods", None, None, usize::MAX)
        .unwrap();
    let now = store.list("pods", None);
    let now: Vec<_> = now
        .map(|(key, stored)| (key.clone(), stored.clone()))
        .collect();
    assert_eq!(last, now);
}

proptest! {
    #[test]
    fn pages_show_one_moment(steps in proptest::collection::vec((0_u8..7, any::<bool>()), 0..60).boxed()) {
        every_moment_stays_known(&steps);
    }
}
