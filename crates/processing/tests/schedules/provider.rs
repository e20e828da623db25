//! The model of a billing provider: lines and products, of which a read by id is true and a search lags behind.

use crate::chance::Chance;
use crate::rows::{ACME, BROUGHT, Plan, Refusal};
use crate::rules::{ARRIVES, Mood, Ms};
use processing::outside::decide::Look;
use processing::outside::saga::{Direction, Key, Line, Write};

/// What a line is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) customer: i64,
    pub(crate) number: i64,
    pub(crate) number2: i64,
}

/// A thing at the provider: since when, and from when on searches show that.
#[derive(Clone, Copy, Debug)]
struct Life {
    shows_from: Ms,
    /// When it ended, and from when on searches show that.
    ended: Option<Ms>,
}

impl Life {
    fn shows(&self, now: Ms) -> bool {
        self.shows_from <= now && self.ended.is_none_or(|ended| ended > now)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) id: i64,
    pub(crate) service: Service,
    pub(crate) is_live: bool,
    life: Life,
    /// By which row; none: it stood before.
    pub(crate) by: Option<usize>,
    /// Its request came later than A2 says, or twice: then there may be two for a while.
    is_excused: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub(crate) id: i64,
    pub(crate) line: i64,
    pub(crate) product: i64,
    pub(crate) is_live: bool,
    life: Life,
    by: Option<(usize, i64)>,
    is_excused: bool,
}

/// A write on its way.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) row: usize,
    pub(crate) key: Key,
    /// When its intent was committed.
    pub(crate) began: Ms,
    /// The line that a product goes on.
    pub(crate) line: i64,
    /// What a patch sets.
    pub(crate) patch: (i64, i64),
    /// Is it one that arrives twice?
    pub(crate) twice: bool,
}

/// What a read found.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    These(Vec<i64>),
    SomebodyElses,
    Line(Line),
}

/// What there is after the end of a row: lines of its number; products on the line that stays, each with what it is.
pub(crate) type CameLate = (Vec<i64>, Vec<(i64, i64)>);

#[derive(Default)]
pub(crate) struct Provider {
    pub(crate) lines: Vec<Opened>,
    pub(crate) products: Vec<Product>,
    pub(crate) refusals: Vec<Refusal>,
    /// Rows of which something was ended or changed later than A2 says: of those nothing is promised but what was opened.
    pub(crate) excused: Vec<usize>,
    /// Lines that became somebody else's.
    pub(crate) moved: Vec<i64>,
    /// Two of one thing at the same time, though every request came in time.
    pub(crate) doubled: Vec<String>,
    last: i64,
}

impl Provider {
    fn id(&mut self) -> i64 {
        self.last += 1;
        self.last
    }

    fn open(&mut self, service: Service, life: Life, by: Option<usize>, is_excused: bool) -> i64 {
        let id = self.id();
        self.lines.push(Opened { id, service, is_live: true, life, by, is_excused });
        id
    }

    fn put(&mut self, line: i64, product: i64, life: Life, by: Option<(usize, i64)>, is_excused: bool) -> i64 {
        let id = self.id();
        self.products.push(Product { id, line, product, is_live: true, life, by, is_excused });
        id
    }

    /// A line that stood before the schedule began.
    pub(crate) fn stood(&mut self, service: Service, products: &[i64]) -> i64 {
        let life = Life { shows_from: 0, ended: None };
        let line = self.open(service, life, None, false);
        for product in products {
            self.put(line, *product, life, None, false);
        }
        line
    }

    pub(crate) fn line(&self, id: i64) -> Option<&Opened> {
        self.lines.iter().find(|line| line.id == id)
    }

    /// The products in force on a line.
    pub(crate) fn on(&self, line: i64) -> Vec<i64> {
        let mut on: Vec<i64> =
            self.products.iter().filter(|p| p.line == line && p.is_live).map(|p| p.product).collect();
        on.sort_unstable();
        on
    }

    pub(crate) fn moves(&mut self, line: i64) {
        if let Some(moving) = self.lines.iter_mut().find(|moving| moving.id == line) {
            moving.service.customer = 3;
        }
        self.moved.push(line);
    }

