//! Random sequences of plans, applies, cancels, pauses, retries, undos, schedules, suspended SIMs and killed workers, by two
//! tenants and an agent, against a plain model: after every step each assignment is what the model says, and at the end each
//! row and count, too. 200 sequences in the gate, 3,000 in the deep run.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop, and say where")]

mod world;

use database::chunk::claim_chunk;
use database::fleet::{Fleet, NewAmopCustomer, NewDevice, NewOffer};
use domain::api_key::ApiKey;
use domain::ids::{BulkChangeId, CustomerRatePlanId, DeviceId, SiteId};
use processing::{Outcome, Retry, apply_due, settle};
use queue::{Job, next_job};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use testing::{Agent, TestApp, iccid, in_deep_run};
use uuid::Uuid;
use world::{Actor, Assignment, Change, Image, Target, World};

/// Devices 0 to 5 are the owner's, 0 to 3 of them its agent's, too; 6 to 9 the other tenant's.
const DEVICES: usize = 10;

/// A device's assignment as the tables have it: customer, plan, allocation, and whether something waits.
type Seen = BTreeMap<(Actor, usize), (Option<String>, Option<String>, Option<u32>, bool)>;

/// An assignment as it is read: tenant, is it the owner's, ICCID, customer, plan, allocation, does something wait.
type Found = (String, bool, String, Option<String>, Option<String>, Option<i32>, bool);

struct Sequence {
    app: TestApp,
    keys: BTreeMap<Actor, ApiKey>,
    world: World,
    random: StdRng,
    told: Vec<String>,
}

// Dropping a database waits for every session to hear of it, also for one in the middle of a COPY: each sequence has a thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn any_sequence_ends_where_the_plain_model_does() {
    let sequences: u64 = if in_deep_run() { 3_000 } else { 200 };
    let first = u64::from(std::process::id()) * 10_000;
    println!("sequences {first} to {}", first + sequences - 1);
    // A few at a time: each waits for its database more than for a processor.
    for some in (first..first + sequences).collect::<Vec<_>>().chunks(4) {
        let running: Vec<_> = some.iter().map(|seed| tokio::spawn(one(*seed))).collect();
        for sequence in running {
            sequence.await.unwrap();
        }
    }
}

async fn one(seed: u64) {
    let mut sequence = Sequence::new(seed).await;
    for _ in 0..sequence.random.random_range(12..30) {
        sequence.step().await;
        sequence.compare(seed).await;
    }
    sequence.finish(seed).await;
}

fn devices_of(actor: Actor) -> std::ops::Range<usize> {
    match actor {
        Actor::Owner => 0..6,
        Actor::Agent => 0..4,
        Actor::Other => 6..DEVICES,
    }
}

fn customers_of(actor: Actor) -> [&'static str; 2] {
    match actor {
        Actor::Owner => ["Water", "Cold"],
        Actor::Agent => ["Gamma Farm", "Gamma Mill"],
        Actor::Other => ["Beta Bus", "Beta Tram"],
    }
}

fn plan_of(actor: Actor) -> &'static str {
    match actor {
        Actor::Owner => "P-ALL",
        Actor::Agent => "G-1",
        Actor::Other => "B-1",
    }
}

fn place(device: usize) -> u32 {
    u32::try_from(device).unwrap() + if device >= 6 { 920_000 } else { 0 }
}

