//! What each worker did and when: a lane a worker, time to the right, height by how much of it worked.

use crate::diagram::{Picture, wrap};
use crate::markup::{escape, px};
use crate::units::{count, plural, seconds, size};
use cleave_session::output::{LaneFacts, Span};
use std::fmt::Write;

/// The most lanes; the workers that did least share the last one.
const MOST: usize = 8;
/// Moments of all lanes together, so that the picture stays small whatever was run.
const MOMENTS: usize = 192;
const WIDTH: f64 = 380.0;
/// The most letters of a worker's name in the picture.
const LETTERS: usize = 30;
const HEIGHT: f64 = 15.0;
const PITCH: f64 = 33.0;
/// Shades that tell stages apart.
const SHADES: [f64; 4] = [0.95, 0.5, 0.75, 0.3];

/// What is drawn of a moment: its stage, and how much of the lane worked.
type Moment = Option<(usize, f64)>;

/// The picture; `None` where no worker took part.
pub(crate) fn picture(lanes: &[LaneFacts], wall_s: f64, alone: bool) -> Option<String> {
    if lanes.is_empty() {
        return None;
    }
    let drawn = chosen(lanes);
    let moments = (MOMENTS / drawn.len()).clamp(12, 96);
    let mut paths = vec![String::new(); SHADES.len()];
    let mut body = String::new();
    for (i, (name, lane)) in drawn.iter().enumerate() {
        let top = i as f64 * PITCH;
        let _ = write!(
            body,
            "<text x=\"1\" y=\"{}\">{}</text><path d=\"M1 {}h{WIDTH}\" stroke=\"var(--s,#7a858f)\" stroke-opacity=\".4\"/>",
            px(top + 9.5),
            escape(&format!("{} · {}", shortened(name), few_words(lane, wall_s))),
            px(top + 14.5 + HEIGHT)
        );
        let spans: Vec<&Span> = lane.spans.iter().chain(&lane.at_work).collect();
        draw(&over_time(&spans, lane.threads, wall_s, moments), top + 14.0, &mut paths);
    }
    for (d, shade) in paths.iter().zip(SHADES).filter(|(d, _)| !d.is_empty()) {
        let _ = write!(body, "<path d=\"{d}\" fill=\"var(--a,#0f7b8a)\" fill-opacity=\"{shade}\"/>");
    }
    let end = drawn.len() as f64 * PITCH + 12.0;
    let _ = write!(body, "<text x=\"1\" y=\"{0}\">0</text>", px(end));
    let _ = write!(body, "<text x=\"{WIDTH}\" y=\"{}\" text-anchor=\"end\">{}</text>", px(end), seconds(wall_s));
    let title = "what each worker did over time";
    let desc = drawn.iter().map(|(name, lane)| format!("{name}: {}", words(lane, wall_s))).collect::<Vec<_>>();
    Some(wrap(&Picture { width: WIDTH + 2.0, height: end + 5.0, body }, title, &desc.join("; "), alone))
}

/// As lines of text.
pub(crate) fn lines(lanes: &[LaneFacts], wall_s: f64) -> Vec<String> {
    chosen(lanes).iter().map(|(name, lane)| format!("  worker  {name} · {}", words(lane, wall_s))).collect()
}

/// Lanes with their names; those of the workers that did least are one.
fn chosen(lanes: &[LaneFacts]) -> Vec<(String, LaneFacts)> {
    let named = |lane: &LaneFacts| (lane.endpoint.clone(), lane.clone());
    if lanes.len() <= MOST {
        return lanes.iter().map(named).collect();
    }
    let mut order: Vec<usize> = (0..lanes.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(lanes[i].busy));
    let mut own = order[..MOST - 1].to_vec();
    own.sort_unstable();
    let mut rest = LaneFacts::default();
    for &i in &order[MOST - 1..] {
        rest.threads += lanes[i].threads;
        rest.busy += lanes[i].busy;
        rest.bytes_fetched += lanes[i].bytes_fetched;
        rest.spans.extend(lanes[i].spans.iter().cloned());
        rest.at_work.extend(lanes[i].at_work.iter().cloned());
    }
    let mut all: Vec<(String, LaneFacts)> = own.into_iter().map(|i| named(&lanes[i])).collect();
    all.push((format!("{} others", lanes.len() - (MOST - 1)), rest));
    all
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LETTERS {
        name.to_owned()
    } else {
        name.chars().take(LETTERS - 1).chain(['…']).collect()
    }
}

