//! From the bytes of a file to something that can be started.

use crate::cache::{Cache, Digest};
use crate::calls::table;
use crate::engine::{Flavor, Inner};
use crate::guest::Guest;
use bytes::Bytes;
use seedpod_core::limits::PROGRAM_BYTES;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentExtern, ComponentItem};
use wasmtime_wasi::p2::bindings::CommandPre;

/// A compiled component with its imports resolved.
pub(crate) struct Program {
    pub(crate) pre: CommandPre<Guest>,
}

/// Why a file cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It is something else.
    #[error("not WebAssembly: {0}")]
    NotWasm(String),
    /// It is larger than [`PROGRAM_BYTES`].
    #[error("a program of {0} bytes is larger than the limit of {PROGRAM_BYTES}")]
    TooLarge(usize),
    /// It is not valid, or uses something this runtime does not have.
    #[error("{0}")]
    Compile(String),
    /// It imports something that does not exist here, or does not export `wasi:cli/run`.
    #[error("{0}")]
    Link(String),
    /// It imports something that a simulation could not answer the same in every run.
    #[error(
        "imports {0}, which simulations do not have: use `seedpod run`, or do without it in the tested program"
    )]
    NotSimulated(String),
}

/// Compiles a component with Cranelift into the cache.
pub(crate) fn optimize(optimized: &Flavor, cache: &Cache, digest: Digest, component: &[u8]) {
    match optimized.engine.precompile_component(component) {
        Ok(code) => store(cache, digest, &code),
        Err(error) => tracing::warn!("cannot optimize {digest}: {error:#}"),
    }
}

/// Whether these bytes are WebAssembly of either kind.
pub(crate) fn is_wasm(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm")
}

/// Compiles `bytes`, or takes the code from the cache. The second value is the component, when what was found for it is
/// quickly compiled code.
pub(crate) fn load(
    engine: &Inner,
    digest: Digest,
    bytes: &Bytes,
) -> Result<(Program, Option<Vec<u8>>), LoadError> {
    if !is_wasm(bytes) {
        return Err(LoadError::NotWasm(describe(bytes).to_owned()));
    }
    if bytes.len() > PROGRAM_BYTES {
        return Err(LoadError::TooLarge(bytes.len()));
    }
    if let Some(program) = cached(&engine.optimized, digest) {
        return Ok((program, None));
    }
    let quick = engine
        .quick
        .as_ref()
        .filter(|_| bytes.len() > QUICK_FROM_BYTES);
    let quick_cached = quick.and_then(|quick| cached(quick, digest));
    let component = component_of(bytes)?;
    if let Some(program) = quick_cached {
        return Ok((program, Some(component)));
    }
    if let Some(quick) = quick
        && let Ok(program) = compile(quick, digest, &component)
    {
        return Ok((program, Some(component)));
    }
    compile(&engine.optimized, digest, &component).map(|program| (program, None))
}

/// Below this Cranelift needs some 100 ms, which nobody notices.
pub(crate) const QUICK_FROM_BYTES: usize = 200 << 10;

/// Core modules of preview 1 become components.
fn component_of(bytes: &Bytes) -> Result<Vec<u8>, LoadError> {
    // The fourth version byte tells a component (layer 1) from a core module (layer 0).
    if bytes.get(6) == Some(&1) {
        return Ok(bytes.to_vec());
    }
    let encode = || {
        let mut encoder = wit_component::ComponentEncoder::default()
            .module(bytes)?
            .validate(false);
        encoder = encoder.adapter(
            WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
            WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
        )?;
        encoder.encode()
    };
    encode().map_err(|error| LoadError::Link(format!("{error:#}")))
}

fn compile(flavor: &Flavor, digest: Digest, component: &[u8]) -> Result<Program, LoadError> {
    let failed = |error: wasmtime::Error| LoadError::Compile(format!("{error:#}"));
    let code = flavor
        .engine
        .precompile_component(component)
        .map_err(failed)?;
    if let Some(cache) = &flavor.cache {
        store(cache, digest, &code);
    }
    link(flavor, &deserialize(flavor, &code).map_err(failed)?)
}

fn store(cache: &Cache, digest: Digest, code: &[u8]) {
    if let Err(error) = cache.store(digest, code) {
        tracing::warn!("cannot keep compiled code: {error}");
    }
}

fn cached(flavor: &Flavor, digest: Digest) -> Option<Program> {
    let code = flavor.cache.as_ref()?.load(digest)?;
    let component = deserialize(flavor, &code);
    component
        .and_then(|component| link(flavor, &component).map_err(wasmtime::Error::new))
        .ok()
}

#[expect(
    unsafe_code,
    reason = "loading native code is the point; the bytes are ours and pass a checksum"
)]
fn deserialize(flavor: &Flavor, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` was made by `precompile_component`, in this process or, checksum and folder of the same
    // compatibility hash included, in an earlier one of the same user.
    unsafe { Component::deserialize(&flavor.engine, code) }
}

fn link(flavor: &Flavor, component: &Component) -> Result<Program, LoadError> {
    if flavor.is_simulated
        && let Some(import) = foreign_import(flavor, component)
    {
        return Err(LoadError::NotSimulated(import));
    }
    let pre = flavor
        .linker
        .instantiate_pre(component)
        .and_then(CommandPre::new);
    pre.map(|pre| Program { pre })
        .map_err(|error| LoadError::Link(format!("{error:#}")))
}

/// The first import of which nobody has said what it means for the order of calls.
fn foreign_import(flavor: &Flavor, component: &Component) -> Option<String> {
    let ty = component.component_type();
    ty.imports(&flavor.engine).find_map(|(name, import)| {
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            return Some(name.to_owned());
        };
        let is_foreign = |(function, export): (&str, ComponentExtern<'_>)| {
            let is_function = matches!(export.ty, ComponentItem::ComponentFunc(_));
            (is_function && !table::is_simulated(name, function))
                .then(|| format!("{name} {function}"))
        };
        instance.exports(&flavor.engine).find_map(is_foreign)
    })
}

/// What a file is that is not WebAssembly.
pub(crate) fn describe(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "an empty file",
        [0x7f, b'E', b'L', b'F', ..] => "a Linux program (ELF)",
        [b'M', b'Z', ..] => "a Windows program (PE)",
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => "a macOS program (Mach-O)",
        [b'#', b'!', ..] => "a script",
        _ => "neither WebAssembly nor a script",
    }
}
