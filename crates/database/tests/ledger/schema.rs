//! `sql/` is canonical, migrations make the same database, and the catalogue has no holes.

use database::catalogue::holes;
use database::embedded::{ADMIN, Binaries};
use database::{Role, migrate};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use testing::TestDatabase;

fn sql_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sql")
}

fn order() -> Vec<String> {
    std::fs::read_to_string(sql_folder().join("order.txt")).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn every_file_of_sql_is_in_the_order_once() {
    let mut found = BTreeSet::new();
    for folder in ["tables", "procedures"] {
        for entry in std::fs::read_dir(sql_folder().join(folder)).unwrap() {
            found.insert(format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy()));
        }
    }
    let listed: BTreeSet<String> = order().into_iter().collect();
    assert_eq!(listed, found);
    assert_eq!(listed.len(), order().len());
}

#[test]
fn every_procedure_says_what_it_is_in_its_header() {
    for file in order().iter().filter(|file| file.starts_with("procedures/")) {
        let text = std::fs::read_to_string(sql_folder().join(file)).unwrap();
        let name = file.trim_start_matches("procedures/").trim_end_matches(".sql");
        assert!(text.starts_with(&format!("-- {name}")), "{file} begins with its own name");
        assert!(text.contains(&format!("create function app.{name}(")), "{file} makes what it is named after");
    }
}

