//! What there is to compute on, found out step by step; whatever is missing is an error that says what to do.
//!
//! In reading order: `absent` (the error), `library` (where libraries lie), `nodes` (the files of the cards), `driver`
//! (the calls), `probe` (a kernel whose answer is known), `cublas`.

mod absent;
pub mod cublas;
mod driver;
mod library;
mod nodes;
mod probe;

pub use absent::{Absent, OLDEST_DEVICE, OLDEST_DRIVER, Version};
pub use probe::Probe;

use driver::Driver;
use std::fmt;
use std::path::PathBuf;

/// What a card is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its number, counted from zero.
    pub ordinal: usize,
    /// What it is called.
    pub name: String,
    /// All of its memory.
    pub memory_bytes: u64,
    /// Its compute capability, major and minor.
    pub capability: (i32, i32),
    /// How many multiprocessors it has.
    pub processors: i32,
    /// Where it is plugged in.
    pub pci: Pci,
}

/// A place on the machine's bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pci {
    /// The domain.
    pub domain: i32,
    /// The bus.
    pub bus: i32,
    /// The device.
    pub device: i32,
}

impl fmt::Display for Pci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.0", self.domain, self.bus, self.device)
    }
}

/// What is looked at, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The driver's library.
    Library,
    /// Its version.
    Version,
    /// Its start.
    Start,
    /// How many cards it finds.
    Devices,
    /// A card.
    Device(usize),
    /// A kernel on it.
    Probe(usize),
    /// The library of matrix products.
    Cublas,
}

/// What a step found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The driver's library; where, if that is known.
    Library(Option<PathBuf>),
    /// Its version.
    Version(Version),
    /// It has started.
    Started,
    /// So many cards.
    Devices(usize),
    /// A card.
    Device(Facts),
    /// The kernel gave what it must.
    Probe(Probe),
    /// The library of matrix products, or none, which costs nothing but speed.
    Cublas(Option<PathBuf>),
}

/// Takes what the steps find, as they find it.
pub type Tell<'a> = &'a mut dyn FnMut(Step, &Result<Found, Absent>);

/// Whether a card can be used; loads and starts the driver, and makes no context.
pub fn ready(ordinal: usize) -> Result<Facts, Absent> {
    let driver = Driver::load()?;
    version(driver)?;
    driver.start()?;
    let count = driver.count()?;
    if ordinal < count { fit(driver, ordinal) } else { Err(Absent::NoSuchDevice { ordinal, count }) }
}

/// Takes every step; whether there is a card to compute on.
pub fn examine(tell: Tell<'_>) -> bool {
    let devices = start(tell);
    let usable = devices.into_iter().flat_map(|(driver, count)| (0..count).map(move |ordinal| (driver, ordinal)));
    let usable = usable.filter(|&(driver, ordinal)| {
        let facts = step(tell, Step::Device(ordinal), fit(driver, ordinal).map(Found::Device));
        facts.is_some() && step(tell, Step::Probe(ordinal), driver::probe(ordinal).map(Found::Probe)).is_some()
    });
    let is_usable = usable.count() > 0;
    step(tell, Step::Cublas, Ok(Found::Cublas(cublas::find())));
    is_usable
}

/// Up to the number of cards.
fn start(tell: Tell<'_>) -> Option<(Driver, usize)> {
    let loaded = Driver::load();
    let path = |_: &Driver| Found::Library(library::mapped("libcuda.so"));
    step(tell, Step::Library, loaded.as_ref().map(path).map_err(Clone::clone))?;
    let driver = loaded.ok()?;
    step(tell, Step::Version, version(driver).map(Found::Version))?;
    step(tell, Step::Start, driver.start().map(|()| Found::Started))?;
    let count = driver.count();
    step(tell, Step::Devices, count.clone().map(Found::Devices))?;
    Some((driver, count.ok()?))
}

/// Tells a step; what it found, unless it failed.
fn step(tell: Tell<'_>, step: Step, found: Result<Found, Absent>) -> Option<Found> {
    tell(step, &found);
    found.ok()
}

/// The driver's version, if it is new enough.
fn version(driver: Driver) -> Result<Version, Absent> {
    let version = driver.version()?;
    if version < OLDEST_DRIVER { Err(Absent::OldDriver(version)) } else { Ok(version) }
}

/// A card, if it is new enough.
fn fit(driver: Driver, ordinal: usize) -> Result<Facts, Absent> {
    let facts = driver.facts(ordinal)?;
    if facts.capability < OLDEST_DEVICE {
        return Err(Absent::OldDevice { name: facts.name, capability: facts.capability });
    }
    Ok(facts)
}
