-- The bare twin: seven rows a transfer on tables with nothing but their primary keys.
CREATE TABLE bare_accounts (
    id       BIGINT NOT NULL PRIMARY KEY,
    balance  BIGINT NOT NULL CHECK (balance >= 0),
    version  BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE TABLE bare_keys (
    owner        BIGINT      NOT NULL,
    key          UUID        NOT NULL,
    transfer_id  UUID        NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, key)
);
CREATE TABLE bare_transfers (
    id          UUID        NOT NULL PRIMARY KEY,
    from_id     BIGINT      NOT NULL,
    to_id       BIGINT      NOT NULL,
    amount      BIGINT      NOT NULL CHECK (amount > 0),
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE bare_entries (
    account_id     BIGINT      NOT NULL,
    seq            BIGINT      NOT NULL,
    transfer_id    UUID        NOT NULL,
    amount         BIGINT      NOT NULL,
    balance_after  BIGINT      NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, seq)
);
INSERT INTO bare_accounts (id, balance)
SELECT g, 1000000000000 FROM generate_series(1, (SELECT count(*) FROM cards)) g;
ANALYZE bare_accounts;

CREATE FUNCTION bare_transfer(p_from BIGINT, p_to BIGINT, p_amount BIGINT) RETURNS INT
LANGUAGE plpgsql AS $$
DECLARE
    tx UUID := gen_random_uuid();
    fb BIGINT;
    tb BIGINT;
    fv BIGINT;
    tv BIGINT;
    r  RECORD;
BEGIN
    INSERT INTO bare_keys (owner, key, transfer_id) VALUES (p_from, gen_random_uuid(), tx)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN 1; END IF;
    FOR r IN
        SELECT id, balance, version FROM bare_accounts WHERE id IN (p_from, p_to)
        ORDER BY id FOR UPDATE
    LOOP
        IF r.id = p_from THEN
            fb := r.balance;
            fv := r.version;
        ELSE
            tb := r.balance;
            tv := r.version;
        END IF;
    END LOOP;
    IF fb IS NULL OR tb IS NULL THEN RETURN 3; END IF;
    IF fb < p_amount THEN RETURN 2; END IF;
    UPDATE bare_accounts SET balance = fb - p_amount, version = fv + 1 WHERE id = p_from;
    UPDATE bare_accounts SET balance = tb + p_amount, version = tv + 1 WHERE id = p_to;
    INSERT INTO bare_transfers (id, from_id, to_id, amount) VALUES (tx, p_from, p_to, p_amount);
    INSERT INTO bare_entries (account_id, seq, transfer_id, amount, balance_after)
    VALUES (p_from, fv + 1, tx, -p_amount, fb - p_amount),
        (p_to, tv + 1, tx, p_amount, tb + p_amount);
    RETURN 0;
END $$;
