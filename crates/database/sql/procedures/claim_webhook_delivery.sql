-- claim_webhook_delivery: the next delivery that is due, lent to the caller with an epoch of its own.
-- Seed's procedure: none.
-- Runs as the dispatcher, over all tenants, on ids only. What is lent is the webhook: one of its deliveries is under way at a
-- time, so that an address that takes long to answer keeps nobody waiting but itself; webhooks take turns, least recently
-- served first. Of a change's events the first that is not over goes first. SKIP LOCKED: two callers never wait for each
-- other. A lease that ran out (somebody died with it) is lent again: at least once.
-- Answers no row when nothing is due. Cost: one index look-up per active webhook that has nothing due, 1 update.
create function app.claim_webhook_delivery(p_lease interval)
    returns table (tenant_id uuid, webhook_id uuid, delivery_id uuid, epoch integer)
    language plpgsql set search_path = app, pg_temp
    as $$
#variable_conflict use_column
declare
    v_tenant   uuid;
    v_webhook  uuid;
    v_delivery uuid;
begin
    select w.tenant_id, w.id into v_tenant, v_webhook from app.webhook w
    where w.status = 'ACTIVE' and (w.lease_until is null or w.lease_until <= app.now())
      and exists (select from app.webhook_delivery d
          where d.tenant_id = w.tenant_id and d.webhook_id = w.id and d.status = 'PENDING' and d.next_attempt_at <= app.now()
            and not exists (select from app.webhook_delivery b where b.tenant_id = d.tenant_id and b.webhook_id = d.webhook_id
                and b.bulk_change_id = d.bulk_change_id and b.seq < d.seq and b.status = 'PENDING'))
    order by w.served_at limit 1
    for update of w skip locked;
    if not found then
        return;
    end if;
    -- Now that the webhook is ours: another caller may have done meanwhile what was due when it was looked for.
    select d.id into v_delivery from app.webhook_delivery d
    where d.tenant_id = v_tenant and d.webhook_id = v_webhook and d.status = 'PENDING' and d.next_attempt_at <= app.now()
      and not exists (select from app.webhook_delivery b where b.tenant_id = d.tenant_id and b.webhook_id = d.webhook_id
          and b.bulk_change_id = d.bulk_change_id and b.seq < d.seq and b.status = 'PENDING')
    order by d.next_attempt_at, d.number limit 1;
    if not found then
        return;
    end if;
    return query
        update app.webhook w set lease_until = app.now() + p_lease, epoch = w.epoch + 1, served_at = app.now()
        where w.tenant_id = v_tenant and w.id = v_webhook
        returning w.tenant_id, w.id, v_delivery, w.epoch;
end
$$;
grant execute on function app.claim_webhook_delivery(interval) to ascribe_dispatcher;
