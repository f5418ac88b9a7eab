//! The chunk diagram: flat for one and two axes, a solid for three, several side by side for more.

use crate::axis::{Track, proportions, track};
use crate::chunking::{axis_words, times};
use crate::cube;
use crate::markup::{escape, px};
use cleave_ops::Chunks;

/// The side of the longest axis, in pixels.
const SIDE: f64 = 150.0;
/// The same where three axes are drawn as a solid.
const SOLID: f64 = 120.0;
/// The thickness of a one-dimensional array.
const THIN: f64 = 30.0;

/// A picture with its size; `body` is SVG inside a group at the origin.
pub(crate) struct Picture {
    /// Pixels to the right, labels included.
    pub(crate) width: f64,
    /// Pixels down, labels included.
    pub(crate) height: f64,
    /// SVG elements.
    pub(crate) body: String,
}

/// The diagram of an array's chunks; `alone` adds what a picture outside a card needs.
pub(crate) fn diagram(chunks: &Chunks, dims: Option<&[String]>, alone: bool) -> String {
    let ndim = chunks.0.len();
    let mut pictures = Vec::new();
    let mut end = ndim;
    while end > 0 {
        let start = end.saturating_sub(3);
        let start = if start > 0 && end - start == 3 && start == 1 && ndim == 4 { 2 } else { start };
        pictures.insert(0, part(chunks, dims, start, end));
        end = start;
    }
    if ndim == 0 {
        pictures.push(dot());
    }
    wrap(&beside(pictures), &title(chunks), &description(chunks), alone)
}

fn part(chunks: &Chunks, dims: Option<&[String]>, start: usize, end: usize) -> Picture {
    let name = |axis: usize| {
        let words = axis_words(&chunks.0[axis]);
        match dims.and_then(|d| d.get(axis)) {
            Some(dim) => format!("{dim} {words}"),
            None if chunks.0.len() > 3 => format!("axis {axis}: {words}"),
            None => words,
        }
    };
    let lens: Vec<usize> = (start..end).map(|a| chunks.0[a].total()).collect();
    let sides = if lens.len() == 3 { proportions(&lens, SOLID, 2.2) } else { proportions(&lens, SIDE, 6.0) };
    let tracks: Vec<Track> = (start..end).zip(&sides).map(|(a, &side)| track(&chunks.0[a], side)).collect();
    let labels: Vec<String> = (start..end).map(name).collect();
    let empty = lens.contains(&0);
    match tracks.as_slice() {
        [depth, rows, columns] => cube::solid(depth, rows, columns, &labels, empty),
        [rows, columns] => flat(rows, columns, &labels[0], &labels[1], empty),
        _ => {
            let band = Track { length: THIN, groups: vec![(0.0, THIN)], cuts: Vec::new(), hidden: 0 };
            flat(&band, &tracks[0], "", &labels[0], empty)
        }
    }
}

/// A rectangle of blocks with labels below and at the right.
fn flat(rows: &Track, columns: &Track, right: &str, below: &str, empty: bool) -> Picture {
    let place = |u: f64, v: f64| (u + 6.0, v + 6.0);
    let mut body = face(columns, rows, &place, if empty { 0.0 } else { 0.55 });
    body += &breaks(columns, rows);
    let (w, h) = (columns.length, rows.length);
    body += &format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        px(6.0 + w / 2.0),
        px(h + 24.0),
        escape(below)
    );
    if !right.is_empty() {
        let at = format!("translate({} {})rotate(-90)", px(w + 22.0), px(6.0 + h / 2.0));
        body += &format!("<text transform=\"{at}\" text-anchor=\"middle\">{}</text>", escape(right));
    }
    let wide = (text_px(below) + 22.0).max(w + 30.0);
    let high = (text_px(right) + 26.0).max(h + 34.0);
    centred(body, w + 12.0, h + 12.0, wide, high)
}

/// One face: filled groups with lines between chunks, each point placed by `place`.
pub(crate) fn face(u: &Track, v: &Track, place: &dyn Fn(f64, f64) -> (f64, f64), opacity: f64) -> String {
    let point = |x: f64, y: f64| {
        let (x, y) = place(x, y);
        format!("{} {}", px(x), px(y))
    };
    let (mut fill, mut lines) = (String::new(), String::new());
    for &(u0, u1) in &u.groups {
        for &(v0, v1) in &v.groups {
            fill += &format!("M{}L{}L{}L{}z", point(u0, v0), point(u1, v0), point(u1, v1), point(u0, v1));
        }
    }
    for &cut in &u.cuts {
        for &(v0, v1) in &v.groups {
            lines += &format!("M{}L{}", point(cut, v0), point(cut, v1));
        }
    }
    for &cut in &v.cuts {
        for &(u0, u1) in &u.groups {
            lines += &format!("M{}L{}", point(u0, cut), point(u1, cut));
        }
    }
    let width = u.line_px().min(v.line_px());
    let outline = if opacity == 0.0 { " stroke=\"var(--a,#0f7b8a)\" stroke-dasharray=\"4 3\"" } else { "" };
    format!(
        "<path d=\"{fill}\" fill=\"var(--a,#0f7b8a)\" fill-opacity=\"{opacity}\"{outline}/>\
         <path d=\"{lines}\" stroke=\"var(--p,#fff)\" stroke-width=\"{width:.1}\" fill=\"none\"/>"
    )
}

