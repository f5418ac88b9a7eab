//! `cleave gpu selftest`: whether a card gives the bits that threads give.

use crate::terminal::{error_line, line};
use cleave_cpu::Pool;
use cleave_gpu::trial::{Case, all, attempt, in_parts};
use cleave_gpu::{Card, CardOptions};
use std::process::ExitCode;

/// Tries every case on a card, tells those that fail, and ends with `N passed, N failed`.
pub(crate) fn selftest(ordinal: usize) -> ExitCode {
    let pool = match Pool::new(1) {
        Ok(pool) => pool,
        Err(error) => return absent(error.code(), &error.to_string(), "give the process more threads"),
    };
    let (limit, parts) = in_parts();
    let mut tally = Tally::default();
    for (memory_limit_bytes, cases) in [(0, all()), (limit, vec![parts])] {
        match Card::open(CardOptions { ordinal, memory_limit_bytes, ..CardOptions::default() }) {
            Ok(card) => tally.tries(&card, &pool, &cases),
            Err(error) => return absent(error.code(), &error.to_string(), &error.help()),
        }
    }
    let Tally { count, failed, shared } = tally;
    line(&format!("{shared} of {count} were left to threads, wholly or in part, as no kernel does them"));
    line(&format!("{} passed, {failed} failed", count - failed));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// What became of cases.
#[derive(Default)]
struct Tally {
    count: usize,
    failed: usize,
    /// Those of which threads did something.
    shared: usize,
}

impl Tally {
    fn tries(&mut self, card: &Card, pool: &Pool, cases: &[Case]) {
        if self.count == 0 {
            line(&format!("gpu {}: {}", card.options().ordinal, card.name()));
        }
        for case in cases {
            self.count += 1;
            match attempt(card, pool, case) {
                Ok(is_whole) => self.shared += usize::from(!is_whole),
                Err(flaw) => {
                    self.failed += 1;
                    line(&format!("failed: {}: {flaw}", case.0));
                }
            }
        }
    }
}

fn absent(code: &str, message: &str, help: &str) -> ExitCode {
    error_line(&format!("{code}: {message}"));
    error_line(&format!("  help: {help}"));
    ExitCode::from(1)
}
