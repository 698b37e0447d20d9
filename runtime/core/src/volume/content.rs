//! The bytes of one file: those it came with, shared and never copied, under the pages written since.

use super::Errno;
use crate::limits;
use bytes::{Bytes, BytesMut};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Bytes of a page, the unit in which written content is charged, as tmpfs does.
pub(super) const PAGE: usize = 4096;

/// A copy shares all pages until one of the two is written.
///
/// Invariants: `base` is not longer than `len`; a page that exists hides `base`; bytes of a page beyond `len` are 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    base: Bytes,
    pages: BTreeMap<u64, Arc<[u8; PAGE]>>,
    len: u64,
}

impl From<Bytes> for Content {
    fn from(base: Bytes) -> Self {
        let len = base.len() as u64;
        Self {
            base,
            pages: BTreeMap::new(),
            len,
        }
    }
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes charged to the tree.
    pub(super) fn charged(&self) -> u64 {
        (self.pages.len() * PAGE) as u64
    }

    /// Up to `max` bytes from `offset`; fewer only at the end.
    pub(super) fn read_at(&self, offset: u64, max: usize) -> Bytes {
        let end = self.len.min(offset.saturating_add(max as u64));
        if offset >= end {
            return Bytes::new();
        }
        if end <= self.base.len() as u64 && self.pages.range(pages_of(offset..end)).next().is_none()
        {
            return self.base.slice(offset as usize..end as usize);
        }
        let mut bytes = BytesMut::with_capacity((end - offset) as usize);
        let mut at = offset;
        while at < end {
            let (page, inside) = split(at);
            let count = (PAGE - inside).min((end - at) as usize);
            match self.pages.get(&page) {
                Some(page) => bytes.extend_from_slice(&page[inside..inside + count]),
                None => {
                    let base = self.base_part(at, count);
                    bytes.extend_from_slice(base);
                    bytes.resize(bytes.len() + count - base.len(), 0);
                }
            }
            at += count as u64;
        }
        bytes.freeze()
    }

    /// Writes what fits into `space` bytes of new pages; returns how many bytes were written.
    pub(super) fn write_at(
        &mut self,
        offset: u64,
        data: &[u8],
        mut space: u64,
    ) -> Result<usize, Errno> {
        if data.is_empty() {
            return Ok(0);
        }
        let room = limits::FILE_BYTES_MAX.saturating_sub(offset);
        if room == 0 {
            return Err(Errno::FileTooLarge);
        }
        let data = &data[..data.len().min(usize::try_from(room).unwrap_or(usize::MAX))];
        let mut written = 0;
        while written < data.len() {
            let at = offset + written as u64;
            let (page, inside) = split(at);
            let count = (PAGE - inside).min(data.len() - written);
            if !self.pages.contains_key(&page) {
                if space < PAGE as u64 {
                    break;
                }
                space -= PAGE as u64;
                self.allocate(page);
            }
            if let Some(page) = self.pages.get_mut(&page) {
                Arc::make_mut(page)[inside..inside + count]
                    .copy_from_slice(&data[written..written + count]);
            }
            written += count;
        }
        if written == 0 {
            return Err(Errno::InsufficientSpace);
        }
        self.len = self.len.max(offset + written as u64);
        Ok(written)
    }

    pub(super) fn set_len(&mut self, len: u64) -> Result<(), Errno> {
        if len > limits::FILE_BYTES_MAX {
            return Err(Errno::FileTooLarge);
        }
        if len < self.len {
            self.base
                .truncate(usize::try_from(len).unwrap_or(usize::MAX));
            self.pages.split_off(&len.div_ceil(PAGE as u64));
            let (page, inside) = split(len);
            if let Some(page) = self.pages.get_mut(&page) {
                Arc::make_mut(page)[inside..].fill(0);
            }
        }
        self.len = len;
        Ok(())
    }

    fn allocate(&mut self, page: u64) {
        let mut bytes = [0; PAGE];
        let base = self.base_part(page * PAGE as u64, PAGE);
        bytes[..base.len()].copy_from_slice(base);
        self.pages.insert(page, Arc::new(bytes));
    }

    /// What `base` has of the `count` bytes from `offset`.
    fn base_part(&self, offset: u64, count: usize) -> &[u8] {
        let start = self
            .base
            .len()
            .min(usize::try_from(offset).unwrap_or(usize::MAX));
        &self.base[start..self.base.len().min(start.saturating_add(count))]
    }
}

fn split(offset: u64) -> (u64, usize) {
    (offset / PAGE as u64, (offset % PAGE as u64) as usize)
}

fn pages_of(bytes: Range<u64>) -> Range<u64> {
    bytes.start / PAGE as u64..bytes.end.div_ceil(PAGE as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Write(u16, Vec<u8>),
        SetLen(u16),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..20_000_u16, prop::collection::vec(any::<u8>(), 0..9000))
                .prop_map(|(at, data)| Step::Write(at, data)),
            (0..30_000_u16).prop_map(Step::SetLen),
        ]
    }

    proptest! {
        #[test]
        fn equals_a_vector(
            base in prop::collection::vec(any::<u8>(), 0..10_000),
            steps in prop::collection::vec(step(), 0..12),
            (from, count) in (0..30_000_u64, 0..20_000_usize),
        ) {
            let mut model = base.clone();
            let mut content = Content::from(Bytes::from(base));
            for step in steps {
                match step {
                    Step::Write(at, data) => {
                        let at = usize::from(at);
                        if !data.is_empty() {
                            model.resize(model.len().max(at + data.len()), 0);
                            model[at..at + data.len()].copy_from_slice(&data);
                        }
                        prop_assert_eq!(content.write_at(at as u64, &data, u64::MAX), Ok(data.len()));
                    }
                    Step::SetLen(len) => {
                        model.resize(usize::from(len), 0);
                        prop_assert_eq!(content.set_len(u64::from(len)), Ok(()));
                    }
                }
                prop_assert_eq!(content.len(), model.len() as u64);
            }
            let start = model.len().min(from as usize);
            let expected = &model[start..model.len().min(start + count)];
            prop_assert_eq!(&content.read_at(from, count)[..], expected);
        }
    }

    #[test]
    fn reads_of_untouched_content_share_its_bytes() {
        let base = Bytes::from(vec![7; 3 * PAGE]);
        let mut content = Content::from(base.clone());
        assert_eq!(content.write_at(0, b"x", u64::MAX), Ok(1));
        let tail = content.read_at(PAGE as u64, PAGE);
        assert_eq!(tail.as_ptr(), base[PAGE..].as_ptr());
        assert_eq!(content.charged(), PAGE as u64);
    }

    #[test]
    fn a_hole_costs_nothing_and_a_full_volume_writes_what_fits() {
        let mut content = Content::default();
        assert_eq!(content.set_len(limits::FILE_BYTES_MAX), Ok(()));
        assert_eq!(content.charged(), 0);
        assert_eq!(
            content.set_len(limits::FILE_BYTES_MAX + 1),
            Err(Errno::FileTooLarge)
        );
        assert_eq!(
            content.write_at(10, &[1; 2 * PAGE], PAGE as u64),
            Ok(PAGE - 10)
        );
        assert_eq!(
            content.write_at(PAGE as u64, b"x", 0),
            Err(Errno::InsufficientSpace)
        );
    }
}
