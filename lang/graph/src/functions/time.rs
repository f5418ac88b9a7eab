//! Clocks.

use super::{Bound, Found, FunctionEntry, PLAIN, need};
use crate::interp::{Eval, Machine};
use crate::value::Value;

const TIME: &[Found] = &[Found::Module("time")];

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "time",
        found: TIME,
        summary: "Seconds since the epoch.",
        run: |m, _| Ok(Value::Float(m.host.clock().0)),
        ..PLAIN
    },
    FunctionEntry {
        name: "perf_counter",
        aliases: &["monotonic", "process_time"],
        found: TIME,
        summary: "Seconds of a steady clock.",
        run: |m, _| Ok(Value::Float(m.host.clock().1)),
        ..PLAIN
    },
    FunctionEntry {
        name: "sleep",
        found: TIME,
        params: &[need("seconds")],
        summary: "Waits; an interrupt ends it.",
        run: sleep,
        ..PLAIN
    },
];

fn sleep(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let seconds = m.real_arg(b, 0, 0.0)?;
    if !(0.0..=1e9).contains(&seconds) {
        return Err(m.error("bad-argument", "`sleep` takes 0 seconds or more", b.span_of(0)));
    }
    m.host.sleep(seconds).map_err(|f| m.failed(f, b.span))?;
    Ok(Value::None)
}
