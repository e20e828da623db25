-- usp_update_device_rev_service_links: which line of its account bills a device, and which lines of others do.
-- Seed's procedure: usp_UpdateDevice_RevServiceLinks (the whole database at once there; here the devices that were touched).
-- In:      the tenant; devices. Rules: reference domain 3.5, items 5 to 8.
-- Effect:  candidates are lines whose number is the device's MSISDN, or whose number with a 1 before it is; with a product that
--          has a status; of an account that is not closed (whether it has a seat here says nothing of what is billed); none of an
--          archived device.
--          rev_service_id: the best candidate of the device's own account: an active line first, then by product status
--          (ACTIVE, PENDING, others by name), the later cancel date (none is the latest), the later activation, the higher id.
--          A line is active if it is not disconnected and that product is neither DISCONNECTED nor DENIED.
--          other_rev_service_ids: the active lines of other accounts, null if there is none. The assignment itself is not touched: what
--          disagrees is shown and planned, and not reverted overnight.
-- Errors:  none of its own. Idempotent: a second call moves nothing. Answers how many links changed.
-- Cost per device: 1 row lock, two look-ups by number, 1 update where a link changed. Two statements for all.
create function app.usp_update_device_rev_service_links(p_tenant_id uuid, p_device_ids uuid[]) returns integer
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_changed integer;
begin
    -- Locked before anything is looked at: whoever assigns one of them now is waited for, and what it made of the account is seen.
    perform from app.device_tenant dt
    where dt.tenant_id = p_tenant_id and dt.device_id = any (p_device_ids) order by dt.device_id for no key update;

    with asked as (
        select dt.device_id, dt.account_number, dt.account_number_integration_authentication_id as authentication,
            case when not d.is_archived then d.msisdn end as msisdn
        from app.device_tenant dt
        join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = dt.device_id
        where dt.tenant_id = p_tenant_id and dt.device_id = any (p_device_ids)
    ), called as materialized (
        -- Materialized: substr in a join counts as leaky, and under row level security lines would not be found by their index.
        select a.device_id, a.account_number, a.authentication, n.number
        from asked a
        cross join lateral (values (a.msisdn), (case when a.msisdn like '1%' then substr(a.msisdn, 2) end)) as n (number)
        where n.number is not null
    ), candidate as (
        select a.device_id, s.id, s.rev_service_id,
            case when (s.rev_customer_id, s.integration_authentication_id) is not distinct from (a.account_number, a.authentication)
                then true else false end as is_own,
            s.disconnected_date is null and p.status not in ('DISCONNECTED', 'DENIED') as is_active,
            case p.status when 'ACTIVE' then 0 when 'PENDING' then 1 else 2 end as status_rank, p.status, p.canceled_date,
            s.activated_date
        from called a
        join app.rev_service s on s.tenant_id = p_tenant_id and s.number = a.number and s.gone_at is null
        join app.rev_service_product p on p.tenant_id = p_tenant_id and p.integration_authentication_id = s.integration_authentication_id
            and p.rev_service_id = s.rev_service_id and p.status is not null and p.gone_at is null
        join app.rev_customer r on r.tenant_id = p_tenant_id and r.integration_authentication_id = s.integration_authentication_id
            and r.rev_customer_id = s.rev_customer_id and r.status <> 'CLOSED'
    ), own as (
        select distinct on (device_id) device_id, id, is_active from candidate where is_own
        order by device_id, is_active desc, status_rank, status, canceled_date desc nulls first, activated_date desc nulls last, rev_service_id desc
    ), other as (
        select device_id, array_agg(distinct id order by id) as ids from candidate where is_active and not is_own group by device_id
    ), link as (
        select a.device_id, o.id as rev_service_id, coalesce(o.is_active, false) as is_active, x.ids as other_rev_service_ids
        from asked a left join own o on o.device_id = a.device_id left join other x on x.device_id = a.device_id
    )
    update app.device_tenant dt
    set rev_service_id = l.rev_service_id, rev_service_is_active = l.is_active, other_rev_service_ids = l.other_rev_service_ids
    from link l
    where dt.tenant_id = p_tenant_id and dt.device_id = l.device_id
      and (dt.rev_service_id, dt.rev_service_is_active, dt.other_rev_service_ids) is distinct from (l.rev_service_id, l.is_active, l.other_rev_service_ids);
    get diagnostics v_changed = row_count;
    return v_changed;
end
$$;
grant execute on function app.usp_update_device_rev_service_links(uuid, uuid[]) to ascribe_worker;
