-- end_webhook_attempt: what a try of a delivery came to; the webhook is given back.
-- Seed's procedure: none.
-- In:     the claim's epoch; the status that came back, or why none did; what is next:
--         'DELIVERED' · 'AGAIN' after p_wait · 'FAILED' (tried for days) · 'GONE' (410: the webhook is paused; what is
--         pending is tried again when somebody lets it go on).
-- Effect: the attempt, the delivery, and with it the later events of the same change, which wait as long as it does.
-- Errors: ZA001 the lease is lost: somebody else has the webhook now, and tries the delivery again.
-- Cost:   1 insert, 2 or 3 updates.
create function app.end_webhook_attempt(p_tenant_id uuid, p_webhook_id uuid, p_delivery_id uuid, p_epoch integer,
    p_http_status smallint, p_error text, p_next text, p_wait interval) returns void
    language plpgsql set search_path = app, pg_temp
    as $$
declare
    v_now      timestamptz := app.now();
    v_delivery app.webhook_delivery;
begin
    perform from app.webhook w where w.tenant_id = p_tenant_id and w.id = p_webhook_id and w.epoch = p_epoch
        and w.lease_until > v_now for update;
    if not found then
        raise exception 'the lease of the webhook is lost' using errcode = 'ZA001';
    end if;
    select * into v_delivery from app.webhook_delivery d where d.tenant_id = p_tenant_id and d.id = p_delivery_id for update;
    insert into app.webhook_attempt (tenant_id, webhook_delivery_id, attempt, at, http_status, error)
    values (p_tenant_id, p_delivery_id, v_delivery.attempts + 1, v_now, p_http_status, p_error);
    -- Archived while it was under way: it stays cancelled, and the attempt says what came of it.
    update app.webhook_delivery d
    set attempts = d.attempts + 1, first_attempt_at = coalesce(d.first_attempt_at, v_now),
        status = case when d.status <> 'PENDING' then d.status when p_next in ('DELIVERED', 'FAILED') then p_next else 'PENDING' end,
        next_attempt_at = case when d.status = 'PENDING' and p_next in ('AGAIN', 'GONE') then v_now + coalesce(p_wait, interval '0') end,
        ended_at = case when d.status <> 'PENDING' then d.ended_at when p_next in ('DELIVERED', 'FAILED') then v_now end
    where d.tenant_id = p_tenant_id and d.id = p_delivery_id;
    update app.webhook_delivery d set next_attempt_at = case when p_next = 'AGAIN' then v_now + p_wait else v_now end
    where d.tenant_id = p_tenant_id and d.webhook_id = p_webhook_id and d.bulk_change_id = v_delivery.bulk_change_id
      and d.seq > v_delivery.seq and d.status = 'PENDING' and (p_next = 'AGAIN' or d.next_attempt_at > v_now);
    update app.webhook w
    set lease_until = null,
        status = case when p_next = 'GONE' and w.status = 'ACTIVE' then 'PAUSED' else w.status end,
        paused_because = case when p_next = 'GONE' and w.status = 'ACTIVE' then 'it answered 410 Gone' else w.paused_because end
    where w.tenant_id = p_tenant_id and w.id = p_webhook_id;
    if p_next = 'GONE' then
        insert into app.audit_entry (tenant_id, at, actor, action, detail)
        values (p_tenant_id, v_now, 'ascribe', 'webhook_paused', jsonb_build_object('webhook', p_webhook_id, 'because', 'it answered 410 Gone'));
    end if;
end
$$;
grant execute on function app.end_webhook_attempt(uuid, uuid, uuid, integer, smallint, text, text, interval) to ascribe_worker;