/// The schema as `pg_dump` writes it, without what differs from run to run.
async fn dump(database: &TestDatabase) -> String {
    let mut connection = database.admin().connect().await.unwrap();
    let socket: String = sqlx::query_scalar("show unix_socket_directories").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let out = Command::new(Binaries::find(None).unwrap().program("pg_dump"))
        .args([
            "--schema-only",
            "--exclude-schema=ascribe_migrations",
            "-h",
            &socket,
            "-U",
            ADMIN,
            database.server().database_name(),
        ])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().filter(|line| !line.starts_with("--") && !line.starts_with("\\")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn migrations_make_what_sql_says_and_run_twice() {
    let (canonical, migrated) = (TestDatabase::bare().await.unwrap(), TestDatabase::bare().await.unwrap());
    migrate::roles(&canonical.admin()).await.unwrap();
    let mut owner = canonical.server().connect_as(Role::Owner).await.unwrap();
    for file in order() {
        let text = std::fs::read_to_string(sql_folder().join(&file)).unwrap();
        owner.execute(AssertSqlSafe(text)).await.unwrap();
    }
    owner.execute("select app.ensure_month_partitions((app.now() at time zone 'UTC')::date, 3)").await.unwrap();
    for _ in 0..2 {
        migrate::roles(&migrated.admin()).await.unwrap();
        migrate::schema(migrated.server()).await.unwrap();
    }
    let (canonical, migrated) = (dump(&canonical).await, dump(&migrated).await);
    assert!(canonical.contains("CREATE TABLE app.m2m_device_change"));
    assert!(
        canonical == migrated,
        "write a migration for what changed in sql/ (before the first release: scripts/first-migration)"
    );
}

#[tokio::test]
async fn the_catalogue_has_no_holes() {
    let database = TestDatabase::new().await.unwrap();
    let mut connection = database.admin().connect().await.unwrap();
    assert_eq!(holes(&mut connection).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn every_planted_hole_is_found() {
    let plants = [
        (
            "create table app.leak (tenant_id uuid, id uuid primary key)",
            "row level security is not enabled and forced on leak",
        ),
        ("alter table app.site disable row level security", "row level security is not enabled and forced on site"),
        ("alter table app.site no force row level security", "row level security is not enabled and forced on site"),
        ("drop policy tenant on app.site", "no tenant policy, with check, for all commands and roles, on site"),
        (
            "drop policy tenant on app.site; create policy tenant on app.site using (true) with check (true)",
            "no tenant policy",
        ),
        (
            "drop policy tenant on app.site; create policy tenant on app.site for select using (tenant_id = app.current_tenant())",
            "no tenant policy",
        ),
        ("create policy extra on app.site to ascribe_web using (true)", "an unlisted policy site.extra"),
        (
            "drop policy auditor on app.site; create policy auditor on app.site to ascribe_auditor using (true)",
            "the auditor policy does more",
        ),
        ("grant select on app.audit_entry_2026_11 to ascribe_web", "a partition with grants"),
        ("create policy p on app.audit_entry_2026_11 using (true)", "a partition with grants or policies"),
        (
            "alter table app.bulk_change_target add foreign key (site_id) references app.site_copy (id)",
            "a foreign key without the tenant",
        ),
        (
            "alter table app.m2m_device add column owner_site_id uuid",
            "points somewhere without a foreign key and is not listed as hot: m2m_device.owner_site_id",
        ),
        (
            "alter table app.m2m_device add foreign key (tenant_id, site_id) references app.site (tenant_id, id)",
            "a foreign key on a column listed as hot: m2m_device.site_id",
        ),
        (
            "alter table app.device_lock rename column bulk_change_id to change_id",
            "a listed hot column does not exist: device_lock.bulk_change_id",
        ),
        (
            "create unique index leak on app.m2m_device (iccid)",
            "a primary or unique key of a tenant table without the tenant",
        ),
        ("grant create on schema app to ascribe_web", "may create in schema app: ascribe_web"),
        ("alter table app.site owner to ascribe_web", "a role that runs owns site"),
        ("grant truncate on app.site to ascribe_web", "somebody may TRUNCATE site"),
        ("grant insert on app.site to ascribe_auditor", "somebody may INSERT site: ascribe_auditor"),
        ("grant select on app.site to public", "somebody may SELECT site: public"),
        ("grant ascribe_owner to ascribe_web", "a role that runs may become another: ascribe_web -> ascribe_owner"),
        (
            "drop policy tenant on app.site; create policy tenant on app.site using (tenant_id = app.current_tenant() or true) with check (tenant_id = app.current_tenant() or true)",
            "no tenant policy",
        ),
        ("grant update on app.integration to ascribe_web", "somebody may UPDATE integration"),
        ("grant update on app.audit_entry to ascribe_worker", "somebody may UPDATE audit_entry"),
        (
            "grant delete on app.m2m_device_bulk_change_log to ascribe_worker",
            "somebody may DELETE m2m_device_bulk_change_log",
        ),
        ("grant select on app.device_lock to ascribe_web", "somebody may SELECT device_lock"),
        (
            "grant execute on function app.lock_devices(uuid, uuid, uuid[], integer[]) to public",
            "a function everybody may execute: lock_devices",
        ),
        ("create function app.f() returns integer language sql as 'select 1'", "a function everybody may execute: f"),
        (
            "alter function app.lock_devices(uuid, uuid, uuid[], integer[]) reset search_path",
            "a definer function without a search path of its own",
        ),
        (
            "create function app.f() returns integer language sql security definer set search_path = app as 'select 1'",
            "an unlisted definer function: f",
        ),
        ("create view app.v as select * from app.site", "a view with its owner's rights"),
        (
            "create materialized view app.v as select * from app.integration",
            "a view with its owner's rights, or a stored view: v",
        ),
    ];
    let database = TestDatabase::new().await.unwrap();
    let mut connection = database.admin().connect().await.unwrap();
    connection.execute("create table app.site_copy (tenant_id uuid, id uuid unique)").await.unwrap();
    let month: String = sqlx::query_scalar("select to_char(now() at time zone 'UTC', 'YYYY_MM')")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    for (plant, found) in plants {
        let mut transaction = connection.begin().await.unwrap();
        transaction.execute(AssertSqlSafe(plant.replace("2026_11", &month))).await.unwrap();
        let said = holes(&mut transaction).await.unwrap();
        assert!(said.iter().any(|hole| hole.contains(found)), "{plant}: {said:?}");
        transaction.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn a_role_that_may_too_much_is_found() {
    // Roles are the whole cluster's: planted and taken back within one transaction.
    let database = TestDatabase::new().await.unwrap();
    let mut connection = database.admin().connect().await.unwrap();
    for right in ["bypassrls", "createrole", "createdb", "inherit"] {
        let mut transaction = connection.begin().await.unwrap();
        transaction.execute(AssertSqlSafe(format!("alter role ascribe_auditor {right}"))).await.unwrap();
        let said = holes(&mut transaction).await.unwrap();
        assert!(
            said.contains(&"a role that runs is more than it should be: ascribe_auditor".to_owned()),
            "{right}: {said:?}"
        );
        transaction.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn row_level_security_holds_where_a_query_forgets_the_tenant() {
    let app = testing::TestApp::start(3).await.unwrap();
    let mut web = app.database.server().connect_as(Role::Web).await.unwrap();
    let count = "select count(*) from app.m2m_device";
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut web).await.unwrap(), 0, "no tenant, no rows");
    let mut transaction = web.begin().await.unwrap();
    sqlx::query("select set_config('app.tenant', $1, true)")
        .bind(app.fixture.other_tenant.to_string())
        .execute(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut *transaction).await.unwrap(), 1);
    transaction.rollback().await.unwrap();
    assert_eq!(
        sqlx::query_scalar::<_, i64>(count).fetch_one(&mut web).await.unwrap(),
        0,
        "the tenant ended with its transaction"
    );
    let mut owner = app.database.server().connect_as(Role::Owner).await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut owner).await.unwrap(), 0, "the owner is bound, too");
    let planted = sqlx::query("insert into app.site (tenant_id, id, name, amop_customer_id) values ($1, gen_random_uuid(), 'x', gen_random_uuid())")
        .bind(app.fixture.other_tenant.0)
        .execute(&mut owner)
        .await;
    assert!(planted.is_err(), "nobody writes for a tenant that is not the transaction's");
    app.finish().await.unwrap();
}

#[tokio::test]
async fn months_are_made_ahead_also_for_a_shifted_clock() {
    let database = TestDatabase::new().await.unwrap();
    let late = database.server().clock_offset("200 days");
    let mut worker = late.connect_as(Role::Worker).await.unwrap();
    let make = "select app.ensure_month_partitions((app.now() at time zone 'UTC')::date, 1)";
    let made: i32 = sqlx::query_scalar(make).fetch_one(&mut worker).await.unwrap();
    assert_eq!(made, 6, "two months of three tables");
    let again: i32 = sqlx::query_scalar(make).fetch_one(&mut worker).await.unwrap();
    assert_eq!(again, 0);
}

/// Every right that a role of ours has on anything in schema app: tables, columns and functions.
const RIGHTS: &str = "
    select r.rolname || ' ' || string_agg(distinct a.privilege_type, ',') || ' table ' || c.relname
    from pg_class c join pg_namespace n on n.oid = c.relnamespace, lateral aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
    where n.nspname = 'app' and not c.relispartition and r.rolname <> 'ascribe_owner' group by r.rolname, c.relname
    union all
    select r.rolname || ' ' || x.privilege_type || ' column ' || c.relname || ' (' || string_agg(a.attname, ', ' order by a.attname) || ')'
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace,
        lateral aclexplode(a.attacl) x join pg_roles r on r.oid = x.grantee
    where n.nspname = 'app' and r.rolname <> 'ascribe_owner' group by r.rolname, x.privilege_type, c.relname
    union all
    select r.rolname || ' EXECUTE function ' || p.proname
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace, lateral aclexplode(p.proacl) a join pg_roles r on r.oid = a.grantee
    where n.nspname = 'app' and r.rolname <> 'ascribe_owner'
    order by 1";

#[tokio::test]
async fn every_right_of_every_role_is_as_listed() {
    let database = TestDatabase::new().await.unwrap();
    let mut connection = database.admin().connect().await.unwrap();
    let rights: Vec<String> = sqlx::query_scalar(RIGHTS).fetch_all(&mut connection).await.unwrap();
    let text = rights.join("\n") + "\n";
    let listed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger/rights.txt");
    if std::env::var_os("ASCRIBE_WRITE_DOCS").is_some() {
        std::fs::write(&listed, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(listed).unwrap_or_default() == text,
        "a right was given or taken: read rights.txt, then ASCRIBE_WRITE_DOCS=1"
    );
}
