//! Plans of any length are drawn on a page of one width, no node on another.
#![allow(clippy::unwrap_used)]

use cleave_session::output::{PlanFacts, PlanRead, PlanStage, PlanStep, Shown};

/// Upper left corners of the nodes, and the page's width and height.
fn drawn(svg: &str) -> (Vec<(f64, f64)>, f64, f64) {
    let number = |text: &str| text.split('"').next().unwrap().parse::<f64>().unwrap();
    let (_, head) = svg.split_once(" width=\"").unwrap();
    let (_, after) = head.split_once(" height=\"").unwrap();
    let corner = |rect: &str| (number(rect), number(rect.split_once("y=\"").unwrap().1));
    let outlined = |rect: &&str| rect.split('>').next().unwrap().contains("fill-opacity=\".07\"");
    (svg.split("<rect x=\"").skip(1).filter(outlined).map(corner).collect(), number(head), number(after))
}

fn step(name: String, inputs: Vec<usize>) -> PlanStep {
    PlanStep { name, note: "fused · float64".to_owned(), inputs }
}

/// A chain of steps, each of which reads the last one and the one a few before it.
fn chain(steps: usize, back: usize) -> Vec<PlanStep> {
    (0..steps).map(|i| step(format!("step {i}"), (i.saturating_sub(back)..i).step_by(back.max(1)).collect())).collect()
}

fn plan(stages: usize, steps: usize, back: usize) -> Shown {
    let reads = |i: usize| (i > 0).then(|| PlanRead { stage: i - 1, from: steps - 1, to: 0 }).into_iter().collect();
    let stage = |i| PlanStage { steps: chain(steps, back), reads: reads(i), tasks: 10, ..PlanStage::default() };
    Shown::Plan(Box::new(PlanFacts { stages: (0..stages).map(stage).collect(), ..PlanFacts::default() }))
}

#[test]
fn a_plan_of_any_length_is_drawn() {
    for (stages, steps, back) in [(1, 1, 1), (2, 3, 1), (1, 80, 1), (1, 40, 7), (7, 5, 2), (26, 2, 1), (300, 9, 3)] {
        let svg = cleave_render::svg(&plan(stages, steps, back)).unwrap();
        let (nodes, width, height) = drawn(&svg);
        assert!(width <= 900.0, "{stages} stages of {steps} steps are {width} wide");
        assert_eq!(nodes.len(), stages.min(24) * steps.min(24));
        for (i, &(x, y)) in nodes.iter().enumerate() {
            assert!(x >= 0.0 && x + 126.0 <= width && y >= 0.0 && y + 40.0 <= height);
            assert!(nodes[..i].iter().all(|&(u, v)| (u - x).abs() >= 126.0 || (v - y).abs() >= 40.0));
        }
        let hidden = stages.saturating_sub(24);
        assert_eq!(svg.contains(&format!("{hidden} stages more")), hidden > 0, "{hidden} stages are left out");
        assert_eq!(svg.contains(&format!("{} steps", steps.saturating_sub(23))), steps > 24);
    }
}

#[test]
fn the_longest_stages_are_in_sight() {
    let Shown::Plan(mut facts) = plan(40, 1, 1) else { unreachable!() };
    facts.stages[33].seconds = 5.0;
    let html = cleave_render::html(&Shown::Plan(facts)).unwrap();
    let (sight, folded) = html.split_once("<details>").unwrap();
    assert!(sight.contains("<th>stage 34</th>") && !sight.contains("<th>stage 33</th>"));
    assert_eq!(folded.matches("<tr>").count(), 40);
}
