//! `cleave gpu selftest`: whether a card gives the bits that threads give.

use crate::terminal::{error_line, line};
use cleave_cpu::Pool;
use cleave_gpu::trial::{all, attempt};
use cleave_gpu::{Card, CardOptions};
use std::process::ExitCode;

/// Tries every case on a card, tells those that fail, and ends with `N passed, N failed`.
pub(crate) fn selftest(ordinal: usize) -> ExitCode {
    let card = match Card::open(CardOptions { ordinal, ..CardOptions::default() }) {
        Ok(card) => card,
        Err(error) => return absent(error.code(), &error.to_string(), &error.help()),
    };
    let pool = match Pool::new(1) {
        Ok(pool) => pool,
        Err(error) => return absent(error.code(), &error.to_string(), "give the process more threads"),
    };
    line(&format!("gpu {ordinal}: {}", card.name()));
    let cases = all();
    let (mut failed, mut shared) = (0, 0);
    for case in &cases {
        match attempt(&card, &pool, case) {
            Ok(is_whole) => shared += usize::from(!is_whole),
            Err(flaw) => {
                failed += 1;
                line(&format!("failed: {}: {flaw}", case.0));
            }
        }
    }
    line(&format!("{shared} of {} were left to threads, wholly or in part, as no kernel does them", cases.len()));
    line(&format!("{} passed, {failed} failed", cases.len() - failed));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn absent(code: &str, message: &str, help: &str) -> ExitCode {
    error_line(&format!("{code}: {message}"));
    error_line(&format!("  help: {help}"));
    ExitCode::from(1)
}
