-- Roles are cluster-wide, so they are made here, outside the per-database migrations, and idempotently:
-- several databases of one cluster (a test run) may run this at the same moment.
-- Run by a superuser, or by a role with CREATEROLE. See docs/decisions/0002-roles.md.
--
--   ascribe_owner       owns every object; runs migrations; row level security is forced on it too
--   ascribe_web         plans, applies, reads, within one tenant
--   ascribe_worker      settles chunks, within one tenant
--   ascribe_dispatcher  ids only, across tenants: which chunk is due, whose key is this
--   ascribe_auditor     reads everything, writes nothing: invariants, orphans, agreement
--   ascribe_login       what a process logs in as; has no right but SET ROLE to the ones above
do $$
declare
    v_role text;
begin
    perform pg_advisory_lock(hashtext('ascribe roles'));
    foreach v_role in array array['ascribe_owner', 'ascribe_web', 'ascribe_worker', 'ascribe_dispatcher', 'ascribe_auditor']
    loop
        if not exists (select 1 from pg_roles where rolname = v_role) then
            execute format('create role %I nologin noinherit nosuperuser nocreatedb nocreaterole nobypassrls', v_role);
        end if;
    end loop;
    if not exists (select 1 from pg_roles where rolname = 'ascribe_login') then
        create role ascribe_login login noinherit nosuperuser nocreatedb nocreaterole nobypassrls;
    end if;
    foreach v_role in array array['ascribe_owner', 'ascribe_web', 'ascribe_worker', 'ascribe_dispatcher', 'ascribe_auditor']
    loop
        if not pg_has_role('ascribe_login', v_role, 'member') then
            execute format('grant %I to ascribe_login', v_role);
        end if;
    end loop;
    perform pg_advisory_unlock(hashtext('ascribe roles'));
end
$$;
