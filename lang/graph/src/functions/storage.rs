//! Stored arrays: `load`, `save`, `from_zarr`, `to_zarr`.

use super::{Bound, Found, FunctionEntry, PLAIN, Receiver, need, only, with};
use crate::build;
use crate::host::{Stored, StoredFormat};
use crate::interp::{Eval, Machine};
use crate::value::Value;

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "load",
        found: &[Found::Arrays],
        params: &[need("file"), with("mmap_mode", "None"), only("chunks", "'auto'")],
        summary: "An array stored in a .npy file; only what is needed is read.",
        examples: &[],
        run: load,
        ..PLAIN
    },
    FunctionEntry {
        name: "save",
        found: &[Found::Arrays],
        params: &[need("file"), need("x")],
        summary: "Computes an array into a .npy file.",
        run: save,
        ..PLAIN
    },
    FunctionEntry {
        name: "from_zarr",
        found: &[Found::Arrays],
        params: &[need("url"), with("component", "None"), only("chunks", "None"), only("name", "None")],
        summary: "An array stored by Zarr, version 2 or 3; only what is needed is read.",
        run: from_zarr,
        ..PLAIN
    },
    FunctionEntry {
        name: "to_zarr",
        found: &[Found::Arrays, Found::Method(Receiver::Array)],
        params: &[
            need("x"),
            need("url"),
            with("component", "None"),
            only("overwrite", "False"),
            only("zarr_format", "3"),
            only("compressor", "None"),
        ],
        summary: "Computes an array into a Zarr store, one stored chunk a chunk.",
        run: to_zarr,
        ..PLAIN
    },
];

fn open(m: &mut Machine<'_>, b: &Bound, target: &Stored, chunks: usize) -> Eval {
    let opened = m.host.open(target).map_err(|f| m.failed(f, b.span_of(0)))?;
    let node = build::load(&mut m.state.graph, opened.source, opened.shape, opened.dtype, opened.chunks);
    let wanted = b.given(chunks).filter(|g| !matches!(&g.value, Value::Str(s) if &**s == "auto")).cloned();
    let Some(spec) = wanted else { return Ok(Value::Array(node)) };
    let (spec, options) = (m.plain_arg(&spec.value, spec.span)?, m.options());
    let node = build::rechunk(&mut m.state.graph, node, &spec, &options);
    node.map(Value::Array).map_err(|e| m.op_error(&e, b.span_of(chunks), &[]))
}

fn load(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let path = m.needed_text(b, 0)?.to_string();
    open(m, b, &Stored { path, ..Stored::default() }, 2)
}

fn save(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let path = m.needed_text(b, 0)?.to_string();
    let node = m.array_of(&b.value(1), b.span_of(1))?;
    let target = Stored { path, overwrite: true, ..Stored::default() };
    m.host.store(&m.state.graph, node, &target).map_err(|f| m.failed(f, b.span))?;
    Ok(Value::None)
}

fn from_zarr(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let path = m.needed_text(b, 0)?.to_string();
    let component = m.text_arg(b, 1)?.map(|c| c.to_string());
    open(m, b, &Stored { path, format: StoredFormat::Zarr, component, ..Stored::default() }, 2)
}

fn to_zarr(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let node = m.array_of(&b.value(0), b.span_of(0))?;
    let target = Stored {
        path: m.needed_text(b, 1)?.to_string(),
        format: StoredFormat::Zarr,
        component: m.text_arg(b, 2)?.map(|c| c.to_string()),
        overwrite: m.bool_arg(b, 3, false)?,
        zarr_format: zarr_format(m, b)?,
        compressor: m.text_arg(b, 5)?.map(|c| c.to_string()),
    };
    m.host.store(&m.state.graph, node, &target).map_err(|f| m.failed(f, b.span))?;
    Ok(Value::None)
}

fn zarr_format(m: &mut Machine<'_>, b: &Bound) -> Eval<Option<u8>> {
    if b.given(4).is_none() {
        return Ok(None);
    }
    match m.int_arg(b, 4, 3)? {
        2 => Ok(Some(2)),
        3 => Ok(Some(3)),
        other => {
            Err(m.error("bad-argument", format!("there is no Zarr format {other}"), b.span_of(4)).help("write 2 or 3"))
        }
    }
}
