-- The account at a carrier that is behind a service provider: where it is, and what it allows. Its secrets are in app.credential
-- under the service provider's id. A service provider without one is kept by hand, or is an agent's, whose partner has it.
create table app.carrier_account (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    base_url            text not null,
    -- The account's name at the carrier (ThingSpace: 0000123456-00001).
    account_name        text not null,
    calls_per_minute    integer not null default 100 check (calls_per_minute > 0),
    calls_per_day       integer not null default 100000 check (calls_per_day > 0),
    paused_because      text,
    primary key (tenant_id, service_provider_id),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);

-- What calls are signed in with and runs out by itself: one for all workers, sealed.
create table app.carrier_sign_in (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    part                text not null check (part in ('bearer', 'session')),
    version             integer not null default 1,
    key_id              text not null,
    sealed_key          bytea not null,
    sealed_value        bytea not null,
    renewed_at          timestamptz not null,
    primary key (tenant_id, service_provider_id, part),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);

-- A reading of the carrier's list of devices, page by page; one at a time. What it has met is beside it, so that it goes on where
-- it was interrupted and knows at its end what was not there.
create table app.carrier_sync (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    epoch               integer not null default 1,
    lease_until         timestamptz,
    started_at          timestamptz not null,
    -- Which account's list it is, by its address and name: another one's place means nothing there.
    of_account          text not null,
    -- Where the list goes on; null: from its beginning, or, once it is listed, nowhere.
    next_cursor         text,
    is_listed           boolean not null default false,
    devices_read        integer not null default 0,
    devices_made        integer not null default 0,
    devices_changed     integer not null default 0,
    devices_archived    integer not null default 0,
    devices_unreadable  integer not null default 0,
    ended_at            timestamptz,
    -- When the last reading that was whole had begun.
    read_at             timestamptz,
    -- Why what was missing was not archived.
    kept_because        text,
    primary key (tenant_id, service_provider_id),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);
-- What a reading has put into the archive, so that one that meets it again takes it out; what a person puts there stays.
create table app.carrier_archived (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    iccid               text not null,
    primary key (tenant_id, service_provider_id, iccid),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);
create table app.carrier_sync_seen (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    iccid               text not null,
    primary key (tenant_id, service_provider_id, iccid),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);

-- What a carrier, or whoever knows our address and its words, has called back with: kept for a day, because it may come before the
-- answer that it belongs to. It proves nothing: who waits for the device reads it sooner.
create table app.carrier_callback (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    id                  uuid not null,
    received_at         timestamptz not null,
    request_id          text not null,
    iccids              text[] not null,
    word                text not null check (word in ('SUCCESS', 'FAILED', 'OTHER')),
    -- The carrier's code for why it failed.
    code                text,
    -- As it came, without secrets and without what is personal.
    body                jsonb not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, service_provider_id) references app.service_provider (tenant_id, id)
);
create index carrier_callback_by_request on app.carrier_callback (tenant_id, service_provider_id, request_id);
create index carrier_callback_by_age on app.carrier_callback (tenant_id, received_at);

-- By what callbacks of an account are let in, and where the carrier was told to send them. The web role and the dispatcher see digests
-- and compare with them; the one secret that the token, the user name and the password follow from is sealed, for the worker.
create table app.carrier_callback_gate (
    tenant_id           uuid not null,
    service_provider_id uuid not null,
    version             integer not null default 1,
    token_sha256        bytea not null check (length(token_sha256) = 32),
    username_sha256     bytea not null check (length(username_sha256) = 32),
    password_sha256     bytea not null check (length(password_sha256) = 32),
    key_id              text not null,
    sealed_key          bytea not null,
    sealed_value        bytea not null,
    -- Whose it is, by address, account and versions of the credentials: another one's is another gate.
    made_for            text not null,
    made_at             timestamptz not null,
    -- The last address that the carrier was given: what it calls there is ours to take away.
    url_sha256          bytea,
    -- When the carrier was last seen to have it as it is, and what was in the way since.
    registered_at       timestamptz,
    trouble             text,
    -- When it is looked after again.
    due_at              timestamptz not null,
    primary key (tenant_id, service_provider_id),
    foreign key (tenant_id, service_provider_id) references app.carrier_account (tenant_id, service_provider_id)
);
-- Whose callback is this, before a tenant is known. Not unique: 256 random bits are, and a key without the tenant is none.
create index carrier_callback_gate_by_token on app.carrier_callback_gate (token_sha256);
