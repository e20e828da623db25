-- mirror_intents: what these rows have made and ended at Rev.io is in the mirror from the transaction on that records it, not from
-- the next reading on. Called under the rows' hold; never by anybody else.
-- Seed's procedures: usp_RevService_Create_Service, usp_RevService_Create_ServiceProduct (one device a call there).
-- In:      rows, which are due_work still; products that a package brought and that were read, as {"service": id, "id", "product_id", "rate", "status"}.
-- Effect:  receipts become rev_service and rev_service_product; what was closed has its end. Idempotent.
-- Cost per row: 1 upsert for the line and each product.
create function app.mirror_intents(p_tenant_id uuid, p_bulk_change_id uuid, p_rows integer[], p_products jsonb) returns void
    language sql set search_path = app, pg_temp
    as $$
    with made as (
        select i.account, i.provider_ref, i.effective_on, c.device_id, w.msisdn as sent_as, t.*
        from app.provider_intent i
        join app.due_work w on w.tenant_id = i.tenant_id and w.bulk_change_id = i.bulk_change_id and w.row_number = i.row_number
        join app.m2m_device_change c on c.tenant_id = i.tenant_id and c.bulk_change_id = i.bulk_change_id and c.row_number = i.row_number
        join app.bulk_change_target t on t.tenant_id = c.tenant_id and t.bulk_change_id = c.bulk_change_id and t.target_number = c.target_number
        where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.row_number = any (p_rows)
          and i.call = 'create_service' and i.outcome = 'DONE'
    )
    insert into app.rev_service (tenant_id, integration_authentication_id, rev_service_id, rev_customer_id, number, number2, rev_provider_id,
        rev_service_type_id, rev_package_id, rev_usage_plan_group_id, description, activated_date)
    select p_tenant_id, m.account, m.provider_ref, r.rev_customer_id, m.sent_as, d.iccid, m.rev_provider_id, m.rev_service_type_id,
        m.rev_package_id, m.rev_usage_plan_group_id, m.rev_service_description, m.effective_on
    from made m
    join app.rev_customer r on r.tenant_id = p_tenant_id and r.id = m.rev_customer_id
    join app.device_tenant dt on dt.tenant_id = p_tenant_id and dt.device_id = m.device_id
    join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = m.device_id
    on conflict (tenant_id, integration_authentication_id, rev_service_id) do nothing;

    insert into app.rev_service_product (tenant_id, integration_authentication_id, rev_service_product_id, rev_service_id, rev_customer_id,
        rev_product_id, rate, quantity, status, status_date, activated_date)
    select p_tenant_id, i.account, i.provider_ref, s.provider_ref, r.rev_customer_id, t.rev_product_ids[i.item], t.rates[i.item], 1, 'ACTIVE',
        i.effective_on, i.effective_on
    from app.provider_intent i
    join app.provider_intent s on s.tenant_id = i.tenant_id and s.bulk_change_id = i.bulk_change_id and s.row_number = i.row_number
        and s.step = i.step and s.direction = i.direction and s.call = 'create_service' and s.outcome = 'DONE'
    join app.m2m_device_change c on c.tenant_id = i.tenant_id and c.bulk_change_id = i.bulk_change_id and c.row_number = i.row_number
    join app.bulk_change_target t on t.tenant_id = c.tenant_id and t.bulk_change_id = c.bulk_change_id and t.target_number = c.target_number
    join app.rev_customer r on r.tenant_id = p_tenant_id and r.id = t.rev_customer_id
    where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.row_number = any (p_rows)
      and i.call = 'create_service_product' and i.outcome = 'DONE'
    on conflict (tenant_id, integration_authentication_id, rev_service_product_id) do nothing;

    insert into app.rev_service_product (tenant_id, integration_authentication_id, rev_service_product_id, rev_service_id, rev_customer_id,
        rev_product_id, rev_package_id, rate, quantity, status, activated_date)
    select p_tenant_id, s.integration_authentication_id, p.id, p.service, s.rev_customer_id, p.product_id, s.rev_package_id, p.rate, 1, p.status, s.activated_date
    from jsonb_to_recordset(p_products) as p (account uuid, service bigint, id bigint, product_id bigint, rate numeric, status text)
    join app.rev_service s on s.tenant_id = p_tenant_id and s.integration_authentication_id = p.account and s.rev_service_id = p.service
    on conflict (tenant_id, integration_authentication_id, rev_service_product_id) do nothing;

    update app.rev_service_product p set status = 'DISCONNECTED', status_date = i.effective_on, canceled_date = i.effective_on
    from app.provider_intent i
    where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.row_number = any (p_rows)
      and i.call = 'disconnect_service_product' and i.outcome = 'DONE'
      and p.tenant_id = i.tenant_id and p.integration_authentication_id = i.account and p.rev_service_product_id = i.provider_ref;

    update app.rev_service s set disconnected_date = i.effective_on
    from app.provider_intent i
    where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.row_number = any (p_rows)
      and i.call = 'close_service' and i.outcome = 'DONE'
      and s.tenant_id = i.tenant_id and s.integration_authentication_id = i.account and s.rev_service_id = i.provider_ref;

    update app.rev_service s set number = w.msisdn, number2 = d.iccid
    from app.provider_intent i
    join app.due_work w on w.tenant_id = i.tenant_id and w.bulk_change_id = i.bulk_change_id and w.row_number = i.row_number
    join app.m2m_device_change c on c.tenant_id = i.tenant_id and c.bulk_change_id = i.bulk_change_id and c.row_number = i.row_number
    join app.device_tenant dt on dt.tenant_id = p_tenant_id and dt.device_id = c.device_id
    join app.m2m_device d on d.tenant_id = dt.device_owner_tenant_id and d.id = c.device_id
    where i.tenant_id = p_tenant_id and i.bulk_change_id = p_bulk_change_id and i.row_number = any (p_rows)
      and i.call = 'patch_service' and i.direction = 'apply' and i.outcome = 'DONE'
      and not exists (select from app.provider_intent b where b.tenant_id = i.tenant_id and b.bulk_change_id = i.bulk_change_id
          and b.row_number = i.row_number and b.call = 'patch_service' and b.direction = 'undo' and b.outcome = 'DONE')
      and s.tenant_id = i.tenant_id and s.integration_authentication_id = i.account and s.rev_service_id = i.provider_ref;
$$;
grant execute on function app.mirror_intents(uuid, uuid, integer[], jsonb) to ascribe_worker;
