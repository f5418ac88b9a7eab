//! Numbers and arrays as text, digit for digit as Python and NumPy write them.

mod array;
mod column;
mod corner;
mod float;
mod spec;

pub use array::{array_repr, array_repr_from_corners, array_str, array_str_from_corners};
pub use corner::corners;
pub use float::{float_repr, scalar_str};
pub use spec::{FormatError, Formatted, format_spec};
