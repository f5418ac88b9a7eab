//! Whether two sides would come to the same plan, and to the same bits.

use crate::proto;
use bytes::Bytes;
use cleave_ops::{Class, Op, table};
use std::fmt::{self, Write};
use std::sync::LazyLock;

/// The number of the service's contract.
pub const CONTRACT: u32 = 3;

/// What names everything that decides plans and bits: the table of operations and the sources of this build.
static TABLE: LazyLock<blake3::Hash> = LazyLock::new(|| blake3::hash(table_text().as_bytes()));

/// The versions of this build.
pub fn ours() -> proto::Versions {
    proto::Versions {
        contract: CONTRACT,
        table: Bytes::copy_from_slice(TABLE.as_bytes()),
        build: env!("CARGO_PKG_VERSION").into(),
    }
}

/// The table of operations as text: names, loops and weights, after the hash of the sources they are made of.
pub fn table_text() -> String {
    let mut text = format!("{} {}\n", env!("CARGO_PKG_VERSION"), env!("CLEAVE_SOURCES"));
    for op in table::all() {
        let loops = loops_text(op);
        writeln!(text, "{} {} {loops}", op.name, op.weight()).expect("writing to a string never fails");
    }
    text
}

fn loops_text(op: &Op) -> String {
    let texts: Vec<String> = match &op.class {
        Class::Fill(_) => vec!["fill".into()],
        Class::View(_) => vec!["view".into()],
        Class::Map(map) => map.loops.iter().map(|l| format!("{:?}->{}", l.inputs, l.output)).collect(),
        Class::Fold(fold) => fold.loops.iter().map(|l| format!("{}->{:?}->{}", l.input, l.state, l.output)).collect(),
        Class::Scan(scan) => scan.loops.iter().map(|l| format!("{}->{}", l.input, l.output)).collect(),
        Class::Contract(contract) => contract.loops.iter().map(|l| l.dtype.to_string()).collect(),
    };
    texts.join(" ")
}

/// Two sides that would not agree.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionsDiffer {
    /// Of this side.
    pub ours: proto::Versions,
    /// Of the other one.
    pub theirs: proto::Versions,
}

/// Refuses a side that speaks another contract or plans with another table.
pub fn check(theirs: Option<&proto::Versions>) -> Result<(), Box<VersionsDiffer>> {
    let (ours, theirs) = (ours(), theirs.cloned().unwrap_or_default());
    if (ours.contract, &ours.table) == (theirs.contract, &theirs.table) {
        return Ok(());
    }
    Err(Box::new(VersionsDiffer { ours, theirs }))
}

impl VersionsDiffer {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        if self.ours.contract == self.theirs.contract { "build-differs" } else { "contract-differs" }
    }
}

impl fmt::Display for VersionsDiffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ours, theirs) = (Shown(&self.ours), Shown(&self.theirs));
        write!(f, "{theirs} there, {ours} here: install the same build on both sides")
    }
}

impl std::error::Error for VersionsDiffer {}

struct Shown<'a>(&'a proto::Versions);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proto::Versions { contract, table, build } = self.0;
        if build.is_empty() && table.is_empty() {
            return f.write_str("no version");
        }
        let build: String = build.chars().take(32).flat_map(char::escape_debug).collect();
        write!(f, "cleave {build} (contract {contract}, table ")?;
        table.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}
