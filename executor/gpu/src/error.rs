//! What a driver refuses.

use crate::detect::Absent;
use std::fmt;

/// Why a card does not do something. The driver's own words are not asked for: there may be no driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GpuError {
    /// There is no card to compute on.
    Absent(Absent),
    /// A call failed.
    Call {
        /// What was being done.
        what: &'static str,
        /// The driver's number for the failure.
        code: u32,
    },
}

/// Not enough memory on the device.
const OUT_OF_MEMORY: u32 = 2;

impl GpuError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            GpuError::Absent(absent) => absent.code(),
            GpuError::Call { code: OUT_OF_MEMORY, .. } => "gpu-memory",
            GpuError::Call { .. } => "gpu-failed",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            GpuError::Absent(absent) => absent.help(),
            GpuError::Call { .. } => "scheduler=\"threads\" computes the same without a card".to_owned(),
        }
    }

    /// Whether the device has too little memory.
    pub fn is_memory(&self) -> bool {
        matches!(self, GpuError::Call { code: OUT_OF_MEMORY, .. })
    }

    /// Whether nothing works any more until the context is a new one.
    pub fn is_sticky(&self) -> bool {
        matches!(self, GpuError::Call { code: 201 | 214 | 220 | 226 | 700 | 702 | 709 | 710 | 714..=719 | 999, .. })
    }
}

impl fmt::Display for GpuError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GpuError::Absent(absent) => absent.fmt(f),
            GpuError::Call { what, code: OUT_OF_MEMORY } => write!(f, "the device has too little memory ({what})"),
            GpuError::Call { what, code } => write!(f, "the CUDA driver failed with error {code} ({what})"),
        }
    }
}

impl std::error::Error for GpuError {}

impl From<Absent> for GpuError {
    fn from(absent: Absent) -> Self {
        GpuError::Absent(absent)
    }
}
