//! One running instance of a module, and every step across the border to it.
//!
//! Nothing that the module says is believed: each pointer and length is checked against its memory with arithmetic that
//! can't wrap, each length against the contract's limit before anything is copied, and each answer against the contract's
//! form. An instance that failed once is in a state that nobody knows; its owner drops it.

use std::ops::Range;

use sparkwright_core::abi::{self, Loaded};
use wasmtime::{Extern, Memory, ModuleExport, Store, StoreLimits, StoreLimitsBuilder, Trap, TypedFunc};

use super::envelope::read_envelope;
use super::error::EngineError;
use super::linked::Shared;
use super::runtime::Budget;
use super::settings::MAX_TABLE_ELEMENTS;

/// The smallest input buffer: most questions fit, so that a session asks for one once.
const INPUT_BUFFER: usize = 16 * 1024;

/// A buffer that the module gave out.
#[derive(Clone, Copy)]
struct Buffer {
    pointer: u32,
    length: usize,
}

pub(super) struct Instance {
    store: Store<StoreLimits>,
    instance: wasmtime::Instance,
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    free: TypedFunc<(u32, u32), ()>,
    eval: TypedFunc<(i32, i32, u32, u32), u64>,
    /// The input buffer, kept from question to question.
    input: Option<Buffer>,
    /// The fuel that the last question was given; 0 without metering.
    fuel_given: u64,
}

impl Instance {
    /// A fresh instance, its start function run.
    pub(super) fn start(shared: &Shared, budget: Budget) -> Result<Self, EngineError> {
        let limits =
            StoreLimitsBuilder::new().memory_size(abi::MAX_MEMORY_BYTES).table_elements(MAX_TABLE_ELEMENTS).build();
        let mut store = Store::new(shared.pre.module().engine(), limits);
        store.limiter(|limits| limits);
        arm(shared, &mut store, budget)?;
        let instance = {
            let _running = shared.engine.ticker.enter();
            shared.pre.instantiate(&mut store)
        }
        .map_err(|error| failed("start", budget, &error))?;
        let exports = &shared.exports;
        let memory = instance
            .get_module_export(&mut store, &exports.memory)
            .and_then(Extern::into_memory)
            .ok_or_else(|| missing("memory"))?;
        Ok(Self {
            memory,
            alloc: function(&mut store, instance, "alloc", &exports.alloc)?,
            free: function(&mut store, instance, "free", &exports.free)?,
            eval: function(&mut store, instance, "eval", &exports.eval)?,
            instance,
            store,
            input: None,
            fuel_given: 0,
        })
    }

    /// A fresh instance with a policy loaded, and the policy's handle in it.
    pub(super) fn with_policy(shared: &Shared, policy: &[u8]) -> Result<(Self, i32), EngineError> {
        let budget = shared.engine.setup;
        let mut instance = Self::start(shared, budget)?;
        let loaded = instance.load(shared, policy, budget, |answer| read_envelope::<Loaded>("load", answer))?;
        let handle = loaded.map_err(EngineError::PolicyRefused)?.handle;
        if handle <= 0 {
            let reason = format!("a handle of {handle}; one above 0 is wanted");
            return Err(EngineError::Rubbish { call: "load", reason });
        }
        Ok((instance, handle))
    }

    /// Asks for the version of the contract.
    pub(super) fn abi_version(&mut self, shared: &Shared, budget: Budget) -> Result<i32, EngineError> {
        let call = "abi_version";
        let version: TypedFunc<(), i32> = function(&mut self.store, self.instance, call, &shared.exports.abi_version)?;
        self.arm(shared, budget)?;
        let _running = shared.engine.ticker.enter();
        version.call(&mut self.store, ()).map_err(|error| failed(call, budget, &error))
    }

    /// Asks the module what it is, and gives the answer's bytes to `read`.
    pub(super) fn describe<R>(
        &mut self,
        shared: &Shared,
        budget: Budget,
        read: impl FnOnce(&[u8]) -> Result<R, EngineError>,
    ) -> Result<R, EngineError> {
        let call = "describe";
        let describe: TypedFunc<(), u64> = function(&mut self.store, self.instance, call, &shared.exports.describe)?;
        self.arm(shared, budget)?;
        let _running = shared.engine.ticker.enter();
        let place = describe.call(&mut self.store, ()).map_err(|error| failed(call, budget, &error))?;
        self.take_answer(call, place, budget, read)
    }

