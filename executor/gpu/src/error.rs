//! What a driver refuses.

use std::fmt;

/// Why a card does not do something. The driver's own words are not asked for: there may be no driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GpuError {
    /// There is no driver's library.
    NoLibrary,
    /// There is no device of that number among so many.
    NoDevice {
        /// The number, counted from 0.
        ordinal: usize,
        /// Devices there are.
        count: usize,
    },
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
            GpuError::NoLibrary => "no-cuda-driver",
            GpuError::NoDevice { .. } => "no-cuda-device",
            GpuError::Call { code: OUT_OF_MEMORY, .. } => "device-memory",
            GpuError::Call { .. } => "cuda-failed",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            GpuError::NoLibrary => {
                "install NVIDIA's driver (nothing else is needed), or compute with scheduler=\"threads\"".to_owned()
            }
            GpuError::NoDevice { count: 0, .. } => {
                "is the device visible here (nvidia-smi, CUDA_VISIBLE_DEVICES)? scheduler=\"threads\" needs none"
                    .to_owned()
            }
            GpuError::NoDevice { count, .. } => format!("devices are numbered from 0 to {}", count - 1),
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
            GpuError::NoLibrary => f.write_str("there is no CUDA driver: its library libcuda.so was not found"),
            GpuError::NoDevice { ordinal, count: 0 } => write!(f, "there is no CUDA device {ordinal}, nor any other"),
            GpuError::NoDevice { ordinal, count } => write!(f, "there is no CUDA device {ordinal} among {count}"),
            GpuError::Call { what, code: OUT_OF_MEMORY } => write!(f, "the device has too little memory ({what})"),
            GpuError::Call { what, code } => write!(f, "the CUDA driver failed with error {code} ({what})"),
        }
    }
}

impl std::error::Error for GpuError {}
