//! How much a cell may send: less than notebook servers let through, because they drop whatever comes
//! next, results and errors included.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(3);
/// Servers stop at 3,000,000 in three seconds.
const WINDOW_TEXT_BYTES: usize = 2_400_000;
/// Servers stop at 3,000 in three seconds; streams that are flushed by time add about 150.
const WINDOW_MESSAGES: usize = 1_800;
const CELL_TEXT_BYTES: usize = 6_000_000;
const TAIL_BYTES: usize = 32 << 10;

/// A piece of text for standard output or, with `error`, standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) error: bool,
    pub(crate) text: String,
}

/// One cell's account.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    recent_text: VecDeque<(Instant, usize)>,
    window_bytes: usize,
    cell_bytes: usize,
    recent_messages: VecDeque<Instant>,
    held: Held,
}

/// Text that was not sent: how much, and its end.
#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    lines: usize,
    tail: VecDeque<Piece>,
    tail_bytes: usize,
}

impl Limiter {
    /// What to send of a new piece: all of it, its head, or nothing until then; what was held before comes
    /// first, with a notice of what lies between.
    pub(crate) fn admit(&mut self, piece: Piece, now: Instant) -> Vec<Piece> {
        self.forget_before(now);
        let holding = self.held.bytes > 0;
        if holding && (self.window_bytes > 0 || self.cell_bytes >= CELL_TEXT_BYTES) {
            self.held.take(piece);
            return Vec::new();
        }
        let mut sent = self.release();
        let (head, rest) = split(piece, self.room().saturating_sub(sent.iter().map(|p| cost(&p.text)).sum()));
        sent.extend(head);
        if let Some(rest) = rest {
            self.held.take(rest);
        }
        self.charge(&sent, now);
        sent
    }

    /// What is held when the cell ends, after a notice of what lies between.
    pub(crate) fn release(&mut self) -> Vec<Piece> {
        std::mem::take(&mut self.held).into_pieces()
    }

    /// How long to wait before another message; it is counted when the answer is zero.
    pub(crate) fn pause(&mut self, now: Instant) -> Duration {
        self.forget_before(now);
        match self.recent_messages.front() {
            Some(oldest) if self.recent_messages.len() >= WINDOW_MESSAGES => (*oldest + WINDOW).duration_since(now),
            _ => {
                self.recent_messages.push_back(now);
                Duration::ZERO
            }
        }
    }

    fn room(&self) -> usize {
        WINDOW_TEXT_BYTES.saturating_sub(self.window_bytes).min(CELL_TEXT_BYTES.saturating_sub(self.cell_bytes))
    }

    fn charge(&mut self, pieces: &[Piece], now: Instant) {
        let bytes = pieces.iter().map(|piece| cost(&piece.text)).sum();
        self.window_bytes += bytes;
        self.cell_bytes += bytes;
        match self.recent_text.back_mut() {
            Some((at, sum)) if now.duration_since(*at) < Duration::from_millis(10) => *sum += bytes,
            _ => self.recent_text.push_back((now, bytes)),
        }
    }

    fn forget_before(&mut self, now: Instant) {
        let old = |at: Instant| now.duration_since(at) >= WINDOW;
        while let Some((_, bytes)) = self.recent_text.pop_front_if(|(at, _)| old(*at)) {
            self.window_bytes -= bytes;
        }
        while self.recent_messages.pop_front_if(|at| old(*at)).is_some() {}
    }
}

impl Held {
    fn take(&mut self, mut piece: Piece) {
        self.bytes += piece.text.len();
        self.lines += piece.text.matches('\n').count();
        if piece.text.len() > TAIL_BYTES {
            let start = piece.text.ceil_char_boundary(piece.text.len() - TAIL_BYTES);
            piece.text.drain(..start);
        }
        self.tail_bytes += piece.text.len();
        self.tail.push_back(piece);
        while self.tail_bytes > TAIL_BYTES {
            self.tail_bytes -= self.tail.pop_front().map_or(0, |piece| piece.text.len());
        }
    }

    fn into_pieces(self) -> Vec<Piece> {
        let kept_lines: usize = self.tail.iter().map(|piece| piece.text.matches('\n').count()).sum();
        let (bytes, lines) = (self.bytes - self.tail_bytes, self.lines - kept_lines);
        let notice = (bytes > 0).then(|| Piece {
            error: true,
            text: format!("\n[… {lines} lines, {:.1} MB of output suppressed …]\n", bytes as f64 / 1e6),
        });
        notice.into_iter().chain(self.tail).collect()
    }
}