    /// Loads a policy, and gives the answer's bytes to `read`.
    pub(super) fn load<R>(
        &mut self,
        shared: &Shared,
        policy: &[u8],
        budget: Budget,
        read: impl FnOnce(&[u8]) -> Result<R, EngineError>,
    ) -> Result<R, EngineError> {
        let call = "load";
        let load: TypedFunc<(u32, u32), u64> = function(&mut self.store, self.instance, call, &shared.exports.load)?;
        self.arm(shared, budget)?;
        let _running = shared.engine.ticker.enter();
        let (pointer, length) = self.put_input(policy, budget)?;
        let place = load.call(&mut self.store, (pointer, length)).map_err(|error| failed(call, budget, &error))?;
        self.take_answer(call, place, budget, read)
    }

    /// Asks for a decision, and gives the answer's bytes to `read`.
    pub(super) fn eval<R>(
        &mut self,
        shared: &Shared,
        handle: i32,
        point: i32,
        input: &[u8],
        budget: Budget,
        read: impl FnOnce(&[u8]) -> Result<R, EngineError>,
    ) -> Result<R, EngineError> {
        self.arm(shared, budget)?;
        let _running = shared.engine.ticker.enter();
        let (pointer, length) = self.put_input(input, budget)?;
        let place = self
            .eval
            .call(&mut self.store, (handle, point, pointer, length))
            .map_err(|error| failed("eval", budget, &error))?;
        self.take_answer("eval", place, budget, read)
    }

    /// `alloc` as such, its answer unchecked.
    pub(super) fn bare_alloc(&mut self, shared: &Shared, length: u32, budget: Budget) -> Result<u32, EngineError> {
        self.arm(shared, budget)?;
        let _running = shared.engine.ticker.enter();
        self.alloc.call(&mut self.store, length).map_err(|error| failed("alloc", budget, &error))
    }

    /// `free` as such.
    pub(super) fn bare_free(
        &mut self,
        shared: &Shared,
        pointer: u32,
        length: u32,
        budget: Budget,
    ) -> Result<(), EngineError> {
        self.arm(shared, budget)?;
        let _running = shared.engine.ticker.enter();
        self.free.call(&mut self.store, (pointer, length)).map_err(|error| failed("free", budget, &error))
    }

    /// The fuel that the last call used; nothing without metering.
    pub(super) fn fuel_used(&self) -> Option<u64> {
        let left = self.store.get_fuel().ok()?;
        Some(self.fuel_given.saturating_sub(left))
    }

    fn arm(&mut self, shared: &Shared, budget: Budget) -> Result<(), EngineError> {
        self.fuel_given = budget.fuel;
        arm(shared, &mut self.store, budget)
    }

    /// Writes an input into the module's memory, in a buffer that the module gave out.
    fn put_input(&mut self, bytes: &[u8], budget: Budget) -> Result<(u32, u32), EngineError> {
        let (Ok(length), true) = (u32::try_from(bytes.len()), bytes.len() <= abi::MAX_INPUT_BYTES) else {
            return Err(EngineError::InputTooLarge { length: bytes.len(), limit: abi::MAX_INPUT_BYTES });
        };
        if bytes.is_empty() {
            return Ok((0, 0));
        }
        let buffer = match self.input {
            Some(buffer) if buffer.length >= bytes.len() => buffer,
            _ => self.new_buffer(bytes.len(), budget)?,
        };
        let memory = self.memory.data_mut(&mut self.store);
        let size = memory.len();
        // A pointer is never trusted twice: it was checked when it was given out, and is again.
        match region(size, buffer.pointer, length).and_then(|region| memory.get_mut(region)) {
            Some(place) => place.copy_from_slice(bytes),
            None => return Err(outside("alloc", buffer.pointer, length, size)),
        }
        Ok((buffer.pointer, length))
    }

    /// Changes the input buffer for one of at least `length` bytes.
    fn new_buffer(&mut self, length: usize, budget: Budget) -> Result<Buffer, EngineError> {
        if let Some(old) = self.input.take() {
            self.release(old.pointer, old.length, budget)?;
        }
        let wanted = length.next_power_of_two().clamp(INPUT_BUFFER, abi::MAX_INPUT_BYTES);
        let asked = u32::try_from(wanted).map_err(|_| EngineError::NoMemory { length })?;
        let pointer = self.alloc.call(&mut self.store, asked).map_err(|error| failed("alloc", budget, &error))?;
        if pointer == 0 {
            return Err(EngineError::NoMemory { length: wanted });
        }
        let size = self.memory.data_size(&self.store);
        if region(size, pointer, asked).is_none() {
            return Err(outside("alloc", pointer, asked, size));
        }
        let buffer = Buffer { pointer, length: wanted };
        self.input = Some(buffer);
        Ok(buffer)
    }

