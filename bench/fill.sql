-- Fills the tables of passkeyd with rows of users and customers who never sign in: `SET bench.users`, `SET bench.customers`.
-- Keys are hashes of the number of the row. Half of the users belong to one customer.
DO $$
DECLARE
    of_users constant text[] := ARRAY['users', 'credentials', 'attestations', 'ceremonies', 'policies', 'events', 'used_tokens', 'answers',
        'imported'];
    of_customers constant text[] := ARRAY['api_keys', 'relying_parties', 'origins', 'webhooks', 'access_keys', 'token_keys'];
    users constant bigint := current_setting('bench.users');
    customers constant bigint := current_setting('bench.customers');
    filled text;
    rows bigint;
    party text;
    names text;
    expressions text;
BEGIN
    FOREACH filled IN ARRAY of_users || of_customers LOOP
        rows := CASE WHEN filled = ANY (of_users) THEN users ELSE customers END;
        party := CASE WHEN filled = ANY (of_users)
            THEN format('decode(md5(''p'' || CASE WHEN n <= %s THEN 1 ELSE n %% %s + 1 END), ''hex'')', users / 2, customers)
            ELSE 'decode(md5(''p'' || n), ''hex'')' END;
        SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position),
            string_agg(CASE
                WHEN column_name = 'id' AND filled = 'relying_parties' THEN 'decode(md5(''p'' || n), ''hex'')'
                WHEN column_name = 'relying_party_id' THEN party
                WHEN data_type = 'bytea' THEN 'decode(md5(n::text), ''hex'')'
                WHEN column_name IN ('kind', 'state') AND data_type = 'bigint' THEN 'n % 2'
                WHEN data_type = 'bigint' THEN '1800000000000 + n * 1000::bigint'
                WHEN data_type = 'boolean' THEN 'n % 2 = 0'
                ELSE '''t'' || n' END, ', ' ORDER BY ordinal_position)
            INTO STRICT names, expressions
            FROM information_schema.columns WHERE table_schema = current_schema AND table_name = filled;
        EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM generate_series(1, %s) AS n', filled, names, expressions, rows);
    END LOOP;
END
$$;
ANALYZE;
CHECKPOINT;
