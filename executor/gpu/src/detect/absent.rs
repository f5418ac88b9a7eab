//! Why there is no card to compute on, and what to do about it.

use std::fmt;
use std::path::PathBuf;

/// What is missing. Numbers are the driver's own; no text of the driver is asked for, since there may be none to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    /// No driver is installed.
    NoLibrary,
    /// The driver's library is there and cannot be loaded.
    BadLibrary {
        /// The file.
        path: PathBuf,
        /// What the loader says.
        reason: String,
    },
    /// What was loaded as the driver lacks a call that every driver since the oldest that will do has.
    MissingCall {
        /// Where it was found, if that is known.
        path: Option<PathBuf>,
        /// The call.
        call: &'static str,
    },
    /// The library is the one that toolkits have to link with; it drives nothing.
    Stub {
        /// Where it was found, if that is known.
        path: Option<PathBuf>,
    },
    /// The driver is older than the oldest that will do.
    OldDriver(Version),
    /// The driver's library and its part in the system's kernel are of two releases.
    Mismatch(i32),
    /// The machine is not ready for its cards.
    NotReady,
    /// The driver finds no card.
    NoDevice {
        /// The variable that hides cards, where it is set.
        visible: Option<String>,
    },
    /// The user may not use the card.
    NoPermission {
        /// The file that could not be opened, if one is known.
        node: Option<PathBuf>,
    },
    /// There are fewer cards.
    NoSuchDevice {
        /// The card that was asked for, counted from zero.
        ordinal: usize,
        /// How many there are.
        count: usize,
    },
    /// The card is older than the oldest that will do.
    OldDevice {
        /// What it is called.
        name: String,
        /// Its compute capability.
        capability: (i32, i32),
    },
    /// Somebody else has the card to himself.
    Busy,
    /// Others have taken the card's memory.
    Full,
    /// The driver came without the library that compiles kernels.
    NoCompiler,
    /// A kernel whose answer is known gave another one.
    WrongAnswer,
    /// A call of the driver failed.
    Failed {
        /// The call.
        call: &'static str,
        /// The driver's number of the error.
        number: i32,
    },
}

/// A version as drivers number them: 12040 is 12.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub i32);

/// The oldest interface that will do; all drivers of its release or later have it.
pub const OLDEST_DRIVER: Version = Version(12_000);

/// The oldest cards that kernels are written for.
pub const OLDEST_DEVICE: (i32, i32) = (7, 5);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 1000, self.0 % 1000 / 10)
    }
}

impl Absent {
    /// What a failed call means, wherever its number says more than that it failed.
    pub fn of(call: &'static str, number: i32) -> Self {
        match number {
            2 => Absent::Full,
            34 => Absent::Stub { path: super::library::mapped("libcuda.so") },
            35 | 803 | 804 => Absent::Mismatch(number),
            46 => Absent::Busy,
            100 => Absent::NoDevice { visible: std::env::var(VISIBLE).ok() },
            221 => Absent::NoCompiler,
            304 => Absent::NoPermission { node: None },
            802 => Absent::NotReady,
            _ => Absent::Failed { call, number },
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Absent::NoLibrary => "no-gpu-driver",
            Absent::BadLibrary { .. } | Absent::MissingCall { .. } => "bad-gpu-driver",
            Absent::Stub { .. } => "gpu-driver-stub",
            Absent::OldDriver(_) => "old-gpu-driver",
            Absent::Mismatch(_) => "gpu-driver-mismatch",
            Absent::NotReady => "gpu-not-ready",
            Absent::NoDevice { .. } => "no-gpu",
            Absent::NoPermission { .. } => "no-gpu-permission",
            Absent::NoSuchDevice { .. } => "no-such-gpu",
            Absent::OldDevice { .. } => "old-gpu",
            Absent::Busy => "gpu-busy",
            Absent::Full => "gpu-memory-full",
            Absent::NoCompiler => "no-gpu-compiler",
            Absent::WrongAnswer => "gpu-wrong-answer",
            Absent::Failed { .. } => "gpu-failed",
        }
    }

