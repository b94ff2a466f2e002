-- Format 12.

-- What a Relying Party has chosen for each wire is typed: `attributes` becomes `settings`, whole, so that a choice which cannot
-- be read refuses the Relying Party instead of being lost. `null`: nothing was chosen.
UPDATE relying_parties
    SET body = json_remove(json_set(body, '$.settings', json(
        CASE json_type(body, '$.attributes') WHEN 'null' THEN '{}' ELSE body -> '$.attributes' END)), '$.attributes')
    WHERE CASE WHEN json_valid(body) THEN json_type(body, '$.attributes') IS NOT NULL ELSE FALSE END;
