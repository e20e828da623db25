//! The rows of a schedule: what each is to do outside, and what of it will be refused.

use crate::chance::Chance;
use crate::provider::{Provider, Service};
use crate::rules::{HOUR, Ms, SECOND};
use processing::outside::saga::{Closing, Direction, Key, Step, Write};

/// Who pays for what is opened, and who paid before.
pub(crate) const ACME: i64 = 1;
pub(crate) const BEFORE: i64 = 2;
/// Products that a package brings.
pub(crate) const BROUGHT: [i64; 2] = [901, 902];

/// A row as it was planned.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Its SIM: number and ICCID are made of it.
    pub(crate) sim: i64,
    /// Its bulk change.
    pub(crate) change: usize,
    pub(crate) steps: Vec<Step>,
    pub(crate) closes: Vec<Closing>,
    pub(crate) products: Vec<i64>,
    pub(crate) has_package: bool,
    pub(crate) updates: Option<Closing>,
    /// The database will not take its assignment.
    pub(crate) is_poison: bool,
    /// The row for the same SIM that has to fail before this one is begun.
    pub(crate) after: Option<usize>,
}

/// What the provider refuses, whenever it comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) row: usize,
    pub(crate) direction: Direction,
    pub(crate) write: Write,
    /// The place of a product; of other writes any.
    pub(crate) item: Option<i64>,
}

impl Refusal {
    pub(crate) fn hits(&self, row: usize, key: Key) -> bool {
        (self.row, self.direction, self.write) == (row, key.direction, key.write)
            && self.item.is_none_or(|item| item == key.item)
    }
}

/// What happens besides.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meanwhile {
    /// A person cancels a change.
    Cancel(usize),
    /// A line becomes somebody else's.
    Move(i64),
}

/// What a schedule begins with.
pub(crate) struct Drawn {
    pub(crate) plans: Vec<Plan>,
    pub(crate) meanwhile: Vec<(Ms, Meanwhile)>,
}

/// Draws a few rows in two changes, with the lines that they end or take.
pub(crate) fn draw(chance: &mut Chance, provider: &mut Provider) -> Drawn {
    let mut plans = Vec::new();
    let mut meanwhile = Vec::new();
    for sim in 1..=chance.between(2, 4) {
        let row = plans.len();
        let plan = one(chance, provider, sim);
        if chance.happens(1_500) {
            provider.refusals.push(refusal(chance, row, &plan));
        }
        if chance.happens(300) {
            let lines = plan.closes.iter().chain(&plan.updates).map(|closing| closing.line);
            meanwhile
                .extend(lines.map(|line| (chance.between(0, 300) * SECOND, Meanwhile::Move(line))).collect::<Vec<_>>());
        }
        let opens = plan.steps.as_slice() == [Step::OpenRevService];
        let again = Plan { after: Some(row), change: 1, is_poison: false, ..plan.clone() };
        plans.push(plan);
        if opens && chance.happens(2_000) {
            plans.push(again);
        }
    }
    if chance.happens(1_500) {
        let at = if chance.happens(5_000) { chance.between(0, 3 * SECOND) } else { chance.between(0, HOUR) };
        meanwhile.push((at, Meanwhile::Cancel(usize::try_from(chance.below(2)).unwrap())));
    }
    Drawn { plans, meanwhile }
}

fn one(chance: &mut Chance, provider: &mut Provider, sim: i64) -> Plan {
    let mut plan = Plan {
        sim,
        change: usize::try_from(chance.below(2)).unwrap(),
        steps: Vec::new(),
        closes: Vec::new(),
        products: Vec::new(),
        has_package: false,
        updates: None,
        is_poison: chance.happens(300),
        after: None,
    };
    let kind = chance.below(10);
    if matches!(kind, 5..=7) {
        plan.steps.push(Step::CloseRevService);
        for _ in 0..chance.between(1, 2) {
            let on_it: Vec<i64> = (0..chance.between(0, 2)).map(|place| 700 + place).collect();
            let line = provider.stood(Service { customer: BEFORE, number: sim, number2: sim }, &on_it);
            plan.closes.push(Closing { line, customer: BEFORE });
        }
    }
    match kind {
        3 | 4 => {
            plan.steps.push(Step::OpenRevService);
            plan.has_package = true;
        }
        0..=6 => {
            plan.steps.push(Step::OpenRevService);
            // One product may be sold twice.
            plan.products = (0..chance.between(1, 3)).map(|_| chance.between(11, 14)).collect();
        }
        7 => {}
        _ => {
            plan.steps.push(Step::UpdateRevService);
            let line = provider.stood(Service { customer: ACME, number: 1_000 + sim, number2: 1_000 + sim }, &[700]);
            plan.updates = Some(Closing { line, customer: ACME });
        }
    }
    plan
}

fn refusal(chance: &mut Chance, row: usize, plan: &Plan) -> Refusal {
    let of = |direction, write, item| Refusal { row, direction, write, item };
    let step = plan.steps[usize::try_from(chance.below(u64::try_from(plan.steps.len()).unwrap())).unwrap()];
    match (step, chance.below(10)) {
        (Step::OpenRevService, 0) => of(Direction::Undo, Write::CloseService, None),
        (Step::OpenRevService, 1) => of(Direction::Undo, Write::DisconnectServiceProduct, None),
        (Step::OpenRevService, 2..=7) if !plan.products.is_empty() => {
            let place = chance.between(1, i64::try_from(plan.products.len()).unwrap());
            of(Direction::Apply, Write::CreateServiceProduct, Some(place))
        }
        (Step::OpenRevService, _) => of(Direction::Apply, Write::CreateService, None),
        (Step::CloseRevService, 0..=4) => of(Direction::Apply, Write::DisconnectServiceProduct, None),
        (Step::CloseRevService, _) => of(Direction::Apply, Write::CloseService, None),
        (Step::UpdateRevService, 0) => of(Direction::Undo, Write::PatchService, None),
        (_, _) => of(Direction::Apply, Write::PatchService, None),
    }
}
