//! Calls of the table's operations: values become arguments, lists become arrays, numbers are worked out at once.

use super::call::Arguments;
use super::compare::{as_dtype, range_items, range_len};
use super::fault::Given;
use super::{Eval, Machine, small};
use crate::build;
use crate::node::NodeId;
use crate::value::Value;
use cleave_ops::args::bind;
use cleave_ops::data::Element;
use cleave_ops::op::ParamKind;
use cleave_ops::{Arg, Chunks, Class, DType, Data, Op, OpError, Param, Scalar, Shape, each_dtype};
use cleave_syntax::source::Span;

impl Machine<'_> {
    /// An operation on operands given by place.
    pub(crate) fn operate(&mut self, op: &'static Op, operands: &[Given], span: Span) -> Eval {
        self.call_op(op, Arguments::of(operands.to_vec()), span)
    }

    pub(crate) fn call_op(&mut self, op: &'static Op, mut arguments: Arguments, span: Span) -> Eval {
        self.gather_lengths(op, &mut arguments);
        let lazy = arguments.positional.iter().chain(arguments.named.iter().map(|(_, g)| g));
        let known = !lazy
            .clone()
            .any(|g| matches!(g.value, Value::Array(_) | Value::List(_) | Value::Tuple(_) | Value::Range { .. }));
        let operands: Vec<Given> = lazy.cloned().collect();
        let (start, mut arrays) = (self.state.graph.len(), Vec::new());
        let mut positional = Vec::with_capacity(arguments.positional.len());
        for (i, given) in arguments.positional.iter().enumerate() {
            positional.push(self.op_argument(op.params.get(i), given, &mut arrays)?);
        }
        let mut named = Vec::with_capacity(arguments.named.len());
        for (name, given) in &arguments.named {
            let param = op.params.iter().find(|p| p.name == &**name || p.other_name() == Some(name));
            named.push((name.to_string(), self.op_argument(param, given, &mut arrays)?));
        }
        let options = self.options();
        let made =
            bind(op, positional, named).and_then(|bound| build::call(&mut self.state.graph, &bound, &arrays, &options));
        let node = made.map_err(|e| match self.guilty(op, &e, &arguments) {
            Some(guilty) => self.op_error(&e, guilty, &[]),
            None => self.op_error(&e, span, &operands),
        })?;
        let number = Some(node).filter(|_| known && matches!(op.class, Class::Map(_)));
        if let Some(value) = number.and_then(|node| small::number(&self.state.graph, node)) {
            let dtype = self.state.graph[node].dtype;
            self.state.graph.truncate(start);
            return Ok(Value::Number(value, dtype));
        }
        if let Class::Fill(_) = op.class {
            return self.beside(node, &arrays, span);
        }
        Ok(Value::Array(node))
    }

    /// `x.transpose(1, 0)` and `x.reshape(2, 3)` mean a tuple.
    fn gather_lengths(&self, op: &'static Op, arguments: &mut Arguments) {
        let lists = |p: &Param| matches!(p.kind, ParamKind::Axes | ParamKind::Shape);
        let only = op.params.iter().position(lists).filter(|at| !op.params[at + 1..].iter().any(lists));
        let Some(at) = only.filter(|_| matches!(op.class, Class::View(_))) else { return };
        let Some(more) = arguments.positional.get(at..).filter(|more| more.len() > 1) else { return };
        if more.iter().all(|g| matches!(g.value, Value::Int(_))) {
            let span = more.iter().fold(more[0].span, |span, g| span.join(g.span));
            let lens = Value::tuple(more.iter().map(|g| g.value.clone()).collect::<Vec<_>>());
            arguments.positional.truncate(at);
            arguments.positional.push(Given::new(lens, span));
        }
    }

    /// The argument an error is about, if it is about one.
    fn guilty(&self, op: &'static Op, error: &OpError, arguments: &Arguments) -> Option<Span> {
        let given = |name: &str| {
            let named = arguments.named.iter().find(|(n, _)| &**n == name).map(|(_, g)| g.span);
            let place = || op.params.iter().position(|p| p.name == name);
            named.or_else(|| arguments.positional.get(place()?).map(|g| g.span))
        };
        match error {
            OpError::Axis { .. } | OpError::RepeatedAxis { .. } => given("axis").or_else(|| given("axes")),
            OpError::ChunkSpec { .. } | OpError::ChunkSum { .. } => given("chunks"),
            OpError::Argument { param, .. } => given(param),
            OpError::NegativeLength { .. } | OpError::TooLarge { .. } => given("shape"),
            _ => None,
        }
    }

    fn op_argument(&mut self, param: Option<&'static Param>, given: &Given, arrays: &mut Vec<NodeId>) -> Eval<Arg> {
        let wants_array = param.is_some_and(|p| p.kind == ParamKind::Array);
        match &given.value {
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => self.plain_arg(&given.value, given.span),
            Value::Array(_) | Value::Number(..) | Value::List(_) | Value::Tuple(_) | Value::Range { .. }
                if wants_array =>
            {
                let node = self.array_of(&given.value, given.span)?;
                arrays.push(node);
                let (shape, dtype) = (self.state.graph[node].shape.clone(), self.state.graph[node].dtype);
                Ok(Arg::Array { index: arrays.len() - 1, shape, dtype })
            }
            value if wants_array && !matches!(value, Value::None | Value::DType(_)) => {
                let what = self.described(value, given.span);
                let name = param.map_or("x", |p| p.name);
                Err(self.type_error(format!("`{name}` must be an array or a number, found {what}"), given.span))
            }
            value => match (param.map(|p| p.kind), as_dtype(value)) {
                (Some(ParamKind::DType), Some(dtype)) => Ok(Arg::DType(dtype)),
                _ => self.plain_arg(value, given.span),
            },
        }
    }

    /// A value as an argument that is no array; 0-d arrays are computed.
    pub(crate) fn plain_arg(&mut self, value: &Value, span: Span) -> Eval<Arg> {
        if let Some(scalar) = value.as_scalar() {
            return Ok(Arg::Scalar(scalar));
        }
        match value {
            Value::None => Ok(Arg::None),
            Value::Ellipsis => Ok(Arg::Ellipsis),
            Value::Str(text) => Ok(Arg::Str(text.to_string())),
            Value::DType(dtype) => Ok(Arg::DType(*dtype)),
            Value::Tuple(items) => self.plain_args(items, span),
            Value::List(items) => self.plain_args(items, span),
            Value::Range { .. } => Ok(Arg::Tuple(range_items(value).map(Arg::from).collect())),
            Value::Dict(pairs) => {
                let pair = |(k, v): &(Value, Value)| Ok((self.plain_arg(k, span)?, self.plain_arg(v, span)?));
                Ok(Arg::Dict(pairs.iter().map(pair).collect::<Eval<_>>()?))
            }
            Value::Array(node) => Ok(Arg::Scalar(self.single(*node, span)?)),
            Value::Complex(_) => self.not_available("complex arrays", "keep the real and imaginary parts apart", span),
            other => match as_dtype(other) {
                Some(dtype) => Ok(Arg::DType(dtype)),
                None => {
                    let message = format!("a value of type {} cannot be used here", other.type_name());
                    Err(self.type_error(message, span))
                }
            },
        }
    }

    fn plain_args(&mut self, items: &[Value], span: Span) -> Eval<Arg> {
        self.deeper(span, |m| Ok(Arg::Tuple(items.iter().map(|v| m.plain_arg(v, span)).collect::<Eval<_>>()?)))
    }

    /// A value as an array: numbers become 0-d ones, nested lists hold their data.
    pub(crate) fn array_of(&mut self, value: &Value, span: Span) -> Eval<NodeId> {
        match value {
            Value::Array(node) => Ok(*node),
            Value::Number(scalar, dtype) => {
                Ok(build::constant(&mut self.state.graph, *scalar, *dtype, Shape::default()))
            }
            Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::List(_)
            | Value::Tuple(_)
            | Value::Range { .. } => self.literal(value, None, span),
            Value::Complex(_) => self.not_available("complex arrays", "keep the real and imaginary parts apart", span),
            other => {
                let message = format!("an array is needed here, found {}", self.described(other, span));
                Err(self.type_error(message, span))
            }
        }
    }

    /// An array of the numbers in nested lists.
    pub(crate) fn literal(&mut self, value: &Value, dtype: Option<DType>, span: Span) -> Eval<NodeId> {
        let (mut numbers, mut lens) = (Vec::new(), Vec::new());
        self.flatten(value, 0, (&mut lens, &mut numbers), span)?;
        let shape = Shape::checked(lens).map_err(|e| self.op_error(&e, span, &[]))?;
        let natural = numbers.iter().map(|(_, dtype)| *dtype).reduce(DType::promote).unwrap_or(DType::F64);
        let dtype = dtype.unwrap_or(natural);
        let scalars: Vec<Scalar> = numbers.into_iter().map(|(scalar, _)| scalar).collect();
        let outside = scalars
            .iter()
            .filter_map(|s| s.to_int())
            .find(|v| !matches!(dtype.kind(), cleave_ops::Kind::Bool) && !dtype.holds(*v));
        if let Some(value) = outside {
            return Err(self.op_error(&OpError::OutOfBounds { value, dtype }, span, &[]));
        }
        if let (0, [scalar]) = (shape.ndim(), scalars.as_slice()) {
            return Ok(build::constant(&mut self.state.graph, *scalar, dtype, shape));
        }
        let mut data = Data::with_capacity(dtype, scalars.len());
        each_dtype!(Data, &mut data, v => fill(v, &scalars));
        let source = self.host.hold(&shape, data);
        let chunks = Chunks::single(&shape);
        Ok(build::load(&mut self.state.graph, source, shape, dtype, chunks))
    }

    fn flatten(
        &mut self,
        value: &Value,
        level: usize,
        (lens, out): (&mut Vec<usize>, &mut Vec<(Scalar, DType)>),
        span: Span,
    ) -> Eval<()> {
        let items: Vec<Value> = match value {
            Value::List(items) => items.to_vec(),
            Value::Tuple(items) => items.to_vec(),
            Value::Range { start, stop, step } if range_len(*start, *stop, *step) < 100_000_000 => {
                range_items(value).map(Value::Int).collect()
            }
            other => return self.leaf(other, level, (lens, out), span),
        };
        match lens.get(level) {
            None if out.is_empty() => lens.push(items.len()),
            Some(len) if *len == items.len() => {}
            _ => return Err(self.ragged(span)),
        }
        self.deeper(span, |m| {
            items.iter().try_for_each(|item| m.flatten(item, level + 1, (&mut *lens, &mut *out), span))
        })
    }

    fn leaf(
        &mut self,
        value: &Value,
        level: usize,
        (lens, out): (&mut Vec<usize>, &mut Vec<(Scalar, DType)>),
        span: Span,
    ) -> Eval<()> {
        if level != lens.len() {
            return Err(self.ragged(span));
        }
        let (scalar, dtype) = match value {
            Value::Number(scalar, dtype) => (*scalar, *dtype),
            Value::Array(node) if self.state.graph[*node].shape.ndim() == 0 => {
                (self.single(*node, span)?, self.state.graph[*node].dtype)
            }
            Value::Array(_) => {
                let help = "put arrays beside each other with `stack([a, b])` or `concatenate([a, b])`";
                return self.not_available("joining arrays in a list", help, span);
            }
            Value::Complex(_) => {
                return self.not_available("complex arrays", "keep the real and imaginary parts apart", span);
            }
            other => match other.as_scalar() {
                Some(scalar) => (scalar, scalar.dtype()),
                None => {
                    let message = format!("an array holds numbers, found {}", self.described(other, span));
                    return Err(self.type_error(message, span));
                }
            },
        };
        out.push((scalar, dtype));
        Ok(())
    }

    fn ragged(&self, span: Span) -> cleave_syntax::diagnostic::Diagnostic {
        let error = self.error("ragged-array", "the rows of this array have different lengths", span);
        error.help("give all rows the same number of items")
    }
}

fn fill<T: Element>(data: &mut Vec<T>, scalars: &[Scalar]) {
    data.extend(scalars.iter().map(|s| T::from_scalar(*s)));
}