    /// Reads an answer where it stands, then gives its buffer back.
    fn take_answer<R>(
        &mut self,
        call: &'static str,
        place: u64,
        budget: Budget,
        read: impl FnOnce(&[u8]) -> Result<R, EngineError>,
    ) -> Result<R, EngineError> {
        let (pointer, length) = abi::unpack(place);
        let bytes = usize::try_from(length).unwrap_or(usize::MAX);
        if bytes > abi::MAX_ANSWER_BYTES {
            return Err(EngineError::AnswerTooLarge { call, length, limit: abi::MAX_ANSWER_BYTES });
        }
        let memory = self.memory.data(&self.store);
        let answer = region(memory.len(), pointer, length)
            .and_then(|region| memory.get(region))
            .ok_or_else(|| outside(call, pointer, length, memory.len()))?;
        let answer = read(answer)?;
        self.release(pointer, bytes, budget)?;
        Ok(answer)
    }

    /// Gives a buffer back to the module.
    fn release(&mut self, pointer: u32, length: usize, budget: Budget) -> Result<(), EngineError> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.free.call(&mut self.store, (pointer, length)).map_err(|error| failed("free", budget, &error))
    }
}

/// The bytes `pointer .. pointer + length`, if they lie in a memory of `size` bytes.
fn region(size: usize, pointer: u32, length: u32) -> Option<Range<usize>> {
    let start = usize::try_from(pointer).ok()?;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    (end <= size).then_some(start..end)
}

/// Sets the limits of what follows.
fn arm(shared: &Shared, store: &mut Store<StoreLimits>, budget: Budget) -> Result<(), EngineError> {
    store.set_epoch_deadline(shared.engine.ticker.ticks(budget.time));
    if shared.engine.kind.metered {
        store.set_fuel(budget.fuel).map_err(|error| EngineError::Setup { reason: error.to_string() })?;
    }
    Ok(())
}

/// An export as a function of a type that the inspection found it to have.
fn function<P: wasmtime::WasmParams, R: wasmtime::WasmResults>(
    store: &mut Store<StoreLimits>,
    instance: wasmtime::Instance,
    name: &'static str,
    index: &ModuleExport,
) -> Result<TypedFunc<P, R>, EngineError> {
    instance
        .get_module_export(&mut *store, index)
        .and_then(Extern::into_func)
        .ok_or_else(|| missing(name))?
        .typed(&*store)
        .map_err(|error| EngineError::NotStarted { reason: error.to_string() })
}

/// Can't happen: the inspection found the export.
fn missing(name: &'static str) -> EngineError {
    EngineError::NotStarted { reason: format!("its export `{name}` is gone") }
}

fn outside(call: &'static str, pointer: u32, length: u32, memory: usize) -> EngineError {
    EngineError::OutOfBounds { call, pointer, length, memory }
}

/// What a failed call means.
fn failed(call: &'static str, budget: Budget, error: &wasmtime::Error) -> EngineError {
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => {
            EngineError::TimedOut { call, limit_ms: u64::try_from(budget.time.as_millis()).unwrap_or(u64::MAX) }
        }
        Some(Trap::OutOfFuel) => EngineError::OutOfFuel { call, fuel: budget.fuel },
        Some(trap) => {
            EngineError::Trapped { call, trap: trap.to_string().trim_start_matches("wasm trap: ").to_owned() }
        }
        None => EngineError::NotStarted { reason: format!("{error:#}") },
    }
}

#[cfg(test)]
mod tests {
    use super::region;

    #[test]
    fn a_region_lies_within_the_memory_or_is_none() {
        let size = 65_536;
        assert_eq!(region(size, 0, 0), Some(0..0));
        assert_eq!(region(size, 65_535, 1), Some(65_535..65_536));
        assert_eq!(region(size, 65_536, 0), Some(65_536..65_536));
        for (pointer, length) in
            [(65_536, 1), (65_535, 2), (0, 65_537), (u32::MAX, u32::MAX), (u32::MAX, 1), (1, u32::MAX)]
        {
            assert_eq!(region(size, pointer, length), None, "{pointer} {length}");
        }
    }
}