/// `97 % busy · 256 tasks · 1 for nothing`
fn few_words(lane: &LaneFacts, wall_s: f64) -> String {
    let counted = lane.spans.iter().filter(|s| s.counted);
    let tasks: u64 = counted.clone().map(|s| s.tasks as u64).sum();
    let lost = lane.spans.len() - counted.count();
    let again = if lost > 0 { format!(" · {lost} for nothing") } else { String::new() };
    format!("{:.0} % busy · {}{again}{}", busy(lane, wall_s), plural(tasks, "task"), at_work(lane))
}

/// `· 1 share at work`, if there is one.
fn at_work(lane: &LaneFacts) -> String {
    match lane.at_work.len() as u64 {
        0 => String::new(),
        shares => format!(" · {} at work", plural(shares, "share")),
    }
}

/// Of the threads it has, in per cent.
fn busy(lane: &LaneFacts, wall_s: f64) -> f64 {
    let possible = wall_s * lane.threads.max(1) as f64;
    (100.0 * lane.busy.as_secs_f64() / possible.max(1e-12)).min(100.0)
}

/// `97 % busy · 256 tasks in 9 shares · 1.2 MiB fetched · 1 share again`
fn words(lane: &LaneFacts, wall_s: f64) -> String {
    let counted = lane.spans.iter().filter(|s| s.counted);
    let (shares, tasks) = counted.fold((0, 0), |(n, t), s| (n + 1, t + s.tasks as u64));
    let busy = busy(lane, wall_s);
    let mut out = format!("{busy:.0} % busy · {} in {}", plural(tasks, "task"), plural(shares, "share"));
    if lane.bytes_fetched > 0 {
        let _ = write!(out, " · {} fetched", size(lane.bytes_fetched));
    }
    let lost = lane.spans.len() as u64 - shares;
    if lost > 0 {
        let _ = write!(out, " · {} for nothing", count(lost));
    }
    out + &at_work(lane)
}

/// For each moment the stage that most shares were of, and the mean number of shares that ran against the most
/// that ever ran, or the threads where those are more.
fn over_time(spans: &[&Span], threads: usize, wall_s: f64, moments: usize) -> Vec<Moment> {
    let step = (wall_s / moments as f64).max(1e-12);
    let stages = spans.iter().map(|s| s.stage + 1).max().unwrap_or(0).min(SHADES.len() * 16);
    let mut time = vec![0.0; moments * stages];
    for span in spans {
        let (start, end) = (span.start.as_secs_f64() / step, span.end.as_secs_f64() / step);
        let last = (end.ceil() as usize).min(moments);
        for m in (start as usize).min(moments)..last {
            let inside = end.min(m as f64 + 1.0) - start.max(m as f64);
            time[m * stages + span.stage.min(stages - 1)] += inside.max(0.0);
        }
    }
    let at = |m: usize| time[m * stages..(m + 1) * stages].iter().copied();
    let most = (0..moments).map(|m| at(m).sum::<f64>()).fold(1.0, f64::max).min(threads.max(1) as f64);
    let moment = |m: usize| {
        let (stage, of) = at(m).enumerate().fold((0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
        (of > 0.0).then(|| (stage, (at(m).sum::<f64>() / most).min(1.0)))
    };
    (0..moments).map(moment).collect()
}

/// Bars of one height and stage that touch are one.
fn draw(moments: &[Moment], top: f64, paths: &mut [String]) {
    let level = |m: &Moment| m.map(|(stage, share)| (stage % SHADES.len(), (share * 4.0).ceil().max(1.0)));
    let width = WIDTH / moments.len() as f64;
    let mut from = 0;
    while from < moments.len() {
        let here = level(&moments[from]);
        let until = (from..moments.len()).find(|&i| level(&moments[i]) != here).unwrap_or(moments.len());
        if let Some((shade, level)) = here {
            let (h, w) = (HEIGHT * level / 4.0, (until - from) as f64 * width);
            let (x, y) = (from as f64 * width + 1.0, top + HEIGHT - h);
            let _ = write!(paths[shade], "M{} {}h{}v{}h-{}z", px(x), px(y), px(w), px(h), px(w));
        }
        from = until;
    }
}
