//! What the catalogue must say of every table: row level security forced, composite keys, least rights.
//! One function that finds holes; a test plants each kind of hole and sees it found.

use crate::Result;
use sqlx::PgConnection;

/// A column that points at another table without a foreign key, because it is written once per device.
/// `settle_chunk` or the plan checks it per chunk; the orphan query of [`crate::proof`] covers it.
#[derive(Clone, Copy, Debug)]
pub struct HotColumn {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The tenant column beside it.
    pub tenant: &'static str,
    /// The table it points at.
    pub references: &'static str,
    /// The tenant column there.
    pub referenced_tenant: &'static str,
    /// The key column there.
    pub referenced: &'static str,
}

const fn hot(table: &'static str, column: &'static str, references: &'static str) -> HotColumn {
    HotColumn { table, column, tenant: "tenant_id", references, referenced_tenant: "tenant_id", referenced: "id" }
}

/// Every hot column. Rows they point at are archived, never deleted.
pub const HOT_COLUMNS: &[HotColumn] = &[
    hot("m2m_device", "site_id", "site"),
    hot("device_tenant", "site_id", "site"),
    hot("device_tenant", "account_number_integration_authentication_id", "integration_authentication"),
    hot("device_tenant", "customer_rate_plan_id", "customer_rate_plan"),
    hot("device_tenant", "customer_rate_pool_id", "customer_rate_pool"),
    hot("device_tenant", "scheduled_change_id", "device_bulk_change"),
    hot("device_tenant", "rev_service_id", "rev_service"),
    hot("device_change_schedule", "bulk_change_id", "device_bulk_change"),
    hot("device_change_schedule", "customer_rate_plan_id", "customer_rate_plan"),
    hot("device_change_schedule", "customer_rate_pool_id", "customer_rate_pool"),
    HotColumn {
        table: "device_change_schedule",
        column: "device_id",
        tenant: "tenant_id",
        references: "device_tenant",
        referenced_tenant: "tenant_id",
        referenced: "device_id",
    },
    hot("m2m_device_change", "bulk_change_id", "device_bulk_change"),
    HotColumn {
        table: "m2m_device_change",
        column: "device_id",
        tenant: "tenant_id",
        references: "device_tenant",
        referenced_tenant: "tenant_id",
        referenced: "device_id",
    },
    hot("m2m_device_change", "before_site_id", "site"),
    hot("m2m_device_change", "before_integration_authentication_id", "integration_authentication"),
    hot("m2m_device_change", "before_customer_rate_plan_id", "customer_rate_plan"),
    hot("m2m_device_change", "before_customer_rate_pool_id", "customer_rate_pool"),
    hot("m2m_device_change", "before_carrier_rate_plan_id", "carrier_rate_plan"),
    HotColumn {
        table: "device_tenant_history",
        column: "device_id",
        tenant: "tenant_id",
        references: "device_tenant",
        referenced_tenant: "tenant_id",
        referenced: "device_id",
    },
    hot("device_tenant_history", "bulk_change_id", "device_bulk_change"),
    hot("device_tenant_history", "site_id", "site"),
    hot("device_tenant_history", "account_number_integration_authentication_id", "integration_authentication"),
    hot("device_tenant_history", "customer_rate_plan_id", "customer_rate_plan"),
    hot("device_tenant_history", "customer_rate_pool_id", "customer_rate_pool"),
    hot("m2m_device_bulk_change_log", "bulk_change_id", "device_bulk_change"),
    hot("audit_entry", "bulk_change_id", "device_bulk_change"),
    hot("device_lock", "bulk_change_id", "device_bulk_change"),
    HotColumn {
        table: "device_lock",
        column: "device_id",
        tenant: "tenant_id",
        references: "device_tenant",
        referenced_tenant: "tenant_id",
        referenced: "device_id",
    },
];

/// Tables without a tenant: words that are the same for everybody, writable by nobody at run time.
const GLOBAL_TABLES: &[&str] =
    &["integration", "device_status", "change_request_type", "role", "role_module", "role_change_type"];

