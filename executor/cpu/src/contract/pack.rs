//! Tiles of an operand into a panel: strips, each the elements of a few rows or columns for every shared index.

use super::kernel::Real;
use cleave_plan::contract::Side;

/// Rows that are turned together.
const TURNED: usize = 8;

/// Where a tile stands in a panel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The first row or column, and how many.
    pub(crate) free: (usize, usize),
    /// The first shared index, and how many.
    pub(crate) shared: (usize, usize),
    /// Shared indices of the panel.
    pub(crate) panel: usize,
    /// Rows or columns of a strip.
    pub(crate) width: usize,
}

impl Place {
    /// Where row or column `free` and shared index `shared` of the tile stand.
    fn at(&self, free: usize, shared: usize) -> usize {
        let (free, shared) = (self.free.0 + free, self.shared.0 + shared);
        (free / self.width * self.panel + shared) * self.width + free % self.width
    }
}

/// Writes a tile whose first side is `first` into the strips of a panel.
pub(crate) fn pack<T: Real>(tile: &[T], first: Side, place: &Place, panel: &mut [T]) {
    match first {
        Side::Shared => pack_rows(tile, place, panel),
        Side::Free => pack_turned(tile, place, panel),
    }
}

/// Each shared index has its rows or columns side by side, as strips have.
fn pack_rows<T: Real>(tile: &[T], place: &Place, panel: &mut [T]) {
    let (free, width) = (place.free.1, place.width);
    for (k, row) in tile.chunks_exact(free).enumerate() {
        let head = (width - place.free.0 % width).min(free) % width;
        let (head, whole) = row.split_at(head);
        panel[place.at(0, k)..][..head.len()].copy_from_slice(head);
        for (strip, run) in whole.chunks(width).enumerate() {
            let to = &mut panel[place.at(head.len() + strip * width, k)..][..run.len()];
            match run.len() {
                8 => to[..8].copy_from_slice(&run[..8]),
                24 => to[..24].copy_from_slice(&run[..24]),
                48 => to[..48].copy_from_slice(&run[..48]),
                _ => to.copy_from_slice(run),
            }
        }
    }
}

/// Each row or column has its shared indices side by side.
fn pack_turned<T: Real>(tile: &[T], place: &Place, panel: &mut [T]) {
    let (shared, width) = (place.shared.1, place.width);
    let mut free = 0;
    while free < place.free.1 {
        let rows = &tile[free * shared..];
        let lane = (place.free.0 + free) % width;
        let whole = place.free.1 - free >= TURNED && lane + TURNED <= width;
        let to = &mut panel[place.at(free, 0) - lane..][..shared * width];
        if whole {
            turn(rows, to, lane, width, shared);
            free += TURNED;
        } else {
            to.iter_mut().skip(lane).step_by(width).zip(&rows[..shared]).for_each(|(to, from)| *to = *from);
            free += 1;
        }
    }
}

/// Turns [`TURNED`] rows of `shared` elements, one after the other, into a strip from `lane` on.
#[allow(clippy::needless_range_loop)] // Two indices, one loop each: this is the form that becomes vectors.
fn turn<T: Real>(rows: &[T], to: &mut [T], lane: usize, width: usize, shared: usize) {
    let row = |i: usize| rows[i * shared..(i + 1) * shared].chunks_exact(TURNED);
    let mut rows_left: [_; TURNED] = std::array::from_fn(row);
    let mut strips = to.chunks_exact_mut(width);
    for _ in 0..shared / TURNED {
        let block: [&[T]; TURNED] = std::array::from_fn(|i| rows_left[i].next().unwrap_or_default());
        for k in 0..TURNED {
            let Some(strip) = strips.next() else { return };
            let strip = &mut strip[lane..lane + TURNED];
            for i in 0..TURNED {
                strip[i] = block[i][k];
            }
        }
    }
    for (k, strip) in strips.enumerate() {
        for (i, to) in strip[lane..lane + TURNED].iter_mut().enumerate() {
            *to = rows_left[i].remainder()[k];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_of_either_order_fill_the_same_strips() {
        for width in [8, 24, 48] {
            for (free, shared, free_tile, shared_tile) in
                [(50, 20, 8, 20), (61, 33, 24, 9), (7, 3, 7, 1), (100, 8, 5, 8)]
            {
                let value = |f: usize, k: usize| (f * 1000 + k) as f64;
                let mut panels = [Side::Free, Side::Shared].map(|side| {
                    let mut panel = vec![-1.0; usize::next_multiple_of(free, width) * shared];
                    for f in (0..free).step_by(free_tile) {
                        for k in (0..shared).step_by(shared_tile) {
                            let place = Place {
                                free: (f, free_tile.min(free - f)),
                                shared: (k, shared_tile.min(shared - k)),
                                panel: shared,
                                width,
                            };
                            pack(&tile(side, &place, value), side, &place, &mut panel);
                        }
                    }
                    panel
                });
                let expected: Vec<f64> = (0..panels[0].len())
                    .map(|i| {
                        let (f, k) = (i / (width * shared) * width + i % width, i / width % shared);
                        if f < free { value(f, k) } else { -1.0 }
                    })
                    .collect();
                for panel in &mut panels {
                    assert_eq!(*panel, expected);
                }
            }
        }
    }

    fn tile(side: Side, place: &Place, value: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let at = |f: usize, k: usize| value(place.free.0 + f, place.shared.0 + k);
        let (frees, shareds) = (place.free.1, place.shared.1);
        match side {
            Side::Free => (0..frees * shareds).map(|i| at(i / shareds, i % shareds)).collect(),
            Side::Shared => (0..frees * shareds).map(|i| at(i % frees, i / frees)).collect(),
        }
    }
}
