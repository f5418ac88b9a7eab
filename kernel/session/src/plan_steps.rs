//! The steps of a stage as nodes of a picture.

use crate::output::{PlanRead, PlanStep};
use crate::plan_facts::{goal_words, kept_shape, lengths, note, product, step_words};
use cleave_plan::{Action, BufferId, Making, Origin, Plan, Program, Sources, Stage, Step, Target, Work};

/// What is drawn of a plan so far, stage by stage.
pub(crate) struct Drawing<'a> {
    plan: &'a Plan,
    sources: &'a Sources,
    /// For each stage, how many steps come before what it ends in.
    before_ends: Vec<usize>,
}

/// The steps of one stage, and which results of earlier stages they read.
#[derive(Default)]
pub(crate) struct Drawn {
    pub(crate) steps: Vec<PlanStep>,
    pub(crate) reads: Vec<PlanRead>,
}

impl<'a> Drawing<'a> {
    pub(crate) fn new(plan: &'a Plan, sources: &'a Sources) -> Self {
        Self { plan, sources, before_ends: Vec::new() }
    }

    /// The next stage.
    pub(crate) fn stage(&mut self, stage: &Stage) -> Drawn {
        let mut drawn = Drawn::default();
        if let Some(name) = product(stage) {
            self.product(stage, name, &mut drawn);
            return drawn;
        }
        let made: Vec<Vec<Option<usize>>> = stage.programs().map(|p| self.program(p, &mut drawn)).collect();
        self.before_ends.push(drawn.steps.len());
        for (name, slot) in goal_words(stage) {
            let inputs = made[0][slot.0 as usize].into_iter().collect();
            drawn.steps.push(PlanStep { name, note: lengths(&kept_shape(stage)), inputs });
        }
        drawn
    }

    /// A product of two operands, and what is computed from it.
    fn product(&mut self, stage: &Stage, name: &str, drawn: &mut Drawn) {
        let mut inputs = Vec::new();
        for operand in stage.programs().skip(1) {
            let made = self.program(operand, drawn);
            inputs.extend(operand.results.first().and_then(|s| made[s.0 as usize]));
        }
        drawn.steps.push(PlanStep { name: name.to_owned(), note: lengths(&stage.space), inputs });
        self.straight(&stage.program, &[Some(drawn.steps.len() - 1)], drawn);
        self.before_ends.push(drawn.steps.len() - 1);
    }

    /// Draws a program and the values it makes block by block; for each register, the step that wrote it last.
    fn program(&self, program: &Program, drawn: &mut Drawn) -> Vec<Option<usize>> {
        let mut locals = Vec::with_capacity(program.locals.len());
        for local in &program.locals {
            let made = self.straight(&local.program, &locals, drawn);
            let of = local.program.results.first().and_then(|s| made[s.0 as usize]);
            locals.push(match &local.making {
                Making::Plain => of,
                Making::Scan { op, axis, .. } => {
                    let name = format!("{} axis {axis}", op.name);
                    drawn.steps.push(PlanStep {
                        name,
                        note: lengths(&local.program.space),
                        inputs: Vec::from_iter(of),
                    });
                    Some(drawn.steps.len() - 1)
                }
            });
        }
        self.straight(program, &locals, drawn)
    }

    fn straight(&self, program: &Program, locals: &[Option<usize>], drawn: &mut Drawn) -> Vec<Option<usize>> {
        let mut writer: Vec<Option<usize>> = vec![None; program.slots.len()];
        for step in &program.steps {
            writer[step.out.0 as usize] = self.step(program, step, &writer, locals, drawn);
        }
        writer
    }

    /// Draws a step; what is taken of a local as it stands is that local's own step.
    fn step(
        &self,
        program: &Program,
        step: &Step,
        writer: &[Option<usize>],
        locals: &[Option<usize>],
        drawn: &mut Drawn,
    ) -> Option<usize> {
        let (name, seen) = step_words(step, self.sources);
        let mut inputs: Vec<usize> = step.action.inputs().iter().filter_map(|s| writer[s.0 as usize]).collect();
        match &step.action {
            Action::Load { origin: Origin::Local(number), .. } => {
                let made = locals[*number as usize];
                let Some(seen) = seen else { return made };
                let note = note(step, None, program);
                drawn.steps.push(PlanStep { name: seen, note, inputs: Vec::from_iter(made) });
                return Some(drawn.steps.len() - 1);
            }
            Action::Load { origin: Origin::Buffer(id), .. } => {
                let (stage, from) = self.maker(*id);
                drawn.reads.push(PlanRead { stage, from, to: drawn.steps.len() });
            }
            Action::Overlay { patch, .. } => {
                let made = self.program(patch, drawn);
                inputs.extend(patch.results.first().and_then(|s| made[s.0 as usize]));
            }
            Action::Load { .. } | Action::Fill { .. } | Action::Map { .. } | Action::Cast { .. } => {}
        }
        drawn.steps.push(PlanStep { name, note: note(step, seen, program), inputs });
        Some(drawn.steps.len() - 1)
    }

    /// The stage that makes a buffer, and its step that does.
    fn maker(&self, id: BufferId) -> (usize, usize) {
        let stage = self.plan.buffer(id).made_by;
        let before = self.before_ends[stage];
        let of = |target: &Target| target.buffer == Some(id);
        match &self.plan.stages[stage].work {
            work @ (Work::Fold(_) | Work::Joint(_)) => {
                let mut goals = work.folds().iter().flat_map(|fold| &fold.goals);
                (stage, before + goals.position(|g| of(&g.target)).unwrap_or(0))
            }
            Work::Store(_) => (stage, before.saturating_sub(1)),
            Work::Contract(_) => (stage, before),
        }
    }
}
