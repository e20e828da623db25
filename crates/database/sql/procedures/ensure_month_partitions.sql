-- ensure_month_partitions: makes the months of the partitioned tables that p_from falls in and the p_months after it.
-- Seed's procedure: none. Called by migrate, by the worker at start and every hour, and by tests that shift the clock.
-- Definer: the roles that run may not create tables. Children get no grants (they inherit no policy) and are locked
-- by row level security without a policy, so that they are reached through their parent or not at all.
-- Idempotent. Answers how many partitions it made. Raises nothing of its own.
create function app.ensure_month_partitions(p_from date, p_months integer) returns integer
    language plpgsql security definer set search_path = app, pg_temp
    as $$
declare
    v_parent text;
    v_month  date;
    v_child  text;
    v_made   integer := 0;
begin
    if p_months not between 0 and 36 then
        raise exception 'between 0 and 36 months ahead, not %', p_months using errcode = 'ZA009';
    end if;
    -- Two workers that start together take turns.
    perform pg_advisory_xact_lock(hashtext('app.ensure_month_partitions'));
    foreach v_parent in array array['device_tenant_history', 'm2m_device_bulk_change_log', 'audit_entry'] loop
        for i in 0 .. p_months loop
            v_month := (date_trunc('month', p_from::timestamp) + make_interval(months => i))::date;
            v_child := v_parent || '_' || to_char(v_month, 'YYYY_MM');
            if to_regclass('app.' || v_child) is null then
                -- It takes the parent for itself. Behind a long reader every settle would queue up after it: better tried
                -- again later, there are months of time.
                perform set_config('lock_timeout', '500ms', true);
                -- The bounds are instants: months begin at midnight UTC, whatever the session's time zone is.
                execute format('create table app.%I partition of app.%I for values from (%L) to (%L)', v_child, v_parent,
                    v_month || ' 00:00:00+00', (v_month + interval '1 month')::date || ' 00:00:00+00');
                execute format('alter table app.%I enable row level security', v_child);
                execute format('alter table app.%I force row level security', v_child);
                v_made := v_made + 1;
            end if;
        end loop;
    end loop;
    return v_made;
end
$$;
grant execute on function app.ensure_month_partitions(date, integer) to ascribe_worker, ascribe_web;
