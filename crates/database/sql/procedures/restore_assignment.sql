-- restore_assignment: plan, pool and allocation back to exactly what they were, also to nothing.
-- Seed's procedure: none (nothing could be undone there). The site and the account are put back by the seed's two
-- procedures for sites; settle_chunk calls them first.
-- In:      the tenant; devices with the plan, pool and allocation (MB) they had, position by position.
-- Errors:  ZA010 a plan or a pool is not this tenant's.
-- Idempotent: a second call moves no version. Cost per device: 1 update.
create function app.restore_assignment(
    p_tenant_id uuid, p_device_ids uuid[], p_customer_rate_plan_ids uuid[], p_customer_rate_pool_ids uuid[],
    p_customer_data_allocations_mb numeric[]) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_restored integer;
begin
    if exists (select from (select distinct id from unnest(p_customer_rate_plan_ids) as w (id)) as w
               where w.id is not null and not exists (select from app.customer_rate_plan p where p.tenant_id = p_tenant_id and p.id = w.id))
    or exists (select from (select distinct id from unnest(p_customer_rate_pool_ids) as w (id)) as w
               where w.id is not null and not exists (select from app.customer_rate_pool p where p.tenant_id = p_tenant_id and p.id = w.id))
    then
        raise exception 'a plan or a pool is not one of this tenant' using errcode = 'ZA010';
    end if;
    update app.device_tenant dt
    set customer_rate_plan_id = w.plan_id, customer_rate_pool_id = w.pool_id, customer_data_allocation_mb = w.allocation_mb,
        modified_at = app.now()
    from unnest(p_device_ids, p_customer_rate_plan_ids, p_customer_rate_pool_ids, p_customer_data_allocations_mb)
        as w (device_id, plan_id, pool_id, allocation_mb)
    where dt.tenant_id = p_tenant_id and dt.device_id = w.device_id;
    get diagnostics v_restored = row_count;
    return v_restored;
end
$$;
grant execute on function app.restore_assignment(uuid, uuid[], uuid[], uuid[], numeric[]) to ascribe_worker;
