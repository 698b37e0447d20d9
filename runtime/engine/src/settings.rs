//! How wasmtime is set up. Everything that decides what a guest can observe is set in one place for both worlds.

use std::path::PathBuf;
use std::time::Duration;
use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy};

/// How an [`Engine`](crate::Engine) compiles and runs guests.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// How long a guest may run before another container gets its turn.
    pub slice: Slice,
    /// Folder of compiled code; nothing is kept when `None`.
    pub cache: Option<PathBuf>,
    /// What compiles a program that is not in the cache.
    pub first: FirstRun,
    /// How many processes a pool has room for, at most; each gets mappings of its own when `None`, and where 4 GiB of
    /// address space a slot are too many.
    ///
    /// A pool halves the 15 µs that an instance takes, but every slot costs 8 µs and two mappings of the system when it
    /// is made: it pays for a host that starts many containers one after the other, not for one run.
    pub pool: Option<u32>,
}

/// When a running guest is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slice {
    /// After this much real time. Cheap, but no two runs are the same.
    Time(Duration),
    /// After this many instructions. The same in every run.
    Fuel(u64),
}

/// What compiles a program that is not in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstRun {
    /// Winch, in one quick pass; Cranelift's code follows in the background and serves the next run.
    Quick,
    /// Cranelift: nothing is started with slow code.
    Optimized,
    /// Cranelift without optimization: other code that must do the same, for a second look at a simulated run.
    Unoptimized,
}

impl EngineSettings {
    /// For the `host` world: 10 ms slices, quick first runs.
    pub fn host(cache: Option<PathBuf>) -> Self {
        Self {
            slice: Slice::Time(Duration::from_millis(10)),
            cache,
            first: FirstRun::Quick,
            pool: None,
        }
    }

    /// For the `sim` world: the same instructions in the same order in every run, on every machine.
    pub fn deterministic(cache: Option<PathBuf>) -> Self {
        Self {
            slice: Slice::Fuel(FUEL_PER_SLICE),
            cache,
            first: FirstRun::Optimized,
            pool: None,
        }
    }

    /// As [`deterministic`](Self::deterministic), with code that Cranelift has not optimized: guests do the same, and use
    /// as much fuel.
    pub fn deterministic_unoptimized(cache: Option<PathBuf>) -> Self {
        Self {
            first: FirstRun::Unoptimized,
            ..Self::deterministic(cache)
        }
    }

    /// What compiles code that is to stay.
    pub(crate) fn compiler(&self) -> Compiler {
        match self.first {
            FirstRun::Quick | FirstRun::Optimized => Compiler::Cranelift,
            FirstRun::Unoptimized => Compiler::Unoptimized,
        }
    }
}

/// What the fuel of a run, and so its virtual time, depends on besides the program.
pub const WASMTIME_VERSION: &str = "48.0.8";

/// About as many instructions as a slow machine executes in 100 µs.
const FUEL_PER_SLICE: u64 = 100_000;

/// Who compiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compiler {
    Winch,
    Cranelift,
    /// Cranelift without optimization.
    Unoptimized,
}

/// Where instances live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allocation {
    /// In a pool of this many slots, reserved at the start.
    Pool(u32),
    /// Each in mappings of its own.
    OnDemand,
}

pub(crate) fn config(slice: Slice, compiler: Compiler, allocation: Allocation) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // Containers run side by side as stores of their own; concurrency inside one is for WASI 0.3.
        .concurrency_support(false)
        .generate_address_map(false)
        .wasm_backtrace_max_frames(None)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(2 * WASM_STACK_BYTES)
        // One guest in two threads is another order of things in every run.
        .shared_memory(false);
    match compiler {
        Compiler::Winch => config.strategy(Strategy::Winch),
        Compiler::Cranelift => config
            .strategy(Strategy::Cranelift)
            .cranelift_opt_level(OptLevel::Speed),
        Compiler::Unoptimized => config
            .strategy(Strategy::Cranelift)
            .cranelift_opt_level(OptLevel::None),
    };
    match slice {
        Slice::Time(_) => config.epoch_interruption(true),
        Slice::Fuel(_) => config
            .cranelift_nan_canonicalization(true)
            .relaxed_simd_deterministic(true)
            // A guest meets the end of its memory where its limits are, and not where the machine's are.
            .memory_may_move(false)
            // Frames of one compiler are larger than those of another: a recursion must end at something else, which for
            // the usual toolchains is the stack in linear memory.
            .max_wasm_stack(SIMULATED_STACK_BYTES)
            .async_stack_size(SIMULATED_STACK_BYTES + WASM_STACK_BYTES)
            .consume_fuel(true),
    };
    if let Allocation::Pool(slots) = allocation {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(slots)));
    }
    config
}

/// Stack of a guest, in bytes; a deeper recursion traps. Half of the fiber's, the rest is for host functions.
const WASM_STACK_BYTES: usize = 1 << 20;

/// As above, in a simulation. The stack in linear memory is 1 MiB in Rust and 64 KiB in C; frames of unoptimized code have
/// been seen to be three times as large here as there.
const SIMULATED_STACK_BYTES: usize = 4 << 20;

fn pool(slots: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    // A component of the Rust toolchain is four core instances (program, adapter, two shims) with up to three tables.
    pool.total_component_instances(slots)
        .total_core_instances(4 * slots)
        .total_memories(slots)
        .total_tables(3 * slots)
        .total_stacks(slots)
        .table_elements(20_000)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_unused_warm_slots(64);
    pool
}
