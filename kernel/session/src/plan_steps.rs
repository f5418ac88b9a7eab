//! The steps of a stage as nodes of a picture.

use crate::output::PlanStep;
use crate::plan_facts::{goal_words, kept_shape, lengths, note, product, step_words};
use cleave_plan::{Action, BufferId, Making, Origin, Plan, Program, Sources, Stage, Step, Work};

/// What is drawn of a plan so far, stage by stage.
pub(crate) struct Drawing<'a> {
    plan: &'a Plan,
    sources: &'a Sources,
    /// For each stage, the names of what it ends in.
    ends: Vec<Vec<String>>,
}

/// The steps of one stage, and which earlier stages it reads.
#[derive(Default)]
pub(crate) struct Drawn {
    pub(crate) steps: Vec<PlanStep>,
    pub(crate) reads: Vec<usize>,
}

impl<'a> Drawing<'a> {
    pub(crate) fn new(plan: &'a Plan, sources: &'a Sources) -> Self {
        Self { plan, sources, ends: Vec::new() }
    }

    /// The next stage.
    pub(crate) fn stage(&mut self, stage: &Stage) -> Drawn {
        let mut drawn = Drawn::default();
        let ends = match product(stage) {
            Some(name) => self.product(stage, name, &mut drawn),
            None => self.fused(stage, &mut drawn),
        };
        drawn.reads.sort_unstable();
        drawn.reads.dedup();
        self.ends.push(ends.into_iter().map(|step| drawn.steps[step].name.clone()).collect());
        drawn
    }

    /// Steps that are fused, and the reductions of what they give; the step of each goal.
    fn fused(&self, stage: &Stage, drawn: &mut Drawn) -> Vec<usize> {
        let made: Vec<Vec<Option<usize>>> = stage.programs().map(|p| self.program(p, drawn)).collect();
        if let Work::Store(store) = &stage.work {
            return store.goals.iter().filter_map(|goal| made[0][goal.slot.0 as usize]).collect();
        }
        let first = drawn.steps.len();
        for (name, slot) in goal_words(stage) {
            let inputs = made[0][slot.0 as usize].into_iter().collect();
            drawn.steps.push(PlanStep { name, note: lengths(&kept_shape(stage)), inputs });
        }
        (first..drawn.steps.len()).collect()
    }

    /// A product of two operands, and what is computed from it; the step of each goal.
    fn product(&self, stage: &Stage, name: &str, drawn: &mut Drawn) -> Vec<usize> {
        let mut inputs = Vec::new();
        for operand in stage.programs().skip(1) {
            let made = self.program(operand, drawn);
            inputs.extend(operand.results.first().and_then(|s| made[s.0 as usize]));
        }
        let product = drawn.steps.len();
        drawn.steps.push(PlanStep { name: name.to_owned(), note: lengths(&stage.space), inputs });
        let made = self.straight(&stage.program, &[Some(product)], drawn);
        let slots = stage.work.stored().iter().map(|goal| goal.slot.0 as usize);
        slots.map(|slot| made.get(slot).copied().flatten().unwrap_or(product)).collect()
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
                let stage = self.plan.buffer(*id).made_by;
                drawn.reads.push(stage);
                let how = seen.map_or_else(String::new, |seen| format!(" · {seen}"));
                let note = format!("of stage {}{how}", stage + 1);
                drawn.steps.push(PlanStep { name: self.name_of(stage, *id).unwrap_or(name), note, inputs });
                return Some(drawn.steps.len() - 1);
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

    /// The name of the step of an earlier stage that gives a buffer.
    fn name_of(&self, stage: usize, id: BufferId) -> Option<String> {
        let work = &self.plan.stages[stage].work;
        let folded = work.folds().iter().flat_map(|fold| &fold.goals).map(|goal| &goal.target);
        let mut targets = folded.chain(work.stored().iter().map(|goal| &goal.target));
        let goal = targets.position(|target| target.buffer == Some(id))?;
        self.ends[stage].get(goal).cloned()
    }
}
