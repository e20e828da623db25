-- What happens outside, and what is known of it. A row with outside steps leaves its chunk for due_work as soon as its device is
-- locked; from then on its next call has a time, and nobody keeps a worker busy with waiting.

-- One row that something is still due of. Dispatch: ids and times; what else it holds only the worker reads.
create table app.due_work (
    tenant_id      uuid not null,
    bulk_change_id uuid not null,
    row_number     integer not null,
    -- Whose gate the next call goes through.
    account        uuid not null,
    -- 'infinity': a person has to decide.
    due_at         timestamptz not null,
    -- Something of it may have happened outside: it is carried on also while its change is paused.
    has_begun      boolean not null default false,
    -- The SIM's number when the row left its chunk: under this one it is sent and looked for, whatever an import says meanwhile.
    msisdn         text,
    -- Lines to be closed that were found to be over without our doing: they are not read again at the gate of another account.
    found_over     bigint[],
    -- Since when nothing can be read of it although the provider answers.
    blind_since    timestamptz,
    -- Null: it is being worked on. Else it has ended, and so many times it was looked at again afterwards.
    sweeps         smallint,
    -- Why what was done of it is being taken back.
    giving_up      text,
    giving_up_details text,
    -- What a person decided: {"as": "processed" | "look_again" | "adopt" | "send_again" | "take_back", …}.
    resolution     jsonb,
    -- The fence: one uuid for each claim, never used again.
    claim          uuid,
    lease_until    timestamptz,
    -- A callback about it came while it was held, perhaps before the answer that it belongs to: it is due at once when it is given back.
    heard_at       timestamptz,
    primary key (tenant_id, bulk_change_id, row_number),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id),
    check ((claim is null) = (lease_until is null))
) with (fillfactor = 70);
create index due_work_due on app.due_work (tenant_id, account, bulk_change_id, due_at) where claim is null;
-- Of a change that is paused only these are looked for, however many others wait.
create index due_work_begun on app.due_work (tenant_id, account, bulk_change_id, due_at) where claim is null and has_begun;
create index due_work_leased on app.due_work (lease_until) where claim is not null;

-- Whose turn it is at the gate of an account: changes, least recently served first. Dispatch: ids and times only.
create table app.outside_turn (
    tenant_id      uuid not null,
    account        uuid not null,
    bulk_change_id uuid not null,
    served_at      timestamptz not null,
    is_paused      boolean not null default false,
    is_cancelled   boolean not null default false,
    primary key (tenant_id, account, bulk_change_id),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id)
) with (fillfactor = 50);

-- The gate of an account: when the next call may be thought of, how many rows are taken at a time, and the circuit. Dispatch.
create table app.account_gate (
    tenant_id    uuid not null references app.tenant,
    account      uuid not null,
    not_before   timestamptz not null,
    rows_at_once smallint not null check (rows_at_once > 0),
    -- Times in a row that calls told nothing or did not arrive. From some on, one row at a time is tried, after longer and longer.
    failures     integer not null default 0,
    primary key (tenant_id, account)
) with (fillfactor = 50);

-- One write that was meant to be sent: committed before it is. A second open attempt at the same thing cannot be inserted, nor a
-- second receipt.
create table app.provider_intent (
    tenant_id      uuid not null,
    bulk_change_id uuid not null,
    row_number     integer not null,
    step           text not null,
    direction      text not null check (direction in ('apply', 'undo')),
    call           text not null,
    -- Which one of several of the kind: the place of a product to be made, the provider's id of what is to be ended.
    item           bigint not null,
    attempt        smallint not null,
    account        uuid not null,
    -- How it is found again: exact, by the contract of the call.
    natural_key    text not null,
    request_hash   bytea not null,
    claim          uuid not null,
    began_at       timestamptz not null,
    -- Not before then is it known that it has not happened.
    settle_until   timestamptz not null,
    outcome        text not null check (outcome in ('OPEN', 'UNKNOWN', 'DONE', 'REFUSED', 'NOT_SENT', 'NOT_APPLIED')),
    was_unknown    boolean not null default false,
    -- Its id there. A carrier has none of what it does: 0; -1 where the SIM was so before anything was sent.
    provider_ref   bigint,
    -- What it was before, where that can be put back.
    before_image   jsonb,
    -- The day that was sent with it: when it begins, or ends.
    effective_on   date,
    evidence       text,
    ended_at       timestamptz,
    -- The carrier's id of the request that it has accepted: what becomes of the device is not known by that. One for a batch.
    request_id     text,
    -- When it was last read back since.
    looked_at      timestamptz,
    primary key (tenant_id, bulk_change_id, row_number, step, direction, call, item, attempt),
    foreign key (tenant_id, bulk_change_id) references app.device_bulk_change (tenant_id, id),
    check ((outcome = 'DONE') = (provider_ref is not null)),
    check ((outcome in ('OPEN', 'UNKNOWN')) = (ended_at is null))
) with (fillfactor = 85);
create unique index provider_intent_one_open on app.provider_intent (tenant_id, bulk_change_id, row_number, step, direction, call, item)
    where outcome in ('OPEN', 'UNKNOWN');
create unique index provider_intent_one_receipt on app.provider_intent (tenant_id, bulk_change_id, row_number, step, direction, call, item)
    where outcome = 'DONE';
-- A thing at the provider is the receipt of one intent: nobody adopts it twice.
create unique index provider_intent_by_receipt on app.provider_intent (tenant_id, account, call, provider_ref)
    where outcome = 'DONE' and call in ('create_service', 'create_service_product');
-- What ended or changed a thing, by that thing: was it another row?
create index provider_intent_by_ended on app.provider_intent (tenant_id, account, provider_ref)
    where outcome = 'DONE' and call in ('disconnect_service_product', 'close_service', 'patch_service');
-- Attempts at the same thing that are not settled: what is found then may be theirs.
create index provider_intent_unsettled on app.provider_intent (tenant_id, account, natural_key) where outcome in ('OPEN', 'UNKNOWN');

-- What was done to a SIM at its carrier: was it another row, later?
create index provider_intent_done_at_carrier on app.provider_intent (tenant_id, account, natural_key)
    where outcome = 'DONE' and call in ('activate', 'deactivate', 'provision_ip', 'change_carrier_rate_plan');

-- What callbacks of a carrier are about: by request and device.
create index provider_intent_accepted on app.provider_intent (tenant_id, account, request_id) where request_id is not null and outcome = 'UNKNOWN';

-- How often the carrier rate plan of a device was changed from here in a calendar month (UTC): carriers allow so many.
create table app.carrier_plan_change (
    tenant_id uuid not null,
    device_id uuid not null,
    month     date not null check (extract(day from month) = 1),
    times     smallint not null,
    primary key (tenant_id, device_id, month),
    foreign key (tenant_id, device_id) references app.m2m_device (tenant_id, id)
) with (fillfactor = 85);
