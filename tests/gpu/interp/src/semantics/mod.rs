//! What instructions compute, lane by lane: `integer`, `bits`, `float`, `compare`, `round` (to fewer bits) and `convert`.

pub(crate) mod bits;
pub(crate) mod compare;
pub(crate) mod convert;
pub(crate) mod float;
pub(crate) mod integer;
pub(crate) mod round;

/// One register of a warp.
pub(crate) type Lanes = [u64; 32];

/// A pure function of up to four registers; it is total, for lanes that are switched off hold anything.
pub(crate) type Compute = Box<dyn Fn([&Lanes; 4]) -> Lanes + Send + Sync>;

pub(crate) fn of_one(f: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Compute {
    Box::new(move |[a, ..]| std::array::from_fn(|lane| f(a[lane])))
}

pub(crate) fn of_two(f: impl Fn(u64, u64) -> u64 + Send + Sync + 'static) -> Compute {
    Box::new(move |[a, b, ..]| std::array::from_fn(|lane| f(a[lane], b[lane])))
}

pub(crate) fn of_three(f: impl Fn(u64, u64, u64) -> u64 + Send + Sync + 'static) -> Compute {
    Box::new(move |[a, b, c, _]| std::array::from_fn(|lane| f(a[lane], b[lane], c[lane])))
}

pub(crate) fn of_four(f: impl Fn(u64, u64, u64, u64) -> u64 + Send + Sync + 'static) -> Compute {
    Box::new(move |[a, b, c, d]| std::array::from_fn(|lane| f(a[lane], b[lane], c[lane], d[lane])))
}
