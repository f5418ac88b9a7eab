//! Stored arrays: opening them, and writing results block by block.

use crate::engine::Engine;
use crate::output::RunFacts;
use crate::watched::News;
use crate::world::failure;
use cleave_graph::host::{Failure, Stored, StoredFormat};
use cleave_graph::{Graph, NodeId};
use cleave_ops::{AxisChunks, Chunks, Shape};
use cleave_plan::{Cut, Delivery, Source};
use cleave_store::{Compressor, NewZarr, NpySink, StoreError, ZarrFormat};
use std::path::Path;
use std::sync::Arc;

/// Opens a stored array.
pub(crate) fn open(target: &Stored) -> Result<(Arc<dyn Source>, Shape), Failure> {
    let path = Path::new(&target.path);
    match target.format {
        StoredFormat::Npy => {
            let source = cleave_store::open_npy(path).map_err(|e| store_failure(&e))?;
            let shape = source.shape().clone();
            Ok((Arc::new(source), shape))
        }
        StoredFormat::Zarr => {
            let source = cleave_store::open_zarr(path, target.component.as_deref()).map_err(|e| store_failure(&e))?;
            let shape = source.shape().clone();
            Ok((Arc::new(source), shape))
        }
    }
}

/// Writes an array to a file or store.
pub(crate) fn store(
    engine: &mut Engine,
    graph: &Graph,
    root: NodeId,
    target: &Stored,
    tell: &mut dyn FnMut(News),
) -> Result<RunFacts, Failure> {
    match target.format {
        StoredFormat::Npy => store_npy(engine, graph, root, target, tell),
        StoredFormat::Zarr => store_zarr(engine, graph, root, target, tell),
    }
}

fn store_npy(
    engine: &mut Engine,
    graph: &Graph,
    root: NodeId,
    target: &Stored,
    tell: &mut dyn FnMut(News),
) -> Result<RunFacts, Failure> {
    let node = &graph[root];
    let sink = NpySink::create(Path::new(&target.path), &node.shape, node.dtype).map_err(|e| store_failure(&e))?;
    let sink = Arc::new(sink);
    let facts = engine.stream(graph, root, Cut::Engine, (Arc::clone(&sink) as _, Delivery::Written), Some(tell))?;
    let sink = Arc::into_inner(sink).expect("a run gives its sinks back when it ends");
    sink.finish().map_err(|e| store_failure(&e))?;
    Ok(facts)
}

fn store_zarr(
    engine: &mut Engine,
    graph: &Graph,
    root: NodeId,
    target: &Stored,
    tell: &mut dyn FnMut(News),
) -> Result<RunFacts, Failure> {
    let node = &graph[root];
    let uniform = cleave_store::uniform_chunks(&node.chunks);
    let cut = |(&len, &chunk): (&usize, &usize)| AxisChunks::regular(len, chunk);
    let grid = Chunks(node.shape.iter().zip(uniform.iter()).map(cut).collect());
    let new = NewZarr {
        chunks: grid.clone(),
        dtype: node.dtype,
        format: if target.zarr_format == Some(2) { ZarrFormat::V2 } else { ZarrFormat::V3 },
        compressor: compressor(target.compressor.as_deref())?,
        dimension_names: None,
        overwrite: target.overwrite,
    };
    let delivery = if new.compressor == Compressor::None { Delivery::Written } else { Delivery::Packed };
    let path = match &target.component {
        Some(component) => Path::new(&target.path).join(component),
        None => Path::new(&target.path).to_owned(),
    };
    let sink = cleave_store::create_zarr(&path, &new).map_err(|e| store_failure(&e))?;
    let sink = Arc::new(sink);
    let facts = engine.stream(graph, root, Cut::Grid(grid), (Arc::clone(&sink) as _, delivery), Some(tell))?;
    let sink = Arc::into_inner(sink).expect("a run gives its sinks back when it ends");
    sink.finish().map_err(|e| store_failure(&e))?;
    Ok(facts)
}

fn compressor(name: Option<&str>) -> Result<Compressor, Failure> {
    match name.unwrap_or("zstd") {
        "zstd" => Ok(Compressor::Zstd),
        "gzip" => Ok(Compressor::Gzip),
        "none" => Ok(Compressor::None),
        other => Err(failure(
            "bad-argument",
            format!("there is no compressor `{other}`"),
            "give \"zstd\", \"gzip\" or \"none\"",
        )),
    }
}

fn store_failure(error: &StoreError) -> Failure {
    Failure { code: error.code(), message: error.to_string(), help: error.help(), cause: None }
}
