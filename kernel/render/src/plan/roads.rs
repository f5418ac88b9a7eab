//! How edges go from stage to stage: straight to the next one, else below the line, down the page's left edge, and in
//! beside the stage that reads. What one stage gives keeps to one track.

use super::edge::Edge;
use super::layout::{At, BORDER, HEAD, Placed, What};
use cleave_session::output::PlanStage;

/// Room for each edge that lies beside others, and the most of them before tracks are used again.
const TRACK: f64 = 6.0;
const TRACKS: usize = 6;
/// Room before the first track.
const FIRST: f64 = 10.0;
/// Where edges enter a frame below its corner.
const ENTRY: f64 = 14.0;

/// Which stages read which, and the makers whose edges share a way.
pub(super) struct Roads {
    roads: Vec<Road>,
    /// Makers with an edge down the page's left edge.
    aside: Vec<usize>,
    /// For each line, makers with an edge below it.
    below: Vec<Vec<usize>>,
}

/// From a box to a later one.
struct Road {
    from: usize,
    to: usize,
    way: Way,
    /// How many other edges enter the reader above it.
    entry: usize,
}

/// Where an edge goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// To the box beside it.
    Straight,
    /// Below its own line, and in beside the reader.
    Below,
    /// Down the page's left edge, and in there.
    Aside,
    /// Down the page's left edge, back to the right below a line, and in beside the reader.
    Around,
}

impl Roads {
    pub(super) fn between(boxes: &[Placed], stages: &[PlanStage]) -> Self {
        let mut all = Self { roads: Vec::new(), aside: Vec::new(), below: Vec::new() };
        all.below.resize(boxes.last().map_or(0, |b| b.line + 1), Vec::new());
        for (to, reader) in boxes.iter().enumerate() {
            let What::Stage(number) = reader.what else { continue };
            let of = |stage: usize| boxes.iter().position(|b| matches!(b.what, What::Stage(i) if i == stage));
            for (entry, from) in stages[number].reads.iter().filter_map(|&stage| of(stage)).enumerate() {
                all.add(Road { from, to, way: way(&boxes[from], reader), entry }, boxes);
            }
        }
        all
    }

    fn add(&mut self, road: Road, boxes: &[Placed]) {
        let (made, read) = (boxes[road.from].line, boxes[road.to].line);
        let lines = match road.way {
            Way::Straight => vec![],
            Way::Below | Way::Aside => vec![made],
            Way::Around => vec![made, read - 1],
        };
        for line in lines {
            note(&mut self.below[line], road.from);
        }
        if matches!(road.way, Way::Aside | Way::Around) {
            note(&mut self.aside, road.from);
        }
        self.roads.push(road);
    }

    /// Room for edges at the page's left edge.
    pub(super) fn left(&self) -> f64 {
        room(self.aside.len())
    }

    /// Room for edges below a line.
    pub(super) fn below(&self, line: usize) -> f64 {
        room(self.below[line].len())
    }

    /// The edges, and the heads of those that end.
    pub(super) fn drawn(&self, boxes: &[Placed]) -> Vec<Edge> {
        self.roads.iter().map(|road| Edge::Turns(self.points(road, boxes))).collect()
    }

    fn points(&self, road: &Road, boxes: &[Placed]) -> Vec<At> {
        let (maker, reader) = (&boxes[road.from], &boxes[road.to]);
        if road.way == Way::Straight {
            let y = maker.at.1 + HEAD + maker.size.1.min(reader.size.1) / 2.0;
            return vec![(maker.end().0, y), (reader.at.0, y)];
        }
        let start = (maker.at.0 + maker.size.0 / 2.0, maker.end().1);
        let room = (reader.size.1 - 2.0 * ENTRY).max(0.0);
        let end = (reader.at.0, reader.at.1 + HEAD + ENTRY + (2.0 * TRACK * road.entry as f64).min(room));
        let under = |line: usize| {
            let bottom = boxes.iter().filter(|b| b.line == line).map(|b| b.end().1).fold(0.0, f64::max);
            bottom + FIRST + track(&self.below[line], road.from)
        };
        let aside = BORDER + self.left() - FIRST - track(&self.aside, road.from);
        let beside = end.0 - FIRST - TRACK * (road.entry % TRACKS) as f64;
        let down = under(maker.line);
        let way = match road.way {
            Way::Straight => vec![],
            Way::Below => vec![(start.0, down), (beside, down), (beside, end.1)],
            Way::Aside => vec![(start.0, down), (aside, down), (aside, end.1)],
            Way::Around => {
                let back = under(reader.line - 1);
                vec![(start.0, down), (aside, down), (aside, back), (beside, back), (beside, end.1)]
            }
        };
        [start].into_iter().chain(way).chain([end]).collect()
    }
}

fn way(maker: &Placed, reader: &Placed) -> Way {
    match (reader.line - maker.line, reader.before) {
        (0, before) if before == maker.before + 1 => Way::Straight,
        (0, _) => Way::Below,
        (_, 0) => Way::Aside,
        (1, _) => Way::Below,
        _ => Way::Around,
    }
}

fn note(makers: &mut Vec<usize>, maker: usize) {
    if !makers.contains(&maker) {
        makers.push(maker);
    }
}

/// Room for so many edges beside each other.
fn room(edges: usize) -> f64 {
    if edges == 0 { 0.0 } else { FIRST + TRACK * edges.min(TRACKS) as f64 }
}

/// How far from the first track that of a maker is.
fn track(makers: &[usize], maker: usize) -> f64 {
    TRACK * (makers.iter().position(|&m| m == maker).unwrap_or(0) % TRACKS) as f64
}
