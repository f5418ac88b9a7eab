//! Where arrays are: a device is no part of what an array's elements are, only of where they are computed and kept.

use crate::graph::Graph;
use crate::node::{NodeId, NodeKind};
use std::collections::HashSet;
use std::fmt;

/// GPUs are numbered below this.
pub const MOST_DEVICES: u8 = 64;

/// Where an array is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Device {
    /// In this machine's memory; the scheduler says who computes it.
    Cpu,
    /// On the GPU of that number.
    Cuda(u8),
}

/// Arrays of two GPUs that meet in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Apart(pub Device, pub Device);

impl Device {
    /// By its name: `cpu`, `cuda`, `cuda:1`.
    pub fn parse(name: &str) -> Option<Device> {
        match name {
            "cpu" => Some(Device::Cpu),
            "cuda" | "gpu" => Some(Device::Cuda(0)),
            other => {
                let number = other.strip_prefix("cuda:")?.parse().ok()?;
                (number < MOST_DEVICES).then_some(Device::Cuda(number))
            }
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

/// Where arrays are computed together: on the GPU that one of them, or what it is made of, was put on; where an array
/// was put last decides, and what was never put anywhere goes with the others.
pub fn device_of(graph: &Graph, roots: &[NodeId]) -> Result<Device, Apart> {
    let (mut open, mut seen, mut found) = (roots.to_vec(), HashSet::new(), Device::Cpu);
    while let Some(node) = open.pop() {
        if !seen.insert(node) {
            continue;
        }
        match (&graph[node].kind, found) {
            (NodeKind::Place(_, Device::Cpu), _) => {}
            (NodeKind::Place(_, device), Device::Cpu) => found = *device,
            (NodeKind::Place(_, device), known) if *device != known => return Err(Apart(known, *device)),
            (NodeKind::Place(..), _) => {}
            (kind, _) => open.extend(kind.inputs()),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build;
    use crate::rewrite::{RewriteOptions, optimize};
    use cleave_ops::{DType, Scalar, Shape};

    fn put(graph: &mut Graph, node: NodeId, device: Device) -> NodeId {
        build::place(graph, node, device)
    }

    #[test]
    fn devices_read_as_they_are_written() {
        for device in [Device::Cpu, Device::Cuda(0), Device::Cuda(63)] {
            assert_eq!(Device::parse(&device.to_string()), Some(device));
        }
        assert_eq!(Device::parse("cuda"), Some(Device::Cuda(0)));
        for wrong in ["", "cuda:", "cuda:-1", "cuda:64", "cuda:x", "tpu", "CPU"] {
            assert_eq!(Device::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_array_is_where_what_it_is_made_of_was_put_last() {
        let mut graph = Graph::new();
        let x = build::constant(&mut graph, Scalar::Float(1.5), DType::F64, Shape::new([3]));
        let (there, far) = (put(&mut graph, x, Device::Cuda(0)), put(&mut graph, x, Device::Cuda(1)));
        let cast = build::cast(&mut graph, there, DType::F32);
        let back = put(&mut graph, cast, Device::Cpu);
        let of = |roots: &[NodeId]| device_of(&graph, roots);
        assert_eq!(of(&[x]), Ok(Device::Cpu));
        assert_eq!((of(&[cast]), of(&[back])), (Ok(Device::Cuda(0)), Ok(Device::Cpu)));
        assert_eq!(of(&[back, x, cast]), Ok(Device::Cuda(0)), "together they are computed there");
        assert!(of(&[cast, far]).is_err());
        assert_eq!(put(&mut graph.clone(), there, Device::Cuda(0)), there, "it is there");
    }

    #[test]
    fn plans_know_no_devices() {
        let mut graph = Graph::new();
        let x = build::constant(&mut graph, Scalar::Float(1.5), DType::F64, Shape::new([3]));
        let there = put(&mut graph, x, Device::Cuda(0));
        let cast = build::cast(&mut graph, there, DType::F32);
        let root = put(&mut graph, cast, Device::Cuda(0));
        let (left, _, _) = optimize(&graph, &[root], RewriteOptions { fold: false });
        assert!(left.iter().all(|(_, node)| !matches!(node.kind, NodeKind::Place(..))), "{left}");
    }
}
