//! Memory that one thread fills again and again, and that counts for as long as it is there.

use crate::ledger::{Claim, Ledger};
use cleave_ops::{DType, Data, DataRef};
use std::sync::Arc;

/// A buffer of any length; what it holds when it is asked for is of no use.
pub(crate) struct Scratch {
    data: Data,
    /// Elements there is room for.
    most: usize,
    ledger: Arc<Ledger>,
    _claim: Option<Claim>,
}

impl Scratch {
    pub(crate) fn new(dtype: DType, ledger: &Arc<Ledger>) -> Self {
        Self { data: Data::with_capacity(dtype, 0), most: 0, ledger: Arc::clone(ledger), _claim: None }
    }

    /// A buffer that others fill and count.
    pub(crate) fn given(data: Data, ledger: &Arc<Ledger>) -> Self {
        Self { most: data.len(), data, ledger: Arc::clone(ledger), _claim: None }
    }

    /// The buffer with that many elements. It grows to just as many: doubling would take what no plan counts.
    pub(crate) fn room(&mut self, len: usize) -> &mut Data {
        if len > self.most {
            let dtype = self.data.dtype();
            (self.data, self._claim) = (Data::with_capacity(dtype, 0), None);
            self._claim = Some(self.ledger.claim((len * dtype.size()) as u64));
            (self.data, self.most) = (Data::zeros(dtype, len), len);
        }
        self.data.resize(len);
        &mut self.data
    }

    /// Gives the memory back.
    pub(crate) fn forget(&mut self) {
        if self.most > 0 {
            (self.data, self.most, self._claim) = (Data::with_capacity(self.data.dtype(), 0), 0, None);
        }
    }

    /// What it holds.
    pub(crate) fn elements(&self) -> DataRef<'_> {
        self.data.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_what_it_takes_until_it_is_gone() {
        let ledger = Arc::new(Ledger::new(&Arc::default(), 0));
        let mut scratch = Scratch::new(DType::F64, &ledger);
        for (len, bytes) in [(10, 80), (4, 80), (10, 80), (11, 88)] {
            assert_eq!(scratch.room(len).len(), len);
            assert_eq!(ledger.used(), bytes);
        }
        drop(scratch);
        assert_eq!((ledger.used(), ledger.peak()), (0, 88));
    }
}
