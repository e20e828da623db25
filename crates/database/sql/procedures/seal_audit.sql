-- seal_audit: puts the audit entries that nothing can come before any more under the next digest of the tenant's chain.
-- Nothing of the seed: its trail could be edited by whoever reached the table.
-- Cost: one statement over the entries that are new, one row per seal. Two sealers wait for each other.

-- One entry as text. Whatever is changed in it changes this.
create function app.audit_entry_text(p_entry app.audit_entry) returns text
    language sql stable
    as $$
    select jsonb_build_array(p_entry.made_in, p_entry.id, extract(epoch from p_entry.at), p_entry.actor, p_entry.action,
        p_entry.bulk_change_id, p_entry.chunk_number, p_entry.detail, encode(p_entry.digest, 'hex'))::text
$$;

-- Answers how many entries were sealed.
create function app.seal_audit(p_tenant_id uuid) returns integer
    language plpgsql
    as $$
declare
    v_last app.audit_seal;
    v_to xid8 := pg_snapshot_xmin(pg_current_snapshot());
    v_entries integer;
    v_block text;
begin
    perform pg_advisory_xact_lock(hashtextextended('audit_seal ' || p_tenant_id::text, 0));
    select * into v_last from app.audit_seal where tenant_id = p_tenant_id order by seal_number desc limit 1;
    select count(*), string_agg(app.audit_entry_text(e), E'\n' order by e.made_in, e.id) into v_entries, v_block
    from app.audit_entry e
    where e.tenant_id = p_tenant_id and e.made_in >= coalesce(v_last.to_transaction, '0'::xid8) and e.made_in < v_to;
    if v_entries > 0 then
        insert into app.audit_seal (tenant_id, seal_number, from_transaction, to_transaction, entries, digest, sealed_at)
        values (p_tenant_id, coalesce(v_last.seal_number, 0) + 1, coalesce(v_last.to_transaction, '0'::xid8), v_to, v_entries,
            sha256(coalesce(v_last.digest, ''::bytea) || convert_to(v_block, 'UTF8')), app.now());
    end if;
    return v_entries;
end
$$;
grant execute on function app.audit_entry_text(app.audit_entry) to ascribe_web, ascribe_worker;
grant execute on function app.seal_audit(uuid) to ascribe_worker;
