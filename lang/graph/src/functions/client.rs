//! Connections to workers: `Client("host:port,…")`.

use super::{Bound, Found, FunctionEntry, PLAIN, Receiver, need, only, with};
use crate::host::Workers;
use crate::interp::{Eval, Machine};
use crate::value::Value;

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "Client",
        found: &[Found::Everywhere, Found::Module("dask.distributed")],
        params: &[
            with("address", "None"),
            only("n_workers", "None"),
            only("threads_per_worker", "None"),
            only("memory_limit", "None"),
        ],
        summary: "Connects to workers, which compute from then on; without an address starts some on this machine.",
        details: "Each of the addresses `host:port,host:port` is a `cleave worker`. `close()` ends the connection, and \
                  arrays are computed on this machine again. `with Client(…) as client:` closes it at the end. \
                  `n_workers`, `threads_per_worker` and `memory_limit` are for workers that are started here.",
        run: client,
        ..PLAIN
    },
    FunctionEntry {
        name: "close",
        aliases: &["shutdown"],
        found: &[Found::Method(Receiver::Client)],
        params: &[need("client")],
        summary: "Ends the connection; workers that were started with it stop.",
        run: close,
        ..PLAIN
    },
];

fn client(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let workers = Workers {
        address: m.text_arg(b, 0)?.map(|s| s.to_string()),
        count: positive(m, b, 1)?,
        threads: positive(m, b, 2)?,
        memory: m.text_arg(b, 3)?.map(|s| s.to_string()),
    };
    if workers.address.is_some() && (1..4).any(|slot| b.given(slot).is_some()) {
        let message = "an address names workers that run; how many, their threads and memory are set where they start";
        let help = "give either an address, or n_workers, threads_per_worker and memory_limit";
        return Err(m.error("bad-argument", message, b.span).help(help));
    }
    m.host.connect(&workers).map(Value::Client).map_err(|f| m.failed(f, b.span_of(0)))
}

/// A number from 1, unless it was left out.
fn positive(m: &mut Machine<'_>, b: &Bound, slot: usize) -> Eval<Option<usize>> {
    if b.given(slot).is_none() {
        return Ok(None);
    }
    let given = m.int_arg(b, slot, 0)?;
    match usize::try_from(given) {
        Ok(n @ 1..=1024) => Ok(Some(n)),
        _ => {
            let message = format!("`{}` must be from 1 to 1024, found {given}", b.entry.params[slot].name);
            Err(m.error("bad-argument", message, b.span_of(slot)))
        }
    }
}

fn close(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    if let Value::Client(client) = b.value(0) {
        m.host.disconnect(&client);
    }
    Ok(Value::None)
}