/// Policies beside `tenant` and `auditor`, each for one role on one table.
const EXTRA_POLICIES: &[&str] = &[
    "api_key_lookup.dispatcher",
    // Digests of what is random.
    "carrier_callback_gate.dispatcher",
    "tenant.dispatcher",
    "bulk_change_chunk.dispatcher",
    "tenant_turn.dispatcher",
    "bulk_change_turn.dispatcher",
    "schedule_chunk.dispatcher",
    // Of this one the dispatcher reads tenants and times; which customers, it does not.
    "rev_read_again.dispatcher",
    "webhook.dispatcher",
    "due_work.dispatcher",
    "outside_turn.dispatcher",
    "account_gate.dispatcher",
    "webhook_delivery.dispatcher",
    "m2m_device.agent",
    "device_status_history.agent",
    "device_tenant.own_devices",
    "device_tenant.not_taken_back",
    "device_tenant.given_devices",
    "device_lock.definer_functions",
    "person.has_role_here",
    "person_lookup.dispatcher",
    "person_role.dispatcher",
    "person_session.dispatcher",
    "person_invitation.dispatcher",
];

const HOLES: &str = "
with tables as (
    select c.oid, c.relname::text as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced, c.relispartition as is_child
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'app' and c.relkind in ('r', 'p')
), tenants as (select * from tables where name <> all ($1) and not is_child
), runtime as (select rolname::text as name, oid from pg_roles where rolname in ('ascribe_web', 'ascribe_worker', 'ascribe_dispatcher', 'ascribe_auditor')
), grants as (
    select t.name as table_name, coalesce(r.rolname::text, 'public') as grantee, a.privilege_type
    from tables t join pg_class c on c.oid = t.oid, lateral aclexplode(c.relacl) a left join pg_roles r on r.oid = a.grantee
)
select 'row level security is not enabled and forced on ' || name from tables where name <> all ($1) and not (enabled and forced)
union all
select 'no tenant policy, with check, for all commands and roles, on ' || t.name from tenants t where not exists (
    select from pg_policy p where p.polrelid = t.oid and p.polname = 'tenant' and p.polcmd = '*' and p.polroles = '{0}'
      and pg_get_expr(p.polqual, p.polrelid) in ('(tenant_id = ( SELECT app.current_tenant() AS current_tenant))', '(id = ( SELECT app.current_tenant() AS current_tenant))')
      and pg_get_expr(p.polwithcheck, p.polrelid) = pg_get_expr(p.polqual, p.polrelid))
union all
select 'an unlisted policy ' || t.name || '.' || p.polname from pg_policy p join tables t on t.oid = p.polrelid
    where p.polname not in ('tenant', 'auditor') and t.name || '.' || p.polname <> all ($2)
union all
select 'the auditor policy does more than let the auditor read ' || t.name from pg_policy p join tables t on t.oid = p.polrelid
    where p.polname = 'auditor' and (p.polcmd <> 'r' or p.polroles <> array(select oid from pg_roles where rolname = 'ascribe_auditor'))
union all
select 'a partition with grants or policies of its own: ' || name from tables t where is_child
    and (exists (select from grants g where g.table_name = t.name and g.grantee <> 'ascribe_owner') or exists (select from pg_policy p where p.polrelid = t.oid))
union all
select 'a foreign key without the tenant: ' || k.conname from pg_constraint k
    join tenants t on t.oid = k.conrelid join tenants r on r.oid = k.confrelid
    where k.contype = 'f' and r.name <> 'tenant' and not exists (
        select from unnest(k.conkey, k.confkey) as u (here, there)
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.here
        join pg_attribute b on b.attrelid = k.confrelid and b.attnum = u.there
        where a.attname in ('tenant_id', 'device_owner_tenant_id', 'owner_tenant_id', 'person_tenant_id') and b.attname = 'tenant_id')