    /// A way out.
    pub fn help(&self) -> String {
        let text = match self {
            Absent::NoLibrary => {
                "install NVIDIA's driver, nothing else is needed; in a container give it the GPUs (docker run --gpus all)"
            }
            Absent::BadLibrary { .. } | Absent::MissingCall { .. } => {
                "install NVIDIA's driver anew, and look what LD_LIBRARY_PATH and LD_PRELOAD put before it"
            }
            Absent::Stub { .. } => {
                "take the toolkit's folder `stubs` out of LD_LIBRARY_PATH; it is for linking, the driver brings the real library"
            }
            Absent::OldDriver(_) => "update NVIDIA's driver; any of the release 525 or later will do",
            Absent::Mismatch(_) => {
                "restart the machine (the driver was updated while its old part was in use), or, in a container, take out its own libcuda"
            }
            Absent::NotReady => "start the service that joins the cards (nvidia-fabricmanager) and try again",
            Absent::NoDevice { visible: Some(_) } => "unset CUDA_VISIBLE_DEVICES, or name a card in it, such as 0",
            Absent::NoDevice { visible: None } => {
                "`nvidia-smi` lists the cards that the system sees; a container must be given them (docker run --gpus all)"
            }
            Absent::NoPermission { .. } => {
                "let this user read and write the files /dev/nvidia*: add it to their group, or ask who runs the machine"
            }
            Absent::NoSuchDevice { .. } => "`cleave gpu doctor` lists the cards there are",
            Absent::OldDevice { .. } => "compute on threads (scheduler=\"threads\") or on another card",
            Absent::Busy => "`nvidia-smi` shows who uses the card; wait for it, or choose another one",
            Absent::Full => "`nvidia-smi` shows who holds the card's memory; wait for it, or choose another card",
            Absent::NoCompiler => {
                "install the driver whole, with libnvidia-ptxjitcompiler; a container wants NVIDIA_DRIVER_CAPABILITIES=compute,utility"
            }
            Absent::WrongAnswer => "do not trust this card: look for errors in `nvidia-smi -q` and the system's log",
            Absent::Failed { .. } => {
                "look for lines of NVRM in the system's log (dmesg), and whether `nvidia-smi` works"
            }
        };
        text.to_owned()
    }
}

/// The variable by which a user hides cards from the driver.
const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";

/// A file in brackets, if it is known.
fn at(path: Option<&PathBuf>) -> String {
    path.map_or(String::new(), |path| format!(" ({})", path.display()))
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Absent::NoLibrary => f.write_str("there is no NVIDIA driver: no library libcuda.so is found"),
            Absent::BadLibrary { path, reason } => {
                write!(f, "the GPU driver's library {} cannot be loaded: {reason}", path.display())
            }
            Absent::MissingCall { path, call } => {
                write!(f, "what is loaded as the GPU driver{} has no call {call}", at(path.as_ref()))
            }
            Absent::Stub { path } => {
                write!(f, "instead of the GPU driver a stub library of a toolkit is loaded{}", at(path.as_ref()))
            }
            Absent::OldDriver(version) => {
                write!(f, "the GPU driver is of version {version}, and {OLDEST_DRIVER} is the oldest that will do")
            }
            Absent::Mismatch(number) => {
                write!(f, "the GPU driver's library does not fit its part in the system's kernel (error {number})")
            }
            Absent::NotReady => f.write_str("the machine's cards are not ready yet"),
            Absent::NoDevice { visible: Some(visible) } => {
                write!(f, "the driver finds no GPU with CUDA_VISIBLE_DEVICES={visible}")
            }
            Absent::NoDevice { visible: None } => f.write_str("the driver finds no GPU"),
            Absent::NoPermission { node } => write!(f, "this user may not use the GPU{}", at(node.as_ref())),
            Absent::NoSuchDevice { ordinal, count } => {
                let are = if *count == 1 { "is 1" } else { &format!("are {count}") };
                write!(f, "there is no GPU {ordinal}: there {are}, counted from 0")
            }
            Absent::OldDevice { name, capability: (major, minor) } => {
                let (least, less) = OLDEST_DEVICE;
                write!(
                    f,
                    "{name} has compute capability {major}.{minor}, and {least}.{less} is the oldest that will do"
                )
            }
            Absent::Busy => f.write_str("the GPU is taken, or closed to computations"),
            Absent::Full => f.write_str("the GPU has no memory left to start with"),
            Absent::NoCompiler => f.write_str("the GPU driver has come without its compiler of kernels"),
            Absent::WrongAnswer => f.write_str("a kernel whose answer is known gave another one"),
            Absent::Failed { call, number } => write!(f, "the driver's call {call} ended with error {number}"),
        }
    }
}

impl std::error::Error for Absent {}
