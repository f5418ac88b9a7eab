//! The names of a session, and the local names of calls that functions still refer to.

use crate::node::NodeId;
use crate::value::{Generator, LocalNames, Value};
use cleave_syntax::source::{Source, Span};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A call's place among the frames of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameId(u64);

/// What a name stands for, and where it was given that.
#[derive(Clone, Debug)]
pub struct Binding {
    /// What.
    pub value: Value,
    /// The text that bound it.
    pub source: Source,
    /// The assignment in that text.
    pub span: Span,
}

/// The local names of one call.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What is bound now.
    pub names: FxHashMap<Arc<str>, Binding>,
    /// The call around the definition.
    pub parent: Option<FrameId>,
    /// Which names belong here.
    pub local: Arc<LocalNames>,
    /// Whether a function was made in it that may outlive the call.
    pub captured: bool,
}

/// All names of a session. A clone is a cheap snapshot: what a failed cell goes back to.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    globals: Arc<BTreeMap<Arc<str>, Binding>>,
    frames: Arc<FxHashMap<FrameId, Frame>>,
    draws: Arc<Vec<u64>>,
    /// The generator behind the functions of `numpy.random`.
    pub(crate) shared: Option<Generator>,
    next_frame: u64,
}

impl Scope {
    /// The global names in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Binding)> {
        self.globals.iter()
    }

    /// A global name.
    pub fn get(&self, name: &str) -> Option<&Binding> {
        self.globals.get(name)
    }

    /// Binds a global name; gives what it was bound to.
    pub fn set(&mut self, name: Arc<str>, binding: Binding) -> Option<Binding> {
        Arc::make_mut(&mut self.globals).insert(name, binding)
    }

    /// Forgets a global name; whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        self.globals.contains_key(name) && Arc::make_mut(&mut self.globals).remove(name).is_some()
    }

    /// Every array that is still named, for compaction of the graph.
    pub fn nodes(&self) -> Vec<NodeId> {
        let mut found = FxHashSet::default();
        let mut visit = |node: &mut NodeId| {
            found.insert(*node);
        };
        let values = self.globals.values().chain(self.frames.values().flat_map(|f| f.names.values()));
        values.for_each(|binding| binding.value.clone().each_node(&mut visit));
        let mut nodes: Vec<NodeId> = found.into_iter().collect();
        nodes.sort_unstable();
        nodes
    }

    /// Gives every array its new place after the graph was compacted.
    pub fn remap(&mut self, moved: &dyn Fn(NodeId) -> NodeId) {
        let mut visit = |node: &mut NodeId| *node = moved(*node);
        Arc::make_mut(&mut self.globals).values_mut().for_each(|b| b.value.each_node(&mut visit));
        let frames = Arc::make_mut(&mut self.frames).values_mut();
        frames.flat_map(|f| f.names.values_mut()).for_each(|b| b.value.each_node(&mut visit));
    }

    /// Forgets the calls that no global function refers to any more.
    pub fn sweep(&mut self) {
        if self.frames.is_empty() {
            return;
        }
        let mut wanted = FxHashSet::default();
        self.globals.values().for_each(|b| self.mark(&b.value, &mut wanted));
        Arc::make_mut(&mut self.frames).retain(|id, _| wanted.contains(id));
    }

    fn mark(&self, value: &Value, wanted: &mut FxHashSet<FrameId>) {
        match value {
            Value::Function(function) => {
                self.mark_frame(function.frame, wanted);
                function.params.iter().filter_map(|p| p.default.as_ref()).for_each(|v| self.mark(v, wanted));
            }
            Value::Tuple(items) => items.iter().for_each(|v| self.mark(v, wanted)),
            Value::List(items) => items.iter().for_each(|v| self.mark(v, wanted)),
            Value::Dict(items) => items.iter().for_each(|(_, v)| self.mark(v, wanted)),
            Value::Method { receiver, .. } => self.mark(receiver, wanted),
            _ => {}
        }
    }

    fn mark_frame(&self, id: Option<FrameId>, wanted: &mut FxHashSet<FrameId>) {
        let Some(id) = id else { return };
        if let Some(frame) = self.frames.get(&id).filter(|_| wanted.insert(id)) {
            self.mark_frame(frame.parent, wanted);
            frame.names.values().for_each(|b| self.mark(&b.value, wanted));
        }
    }

    pub(crate) fn generator(&mut self, seed: u64) -> Generator {
        let draws = Arc::make_mut(&mut self.draws);
        draws.push(0);
        Generator { id: draws.len() as u64 - 1, seed, on_card: false }
    }

    /// The number of the generator's next draw.
    pub(crate) fn draw(&mut self, generator: Generator) -> u64 {
        let count = &mut Arc::make_mut(&mut self.draws)[generator.id as usize];
        *count += 1;
        *count - 1
    }

    pub(crate) fn enter(&mut self, parent: Option<FrameId>, local: Arc<LocalNames>) -> FrameId {
        let id = FrameId(self.next_frame);
        self.next_frame += 1;
        let frame = Frame { names: FxHashMap::default(), parent, local, captured: false };
        Arc::make_mut(&mut self.frames).insert(id, frame);
        id
    }

    /// Ends a call; its names stay where a function was made in it.
    pub(crate) fn leave(&mut self, id: FrameId) {
        if self.frames.get(&id).is_some_and(|f| !f.captured) {
            Arc::make_mut(&mut self.frames).remove(&id);
        }
    }

    pub(crate) fn frame(&self, id: FrameId) -> &Frame {
        self.frames.get(&id).expect("a frame lives while its call runs or a function refers to it")
    }

    pub(crate) fn frame_mut(&mut self, id: FrameId) -> &mut Frame {
        let frames = Arc::make_mut(&mut self.frames);
        frames.get_mut(&id).expect("a frame lives while its call runs or a function refers to it")
    }

    /// Marks a call and those around it as referred to by a new function.
    pub(crate) fn capture(&mut self, mut id: Option<FrameId>) {
        while let Some(frame) = id {
            let frame = self.frame_mut(frame);
            frame.captured = true;
            id = frame.parent;
        }
    }

    /// The frame that owns `name` when it is used in `frame`; `None` where it is a global one.
    pub(crate) fn owner(&self, name: &str, mut frame: Option<FrameId>) -> Option<FrameId> {
        while let Some(id) = frame {
            let found = self.frame(id);
            if found.local.global.contains(name) {
                return None;
            }
            if found.local.own.contains(name) {
                return Some(id);
            }
            frame = found.parent;
        }
        None
    }

    /// What `name` stands for when it is used in `frame`.
    pub(crate) fn lookup(&self, name: &str, frame: Option<FrameId>) -> Option<&Binding> {
        match self.owner(name, frame) {
            Some(id) => self.frame(id).names.get(name),
            None => self.get(name),
        }
    }

    /// Binds `name` where it belongs when it is assigned in `frame`; gives what it was bound to.
    pub(crate) fn bind(&mut self, name: Arc<str>, frame: Option<FrameId>, binding: Binding) -> Option<Binding> {
        match self.owner(&name, frame) {
            Some(id) => self.frame_mut(id).names.insert(name, binding),
            None => self.set(name, binding),
        }
    }

    /// Takes a value out of its name, which holds None until it is bound again.
    pub(crate) fn take(&mut self, name: &str, frame: Option<FrameId>) -> Option<Value> {
        let binding = match self.owner(name, frame) {
            Some(id) => self.frame_mut(id).names.get_mut(name),
            None => Arc::make_mut(&mut self.globals).get_mut(name),
        };
        binding.map(|b| std::mem::replace(&mut b.value, Value::None))
    }

    /// Forgets `name` where it belongs; whether it was there.
    pub(crate) fn unbind(&mut self, name: &str, frame: Option<FrameId>) -> bool {
        match self.owner(name, frame) {
            Some(id) => self.frame_mut(id).names.remove(name).is_some(),
            None => self.remove(name),
        }
    }
}
