//! Places in shared volumes as the objects that a scheduler knows.

use super::{Spot, Waypoint};
use crate::sched::{Object, ObjectKind};

impl Spot {
    /// The name that leads there; none where it was not reached by a name.
    pub fn entry(&self) -> Option<Object> {
        (!self.name.is_empty())
            .then(|| object(ObjectKind::Entry, &self.volume, self.dir, &self.name))
    }

    /// The names of the directory that has, or would have, the entry.
    pub fn directory(&self) -> Object {
        object(ObjectKind::Directory, &self.volume, self.dir, "")
    }

    /// Content and attributes of what is there.
    pub fn content(&self) -> Option<Object> {
        let node = self.node?;
        Some(object(ObjectKind::Node, &self.volume, node, ""))
    }

    /// The names in what is there.
    pub fn names(&self) -> Option<Object> {
        let node = self.node?;
        Some(object(ObjectKind::Directory, &self.volume, node, ""))
    }

    /// The room that is left in the volume.
    pub fn capacity(&self) -> Object {
        object(ObjectKind::Capacity, &self.volume, 0, "")
    }
}

impl Waypoint {
    /// The name.
    pub fn entry(&self) -> Object {
        object(ObjectKind::Entry, &self.volume, self.dir, &self.name)
    }
}

fn object(kind: ObjectKind, volume: &str, node: u64, name: &str) -> Object {
    Object::named(kind, &format!("{volume}/{node}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_object_on_the_way_and_at_the_end() {
        let spot = |dir, name: &str, node| Spot {
            volume: "v".to_owned(),
            dir,
            name: name.to_owned(),
            node,
            path: String::new(),
            through: Vec::new(),
        };
        let waypoint = Waypoint {
            volume: "v".to_owned(),
            dir: 1,
            name: "d".to_owned(),
        };
        let (dir, file) = (spot(1, "d", Some(2)), spot(2, "f", None));
        assert_eq!(dir.entry(), Some(waypoint.entry()));
        assert_eq!(dir.names(), Some(file.directory()));
        assert_eq!((file.content(), spot(2, "", Some(2)).entry()), (None, None));
        assert_eq!(dir.capacity(), file.capacity());
        assert_ne!(dir.content(), spot(1, "d", Some(3)).content());
    }
}
