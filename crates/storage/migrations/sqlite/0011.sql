-- Format 11.

-- What ceremonies are judged by, apart from what is their own. Many ceremonies refer to one row, which never changes.
CREATE TABLE policies (
    relying_party_id BLOB    NOT NULL,
    id               BLOB    NOT NULL,    -- an image of the body, which shows damage
    expires          INTEGER NOT NULL,    -- when no ceremony needs it any more
    body             TEXT    NOT NULL,    -- JSON
    PRIMARY KEY (relying_party_id, id)
) STRICT, WITHOUT ROWID;

-- Finds what the sweep removes.
CREATE INDEX policies_by_expiry ON policies (expires, relying_party_id, id);

ALTER TABLE ceremonies ADD COLUMN policy_id BLOB;

-- The policies of the ceremonies that are there. What is damaged stays without one and cannot be read, as before.
CREATE TEMPORARY TABLE judged AS
    SELECT relying_party_id, id, expires, CASE kind
        WHEN 0 THEN json_object(
            'selection', asked -> '$.registration.selection',
            'cross_origin', asked -> '$.registration.expectation.cross_origin',
            'algorithms', asked -> '$.registration.expectation.algorithms',
            'attestation', asked -> '$.registration.expectation.attestation',
            'backup', asked -> '$.registration.expectation.backup',
            'min_credential_id_length', asked -> '$.registration.expectation.min_credential_id_length',
            'credential_protection', asked -> '$.registration.expectation.credential_protection',
            'max_credentials', asked -> '$.registration.max_credentials')
        ELSE json_object(
            'rp_id', asked -> '$.authentication.expectation.rp_id',
            'origins', asked -> '$.authentication.expectation.origins',
            'cross_origin', asked -> '$.authentication.expectation.cross_origin',
            'user_verification', asked -> '$.authentication.user_verification',
            'timeout_ms', asked -> '$.authentication.timeout_ms',
            'sign_count', asked -> '$.authentication.expectation.sign_count',
            'backup_eligibility', asked -> '$.authentication.expectation.backup_eligibility',
            'rules', asked -> '$.authentication.expectation.rules')
        END AS body
    FROM ceremonies
    -- A member that is absent is damage, and not a demand for nothing.
    WHERE CASE
        WHEN NOT json_valid(asked) THEN FALSE
        WHEN kind = 0 THEN json_type(asked, '$.registration.expectation.credential_protection') IS NOT NULL
        ELSE json_type(asked, '$.authentication.expectation.appid') IS NOT NULL
        END;

INSERT INTO policies (relying_party_id, id, expires, body)
    SELECT relying_party_id, policy_image(body), max(expires), body FROM judged GROUP BY relying_party_id, body;

UPDATE ceremonies SET
    policy_id = policy_image(judged.body),
    asked = CASE kind
        WHEN 0 THEN json_object(
            'challenge', asked -> '$.registration.expectation.challenge',
            'conditional_create', asked -> '$.registration.expectation.conditional_create',
            'credential_name', asked -> '$.registration.credential_name',
            'user_name', asked -> '$.registration.user_name')
        ELSE json_object(
            'challenge', asked -> '$.authentication.expectation.challenge',
            'user', asked -> '$.authentication.expectation.user',
            'user_name', asked -> '$.authentication.user_name',
            'allow_credentials', asked -> '$.authentication.expectation.allow_credentials',
            'transports', asked -> '$.authentication.transports',
            'appid', asked -> '$.authentication.expectation.appid',
            'extensions', asked -> '$.authentication.extensions')
        END
    FROM judged WHERE judged.relying_party_id = ceremonies.relying_party_id AND judged.id = ceremonies.id;

DROP TABLE judged;
