//! A graph as text: one line a node, stable for golden tests, plans and bug reports.

use crate::graph::Graph;
use crate::node::{AxisPairs, Node, NodeId, NodeKind};
use cleave_ops::fill::Law;
use cleave_ops::view::{SourceAxis, Term};
use cleave_ops::{Chunks, Fill, View};
use std::fmt;

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|(id, node)| writeln!(f, "{id} = {node}"))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} : {} {} in {}", self.kind, self.dtype, self.shape, chunk_text(&self.chunks))
    }
}

impl fmt::Display for NodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeKind::Fill(fill) => f.write_str(&fill_text(fill)),
            NodeKind::Load(source) => write!(f, "load source {}", source.0),
            NodeKind::Map { op, inputs, .. } => {
                let inputs: Vec<String> = inputs.iter().map(NodeId::to_string).collect();
                write!(f, "{}({})", op.name, inputs.join(", "))
            }
            NodeKind::Cast(input) => write!(f, "cast {input}"),
            NodeKind::Fold { op, input, axes, ddof, .. } => {
                let axes: Vec<String> = axes.iter().map(usize::to_string).collect();
                let ddof = if ddof.0 == 0.0 { String::new() } else { format!(" less {}", ddof.0) };
                write!(f, "{} {input} over {}{ddof}", op.name, axes.join(", "))
            }
            NodeKind::Scan { op, input, axis, before, .. } => {
                let before = before.map(|b| format!(" after {b}")).unwrap_or_default();
                write!(f, "{} {input} along {axis}{before}", op.name)
            }
            NodeKind::Contract { op, left, right, batch, summed, .. } => {
                write!(f, "{}({left}, {right}) over {}", op.name, pairs_text(summed))?;
                if batch.is_empty() { Ok(()) } else { write!(f, " for each {}", pairs_text(batch)) }
            }
            NodeKind::View { input, view } => write!(f, "view {input}{}", view_text(view)),
            NodeKind::Rechunk(input) => write!(f, "rechunk {input}"),
            NodeKind::Place(input, device) => write!(f, "{input} on {device}"),
            NodeKind::Overlay { base, patch, place } => write!(f, "overlay {base} at {} by {patch}", view_text(place)),
        }
    }
}

fn pairs_text(pairs: &AxisPairs) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(left, right)| format!("{left} with {right}")).collect();
    if pairs.is_empty() { "no axes".to_owned() } else { pairs.join(", ") }
}

fn fill_text(fill: &Fill) -> String {
    match fill {
        Fill::Const(value) => format!("constant {value}"),
        Fill::Ramp { start, step, last: None } => format!("ramp {start} by {step}"),
        Fill::Ramp { start, step, last: Some(last) } => format!("ramp {start} by {step} to {last}"),
        Fill::Index { axis } => format!("index of axis {axis}"),
        Fill::Diagonal { k } => format!("diagonal {k}"),
        Fill::Band { k } => format!("band {k}"),
        Fill::Random { seed, draw, law } => format!("{} seed {seed} draw {draw}", law_text(law)),
    }
}

fn law_text(law: &Law) -> String {
    match law {
        Law::Uniform { low, high } => format!("uniform {low} to {high}"),
        Law::Normal { mean, std } => format!("normal {mean} spread {std}"),
        Law::Integers { low, high } => format!("integers {low} to {high}"),
    }
}

/// For each axis of the source its index: `3`, `i0`, or `9-2*i1`.
fn view_text(view: &View) -> String {
    let axis = |s: &SourceAxis| {
        let mut text = if s.start == 0 && !s.is_fixed() { String::new() } else { s.start.to_string() };
        for Term { axis, step } in &s.terms {
            let sign = if *step < 0 {
                "-"
            } else if text.is_empty() {
                ""
            } else {
                "+"
            };
            let factor = if step.abs() == 1 { String::new() } else { format!("{}*", step.abs()) };
            text += &format!("{sign}{factor}i{axis}");
        }
        text
    };
    format!("[{}]", view.source.iter().map(axis).collect::<Vec<_>>().join(", "))
}

/// For each axis its runs of equal chunks: `4000*50`, or `4*2+1`.
fn chunk_text(chunks: &Chunks) -> String {
    let run = |&(len, count): &(usize, usize)| if count == 1 { len.to_string() } else { format!("{len}*{count}") };
    let axes = chunks.0.iter().map(|axis| axis.runs().iter().map(run).collect::<Vec<_>>().join("+"));
    format!("[{}]", axes.collect::<Vec<_>>().join(", "))
}
