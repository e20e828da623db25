-- usp_device_bulk_change_customer_rate_plan_change_update: plan, pool and data allocation, per row, now.
-- Seed's procedure: usp_DeviceBulkChange_CustomerRatePlanChange_UpdateDevices (which took the first row's values for
-- the whole bulk change; here every device has its own).
-- In:      the tenant; devices with their plan, pool and allocation (MB), position by position; null leaves a value alone.
-- Effect:  device_tenant updated. A device without an assignment in this tenant is not touched.
-- Errors:  ZA010 a plan or a pool is not an active one of this tenant; 23514 a negative allocation.
-- Idempotent: a second call moves no version. Cost per device: 1 update.
create function app.usp_device_bulk_change_customer_rate_plan_change_update(
    p_tenant_id uuid, p_device_ids uuid[], p_customer_rate_plan_ids uuid[], p_customer_rate_pool_ids uuid[],
    p_customer_data_allocations_mb numeric[]) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_changed integer;
begin
    if exists (select from (select distinct id from unnest(p_customer_rate_plan_ids) as w (id)) as w
               where w.id is not null and not exists (
                   select from app.customer_rate_plan p where p.tenant_id = p_tenant_id and p.id = w.id and p.is_active))
    or exists (select from (select distinct id from unnest(p_customer_rate_pool_ids) as w (id)) as w
               where w.id is not null and not exists (
                   select from app.customer_rate_pool p where p.tenant_id = p_tenant_id and p.id = w.id and p.is_active))
    then
        raise exception 'a plan or a pool is not an active one of this tenant' using errcode = 'ZA010';
    end if;
    update app.device_tenant dt
    set customer_rate_plan_id = coalesce(w.plan_id, dt.customer_rate_plan_id),
        customer_rate_pool_id = coalesce(w.pool_id, dt.customer_rate_pool_id),
        customer_data_allocation_mb = coalesce(w.allocation_mb, dt.customer_data_allocation_mb),
        modified_at = app.now()
    from unnest(p_device_ids, p_customer_rate_plan_ids, p_customer_rate_pool_ids, p_customer_data_allocations_mb)
        as w (device_id, plan_id, pool_id, allocation_mb)
    where dt.tenant_id = p_tenant_id and dt.device_id = w.device_id;
    get diagnostics v_changed = row_count;
    return v_changed;
end
$$;
grant execute on function app.usp_device_bulk_change_customer_rate_plan_change_update(uuid, uuid[], uuid[], uuid[], numeric[])
    to ascribe_worker;
