create table app.m2m_device (
    tenant_id            uuid not null,
    id                   uuid not null,
    service_provider_id  uuid not null,
    iccid                text not null,
    msisdn               text,
    imei                 text,
    eid                  text,
    status               text not null,
    carrier_rate_plan_id uuid,
    ip_address           text,
    site_id              uuid not null,
    is_archived          boolean not null default false,
    version              integer not null default 1,
    primary key (tenant_id, id),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id),
    foreign key (tenant_id, carrier_rate_plan_id) references app.carrier_rate_plan (tenant_id, id)
) with (fillfactor = 85);
comment on table app.m2m_device is 'A SIM, under its one owner tenant. status is the carrier''s own word; site_id is the owner''s site.';
comment on column app.m2m_device.site_id is 'Hot: no foreign key; settle_chunk checks it per chunk, the orphan query covers it.';
-- iccid before provider: "this ICCID, wherever it is" and "this ICCID at that provider" are one index.
create unique index m2m_device_by_iccid on app.m2m_device (tenant_id, iccid, service_provider_id);
create index m2m_device_by_msisdn on app.m2m_device (tenant_id, msisdn) where msisdn is not null;
create index m2m_device_by_provider on app.m2m_device (tenant_id, service_provider_id, id);
create trigger move_version before update on app.m2m_device for each row
    when (old.status is distinct from new.status or old.is_archived is distinct from new.is_archived or old.msisdn is distinct from new.msisdn
        or old.iccid is distinct from new.iccid or old.service_provider_id is distinct from new.service_provider_id
        or old.carrier_rate_plan_id is distinct from new.carrier_rate_plan_id)
    execute function app.move_version();

create table app.device_tenant (
    tenant_id                                    uuid not null references app.tenant,
    device_id                                    uuid not null,
    device_owner_tenant_id                       uuid not null,
    site_id                                      uuid not null,
    account_number                               text,
    account_number_integration_authentication_id uuid,
    customer_rate_plan_id                        uuid,
    customer_rate_pool_id                        uuid,
    customer_data_allocation_mb                  numeric(25, 4),
    -- The bulk change whose plan, pool and allocation wait in device_change_schedule for their date; null: none do.
    scheduled_change_id                          uuid,
    -- What is billed of it, by the numbers (usp_update_device_rev_service_links): the line of its own account, whether that
    -- line is active, and the active lines of other accounts, null if there is none. link_version moves with them.
    rev_service_id                               uuid,
    rev_service_is_active                        boolean not null default false,
    other_rev_service_ids                        uuid[],
    link_version                                 integer not null default 0,
    version                                      integer not null default 1,
    modified_at                                  timestamptz not null,
    -- An agent's, since its partner took the device back: nobody who runs sees the row then, and it waits to be given again.
    taken_back_at                                timestamptz,
    primary key (tenant_id, device_id),
    foreign key (device_owner_tenant_id, device_id) references app.m2m_device (tenant_id, id),
    check ((account_number is null) = (account_number_integration_authentication_id is null)),
    check (customer_data_allocation_mb >= 0),
    check (taken_back_at is null or tenant_id <> device_owner_tenant_id)
) with (fillfactor = 85);
comment on table app.device_tenant is 'The assignment: one row per device and tenant.';
comment on column app.device_tenant.account_number is 'The rev_customer_id of the account, with the integration authentication beside it: never the id alone.';
-- Which agents have a device: few rows, for the owner's own are not in it.
create index device_tenant_of_agents on app.device_tenant (device_owner_tenant_id, device_id) where tenant_id <> device_owner_tenant_id;
create index device_tenant_by_site on app.device_tenant (tenant_id, site_id, device_id);
create trigger move_version before update on app.device_tenant for each row
    when (old.site_id is distinct from new.site_id or old.account_number is distinct from new.account_number
        or old.account_number_integration_authentication_id is distinct from new.account_number_integration_authentication_id
        or old.customer_rate_plan_id is distinct from new.customer_rate_plan_id
        or old.customer_rate_pool_id is distinct from new.customer_rate_pool_id
        or old.customer_data_allocation_mb is distinct from new.customer_data_allocation_mb
        or old.scheduled_change_id is distinct from new.scheduled_change_id)
    execute function app.move_version();

-- A link is no assignment: an undo is not kept from what it may undo because billing was read again. A plan is judged on
-- both (of the own line only whether an active one is there, and which); it keeps the sum of the two versions, which is the same only if both are.
create function app.move_link_version() returns trigger
    language plpgsql
    as $$
begin
    new.link_version := old.link_version + 1;
    return new;
end
$$;
create trigger move_link_version before update on app.device_tenant for each row
    when (case when old.rev_service_is_active then old.rev_service_id end
            is distinct from case when new.rev_service_is_active then new.rev_service_id end
        or old.other_rev_service_ids is distinct from new.other_rev_service_ids)
    execute function app.move_link_version();

-- What the carrier said of a SIM, and when: the day of its activation comes from here.
create table app.device_status_history (
    tenant_id       uuid not null,
    device_id       uuid not null,
    date_of_change  timestamptz not null,
    previous_status text,
    current_status  text not null,
    foreign key (tenant_id, device_id) references app.m2m_device (tenant_id, id)
);
create index device_status_history_by_device on app.device_status_history (tenant_id, device_id, date_of_change desc);

create function app.record_status_change() returns trigger
    language plpgsql
    as $$
begin
    insert into app.device_status_history (tenant_id, device_id, date_of_change, previous_status, current_status)
    values (new.tenant_id, new.id, app.now(), old.status, new.status);
    return null;
end
$$;
create trigger record_status_change after update of status on app.m2m_device for each row
    when (old.status is distinct from new.status) execute function app.record_status_change();

-- What the assignment became, one row per device and settled change: the device's timeline.
create table app.device_tenant_history (
    tenant_id                                    uuid not null,
    device_id                                    uuid not null,
    changed_at                                   timestamptz not null,
    bulk_change_id                               uuid not null,
    row_number                                   integer not null,
    version                                      integer not null,
    site_id                                      uuid not null,
    account_number                               text,
    account_number_integration_authentication_id uuid,
    customer_rate_plan_id                        uuid,
    customer_rate_pool_id                        uuid,
    customer_data_allocation_mb                  numeric(25, 4),
    -- Made when a schedule came due, not when the change was settled.
    by_schedule                                  boolean not null default false,
    -- The civil date in the tenant's time zone that was asked for, or on which the carrier activated the SIM.
    effective_date                               date
) partition by range (changed_at);
create index device_tenant_history_by_device on app.device_tenant_history (tenant_id, device_id, changed_at);

-- One device is in at most one running change, over all tenants. Ids only; reached through definer functions alone.
create table app.device_lock (
    device_id      uuid primary key,
    tenant_id      uuid not null,
    bulk_change_id uuid not null,
    row_number     integer not null,
    locked_at      timestamptz not null
);
