-- Where a tenant wants to be told what became of its plans and changes. The signing secret is in app.credential, sealed.
create table app.webhook (
    tenant_id      uuid not null references app.tenant,
    id             uuid not null,
    url            text not null,
    description    text,
    events         text[] not null check (cardinality(events) > 0 and events <@ array[
        'plan.ready', 'plan.failed', 'bulk_change.started', 'bulk_change.completed', 'bulk_change.completed_with_failures',
        'bulk_change.failed', 'bulk_change.cancelled', 'bulk_change.paused', 'bulk_change.resumed',
        'integration.degraded', 'integration.recovered']),
    status         text not null default 'ACTIVE' check (status in ('ACTIVE', 'PAUSED', 'ARCHIVED')),
    -- Who or what paused it.
    paused_because text,
    created_at     timestamptz not null,
    -- Dispatch: one delivery of a webhook is under way at a time, and webhooks take turns. The epoch fences whoever held it before.
    served_at      timestamptz not null,
    lease_until    timestamptz,
    epoch          integer not null default 0,
    primary key (tenant_id, id),
    check ((status = 'PAUSED') = (paused_because is not null))
) with (fillfactor = 70);
comment on table app.webhook is 'An address that is told of events. At most ten of a tenant are not archived; an archived one stays.';
create index webhook_in_turn on app.webhook (served_at) where status = 'ACTIVE';

-- The outbox: one row per event and webhook, written in the transaction that changed the state. The body is what is sent, to
-- the byte. seq counts the events of one change for one webhook, from 1: they are delivered in that order.
create table app.webhook_delivery (
    tenant_id        uuid not null,
    id               uuid not null,
    webhook_id       uuid not null,
    -- Newest first, as it is listed.
    number           bigint generated always as identity,
    -- Null: somebody asked for a test.
    bulk_change_id   uuid,
    seq              integer not null check (seq > 0),
    event            text not null,
    body             text not null,
    created_at       timestamptz not null,
    status           text not null default 'PENDING' check (status in ('PENDING', 'DELIVERED', 'FAILED', 'CANCELLED')),
    attempts         integer not null default 0,
    first_attempt_at timestamptz,
    next_attempt_at  timestamptz,
    ended_at         timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, webhook_id) references app.webhook (tenant_id, id),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id),
    unique (tenant_id, webhook_id, bulk_change_id, seq),
    check ((status = 'PENDING') = (next_attempt_at is not null)),
    check ((status = 'PENDING') = (ended_at is null))
) with (fillfactor = 70);
create index webhook_delivery_due on app.webhook_delivery (tenant_id, webhook_id, next_attempt_at) where status = 'PENDING';
create index webhook_delivery_listed on app.webhook_delivery (tenant_id, webhook_id, number);
create index webhook_delivery_ended on app.webhook_delivery (tenant_id, ended_at) where ended_at is not null;

-- What each try of a delivery came to. Nothing of what the receiver said is kept but its status.
create table app.webhook_attempt (
    tenant_id           uuid not null,
    webhook_delivery_id uuid not null,
    attempt             integer not null,
    at                  timestamptz not null,
    http_status         smallint,
    error               text,
    primary key (tenant_id, webhook_delivery_id, attempt),
    foreign key (tenant_id, webhook_delivery_id) references app.webhook_delivery (tenant_id, id) on delete cascade
);
