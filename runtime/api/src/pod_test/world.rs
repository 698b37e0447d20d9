//! The world of a test.

use std::collections::BTreeMap;

use seedpod_core::podtest::{DiskSettings, Durable, NetSettings, WorldSettings};

use super::{parsed, wire};
use crate::log::Object;
use crate::tree::Path;

pub(super) fn settings(
    object: &Object<'_>,
    at: &Path<'_>,
    written: wire::TestWorld,
) -> WorldSettings {
    let net = written.net.unwrap_or_default();
    let net_at = at.field("net");
    let net = NetSettings {
        latency: parsed(object, &net_at.field("latency"), net.latency).unwrap_or_default(),
        short_read: parsed(object, &net_at.field("shortRead"), net.short_read).unwrap_or_default(),
    };
    let disk = written.disk.unwrap_or_default();
    let disk_at = at.field("disk");
    let disk = DiskSettings {
        durable: disk
            .durable
            .and_then(|word| {
                let words = [("write", Durable::Write), ("fsync", Durable::Fsync)];
                object.word(&disk_at.field("durable"), &word, &words)
            })
            .unwrap_or_default(),
        short_read: parsed(object, &disk_at.field("shortRead"), disk.short_read)
            .unwrap_or_default(),
    };
    let clock_at = at.field("clock");
    let skew_at = clock_at.field("skew");
    let skews = written.clock.unwrap_or_default().skew.unwrap_or_default();
    let mut clock_skew = BTreeMap::new();
    for (container, text) in skews {
        if let Some(range) = parsed(object, &skew_at.key(&container), Some(text)) {
            clock_skew.insert(container, range);
        }
    }
    let start = written.start.unwrap_or_default();
    let start_at = at.field("start");
    WorldSettings {
        net,
        disk,
        clock_skew,
        start_stagger: parsed(object, &start_at.field("stagger"), start.stagger)
            .unwrap_or_default(),
    }
}