/// Cuts a piece so that its head costs at most `room`, after a line's end if there is one.
fn split(piece: Piece, room: usize) -> (Option<Piece>, Option<Piece>) {
    if cost(&piece.text) <= room {
        return (Some(piece), None);
    }
    let mut left = room;
    let fits = piece.text.bytes().take_while(|byte| charge(*byte, &mut left)).count();
    let fits = piece.text.floor_char_boundary(fits);
    let cut = match piece.text[..fits].rfind('\n') {
        Some(end) => end + 1,
        None if piece.text.len() <= TAIL_BYTES => 0,
        None => fits,
    };
    let rest = Piece { error: piece.error, text: piece.text[cut..].to_owned() };
    let head = Piece { error: piece.error, text: piece.text[..cut].to_owned() };
    ((cut > 0).then_some(head), Some(rest))
}

fn charge(byte: u8, left: &mut usize) -> bool {
    let paid = left.checked_sub(escaped(byte));
    *left = paid.unwrap_or(*left);
    paid.is_some()
}

/// Bytes of a text inside JSON, which is what servers count.
fn cost(text: &str) -> usize {
    text.bytes().map(escaped).sum()
}

fn escaped(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..32 => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flood(limiter: &mut Limiter, lines: usize, start: Instant, step: Duration) -> Vec<Piece> {
        let mut sent: Vec<Piece> = Vec::new();
        for line in 0..lines {
            let text = format!("line {line:06} {}\n", "x".repeat(87));
            let at = start + step * u32::try_from(line).expect("few lines");
            sent.extend(limiter.admit(Piece { error: false, text }, at));
        }
        sent
    }

    fn bytes(pieces: &[Piece]) -> usize {
        pieces.iter().map(|piece| cost(&piece.text)).sum()
    }

    #[test]
    fn a_little_passes_whole() {
        let mut limiter = Limiter::default();
        let sent = flood(&mut limiter, 20_000, Instant::now(), Duration::ZERO);
        assert_eq!(sent.len(), 20_000);
        assert_eq!(limiter.release(), []);
    }

    #[test]
    fn a_flood_keeps_head_and_tail() {
        let mut limiter = Limiter::default();
        let sent = flood(&mut limiter, 100_000, Instant::now(), Duration::ZERO);
        assert!(sent[0].text.starts_with("line 000000"));
        assert!((2_300_000..=WINDOW_TEXT_BYTES).contains(&bytes(&sent)));
        let end = limiter.release();
        assert!(end[0].error && end[0].text.contains("suppressed"), "{:?}", end[0]);
        assert!(end.last().expect("a tail").text.starts_with("line 099999"));
        assert!(bytes(&end) < TAIL_BYTES * 2);
        let lines = |pieces: &[Piece]| pieces.iter().filter(|piece| !piece.error).count();
        let told: usize = end[0].text.split_whitespace().nth(1).expect("a number").parse().expect("a number");
        assert_eq!(lines(&sent) + told + lines(&end), 100_000);
    }

    #[test]
    fn no_window_and_no_cell_exceeds_its_share() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let step = Duration::from_micros(20);
        let mut windows: VecDeque<(Instant, usize)> = VecDeque::new();
        let mut total = 0;
        for line in 0..1_000_000 {
            let now = start + step * line;
            let sent = bytes(&limiter.admit(Piece { error: false, text: "y".repeat(60) + "\n" }, now));
            windows.push_back((now, sent));
            total += sent;
            while windows.pop_front_if(|(at, _)| now.duration_since(*at) > WINDOW - Duration::from_millis(10)).is_some()
            {
            }
            if line % 10_000 == 0 {
                assert!(windows.iter().map(|(_, bytes)| bytes).sum::<usize>() <= WINDOW_TEXT_BYTES + 2 * TAIL_BYTES);
            }
        }
        assert!(total <= CELL_TEXT_BYTES + 2 * TAIL_BYTES && total > CELL_TEXT_BYTES / 2, "{total}");
    }

    #[test]
    fn one_huge_text_is_cut_at_characters() {
        for unit in ["é", "😀", "\u{1}", "\n"] {
            let mut limiter = Limiter::default();
            let sent = limiter.admit(Piece { error: false, text: unit.repeat(5_000_000) }, Instant::now());
            assert!(bytes(&sent) <= WINDOW_TEXT_BYTES && bytes(&sent) > WINDOW_TEXT_BYTES - 10);
            assert!(limiter.release().last().is_some_and(|tail| tail.text.starts_with(unit)));
        }
    }

    #[test]
    fn messages_are_spread() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        for _ in 0..WINDOW_MESSAGES {
            assert_eq!(limiter.pause(start), Duration::ZERO);
        }
        assert_eq!(limiter.pause(start + Duration::from_secs(1)), Duration::from_secs(2));
        assert_eq!(limiter.pause(start + WINDOW), Duration::ZERO);
    }
}