/// Wavy marks across the gaps that stand for chunks not drawn.
fn breaks(columns: &Track, rows: &Track) -> String {
    let mut d = String::new();
    let wave = |len: f64| (px(len / 4.0 + 1.5), px(len / 2.0 + 3.0));
    if columns.hidden > 0 {
        let (c, s) = wave(rows.length);
        let mid = f64::midpoint(columns.groups[0].1, columns.groups[1].0) + 6.0;
        for x in [mid - 2.5, mid + 2.5] {
            d += &format!("M{} 3q-5 {c} 0 {s}t0 {s}", px(x));
        }
    }
    if rows.hidden > 0 {
        let (c, s) = wave(columns.length);
        let mid = f64::midpoint(rows.groups[0].1, rows.groups[1].0) + 6.0;
        for y in [mid - 2.5, mid + 2.5] {
            d += &format!("M3 {}q{c} -5 {s} 0t{s} 0", px(y));
        }
    }
    if d.is_empty() {
        d
    } else {
        format!("<path d=\"{d}\" stroke=\"var(--s,#7a858f)\" stroke-width=\".8\" fill=\"none\"/>")
    }
}

/// About how many pixels a label takes.
pub(crate) fn text_px(text: &str) -> f64 {
    text.chars().count() as f64 * 6.3
}

fn dot() -> Picture {
    let body = "<circle cx=\"15\" cy=\"15\" r=\"7\" fill=\"var(--a,#0f7b8a)\" fill-opacity=\".55\"/>";
    Picture { width: 30.0, height: 30.0, body: body.to_owned() }
}

/// Gives a picture the room its labels need, the drawing in the middle.
pub(crate) fn centred(body: String, drawn_w: f64, drawn_h: f64, width: f64, height: f64) -> Picture {
    let (dx, dy) = (((width - drawn_w - 18.0) / 2.0).max(0.0), ((height - drawn_h - 22.0) / 2.0).max(0.0));
    let (width, height) = (width.max(drawn_w + 18.0), height.max(drawn_h + 22.0));
    let body =
        if dx + dy > 0.0 { format!("<g transform=\"translate({} {})\">{body}</g>", px(dx), px(dy)) } else { body };
    Picture { width, height, body }
}

fn beside(pictures: Vec<Picture>) -> Picture {
    let height = pictures.iter().map(|p| p.height).fold(0.0, f64::max);
    let (mut x, mut body) = (0.0, String::new());
    let several = pictures.len() > 1;
    for picture in pictures {
        let y = (height - picture.height) / 2.0;
        body += &if several {
            format!("<g transform=\"translate({} {})\">{}</g>", px(x), px(y), picture.body)
        } else {
            picture.body
        };
        x += picture.width + if several { 8.0 } else { 0.0 };
    }
    Picture { width: x, height, body }
}

/// The `svg` element around a picture, with what a screen reader says.
pub(crate) fn wrap(picture: &Picture, title: &str, desc: &str, alone: bool) -> String {
    let (w, h) = (px(picture.width.ceil()), px(picture.height.ceil()));
    let head = if alone {
        format!(" xmlns=\"http://www.w3.org/2000/svg\"><style>{}</style>", crate::style::PICTURE)
    } else {
        ">".to_owned()
    };
    format!(
        "<svg role=\"img\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\"{head}<title>{}</title><desc>{}</desc>{}</svg>",
        escape(title),
        escape(desc),
        picture.body
    )
}

fn title(chunks: &Chunks) -> String {
    match chunks.0.len() {
        0 => "a scalar, one chunk".to_owned(),
        _ => format!("{} in {} chunks", times(&chunks.shape()), times(&chunks.numblocks())),
    }
}

fn description(chunks: &Chunks) -> String {
    let axis = |(i, a): (usize, &cleave_ops::AxisChunks)| {
        let hidden = track(a, SIDE).hidden;
        let drawn = if hidden > 0 {
            format!(", the first 6 and last 4 chunks drawn, the break stands for {hidden}")
        } else {
            String::new()
        };
        format!("axis {i}: {}{drawn}", axis_words(a))
    };
    chunks.0.iter().enumerate().map(axis).collect::<Vec<_>>().join("; ")
}
