//! The element types.

use std::fmt;

/// An element type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum DType {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F16,
    F32,
    F64,
}

/// What sort of numbers a dtype holds; each promotes to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `bool`
    Bool,
    /// Signed and unsigned integers.
    Int,
    /// Floating point.
    Float,
}

impl DType {
    /// Every dtype, in NumPy's order of casting.
    pub const ALL: [DType; 12] = [
        DType::Bool,
        DType::I8,
        DType::U8,
        DType::I16,
        DType::U16,
        DType::I32,
        DType::U32,
        DType::I64,
        DType::U64,
        DType::F16,
        DType::F32,
        DType::F64,
    ];

    /// NumPy's name.
    pub fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "int8",
            DType::U8 => "uint8",
            DType::I16 => "int16",
            DType::U16 => "uint16",
            DType::I32 => "int32",
            DType::U32 => "uint32",
            DType::I64 => "int64",
            DType::U64 => "uint64",
            DType::F16 => "float16",
            DType::F32 => "float32",
            DType::F64 => "float64",
        }
    }

    /// The dtype of a name such as `float64`, `f8`, `<f8`, `float` or `int`.
    pub fn parse(name: &str) -> Option<DType> {
        let short = name.strip_prefix(['<', '=', '|']).unwrap_or(name);
        let dtype = match short {
            "bool" | "bool_" | "?" | "b1" => DType::Bool,
            "int8" | "i1" => DType::I8,
            "uint8" | "u1" => DType::U8,
            "int16" | "i2" => DType::I16,
            "uint16" | "u2" => DType::U16,
            "int32" | "i4" => DType::I32,
            "uint32" | "u4" => DType::U32,
            "int64" | "i8" | "int" => DType::I64,
            "uint64" | "u8" | "uint" => DType::U64,
            "float16" | "f2" | "half" => DType::F16,
            "float32" | "f4" | "single" => DType::F32,
            "float64" | "f8" | "float" | "double" => DType::F64,
            _ => return None,
        };
        Some(dtype)
    }

    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            DType::Bool | DType::I8 | DType::U8 => 1,
            DType::I16 | DType::U16 | DType::F16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 => 8,
        }
    }

    /// What sort of numbers it holds.
    pub fn kind(self) -> Kind {
        match self {
            DType::Bool => Kind::Bool,
            DType::F16 | DType::F32 | DType::F64 => Kind::Float,
            _ => Kind::Int,
        }
    }

    /// Whether it is a signed integer or a float.
    pub fn is_signed(self) -> bool {
        matches!(self, DType::I8 | DType::I16 | DType::I32 | DType::I64) || self.kind() == Kind::Float
    }

    /// Whether an integer dtype (or bool) holds a value; floats hold any.
    pub fn holds(self, value: i128) -> bool {
        match self.kind() {
            Kind::Bool => value == 0 || value == 1,
            Kind::Float => true,
            Kind::Int if self.is_signed() => {
                let half = 1_i128 << (8 * self.size() - 1);
                (-half..half).contains(&value)
            }
            Kind::Int => (0..1_i128 << (8 * self.size())).contains(&value),
        }
    }

    /// Whether every value of `self` has one in `to` by NumPy's rule of safe casting.
    pub fn casts_safely(self, to: DType) -> bool {
        use DType::{F16, F32, F64, I8, U8};
        if self == to || self == DType::Bool {
            return true;
        }
        match (self.kind(), to.kind()) {
            (Kind::Int, Kind::Int) if self.is_signed() == to.is_signed() => self.size() < to.size(),
            (Kind::Int, Kind::Int) => to.is_signed() && self.size() < to.size(),
            (Kind::Int, Kind::Float) => match to {
                F16 => matches!(self, I8 | U8),
                F32 => self.size() <= 2,
                _ => to == F64,
            },
            (Kind::Float, Kind::Float) => self.size() < to.size(),
            _ => false,
        }
    }

    /// NumPy's promotion of two dtypes: the smallest to which both cast safely.
    pub fn promote(self, other: DType) -> DType {
        let fits = |to: &DType| self.casts_safely(*to) && other.casts_safely(*to);
        Self::ALL.into_iter().find(fits).unwrap_or(DType::F64)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
