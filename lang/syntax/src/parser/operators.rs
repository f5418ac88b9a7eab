//! Operators: a flat run of operands becomes a tree by precedence, without recursion.

use super::Expr;
use super::at;
use crate::ast::{BinOp, CmpOp, ExprKind, LogicOp, UnaryOp};
use crate::source::Span;
use crate::token::{Sym, Tok};

/// An operand with the signs before it.
pub(super) struct Operand {
    pub(super) signs: Vec<(UnaryOp, Span)>,
    pub(super) value: Expr,
}

/// An infix operator, its place, and the operand after it.
pub(super) type Step = (BinOp, Span, Operand);

pub(super) fn sign(tok: &Tok) -> Option<UnaryOp> {
    match tok {
        Tok::Sym(Sym::Sub) => Some(UnaryOp::Neg),
        Tok::Sym(Sym::Add) => Some(UnaryOp::Pos),
        Tok::Sym(Sym::Invert) => Some(UnaryOp::Invert),
        _ => None,
    }
}

pub(super) fn infix(tok: &Tok) -> Option<BinOp> {
    let Tok::Sym(sym) = tok else { return None };
    Some(match sym {
        Sym::Add => BinOp::Add,
        Sym::Sub => BinOp::Sub,
        Sym::Mul => BinOp::Mul,
        Sym::Div => BinOp::Div,
        Sym::FloorDiv => BinOp::FloorDiv,
        Sym::Mod => BinOp::Mod,
        Sym::Pow => BinOp::Pow,
        Sym::MatMul => BinOp::MatMul,
        Sym::BitAnd => BinOp::BitAnd,
        Sym::BitOr => BinOp::BitOr,
        Sym::BitXor => BinOp::BitXor,
        Sym::Shl => BinOp::Shl,
        Sym::Shr => BinOp::Shr,
        _ => return None,
    })
}

pub(super) fn augmented(tok: &Tok) -> Option<BinOp> {
    let Tok::Sym(sym) = tok else { return None };
    Some(match sym {
        Sym::AddAssign => BinOp::Add,
        Sym::SubAssign => BinOp::Sub,
        Sym::MulAssign => BinOp::Mul,
        Sym::DivAssign => BinOp::Div,
        Sym::FloorDivAssign => BinOp::FloorDiv,
        Sym::ModAssign => BinOp::Mod,
        Sym::PowAssign => BinOp::Pow,
        Sym::MatMulAssign => BinOp::MatMul,
        Sym::AndAssign => BinOp::BitAnd,
        Sym::OrAssign => BinOp::BitOr,
        Sym::XorAssign => BinOp::BitXor,
        Sym::ShlAssign => BinOp::Shl,
        Sym::ShrAssign => BinOp::Shr,
        _ => return None,
    })
}

pub(super) fn comparison(tok: &Tok) -> Option<CmpOp> {
    let Tok::Sym(sym) = tok else { return None };
    Some(match sym {
        Sym::Eq => CmpOp::Eq,
        Sym::Ne => CmpOp::Ne,
        Sym::Lt => CmpOp::Lt,
        Sym::Le => CmpOp::Le,
        Sym::Gt => CmpOp::Gt,
        Sym::Ge => CmpOp::Ge,
        Sym::In => CmpOp::In,
        _ => return None,
    })
}

/// What waits for its right operand.
#[derive(Clone, Copy)]
enum Waiting {
    Sign(UnaryOp, Span),
    Infix(BinOp, Span),
}

const SIGN_LEVEL: u8 = 7;

fn level(op: BinOp) -> u8 {
    match op {
        BinOp::BitOr => 1,
        BinOp::BitXor => 2,
        BinOp::BitAnd => 3,
        BinOp::Shl | BinOp::Shr => 4,
        BinOp::Add | BinOp::Sub => 5,
        BinOp::Mul | BinOp::Div | BinOp::FloorDiv | BinOp::Mod | BinOp::MatMul => 6,
        BinOp::Pow => 8,
    }
}

/// Builds the tree of `first op operand op operand …`; `**` takes its right side first.
pub(super) fn by_precedence(first: Operand, steps: Vec<Step>) -> Expr {
    let Operand { signs, value } = first;
    if signs.is_empty() && steps.is_empty() {
        return value;
    }
    let mut waiting: Vec<Waiting> = signs.into_iter().map(|(op, span)| Waiting::Sign(op, span)).collect();
    let mut done = vec![value];
    for (op, span, operand) in steps {
        while waiting.last().is_some_and(|top| goes_first(*top, op)) {
            apply(&mut waiting, &mut done);
        }
        waiting.push(Waiting::Infix(op, span));
        waiting.extend(operand.signs.into_iter().map(|(op, span)| Waiting::Sign(op, span)));
        done.push(operand.value);
    }
    while !waiting.is_empty() {
        apply(&mut waiting, &mut done);
    }
    done.pop().expect("every operator leaves one value for those that it takes")
}

fn goes_first(top: Waiting, next: BinOp) -> bool {
    match top {
        Waiting::Sign(..) => SIGN_LEVEL > level(next),
        Waiting::Infix(op, _) => level(op) > level(next) || (level(op) == level(next) && op != BinOp::Pow),
    }
}

fn apply(waiting: &mut Vec<Waiting>, done: &mut Vec<Expr>) {
    let (Some(top), Some(right)) = (waiting.pop(), done.pop()) else { return };
    let made = match top {
        Waiting::Sign(op, span) => signed(op, span, right),
        Waiting::Infix(op, op_span) => {
            let Some(left) = done.pop() else { return done.push(right) };
            let span = left.span.join(right.span);
            at(ExprKind::Binary { op, op_span, left: Box::new(left), right: Box::new(right) }, span)
        }
    };
    done.push(made);
}

/// The smallest 64-bit integer can only be written as the negative of one that does not fit.
fn signed(op: UnaryOp, sign: Span, operand: Expr) -> Expr {
    let span = sign.join(operand.span);
    match &operand.node {
        ExprKind::BigInt(digits) if op == UnaryOp::Neg && **digits == *"9223372036854775808" => {
            at(ExprKind::Int(i64::MIN), span)
        }
        _ => at(ExprKind::Unary { op, operand: Box::new(operand) }, span),
    }
}

pub(super) fn logic(op: LogicOp, left: Expr, right: Expr) -> Expr {
    let span = left.span.join(right.span);
    at(ExprKind::Logic { op, left: Box::new(left), right: Box::new(right) }, span)
}
