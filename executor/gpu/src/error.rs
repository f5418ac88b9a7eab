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
    /// The driver does not take a kernel.
    Kernel {
        /// The driver's number for that.
        code: u32,
        /// What its compiler says of the text; empty where it says nothing.
        log: String,
    },
    /// The vendor's library of products does not multiply.
    Library {
        /// Its call.
        call: &'static str,
        /// The library's number for the failure.
        status: u32,
    },
}

/// Not enough memory on the device.
const OUT_OF_MEMORY: u32 = 2;
/// A text that the driver's compiler does not understand, or one of a newer version.
const INVALID_TEXT: [u32; 2] = [218, 222];
/// The driver's compiler is not there.
const NO_COMPILER: u32 = 221;

impl GpuError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            GpuError::Absent(absent) => absent.code(),
            GpuError::Call { code: OUT_OF_MEMORY, .. } | GpuError::Kernel { code: OUT_OF_MEMORY, .. } => "gpu-memory",
            GpuError::Kernel { code: NO_COMPILER, .. } => "no-gpu-compiler",
            GpuError::Call { .. } | GpuError::Kernel { .. } | GpuError::Library { .. } => "gpu-failed",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            GpuError::Absent(absent) => absent.help(),
            GpuError::Kernel { code: NO_COMPILER, .. } => {
                "install the compiler that belongs to the driver (libnvidia-ptxjitcompiler), or \
                compute with scheduler=\"threads\""
                    .to_owned()
            }
            GpuError::Kernel { code, .. } if INVALID_TEXT.contains(code) => {
                "a newer driver may take this kernel; please \
                report it with what the compiler says; scheduler=\"threads\" computes the same without a card"
                    .to_owned()
            }
            GpuError::Call { .. } | GpuError::Kernel { .. } | GpuError::Library { .. } => {
                "scheduler=\"threads\" computes the same without a card".to_owned()
            }
        }
    }

    /// Whether the device has too little memory.
    pub fn is_memory(&self) -> bool {
        self.number() == Some(OUT_OF_MEMORY)
    }

    /// Whether nothing works any more until the context is a new one.
    pub fn is_sticky(&self) -> bool {
        matches!(self.number(), Some(201 | 214 | 220 | 226 | 700 | 702 | 709 | 710 | 714..=719 | 999))
    }

    /// The driver's number.
    fn number(&self) -> Option<u32> {
        match self {
            GpuError::Absent(_) | GpuError::Library { .. } => None,
            GpuError::Call { code, .. } | GpuError::Kernel { code, .. } => Some(*code),
        }
    }
}

impl fmt::Display for GpuError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GpuError::Absent(absent) => absent.fmt(f),
            GpuError::Call { what, code: OUT_OF_MEMORY } => write!(f, "the device has too little memory ({what})"),
            GpuError::Call { what, code } => write!(f, "the CUDA driver failed with error {code} ({what})"),
            GpuError::Kernel { code, log } => {
                write!(f, "the CUDA driver does not take a kernel: error {code}")?;
                if log.is_empty() { Ok(()) } else { write!(f, ": {log}") }
            }
            GpuError::Library { call, status } => write!(f, "cuBLAS's call {call} ended with status {status}"),
        }
    }
}

impl std::error::Error for GpuError {}

impl From<Absent> for GpuError {
    fn from(absent: Absent) -> Self {
        GpuError::Absent(absent)
    }
}