union all
select 'a column that points somewhere without a foreign key and is not listed as hot: ' || t.name || '.' || a.attname
    from tenants t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    where a.atttypid = 'uuid'::regtype and a.attname like '%\\_id' and a.attname not in ('tenant_id', 'amop_customer_id', 'owner_tenant_id')
      and t.name || '.' || a.attname <> all ($3)
      and not exists (select from pg_constraint k where k.conrelid = t.oid and k.contype = 'f' and a.attnum = any (k.conkey))
union all
select 'a foreign key on a column listed as hot: ' || t.name || '.' || a.attname
    from tenants t join pg_attribute a on a.attrelid = t.oid join pg_constraint k on k.conrelid = t.oid and k.contype = 'f' and a.attnum = any (k.conkey)
    where t.name || '.' || a.attname = any ($3)
union all
select 'a listed hot column does not exist: ' || h from unnest($3) as h where not exists (
    select from tenants t join pg_attribute a on a.attrelid = t.oid where t.name || '.' || a.attname = h)
union all
select 'a primary or unique key of a tenant table without the tenant: ' || t.name || ' ' || i.indexrelid::regclass::text
    from pg_index i join tenants t on t.oid = i.indrelid
    where i.indisunique and t.name not in ('tenant', 'api_key_lookup', 'device_lock', 'person_lookup', 'person_session', 'person_invitation') and not exists (
        select from pg_attribute a where a.attrelid = t.oid and a.attnum = any (i.indkey::smallint[]) and a.attname = 'tenant_id')
union all
select 'a role that runs is more than it should be: ' || rolname from pg_roles
    where rolname in (select name from runtime) and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolinherit)
union all
select 'a role that runs may become another: ' || m.rolname || ' -> ' || g.rolname from pg_auth_members a
    join pg_roles m on m.oid = a.member join pg_roles g on g.oid = a.roleid where m.rolname in (select name from runtime)
union all
select 'a role that runs owns ' || c.relname from pg_class c join runtime r on r.oid = c.relowner
union all
select 'a role that runs may create in schema app: ' || name from runtime where has_schema_privilege(oid, 'app', 'create')
union all
select 'somebody may ' || privilege_type || ' ' || table_name || ': ' || grantee from grants
    where grantee <> 'ascribe_owner' and (privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER') or grantee = 'public'
        or grantee = 'ascribe_auditor' and privilege_type <> 'SELECT'
        or table_name = any ($1) and privilege_type <> 'SELECT'
        or table_name in ('audit_entry', 'audit_seal', 'm2m_device_bulk_change_log', 'device_tenant_history') and privilege_type in ('UPDATE', 'DELETE')
        or table_name = 'device_lock' and grantee <> 'ascribe_auditor')
union all
select 'a function everybody may execute: ' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'app' and (p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0))
union all
select 'a definer function without a search path of its own, or not the owner''s: ' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'app' and p.prosecdef
      and (p.proowner <> (select oid from pg_roles where rolname = 'ascribe_owner') or not coalesce(array_to_string(p.proconfig, ',') like 'search_path=%', false))
union all
select 'an unlisted definer function: ' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'app' and p.prosecdef and p.proname not in ('lock_devices', 'unlock_devices', 'locked_devices', 'ensure_month_partitions', 'discard_plan_rows', 'resolve_rows', 'give_devices', 'take_back_devices')
union all
select 'a view with its owner''s rights, or a stored view: ' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'app' and (c.relkind = 'm' or c.relkind = 'v' and not coalesce(array_to_string(c.reloptions, ',') ~ 'security_invoker=(true|on)', false))
";

/// Every hole, as a sentence; empty when the catalogue is as it must be.
///
/// # Errors
/// The database does not answer.
pub async fn holes(connection: &mut PgConnection) -> Result<Vec<String>> {
    let hot: Vec<String> = HOT_COLUMNS.iter().map(|hot| format!("{}.{}", hot.table, hot.column)).collect();
    let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<String>>();
    Ok(sqlx::query_scalar(HOLES)
        .bind(owned(GLOBAL_TABLES))
        .bind(owned(EXTRA_POLICIES))
        .bind(hot)
        .fetch_all(connection)
        .await?)
}
