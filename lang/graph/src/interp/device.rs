//! Where arrays are put: `x.to_device("cuda")`, what `cupy` makes, and what is made like an array that is on a GPU.

use super::{Eval, Machine};
use crate::build;
use crate::device::{Apart, Device, device_of};
use crate::node::NodeId;
use crate::value::{Generator, Value};
use cleave_syntax::source::Span;

impl Machine<'_> {
    /// Where an array is.
    pub(crate) fn device(&self, node: NodeId, span: Span) -> Eval<Device> {
        device_of(&self.state.graph, &[node]).map_err(|Apart(one, other)| {
            let message = format!("this is made of arrays on {one} and on {other}");
            let help = format!("bring them together with `.to_device(\"{one}\")`");
            self.error("device-mismatch", message, span).help(help)
        })
    }

    /// What a function of `cupy` gives: arrays and generators are on the first GPU, unless they are on one already.
    pub(crate) fn on_card(&mut self, value: Value) -> Value {
        match value {
            Value::Array(node) => match device_of(&self.state.graph, &[node]) {
                Ok(Device::Cpu) => Value::Array(build::place(&mut self.state.graph, node, Device::Cuda(0))),
                Ok(Device::Cuda(_)) | Err(_) => Value::Array(node),
            },
            Value::Generator(generator) => Value::Generator(Generator { on_card: true, ..generator }),
            other => other,
        }
    }

    /// What is made in the form of arrays is where they are.
    pub(super) fn beside(&mut self, node: NodeId, models: &[NodeId], span: Span) -> Eval {
        for &model in models {
            if let device @ Device::Cuda(_) = self.device(model, span)? {
                return Ok(Value::Array(build::place(&mut self.state.graph, node, device)));
            }
        }
        Ok(Value::Array(node))
    }
}
