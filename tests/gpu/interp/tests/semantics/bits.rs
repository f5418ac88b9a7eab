//! Logic, shifts, counts and fields.

use crate::bench::check;

#[test]
fn logic() {
    for (kind, mask) in [("b16", 0xffff), ("b32", 0xffff_ffff), ("b64", u64::MAX), ("pred", 1)] {
        check(&format!("and.{kind}"), kind, &[kind; 2], |r| r[0] & r[1]);
        check(&format!("or.{kind}"), kind, &[kind; 2], |r| r[0] | r[1]);
        check(&format!("xor.{kind}"), kind, &[kind; 2], |r| r[0] ^ r[1]);
        check(&format!("not.{kind}"), kind, &[kind], |r| !r[0] & mask);
        check(&format!("mov.{kind}"), kind, &[kind], |r| r[0]);
    }
    check("cnot.b32", "b32", &["b32"], |r| u64::from(r[0] == 0));
}

#[test]
fn shifts_go_past_the_width() {
    for (kind, bits) in [("b16", 16), ("b32", 32), ("b64", 64)] {
        let mask = u64::MAX >> (64 - bits);
        check(&format!("shl.{kind}"), kind, &[kind, "amount"], |r| match r[1] {
            by if by < bits => (r[0] << by) & mask,
            _ => 0,
        });
        check(&format!("shr.{kind}"), kind, &[kind, "amount"], |r| if r[1] < bits { r[0] >> r[1] } else { 0 });
    }
    check("shr.u32", "u32", &["u32", "amount"], |r| if r[1] < 32 { r[0] >> r[1] } else { 0 });
    check("shr.s16", "s16", &["s16", "amount"], |r| (r[0] as i16 >> r[1].min(15)) as u64);
    check("shr.s32", "s32", &["s32", "amount"], |r| (r[0] as i32 >> r[1].min(31)) as u64);
    check("shr.s64", "s64", &["s64", "amount"], |r| (r[0] as i64 >> r[1].min(63)) as u64);
}

#[test]
fn funnels() {
    let both = |r: &[u64]| r[1] << 32 | r[0];
    check("shf.l.wrap.b32", "b32", &["b32", "b32", "amount"], |r| (both(r) << (r[2] & 31)) >> 32);
    check("shf.r.wrap.b32", "b32", &["b32", "b32", "amount"], |r| both(r) >> (r[2] & 31));
    check("shf.l.clamp.b32", "b32", &["b32", "b32", "amount"], |r| (both(r) << r[2].min(32)) >> 32);
    check("shf.r.clamp.b32", "b32", &["b32", "b32", "amount"], |r| both(r) >> r[2].min(32));
}

#[test]
fn counts() {
    check("popc.b32", "u32", &["b32"], |r| r[0].count_ones().into());
    check("popc.b64", "u32", &["b64"], |r| r[0].count_ones().into());
    check("clz.b32", "u32", &["b32"], |r| (r[0] as u32).leading_zeros().into());
    check("clz.b64", "u32", &["b64"], |r| r[0].leading_zeros().into());
    check("brev.b32", "b32", &["b32"], |r| (r[0] as u32).reverse_bits().into());
    check("brev.b64", "b64", &["b64"], |r| r[0].reverse_bits());
    check("bfind.u32", "u32", &["u32"], |r| (r[0] as u32).checked_ilog2().map_or(u64::MAX, u64::from));
    check("bfind.shiftamt.u32", "u32", &["u32"], |r| {
        if r[0] == 0 { u64::MAX } else { (r[0] as u32).leading_zeros().into() }
    });
    let distinct = |a: i64| if a < 0 { !a as u64 } else { a as u64 };
    check("bfind.s32", "u32", &["s32"], |r| distinct((r[0] as i32).into()).checked_ilog2().map_or(u64::MAX, u64::from));
    check("bfind.s64", "u32", &["s64"], |r| distinct(r[0] as i64).checked_ilog2().map_or(u64::MAX, u64::from));
}

/// A field, bit by bit as the language defines it.
fn field(a: u64, at: u64, len: u64, bits: u64, signed: bool) -> u64 {
    let (at, len, last) = (at & 0xff, len & 0xff, bits - 1);
    let sign = signed && len > 0 && a >> (at + len - 1).min(last) & 1 == 1;
    (0..bits).fold(0, |word, bit| {
        let set = if bit < len && at + bit <= last { a >> (at + bit) & 1 == 1 } else { sign };
        word | u64::from(set) << bit
    })
}

#[test]
fn fields() {
    check("bfe.u32", "u32", &["u32", "amount", "amount"], |r| field(r[0], r[1], r[2], 32, false));
    check("bfe.s32", "s32", &["s32", "amount", "amount"], |r| field(r[0], r[1], r[2], 32, true));
    check("bfe.u64", "u64", &["u64", "amount", "amount"], |r| field(r[0], r[1], r[2], 64, false));
    check("bfe.s64", "s64", &["s64", "amount", "amount"], |r| field(r[0], r[1], r[2], 64, true));
    let insert = |r: &[u64], bits: u64| {
        let (at, len) = (r[2] & 0xff, r[3] & 0xff);
        (0..len).filter(|bit| at + bit < bits).fold(r[1], |word, bit| {
            word & !(1 << (at + bit)) | (if bit < bits { r[0] >> bit & 1 } else { 0 }) << (at + bit)
        })
    };
    check("bfi.b32", "b32", &["b32", "b32", "amount", "amount"], |r| insert(r, 32));
    check("bfi.b64", "b64", &["b64", "b64", "amount", "amount"], |r| insert(r, 64));
}

#[test]
fn bytes_are_picked() {
    let pick = |r: &[u64]| {
        let bytes = (r[1] << 32 | r[0]).to_le_bytes();
        let byte = |at: u64| {
            let selector = r[2] >> (4 * at) & 15;
            let byte = bytes[(selector & 7) as usize];
            u64::from(if selector > 7 { if byte > 127 { 255 } else { 0 } } else { byte })
        };
        (0..4).map(|at| byte(at) << (8 * at)).sum()
    };
    check("prmt.b32", "b32", &["b32", "b32", "b32"], pick);
}
