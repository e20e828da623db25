create table app.tenant (
    id               uuid primary key,
    name             text not null unique,
    parent_tenant_id uuid references app.tenant,
    time_zone        text not null default 'UTC',
    created_at       timestamptz not null
);
comment on table app.tenant is 'A partner (reseller); with a parent, an agent partner under it.';

create table app.tenant_module (
    tenant_id uuid not null references app.tenant,
    module    text not null check (module in ('m2m', 'mobility', 'rev_customers')),
    primary key (tenant_id, module)
);
comment on table app.tenant_module is 'The modules a tenant has; one that is not here nobody in it may use.';

create table app.api_key (
    tenant_id  uuid not null references app.tenant,
    id         uuid not null,
    name       text not null,
    shown      text not null,
    role       text not null references app.role,
    -- Confined to the sites of api_key_site; without any there, to none.
    is_site_restricted boolean not null default false,
    created_at timestamptz not null,
    -- The role of the person who made it, or who made the key that made it; null: it is the tenant's own, made at the machine.
    -- A key never does more than that role does now.
    made_by    uuid,
    primary key (tenant_id, id),
    foreign key (tenant_id, made_by) references app.api_key (tenant_id, id)
);
comment on column app.api_key.shown is 'The first characters of the key, to recognise it by. The key itself is nowhere.';

-- Dispatch: whose key is this, before a tenant is known. Ids only.
create table app.api_key_lookup (
    key_sha256 bytea primary key,
    tenant_id  uuid not null,
    api_key_id uuid not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    foreign key (tenant_id, api_key_id) references app.api_key (tenant_id, id)
);

-- Answers already given to a request with an Idempotency-Key, to the API key that sent it and no other: what one may see,
-- another may not. An in-flight mark expires by itself.
create table app.idempotency_key (
    tenant_id   uuid not null references app.tenant,
    api_key_id  uuid not null,
    route       text not null,
    key         text not null,
    fingerprint bytea not null,
    status_code smallint,
    body        text,
    location    text,
    -- What was made, written in the transaction that made it: an answer that was lost can be given again.
    made_id     uuid,
    expires_at  timestamptz not null,
    -- Moves on when an in-flight mark is taken over: only who has it now keeps an answer or gives the key back.
    epoch       integer not null default 1,
    primary key (tenant_id, api_key_id, route, key),
    foreign key (tenant_id, api_key_id) references app.api_key (tenant_id, id)
);
