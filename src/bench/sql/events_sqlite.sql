-- Many events of cards at once, as another process of the bank would write them.
BEGIN IMMEDIATE;
WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {events})
INSERT INTO events (owner_id, number, kind, body, occurred_at)
SELECT a.owner_id, s.last + g.n, 'ENTRY_POSTED',
    printf('{"transaction":"%s","account":"%s","posted":%d,"held":0,"overdraft_limit":0,"version":%d}',
        lower(hex(randomblob(16))), lower(hex(a.account_id)), 1000 + g.n, 1000000 + s.last + g.n),
    (SELECT MAX(e.occurred_at) FROM events e)
FROM accounts a JOIN streams s ON s.owner_id = a.owner_id CROSS JOIN g
WHERE a.kind = 'CARD' AND {which};
UPDATE streams SET last = last + {events}
WHERE owner_id IN (SELECT a.owner_id FROM accounts a WHERE a.kind = 'CARD' AND {which});
COMMIT;
