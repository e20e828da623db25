-- People. A person belongs to one tenant, which keeps the password and may end the account, and has a role in that tenant, in
-- agent partners below it, or in several of them. See docs/decisions/0010-a-persons-role-is-held-like-a-keys.md.
create table app.person (
    tenant_id      uuid not null references app.tenant,
    id             uuid not null,
    email          text not null,
    name           text not null,
    created_at     timestamptz not null,
    signed_in_at   timestamptz,
    deactivated_at timestamptz,
    primary key (tenant_id, id)
);
comment on table app.person is 'Somebody who signs in. The e-mail address is one person''s in the whole installation (person_lookup).';

-- Beside the person and not in it: who lists people has no reason to read this.
create table app.person_password (
    tenant_id uuid not null,
    person_id uuid not null,
    -- Argon2id as a PHC string: it names its own parameters.
    phc       text not null,
    set_at    timestamptz not null,
    primary key (tenant_id, person_id),
    foreign key (tenant_id, person_id) references app.person (tenant_id, id)
);

-- Dispatch: whose e-mail address is this, before a tenant is known. Ids only.
create table app.person_lookup (
    email_sha256 bytea primary key,
    tenant_id    uuid not null,
    person_id    uuid not null,
    foreign key (tenant_id, person_id) references app.person (tenant_id, id)
);

-- Dispatch: in which tenants a person has a role. The role itself and the sites are those of an API key that nobody has the
-- secret of: rights are read, and plans are owned, in the same way whoever asks.
create table app.person_role (
    tenant_id        uuid not null,
    api_key_id       uuid not null,
    person_tenant_id uuid not null,
    person_id        uuid not null,
    created_at       timestamptz not null,
    ended_at         timestamptz,
    primary key (tenant_id, api_key_id),
    unique (tenant_id, person_id),
    foreign key (tenant_id, api_key_id) references app.api_key (tenant_id, id),
    foreign key (person_tenant_id, person_id) references app.person (tenant_id, id)
);
create index person_role_of_person on app.person_role (person_tenant_id, person_id);

-- Dispatch: who is signed in. Only the hash of the cookie is kept.
create table app.person_session (
    token_sha256     bytea primary key,
    tenant_id        uuid not null,
    person_id        uuid not null,
    -- What a list names it by.
    id               uuid not null,
    -- The tenant that was switched to.
    acting_tenant_id uuid not null references app.tenant,
    created_at       timestamptz not null,
    -- To the minute.
    last_seen_at     timestamptz not null,
    ended_at         timestamptz,
    address          text not null,
    user_agent       text not null,
    unique (tenant_id, id),
    foreign key (tenant_id, person_id) references app.person (tenant_id, id)
) with (fillfactor = 70);
create index person_session_of_person on app.person_session (tenant_id, person_id);

-- A link with which a person sets a password, once. Only its hash is kept.
create table app.person_invitation (
    token_sha256 bytea primary key,
    tenant_id    uuid not null,
    person_id    uuid not null,
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    used_at      timestamptz,
    foreign key (tenant_id, person_id) references app.person (tenant_id, id)
);
create index person_invitation_of_person on app.person_invitation (tenant_id, person_id);
