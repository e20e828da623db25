-- Roles are cluster-wide, so they are made here, outside the per-database migrations, and idempotently:
-- several databases of one cluster (a test run) may run this at the same moment.
-- Run by a superuser, or by a role with CREATEROLE. See docs/decisions/0002-roles.md.
--
--   ascribe_owner       owns every object; runs migrations; row level security is forced on it too
--   ascribe_web         plans, applies, reads, within one tenant
--   ascribe_worker      settles chunks, within one tenant
--   ascribe_dispatcher  ids only, across tenants: which chunk is due, whose key is this
--   ascribe_auditor     reads everything, writes nothing: invariants, orphans, agreement
--
-- They cannot log in here: whoever runs this (a superuser or not) becomes a member and does SET ROLE. The embedded server
-- lets each of them log in by itself instead (migrate::let_roles_log_in), so that no session can become another role.
do $$
declare
    v_role text;
begin
    foreach v_role in array array['ascribe_owner', 'ascribe_web', 'ascribe_worker', 'ascribe_dispatcher', 'ascribe_auditor']
    loop
        if not exists (select 1 from pg_roles where rolname = v_role) then
            begin
                execute format('create role %I noinherit nosuperuser nocreatedb nocreaterole nobypassrls', v_role);
            exception when duplicate_object or unique_violation then
                null; -- another database of this cluster was faster
            end;
        end if;
        if not (select rolsuper from pg_roles where rolname = session_user) and not pg_has_role(session_user, v_role, 'member') then
            execute format('grant %I to %I', v_role, session_user);
        end if;
    end loop;
end
$$;