impl Sequence {
    async fn new(seed: u64) -> Self {
        // Chunks of three rows, so that a change is several of them.
        let settings = intake::PlannerSettings { chunk_rows: 3, page_rows: 4, ..intake::PlannerSettings::default() };
        let app = TestApp::start_with(6, settings, Duration::from_secs(60)).await.unwrap();
        let agent = Agent::make(&app, &(0..4).map(|d| iccid(place(d))).collect::<Vec<_>>()).await.unwrap();
        let (ids, other) = (&app.ids, app.fixture.other_tenant);
        let mut fleet = Fleet::open(app.database.server()).await.unwrap();
        let customer = |name: &str| NewAmopCustomer { id: ids.next(), site: SiteId(ids.next()), name: name.into() };
        fleet.create_amop_customers(other, &[customer("Beta Bus"), customer("Beta Tram")]).await.unwrap();
        let plan = NewOffer { id: CustomerRatePlanId(ids.next()), name: "B-1".into(), service_provider: None };
        fleet.create_customer_rate_plans(other, &[plan]).await.unwrap();
        let theirs = database::service_provider::all(&app.ledger, other).await.unwrap()[0].id;
        let mut auditor = app.database.server().connect_as(database::Role::Auditor).await.unwrap();
        let site: Uuid = sqlx::query_scalar("select id from app.site where tenant_id = $1 and is_system_default")
            .bind(other.0)
            .fetch_one(&mut auditor)
            .await
            .unwrap();
        let device = |d: usize| NewDevice {
            id: DeviceId(ids.next()),
            iccid: iccid(place(d)),
            msisdn: None,
            status: "active".into(),
            archived: false,
            site: SiteId(site),
        };
        let new: Vec<NewDevice> = devices_of(Actor::Other).map(device).collect();
        fleet.create_devices(other, theirs, &new).await.unwrap();
        let mut world = World { devices: vec![(true, 0); DEVICES], ..World::default() };
        for actor in [Actor::Owner, Actor::Other, Actor::Agent] {
            for device in devices_of(actor) {
                world.assignments.insert((actor, device), Assignment::default());
            }
        }
        let keys = BTreeMap::from([
            (Actor::Owner, app.fixture.key.clone()),
            (Actor::Other, app.fixture.other_key.clone()),
            (Actor::Agent, agent.key),
        ]);
        Self { app, keys, world, random: StdRng::seed_from_u64(seed), told: Vec::new() }
    }

    async fn post(&self, actor: Actor, path: &str, body: &Value) -> (StatusCode, Value) {
        let answer = self.app.send_as(&self.keys[&actor], Method::POST, path, Some(body)).await.unwrap();
        (answer.status, answer.json)
    }

    async fn step(&mut self) {
        let step = self.random.random_range(0..100);
        match step {
            0..30 => self.plan().await,
            30..50 => self.apply().await,
            50..70 => {
                let jobs = self.random.random_range(1..4);
                self.work(jobs).await;
            }
            70..75 => self.kill_a_worker().await,
            75..79 => self.control("cancel").await,
            79..82 => self.control("pause").await,
            82..85 => self.control("resume").await,
            85..89 => self.again("retry").await,
            89..94 => self.again("undo").await,
            94..97 => self.let_a_date_come().await,
            _ => self.carrier_changes_its_mind().await,
        }
    }

    async fn plan(&mut self) {
        let actor = *[Actor::Owner, Actor::Owner, Actor::Agent, Actor::Other].choose(&mut self.random).unwrap();
        let mut devices: Vec<usize> = devices_of(actor).collect();
        devices.shuffle(&mut self.random);
        devices.truncate(self.random.random_range(1..=devices.len()));
        let customer = *customers_of(actor).choose(&mut self.random).unwrap();
        let plan = self.random.random_bool(0.4).then(|| plan_of(actor).to_owned());
        let allocation = self.random.random_bool(0.3).then(|| self.random.random_range(1..4));
        // Always after today, and never the only date.
        let date = self.random.random_bool(0.4).then(|| format!("2027-{:02}-01", self.random.random_range(6..9)));
        let replace = self.random.random_bool(0.6);
        let request = json!({
            "change_type": "CustomerAssignment", "service_provider": "Verizon", "customer": customer,
            "on_conflict": if replace { "replace" } else { "refuse" }, "customer_rate_plan": plan,
            "customer_data_allocation_mb": allocation, "effective_date": date,
            "devices": devices.iter().map(|d| iccid(place(*d))).collect::<Vec<_>>(),
        });
        let (status, answer) = self.post(actor, "/plans", &request).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        let target = Target { customer: Some(customer.to_owned()), plan, allocation, date, restores: false };
        let rows = (1..).zip(devices).map(|(n, d)| (n, self.world.judge(actor, d, &target, replace))).collect();
        self.remember(actor, &answer, rows, replace, None).await;
    }

