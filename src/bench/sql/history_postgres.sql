-- A long history of one account, in transactions of 2,000 movements, since each
-- movement takes a lock of its own until the commit. All triggers and keys are on.
DO $$
DECLARE
    card    UUID := '{account}';
    cash    UUID := (SELECT account_id FROM accounts WHERE kind = 'CASH_CLEARING' AND currency = 'USD');
    p       BIGINT := (SELECT posted FROM balances WHERE account_id = card);
    v       BIGINT := (SELECT version FROM balances WHERE account_id = card);
    label   TEXT := (SELECT '•••• •••• •••• ' || last4 FROM cards WHERE account_id = card);
    first   INT := 1;
    last    INT;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', FALSE);
    WHILE first <= {entries} LOOP
        last := least(first + 1999, {entries});
        INSERT INTO entries (transaction_id, account_id, customer, amount, balance_after, version,
            posted_at, salt)
        SELECT ('{prefix}' || lpad(to_hex(g), 8, '0'))::uuid, card, TRUE, 1, p + g, v + g,
            TIMESTAMPTZ '{second}' + g * INTERVAL '1 microsecond', decode(md5(g::text), 'hex')
        FROM generate_series(first, last) g;
        INSERT INTO entries (transaction_id, account_id, customer, amount, posted_at, salt)
        SELECT ('{prefix}' || lpad(to_hex(g), 8, '0'))::uuid, cash, FALSE, -1,
            TIMESTAMPTZ '{second}' + g * INTERVAL '1 microsecond', decode(md5('c' || g), 'hex')
        FROM generate_series(first, last) g;
        INSERT INTO transactions (transaction_id, kind, posted_at)
        SELECT ('{prefix}' || lpad(to_hex(g), 8, '0'))::uuid, 'TOP_UP',
            TIMESTAMPTZ '{second}' + g * INTERVAL '1 microsecond'
        FROM generate_series(first, last) g;
        INSERT INTO transaction_texts (transaction_id, side, account_id, label)
        SELECT ('{prefix}' || lpad(to_hex(g), 8, '0'))::uuid, s.side, s.account, s.label
        FROM generate_series(first, last) g
        CROSS JOIN (VALUES ('FROM', cash, 'Cash'), ('TO', card, label)) s (side, account, label);
        COMMIT;
        first := last + 1;
    END LOOP;
    UPDATE balances SET posted = p + {entries}, version = v + {entries},
        last_posted_at = TIMESTAMPTZ '{second}' + {entries} * INTERVAL '1 microsecond'
    WHERE account_id = card;
    UPDATE bank_folds SET sum = sum - {entries} WHERE account_id = cash;
    COMMIT;
END $$;
