-- Format 15.
--
-- Each row that decides who somebody is, or what they may do, carries a seal: a digest of its columns, which shows damage.

ALTER TABLE accounts ADD COLUMN digest BLOB;
ALTER TABLE api_keys ADD COLUMN digest BLOB;
ALTER TABLE relying_parties ADD COLUMN digest BLOB;
ALTER TABLE origins ADD COLUMN digest BLOB;
ALTER TABLE users ADD COLUMN digest BLOB;
ALTER TABLE credentials ADD COLUMN use_digest BLOB;     -- of what a sign-in changes
ALTER TABLE credential_kinds ADD COLUMN digest BLOB;
ALTER TABLE attestations ADD COLUMN digest BLOB;
ALTER TABLE ceremonies ADD COLUMN digest BLOB;
ALTER TABLE sign_ins ADD COLUMN digest BLOB;            -- of the row that it becomes in `ceremonies`
ALTER TABLE webhooks ADD COLUMN digest BLOB;
ALTER TABLE access_keys ADD COLUMN digest BLOB;
ALTER TABLE token_keys ADD COLUMN digest BLOB;
ALTER TABLE used_tokens ADD COLUMN digest BLOB;
ALTER TABLE answers ADD COLUMN digest BLOB;
ALTER TABLE deletions ADD COLUMN digest BLOB;
ALTER TABLE metadata ADD COLUMN digest BLOB;
ALTER TABLE meta ADD COLUMN digest BLOB;

UPDATE accounts SET digest = seal('accounts', id, token, created);
UPDATE api_keys SET digest = seal('api_keys', id, account_id, name, secret, created);
UPDATE relying_parties SET digest = seal('relying_parties', id, account_id, version, created, body, rp_id);
UPDATE origins SET digest = seal('origins', origin, relying_party_id);
UPDATE users SET digest = seal('users', relying_party_id, id, name, created);
-- One that is damaged already stays so: its digest of format 14 matches no seal.
UPDATE credential_kinds SET digest = seal('credential_kinds', id, relying_party_id, image, body);
UPDATE credentials SET
    use_digest = seal('uses', relying_party_id, id_hash, sign_count, sign_count_since_fall, uv_initialized,
        backup_eligible, backup_state),
    digest = CASE WHEN digest IS credential_digest_13(relying_party_id, key, user_id, algorithm, id, public_key)
        THEN seal('credentials', relying_party_id, key, user_id, id, public_key, algorithm, transports, aaguid, kind,
            discoverable, name, created, user_agent)
        ELSE digest END;
UPDATE attestations SET digest = seal('attestations', c.relying_party_id, c.key, evidence)
    FROM credentials c WHERE c.number = attestations.number;
UPDATE ceremonies SET digest =
    seal('ceremonies', relying_party_id, id, kind, user_id, credential_key, created, expires, updated, asked, policy_id,
        state, reason, claimed_by, stored_count);
UPDATE sign_ins SET digest =
    seal('ceremonies', relying_party_id, id, 1, user_id, credential_key, created, expires, updated, asked, policy_id,
        1, NULL, claimed_by, NULL);
UPDATE webhooks SET digest = seal('webhooks', relying_party_id, id, revision, body);
UPDATE access_keys SET digest = seal('access_keys', relying_party_id, id, created, body);
UPDATE token_keys SET digest = seal('token_keys', relying_party_id, kind, value);
UPDATE used_tokens SET digest = seal('used_tokens', relying_party_id, id, expires, attempt);
UPDATE answers SET digest = seal('answers', account_id, key, content, attempt, started, expires, answer);
UPDATE deletions SET digest = seal('deletions', at, relying_party_id, user_id);
UPDATE metadata SET digest = seal('metadata', no, imported, source, blob);
UPDATE meta SET digest = seal('meta', name, value);
