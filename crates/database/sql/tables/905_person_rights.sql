-- Who may do what with people. The web role signs people in and keeps them; nobody else sees a password's hash, not even who
-- may read everything.
revoke select on app.person_password from ascribe_auditor;
-- Before a tenant is known the dispatcher finds ids: whose address, whose cookie, whose link, and where somebody has a role.
create policy dispatcher on app.person_lookup for select to ascribe_dispatcher using (true);
grant select on app.person_lookup to ascribe_dispatcher;
create policy dispatcher on app.person_role for select to ascribe_dispatcher using (true);
grant select on app.person_role to ascribe_dispatcher;
create policy dispatcher on app.person_session to ascribe_dispatcher using (true) with check (true);
grant select (token_sha256, tenant_id, person_id, id, acting_tenant_id, created_at, last_seen_at, ended_at), update (last_seen_at)
    on app.person_session to ascribe_dispatcher;
create policy dispatcher on app.person_invitation for select to ascribe_dispatcher using (true);
grant select on app.person_invitation to ascribe_dispatcher;

-- An agent partner sees those of its partner's people who have a role in it: name and address, nothing of their sign-in.
create policy has_role_here on app.person for select to ascribe_web using (exists (
    select from app.person_role r
    where r.tenant_id = (select app.current_tenant()) and r.person_tenant_id = person.tenant_id and r.person_id = person.id));

grant select, insert, update (name, signed_in_at, deactivated_at) on app.person to ascribe_web;
grant select, insert, update (phc, set_at) on app.person_password to ascribe_web;
grant insert on app.person_lookup to ascribe_web;
grant select, insert, update (ended_at) on app.person_role to ascribe_web;
grant select, insert, delete, update (acting_tenant_id, ended_at) on app.person_session to ascribe_web;
grant select, insert, update (used_at) on app.person_invitation to ascribe_web;
grant update (name, role, is_site_restricted) on app.api_key to ascribe_web;
grant delete on app.api_key_site to ascribe_web;
