//! Events: marks in streams.

use std::{
    ffi::{c_float, c_int, c_uint},
    time::Instant,
};

use super::host::put;
use crate::{
    code::{Code, Outcome},
    state::{Driver, call},
    stream::{Event, Handle, Work},
};

const WITHOUT_TIME: u32 = 2;

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuEventCreate(event: *mut Handle, flags: c_uint) -> c_int {
    call("cuEventCreate", |driver| {
        let ordinal = driver.context()?;
        let handle = driver.handle();
        driver.events.insert(handle, Event { ordinal, flags, last: None });
        // SAFETY: the caller's pointer.
        unsafe { put(event, handle) }
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuEventDestroy_v2(event: Handle) -> c_int {
    call("cuEventDestroy_v2", |driver| {
        driver.context()?;
        driver.events.remove(&event).map(drop).ok_or(Code::INVALID_HANDLE)
    })
}

fn record(driver: &mut Driver, handle: Handle, stream: Handle) -> Outcome {
    let stream = driver.stream(stream)?;
    let ordinal = driver.context()?;
    if driver.events.get(&handle).is_none_or(|event| event.ordinal != ordinal) {
        return Err(Code::INVALID_HANDLE);
    }
    let ticket = driver.record(stream);
    if let Some(event) = driver.events.get_mut(&handle) {
        event.last = Some(ticket);
    }
    driver.enqueue(stream, Work::Record(ticket))
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuEventRecord(event: Handle, stream: Handle) -> c_int {
    call("cuEventRecord", |driver| record(driver, event, stream))
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuEventRecordWithFlags(event: Handle, stream: Handle, _flags: c_uint) -> c_int {
    call("cuEventRecordWithFlags", |driver| record(driver, event, stream))
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuEventSynchronize(event: Handle) -> c_int {
    call("cuEventSynchronize", |driver| {
        driver.context()?;
        let last = driver.events.get(&event).ok_or(Code::INVALID_HANDLE)?.last;
        last.map_or(Ok(()), |ticket| driver.drain_until(ticket))?;
        driver.context().map(drop)
    })
}

/// Each question takes the event's stream one step further, so that asking again and again ends.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn cuEventQuery(event: Handle) -> c_int {
    call("cuEventQuery", |driver| {
        driver.context()?;
        let Some(ticket) = driver.events.get(&event).ok_or(Code::INVALID_HANDLE)?.last else {
            return Ok(());
        };
        let Some(recording) = driver.recordings.get(&ticket).filter(|recording| recording.reached.is_none()) else {
            return Ok(());
        };
        driver.advance(recording.stream)?;
        Err(Code::NOT_READY)
    })
}

/// When an event was reached.
fn time(driver: &Driver, handle: Handle) -> Result<Instant, Code> {
    let event =
        driver.events.get(&handle).filter(|event| event.flags & WITHOUT_TIME == 0).ok_or(Code::INVALID_HANDLE)?;
    let ticket = event.last.ok_or(Code::INVALID_HANDLE)?;
    driver.recordings.get(&ticket).and_then(|recording| recording.reached).ok_or(Code::NOT_READY)
}

fn elapsed_ms(driver: &Driver, start: Handle, end: Handle) -> Result<c_float, Code> {
    driver.context()?;
    let (start, end) = (time(driver, start)?, time(driver, end)?);
    Ok(end.saturating_duration_since(start).as_secs_f32() * 1e3)
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuEventElapsedTime(ms: *mut c_float, start: Handle, end: Handle) -> c_int {
    // SAFETY: the caller's pointer.
    call("cuEventElapsedTime", |driver| unsafe { put(ms, elapsed_ms(driver, start, end)?) })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuEventElapsedTime_v2(ms: *mut c_float, start: Handle, end: Handle) -> c_int {
    // SAFETY: the caller's pointer.
    call("cuEventElapsedTime_v2", |driver| unsafe { put(ms, elapsed_ms(driver, start, end)?) })
}
