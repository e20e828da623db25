-- discard_plan_rows: rows of a plan that will never be applied: it expired, it failed, or its planner died and begins again.
-- Seed's procedure: none. Called by the worker for what expired or failed, by the planner before it begins again.
-- Definer: the roles that run may not delete what the ledger holds; this deletes only below a plan that was never applied,
-- and only in the tenant of the transaction (row level security binds the owner, too).
-- Effect:  at most p_limit rows removed, with their records and targets when none is left; counts and reasons stay.
--          Answers how many rows went; less than p_limit: none is left, and the plan says so.
-- Cost per row: 1 delete.
create function app.discard_plan_rows(p_tenant_id uuid, p_bulk_change_id uuid, p_limit integer) returns integer
    language plpgsql security definer set search_path = app, pg_temp
    as $$
declare
    v_change app.device_bulk_change;
    v_gone   integer;
begin
    select * into v_change from app.device_bulk_change b
    where b.tenant_id = p_tenant_id and b.id = p_bulk_change_id and b.applied_at is null
      and (b.status in ('PLANNING', 'PLAN_FAILED') or b.status = 'PLANNED' and b.expires_at <= app.now())
    for update;
    if not found or p_tenant_id is distinct from app.current_tenant() then
        return 0;
    end if;
    with gone as (
        delete from app.m2m_device_change c
        where c.tenant_id = p_tenant_id and c.bulk_change_id = p_bulk_change_id and c.row_number in (
            select r.row_number from app.m2m_device_change r
            where r.tenant_id = p_tenant_id and r.bulk_change_id = p_bulk_change_id order by r.row_number limit p_limit)
        returning 1)
    select count(*) into v_gone from gone;
    if v_gone < p_limit then
        delete from app.bulk_change_input where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id;
        delete from app.bulk_change_chunk where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id;
        delete from app.bulk_change_target where tenant_id = p_tenant_id and bulk_change_id = p_bulk_change_id;
    end if;
    if v_change.status <> 'PLANNING' then
        -- With the last batch; an apply in between finds it expired.
        update app.device_bulk_change set rows_removed_at = case when v_gone < p_limit then app.now() end
        where tenant_id = p_tenant_id and id = p_bulk_change_id;
    end if;
    return v_gone;
end
$$;
grant execute on function app.discard_plan_rows(uuid, uuid, integer) to ascribe_web, ascribe_worker;
