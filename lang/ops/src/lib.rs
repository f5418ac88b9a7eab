//! What arrays are made of, and the table of what can be done with them.
//!
//! In reading order: `dtype`, `scalar`, `data` (a typed buffer), `bytes` (its own), `half_float`, `cast` (conversions and strided copies), `shape`,
//! `region` (a box of indices), `chunks`, `chunk_spec` (what a user writes for them), `view` (index arithmetic),
//! `fill` (values made from an index), `rng` (random bits from an index), `draw` (random laws), `fill_row` (rows
//! of fills), `op` (what an entry of the table holds), `args` (an entry's arguments, bound), `infer` (which loop
//! takes given dtypes), `lane` (what a formula is written in), `math` (transcendental functions), `formula`,
//! `vectors` (what loops run with), `loops` (formulas over slices), `deep` (long ones), `chain` (several in one),
//! `division`, `fold`, `fold_var`, `fold_arg`, `fold_map` (sums of formulas), `trace` (formulas as data), `scan` (running
//! values), `contract` (sums of products), `table` (one entry an operation). Everything else
//! reads these entries: completion, reference pages, inference,
//! the executors and the generated tests. This crate reads no other crate of the project, and touches no
//! file, clock, socket or thread.

pub mod args;
mod bytes;
pub mod cast;
pub mod chain;
pub mod chunk_spec;
pub mod chunks;
mod contract;
pub mod data;
mod deep;
mod division;
mod draw;
pub mod dtype;
pub mod error;
pub mod fill;
pub mod fill_row;
pub mod fold;
mod fold_arg;
mod fold_map;
mod fold_var;
mod formula;
mod half_float;
pub mod infer;
pub mod lane;
mod loops;
mod math;
pub mod op;
pub mod region;
pub mod rng;
pub mod scalar;
mod scan;
pub mod shape;
pub mod table;
pub mod trace;
mod unit;
pub mod vectors;
pub mod view;

pub use args::{Arg, Args, bind};
pub use bytes::{bytes_of, filled};
pub use cast::{Plane, cast, cast_part, copy_plane, copy_rows, copy_run, scatter_run};
pub use chunks::{AxisChunks, Chunks};
pub use data::{Data, DataMut, DataRef};
pub use dtype::{DType, Kind};
pub use error::OpError;
pub use fill::{Fill, Law};
pub use fill_row::{FillRows, Row, fill_row, fill_rows};
pub use infer::{Operand, Resolved, resolve, result_type};
pub use op::{
    AxisPairs, Class, Contract, ContractLoop, Fold, FoldLoop, Map, MapLoop, Op, Pairing, Pairwise, Param, Scan,
    ScanLoop, SumLoop,
};
pub use region::Region;
pub use scalar::Scalar;
pub use shape::Shape;
pub use vectors::{Arch, use_vectors, vector_unit};
pub use view::View;
