//! What the calls on descriptors have in common.

use super::bindings::wasi::filesystem::types;
use super::descriptor::{Answer, follow};
use super::streams::FileOutput;
use super::{Descriptor, Failure, Open};
use crate::description::Output;
use crate::guest::Guest;
use crate::meaning::Meaning;
use seedpod_core::sched::Access::Read;
use seedpod_core::volume::{At, Errno, FileType, OpenFile, Stat, Times};
use std::sync::Arc;
use types::{ErrorCode, NewTimestamp, PathFlags};
use wasmtime::component::Resource;
use wasmtime_wasi_io::streams::DynOutputStream;

impl Guest {
    pub(super) fn open(&self, this: &Resource<Descriptor>) -> Answer<Arc<Open>> {
        Ok(Arc::clone(&self.table.get(this)?.open))
    }

    /// Where a path starts. An absolute one is no path of WASI, whose C library has cut the slash off.
    pub(super) fn base(&self, this: &Resource<Descriptor>, path: &str) -> Answer<Arc<Open>> {
        let open = self.open(this)?;
        if path.starts_with('/') {
            return Err(ErrorCode::NotPermitted.into());
        }
        Ok(open)
    }

    pub(super) fn stat_path(
        &self,
        this: &Resource<Descriptor>,
        flags: PathFlags,
        path: &str,
    ) -> Answer<Stat> {
        let base = self.base(this, path)?;
        let files = self.files();
        Ok(files.stat(self.caller(), At::Dir(&base.file), path, follow(flags))?)
    }

    pub(super) async fn sync_file(
        &mut self,
        call: &'static str,
        this: &Resource<Descriptor>,
        sync: impl FnOnce(&OpenFile) -> Result<(), Errno>,
    ) -> Answer<()> {
        let turn = self.enter_file(call, self.table.get(this)?, Read);
        turn.await;
        let result = sync(&self.open(this)?.file);
        self.leave(&result);
        Ok(result?)
    }

    pub(super) fn times(
        &self,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> Result<Times, Errno> {
        Ok(Times {
            accessed: self.new_time(accessed)?,
            modified: self.new_time(modified)?,
        })
    }

    pub(super) fn output(
        &mut self,
        this: &Resource<Descriptor>,
        offset: Option<u64>,
    ) -> Answer<Resource<DynOutputStream>> {
        let open = self.open(this)?;
        let file = &open.file;
        let stream: DynOutputStream = match self.described(file.device()) {
            Some(description) => Box::new(Output::new(self, description).map_err(Failure::Trap)?),
            None => {
                if file.kind() == FileType::Directory {
                    return Err(Errno::IsDirectory.into());
                }
                if !file.flags().write {
                    return Err(Errno::BadDescriptor.into());
                }
                Box::new(FileOutput {
                    open,
                    offset,
                    pod: Arc::clone(&self.pod),
                    process: self.process,
                })
            }
        };
        let meaning = self.stream_of_file(this)?;
        let stream = self.table.push(stream)?;
        self.meanings.add_stream(stream.rep(), meaning);
        Ok(stream)
    }

    /// What the streams of a file mean to who decides about the order of calls.
    pub(super) fn stream_of_file(&self, this: &Resource<Descriptor>) -> Answer<Option<Meaning>> {
        if self.scheduled().is_none() {
            return Ok(None);
        }
        let file = &self.open(this)?.file;
        Ok(match self.described(file.device()) {
            Some(description) => self.meaning_of(&description),
            None => Meaning::file(file),
        })
    }
}