    /// Keeps what a plan must be, and compares it with what it says.
    async fn remember(
        &mut self,
        actor: Actor,
        answer: &Value,
        rows: BTreeMap<i32, world::Row>,
        replace: bool,
        undo_of: Option<Uuid>,
    ) {
        let id = Uuid::parse_str(answer["id"].as_str().unwrap()).unwrap();
        let path = format!("/plans/{id}/rows");
        let shown = self.app.send_as(&self.keys[&actor], Method::GET, &path, None).await.unwrap().json;
        let said: Vec<(i64, String, Value)> = shown["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                (row["row"].as_i64().unwrap(), row["verdict"].as_str().unwrap().to_owned(), row["reason"].clone())
            })
            .collect();
        let verdict = |status: &str| if status == "PENDING" { "CHANGE".to_owned() } else { status.to_owned() };
        let expected: Vec<(i64, String, Value)> =
            rows.iter().map(|(n, row)| (i64::from(*n), verdict(row.status), json!(row.reason))).collect();
        assert_eq!(said, expected, "the plan {id}: {:#?}", self.told);
        self.told.push(format!("{actor:?} plans {id}: {}", answer["request"]));
        let change = Change {
            actor,
            replace,
            rows,
            applied: false,
            paused: false,
            cancelled: false,
            schedule_cancelled: false,
            undo_of,
        };
        self.world.changes.insert(id, change);
    }

    fn some_change(&mut self, which: impl Fn(&Change) -> bool) -> Option<(Uuid, Actor)> {
        let of = self.world.changes.iter().filter(|(_, change)| which(change)).map(|(id, c)| (*id, c.actor));
        of.collect::<Vec<_>>().choose(&mut self.random).copied()
    }

    async fn apply(&mut self) {
        let Some((id, actor)) = self.some_change(|change| !change.applied) else { return };
        let (status, answer) = self.post(actor, "/bulk-changes", &json!({ "plan_id": id })).await;
        let change = self.world.changes.get_mut(&id).unwrap();
        if change.to_do() == 0 {
            assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &json!("NOTHING_TO_CHANGE")));
            self.world.changes.remove(&id);
            return;
        }
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        change.applied = true;
        self.told.push(format!("applies {id}"));
    }

    async fn work(&mut self, jobs: usize) {
        let retry = Retry { tries: 3, first_wait: Duration::from_millis(5), lease: Duration::from_secs(30) };
        for _ in 0..jobs {
            let due_first = self.random.random_bool(0.5);
            let Some(job) = next_job(&self.app.ledger, Duration::from_secs(30), due_first).await.unwrap() else {
                return;
            };
            self.told.push(format!("works {job:?}"));
            match job {
                Job::Chunk(claim) => {
                    let outcome = settle(&self.app.ledger, &claim, "worker:test", retry, &mut self.random).await;
                    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
                    self.world.settle(claim.bulk_change.0, claim.first_row, claim.last_row);
                }
                Job::Due(due) => {
                    assert!(apply_due(&self.app.ledger, &due, "worker:test").await.is_some());
                    let BulkChangeId(id) = due.bulk_change;
                    self.world.come_due(id, &due.effective_date.to_string(), due.first_row, due.last_row);
                }
                Job::Outside(claim) => panic!("nothing of this model is due outside: {claim:?}"),
            }
        }
    }

    /// A worker takes a chunk and is never heard of again: its lease runs out, and nothing has happened.
    async fn kill_a_worker(&mut self) {
        let claim = claim_chunk(&self.app.ledger, Duration::from_millis(1)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(3)).await;
        self.told.push(format!("dies with {claim:?}"));
    }

    async fn control(&mut self, what: &str) {
        let Some((id, actor)) = self.some_change(|change| change.applied) else { return };
        let (status, answer) = self.post(actor, &format!("/bulk-changes/{id}/{what}"), &json!({})).await;
        let waits = self.world.waiting().contains(&id);
        let change = self.world.changes.get_mut(&id).unwrap();
        let (running, finished) = (!change.finished() && !change.paused, change.finished());
        let allowed = match what {
            "cancel" => !finished || answer["code"] != "WRONG_STATE",
            "pause" => running,
            _ => !finished && change.paused,
        };
        assert_eq!(status.is_success(), allowed, "{what} {id}: {status} {answer}");
        if !status.is_success() {
            return;
        }
        self.told.push(format!("{what} {id}"));
        match what {
            "pause" => change.paused = true,
            "resume" => change.paused = false,
            _ => {
                assert!(
                    !finished || waits || answer["schedule"] != Value::Null,
                    "nothing was left to cancel: {answer}"
                );
                change.cancelled |= !finished;
                change.paused = false;
                change.schedule_cancelled = true;
            }
        }
    }

    async fn again(&mut self, what: &str) {
        let Some((id, actor)) = self.some_change(Change::finished) else { return };
        let (status, answer) = self.post(actor, &format!("/bulk-changes/{id}/{what}"), &json!({})).await;
        let change = self.world.changes[&id].clone();
        let not_done = |row: &world::Row| matches!(row.status, "FAILED" | "SKIPPED" | "CANCELLED");
        // The undo of an undo goes back to where the first one was; the retry of an undo is that undo again.
        let undo_of = if what == "undo" { Some(id) } else { change.undo_of };
        let rows: BTreeMap<i32, world::Row> = match undo_of {
            Some(of) => {
                let done = self.world.changes[&of].rows.iter().filter(|(_, row)| row.status == "PROCESSED");
                done.map(|(n, row)| (*n, self.world.judge_undo(actor, row))).collect()
            }
            None => {
                let undone = change.rows.iter().filter(|(_, row)| not_done(row));
                undone.map(|(n, row)| (*n, self.world.judge(actor, row.device, &row.target, change.replace))).collect()
            }
        };
        if what == "retry" && undo_of.is_none() && rows.is_empty() {
            assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &json!("NOTHING_TO_RETRY")));
            return;
        }
        assert_eq!(status, StatusCode::CREATED, "{what} {id}: {answer}");
        self.remember(actor, &answer, rows, change.replace, undo_of).await;
    }

    /// Something that waits is due now.
    async fn let_a_date_come(&mut self) {
        let Some(id) = self.world.waiting().choose(&mut self.random).copied() else { return };
        self.app
            .database
            .plant(&format!(
                "update app.schedule_chunk set due_at = now() where ctid = (select ctid from app.schedule_chunk
                     where bulk_change_id = '{id}' and not is_done order by chunk_number limit 1)"
            ))
            .await
            .unwrap();
        self.told.push(format!("a date of {id} comes"));
    }

    async fn carrier_changes_its_mind(&mut self) {
        let device = self.random.random_range(0..DEVICES);
        let (active, moves) = self.world.devices[device];
        let status = if active { "suspend" } else { "active" };
        let sql = format!("update app.m2m_device set status = '{status}' where iccid = '{}'", iccid(place(device)));
        self.app.database.plant(&sql).await.unwrap();
        self.world.devices[device] = (!active, moves + 1);
        self.told.push(format!("device {device} is {status}"));
    }

    /// Every assignment, as the tables have it.
    async fn seen(&self) -> Seen {
        let mut auditor = self.app.database.server().connect_as(database::Role::Auditor).await.unwrap();
        let rows: Vec<Found> = sqlx::query_as(
            "select t.name, dt.device_owner_tenant_id = dt.tenant_id, d.iccid, case when s.is_system_default then null else s.name end,
                 p.rate_plan_code, dt.customer_data_allocation_mb::integer, dt.scheduled_change_id is not null
             from app.device_tenant dt join app.tenant t on t.id = dt.tenant_id join app.m2m_device d on d.id = dt.device_id
             join app.site s on s.id = dt.site_id left join app.customer_rate_plan p on p.id = dt.customer_rate_plan_id")
            .fetch_all(&mut auditor)
            .await
            .unwrap();
        let of: BTreeMap<String, usize> = (0..DEVICES).map(|device| (iccid(place(device)), device)).collect();
        rows.into_iter()
            .filter_map(|(tenant, owns, iccid, customer, plan, allocation, waits)| {
                let actor = match (tenant.as_str(), owns) {
                    ("Alpha", true) => Actor::Owner,
                    ("Beta", true) => Actor::Other,
                    _ => Actor::Agent,
                };
                let allocation = allocation.map(|mb| u32::try_from(mb).unwrap());
                Some(((actor, *of.get(&iccid)?), (customer, plan, allocation, waits)))
            })
            .collect()
    }

    async fn compare(&self, seed: u64) {
        let image = |Image { customer, plan, allocation, waiting }: &Image| {
            (customer.clone(), plan.clone(), *allocation, waiting.is_some())
        };
        let expected: Seen = self.world.assignments.iter().map(|(of, a)| (*of, image(&a.image))).collect();
        assert_eq!(self.seen().await, expected, "seed {seed}: {:#?}", self.told);
    }

    /// Lets everything that is left happen, and compares every row and count.
    async fn finish(mut self, seed: u64) {
        let paused: Vec<_> = self
            .world
            .changes
            .iter()
            .filter(|(_, c)| c.paused && !c.finished())
            .map(|(id, c)| (*id, c.actor))
            .collect();
        for (id, actor) in paused {
            self.post(actor, &format!("/bulk-changes/{id}/resume"), &json!({})).await;
            self.world.changes.get_mut(&id).unwrap().paused = false;
        }
        self.work(1_000).await;
        // What workers died with again and again waits longer each time; here nobody waits.
        let at_once = "update app.bulk_change_chunk set start_at = now() where state = 'READY' and releases > 0";
        self.app.database.plant(at_once).await.unwrap();
        self.work(1_000).await;
        self.app.database.plant("update app.schedule_chunk set due_at = now() where not is_done").await.unwrap();
        self.work(1_000).await;
        self.compare(seed).await;
        for (id, change) in self.world.changes.iter().filter(|(_, change)| change.applied) {
            let key = &self.keys[&change.actor];
            let app = &self.app;
            let get = async |path: String| app.send_as(key, Method::GET, &path, None).await.unwrap().json;
            let shown = get(format!("/bulk-changes/{id}")).await;
            for (count, status) in
                [("ok", "PROCESSED"), ("skipped", "SKIPPED"), ("cancelled", "CANCELLED"), ("to_do", "PENDING")]
            {
                assert_eq!(
                    shown["counts"][count],
                    json!(change.count(status)),
                    "seed {seed}, {count} of {id}: {shown}"
                );
            }
            let rows = get(format!("/bulk-changes/{id}/rows")).await;
            for row in rows["items"].as_array().unwrap() {
                let expected = &change.rows[&i32::try_from(row["row"].as_i64().unwrap()).unwrap()];
                let said = (&row["status"], &row["reason"], &row["schedule"]["status"]);
                let expected = (json!(expected.status), json!(expected.reason), json!(expected.schedule));
                assert_eq!(said, (&expected.0, &expected.1, &expected.2), "seed {seed}, {id}: {:#?}", self.told);
            }
        }
        self.app.finish().await.unwrap();
    }
}
