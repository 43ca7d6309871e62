-- Many events of cards at once, as another process of the bank would write them.
BEGIN;
INSERT INTO events (owner_id, number, kind, body, occurred_at)
SELECT a.owner_id, s.last + g.n, 'ENTRY_POSTED',
    format('{"transaction":"%s","account":"%s","posted":%s,"held":0,"overdraft_limit":0,"version":%s}',
        gen_random_uuid(), a.account_id, 1000 + g.n, 1000000 + s.last + g.n),
    now()
FROM accounts a JOIN streams s ON s.owner_id = a.owner_id
    CROSS JOIN generate_series(1, {events}) AS g (n)
WHERE a.kind = 'CARD' AND {which};
UPDATE streams SET last = last + {events}
WHERE owner_id IN (SELECT a.owner_id FROM accounts a WHERE a.kind = 'CARD' AND {which});
COMMIT;