    /// A request arrives. Answers the id that the provider tells, or nothing if it refuses.
    pub(crate) fn arrive(
        &mut self,
        request: &Request,
        plan: &Plan,
        mood: &Mood,
        chance: &mut Chance,
        now: Ms,
    ) -> Option<i64> {
        let (row, key) = (request.row, request.key);
        if self.refusals.iter().any(|refusal| refusal.hits(row, key)) {
            return None;
        }
        let is_late = now > request.began + ARRIVES;
        let shows_from = now + chance.between(0, mood.lag);
        let life = Life { shows_from, ended: None };
        let is_excused = is_late || request.twice;
        match key.write {
            Write::Activate | Write::Deactivate | Write::ProvisionIp | Write::ChangeCarrierRatePlan => {
                unreachable!("this provider is not a carrier")
            }
            Write::CreateService => {
                let service = Service { customer: ACME, number: plan.sim, number2: plan.sim };
                let other = self.lines.iter().find(|l| l.is_live && l.by.is_some() && l.service == service);
                if let Some(other) = other
                    && !other.is_excused
                    && !is_excused
                {
                    self.doubled.push(format!("row {row} opens a second line beside {} at {now}", other.id));
                }
                let line = self.open(service, life, Some(row), is_excused);
                if plan.has_package {
                    for product in BROUGHT {
                        self.put(line, product, life, None, is_excused);
                    }
                }
                Some(line)
            }
            Write::CreateServiceProduct => {
                self.line(request.line).filter(|line| line.is_live)?;
                let by = Some((row, key.item));
                let same = |p: &&Product| p.is_live && p.by == by && p.line == request.line;
                if let Some(other) = self.products.iter().find(same)
                    && !other.is_excused
                    && !is_excused
                {
                    self.doubled.push(format!("row {row} puts a second product beside {} at {now}", other.id));
                }
                let product = plan.products[usize::try_from(key.item - 1).unwrap()];
                Some(self.put(request.line, product, life, by, is_excused))
            }
            Write::DisconnectServiceProduct => {
                self.excuse(request, is_late);
                let product = self.products.iter_mut().find(|product| product.id == key.item)?;
                if !product.is_live {
                    return (!mood.strict).then_some(key.item);
                }
                (product.is_live, product.life.ended) = (false, Some(shows_from));
                Some(key.item)
            }
            Write::CloseService => {
                self.excuse(request, is_late);
                if !self.on(key.item).is_empty() {
                    return None;
                }
                let line = self.lines.iter_mut().find(|line| line.id == key.item)?;
                if !line.is_live {
                    return (!mood.strict).then_some(key.item);
                }
                (line.is_live, line.life.ended) = (false, Some(shows_from));
                Some(key.item)
            }
            Write::PatchService => {
                self.excuse(request, is_late);
                let line = self.lines.iter_mut().find(|line| line.id == key.item && line.is_live)?;
                (line.service.number, line.service.number2) = request.patch;
                Some(key.item)
            }
        }
    }

    /// What was to be put back and lands late, or lands twice, is nobody's to find; what was to be ended or changed is.
    fn excuse(&mut self, request: &Request, is_late: bool) {
        if is_late && (request.key.direction == Direction::Undo || request.twice) {
            self.excused.push(request.row);
        }
    }

    fn products_shown(&self, line: i64, now: Ms) -> impl Iterator<Item = &Product> {
        self.products.iter().filter(move |product| product.line == line && product.life.shows(now))
    }

    /// A read: of a thing by its id what is true, of everything else what searches show.
    pub(crate) fn look(&self, look: Look, plan: &Plan, line: Option<i64>, patch: (i64, i64), now: Ms) -> Found {
        let is_over = |over: bool, id: i64| Found::These(over.then_some(id).into_iter().collect());
        let key = match look {
            Look::Back(key) | Look::Adopt(key, _) => key,
            Look::Line(_, id) => return Found::Line(self.line_read(id, now)),
            Look::Device(_) => unreachable!("this provider is not a carrier"),
        };
        match key.write {
            Write::Activate | Write::Deactivate | Write::ProvisionIp | Write::ChangeCarrierRatePlan => {
                unreachable!("this provider is not a carrier")
            }
            Write::CreateService => {
                let ours = self.lines_shown(plan, now);
                let theirs =
                    |l: &&Opened| l.service.number == plan.sim && l.service.customer != ACME && l.life.shows(now);
                if ours.is_empty() && self.lines.iter().any(|line| theirs(&line)) {
                    return Found::SomebodyElses;
                }
                Found::These(ours)
            }
            Write::CreateServiceProduct => {
                let product = plan.products[usize::try_from(key.item - 1).unwrap()];
                let on = self.products_shown(line.unwrap_or(0), now).filter(|on| on.product == product);
                Found::These(on.map(|on| on.id).collect())
            }
            Write::DisconnectServiceProduct => is_over(
                self.products.iter().find(|product| product.id == key.item).is_none_or(|p| !p.is_live),
                key.item,
            ),
            Write::CloseService => is_over(self.line(key.item).is_none_or(|line| !line.is_live), key.item),
            Write::PatchService => {
                is_over(self.line(key.item).is_some_and(|l| (l.service.number, l.service.number2) == patch), key.item)
            }
        }
    }

    /// Lines of the row's number, ICCID and payer that searches show.
    pub(crate) fn lines_shown(&self, plan: &Plan, now: Ms) -> Vec<i64> {
        let wanted = Service { customer: ACME, number: plan.sim, number2: plan.sim };
        self.lines.iter().filter(|line| line.service == wanted && line.life.shows(now)).map(|line| line.id).collect()
    }

    /// What a look after the end of a row reads: lines of its number, and products on the line that stays.
    pub(crate) fn late(&self, plan: &Plan, line: Option<i64>, now: Ms) -> CameLate {
        let on = line.map(|line| self.products_shown(line, now).map(|p| (p.id, p.product)).collect());
        (self.lines_shown(plan, now), on.unwrap_or_default())
    }

    fn line_read(&self, id: i64, now: Ms) -> Line {
        let Some(line) = self.line(id) else { return Line::default() };
        Line {
            exists: true,
            customer: line.service.customer,
            closed: !line.is_live,
            products: self.products_shown(id, now).map(|product| product.id).collect(),
            number: Some(line.service.number.to_string()),
            number2: Some(line.service.number2.to_string()),
        }
    }
}
