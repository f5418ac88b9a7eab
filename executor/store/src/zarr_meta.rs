//! What the metadata of a Zarr node says.

use crate::error::StoreError;
use crate::folder::Folder;
use cleave_ops::{DType, Shape};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A directory with Zarr metadata.
pub(crate) enum Node {
    /// An array.
    Array(ArrayMeta),
    /// A group.
    Group,
}

/// The metadata of an array, as far as this crate reads it itself.
pub(crate) struct ArrayMeta {
    /// The name of the metadata file.
    pub(crate) file: &'static str,
    /// The element type.
    pub(crate) dtype: DType,
    /// Lengths of the axes.
    pub(crate) shape: Shape,
    /// The shape of a stored chunk, or of a shard.
    pub(crate) chunk: Vec<usize>,
    /// Names of the axes, if it has them.
    pub(crate) dimension_names: Option<Vec<String>>,
}

pub(crate) const V3: &str = "zarr.json";
pub(crate) const V2: &str = ".zarray";
const V2_GROUP: &str = ".zgroup";

/// Reads the node in a directory, if there is one.
pub(crate) fn read_node(folder: &Folder) -> Result<Option<Node>, StoreError> {
    let dir = folder.path();
    if let Some(meta) = read_json(folder, V3)? {
        return match meta["node_type"].as_str() {
            Some("group") => Ok(Some(Node::Group)),
            Some("array") => Ok(Some(Node::Array(v3_array(dir, &meta)?))),
            _ => Err(field(dir, "node_type")),
        };
    }
    if let Some(meta) = read_json(folder, V2)? {
        let attributes = read_json(folder, ".zattrs")?.unwrap_or(Value::Null);
        return Ok(Some(Node::Array(v2_array(dir, &meta, &attributes)?)));
    }
    Ok(folder.has(V2_GROUP).then_some(Node::Group))
}

/// The names of the arrays below a group, sorted; at most a hundred.
pub(crate) fn arrays_below(group: &Path) -> Vec<String> {
    let mut names = vec![];
    walk(group, "", &mut names);
    names
}

fn walk(dir: &Path, prefix: &str, names: &mut Vec<String>) {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut children: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    children.sort();
    for child in children {
        let name = format!("{prefix}{}", child.file_name().unwrap_or_default().to_string_lossy());
        if names.len() >= 100 {
            return;
        }
        if is_array(&child) {
            names.push(name);
        } else if prefix.split('/').count() < 8 {
            walk(&child, &format!("{name}/"), names);
        }
    }
}

fn is_array(dir: &Path) -> bool {
    let v3 = || read_json(&Folder::at(dir), V3).ok().flatten().is_some_and(|meta| meta["node_type"] == "array");
    dir.join(V2).exists() || v3()
}

/// A metadata file, if it is there.
pub(crate) fn read_json(folder: &Folder, name: &str) -> Result<Option<Value>, StoreError> {
    let path = folder.path().join(name);
    let bytes = match folder.read(name) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        outcome => outcome.map_err(|error| StoreError::io(&path, error))?,
    };
    let parsed = serde_json::from_slice(&bytes);
    parsed.map(Some).map_err(|error| StoreError::ZarrMetadata { path, cause: Arc::new(error) })
}

fn v3_array(dir: &Path, meta: &Value) -> Result<ArrayMeta, StoreError> {
    let named = |value: &Value| value.as_str().or(value["name"].as_str()).map(str::to_string);
    let dtype = named(&meta["data_type"]).ok_or_else(|| field(dir, "data_type"))?;
    let grid = named(&meta["chunk_grid"]).ok_or_else(|| field(dir, "chunk_grid"))?;
    if grid != "regular" {
        return Err(StoreError::ZarrGrid { path: dir.to_path_buf(), grid });
    }
    let chunk = &meta["chunk_grid"]["configuration"]["chunk_shape"];
    let names = meta["dimension_names"].as_array().filter(|names| names.iter().any(Value::is_string));
    array(dir, V3, DType::parse(&dtype).ok_or(dtype), &meta["shape"], ("chunk_shape", chunk), names)
}

fn v2_array(dir: &Path, meta: &Value, attributes: &Value) -> Result<ArrayMeta, StoreError> {
    let dtype = match &meta["dtype"] {
        Value::String(descr) => crate::convert::parse_descr(descr).map(|parsed| parsed.0).ok_or(descr.clone()),
        Value::Null => return Err(field(dir, "dtype")),
        structured => Err(structured.to_string()),
    };
    // xarray keeps the names of the axes of version 2 in this attribute.
    let names = attributes["_ARRAY_DIMENSIONS"].as_array();
    array(dir, V2, dtype, &meta["shape"], ("chunks", &meta["chunks"]), names)
}

fn array(
    dir: &Path,
    file: &'static str,
    dtype: Result<DType, String>,
    shape: &Value,
    chunk: (&'static str, &Value),
    names: Option<&Vec<Value>>,
) -> Result<ArrayMeta, StoreError> {
    let path = || dir.to_path_buf();
    let dtype = dtype.map_err(|dtype| StoreError::DType { path: path(), dtype })?;
    let shape = lens(shape).ok_or_else(|| field(dir, "shape"))?;
    let shape = Shape::checked(shape).map_err(|error| StoreError::Shape { path: path(), error: Box::new(error) })?;
    let fits = |lens: &Vec<usize>| lens.len() == shape.ndim() && !lens.contains(&0);
    let chunk = lens(chunk.1).filter(fits).ok_or_else(|| field(dir, chunk.0))?;
    let name = |(axis, name): (usize, &Value)| name.as_str().map_or(format!("dim_{axis}"), str::to_string);
    let dimension_names = names.map(|names| names.iter().enumerate().map(name).collect());
    Ok(ArrayMeta { file, dtype, shape, chunk, dimension_names })
}

fn lens(value: &Value) -> Option<Vec<usize>> {
    value.as_array()?.iter().map(|len| usize::try_from(len.as_u64()?).ok()).collect()
}

fn field(dir: &Path, field: &'static str) -> StoreError {
    StoreError::ZarrField { path: dir.to_path_buf(), field }
}
