-- What may be spent from a card in a day, as its owner sets it; null where nothing is set.
-- It stands beside the balance, so that it is read and changed under the same lock.
ALTER TABLE balances ADD COLUMN spending_limit BIGINT
    CONSTRAINT balances_spending_limit CHECK (spending_limit > 0);

-- The one call for a transfer of a client that is alone, as it was, but that it leaves a
-- card with a limit of its own to the usual way.
CREATE OR REPLACE FUNCTION post_transfer(
    p_transaction UUID, p_audit UUID, p_at TIMESTAMPTZ, p_today DATE,
    p_scope UUID, p_key TEXT, p_fingerprint BYTEA,
    p_user UUID, p_session UUID, p_action TEXT, p_ip TEXT, p_request TEXT,
    p_from UUID, p_to UUID, p_note TEXT, p_salt_from BYTEA, p_salt_to BYTEA,
    -- What the amount and the day's limit are in each currency of the bank.
    p_currencies TEXT[], p_amounts BIGINT[], p_limits BIGINT[]
) RETURNS TABLE (
    account_id UUID, owner_id UUID, kind TEXT, currency TEXT, created_at TIMESTAMPTZ,
    status TEXT, posted BIGINT, held BIGINT, overdraft_limit BIGINT, version BIGINT,
    last_posted_at TIMESTAMPTZ, legacy_id BIGINT, holder_first_name TEXT, holder_last_name TEXT,
    last4 TEXT, expires_on DATE, first_name TEXT, last_name TEXT
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    payer     RECORD;
    payee     RECORD;
    one       RECORD;
    at        TIMESTAMPTZ := p_at;
    v_amount  BIGINT;
    v_limit   BIGINT;
    told      INT;
BEGIN
    INSERT INTO idempotency_keys AS i
        (scope_id, idempotency_key, fingerprint, result_kind, result_id, created_at)
    VALUES (p_scope, p_key, p_fingerprint, 'TRANSACTION', p_transaction, p_at)
    ON CONFLICT (scope_id, idempotency_key) DO NOTHING;
    IF NOT FOUND THEN RAISE EXCEPTION 'in the usual way' USING ERRCODE = 'TL001'; END IF;
    FOR one IN
        SELECT b.account_id, a.owner_id, a.kind, a.currency, a.created_at, b.status, b.posted,
            b.held, b.overdraft_limit, b.version, b.last_posted_at, b.spending_limit, c.legacy_id,
            c.holder_first_name, c.holder_last_name, c.last4, c.expires_on, u.first_name,
            u.last_name
        FROM balances b
            JOIN accounts a ON a.account_id = b.account_id
            JOIN cards c ON c.account_id = b.account_id
            JOIN users u ON u.user_id = a.owner_id
        WHERE b.account_id IN (p_from, p_to)
        ORDER BY b.account_id FOR UPDATE OF b
    LOOP
        IF one.account_id = p_from THEN payer := one; ELSE payee := one; END IF;
        at := GREATEST(at, one.last_posted_at);
    END LOOP;
    IF payer IS NULL OR payee IS NULL THEN
        RAISE EXCEPTION 'in the usual way' USING ERRCODE = 'TL001';
    END IF;
    v_amount := p_amounts[array_position(p_currencies, payer.currency)];
    v_limit := p_limits[array_position(p_currencies, payer.currency)];
    IF v_amount IS NULL OR payer.owner_id <> p_user
        OR payer.kind <> 'CARD' OR payee.kind <> 'CARD'
        OR payer.status <> 'ACTIVE' OR payee.status <> 'ACTIVE'
        OR payer.currency <> payee.currency
        OR payer.posted - payer.held + payer.overdraft_limit < v_amount
        OR payee.posted > 9000000000000000000 - v_amount
        -- What is spent from such a card is counted, which the usual way does.
        OR payer.spending_limit IS NOT NULL
    THEN
        RAISE EXCEPTION 'in the usual way' USING ERRCODE = 'TL001';
    END IF;
    -- A move between a person's own cards is not counted.
    IF payer.owner_id <> payee.owner_id THEN
        UPDATE limit_counters l
        SET used = CASE WHEN l.window_start < p_today THEN 0 ELSE l.used END + v_amount,
            window_start = GREATEST(l.window_start, p_today)
        WHERE l.subject_id = p_user AND l.kind = 'TRANSFER' AND l.currency = payer.currency
            AND CASE WHEN l.window_start < p_today THEN 0 ELSE l.used END + v_amount <= v_limit;
        IF NOT FOUND THEN RAISE EXCEPTION 'in the usual way' USING ERRCODE = 'TL001'; END IF;
    END IF;
    PERFORM 1 FROM sessions s JOIN users u ON u.user_id = s.user_id
    WHERE s.session_id = p_session AND s.user_id = p_user AND s.ended_at IS NULL
        AND s.expires_at > p_at AND s.refresh_expires_at > p_at AND u.status <> 'DEACTIVATED'
        AND u.barred_at IS NULL;
    IF NOT FOUND THEN RAISE EXCEPTION 'in the usual way' USING ERRCODE = 'TL001'; END IF;
    payer.posted := payer.posted - v_amount;
    payee.posted := payee.posted + v_amount;
    payer.version := payer.version + 1;
    payee.version := payee.version + 1;
    payer.last_posted_at := at;
    payee.last_posted_at := at;
    INSERT INTO entries (transaction_id, account_id, customer, amount, balance_after, version,
        posted_at, salt)
    VALUES
        (p_transaction, p_from, TRUE, -v_amount, payer.posted, payer.version, at, p_salt_from),
        (p_transaction, p_to, TRUE, v_amount, payee.posted, payee.version, at, p_salt_to);
    UPDATE balances b SET posted = n.posted, version = n.version, last_posted_at = at
    FROM (VALUES (p_from, payer.posted, payer.version), (p_to, payee.posted, payee.version))
        AS n (account_id, posted, version)
    WHERE b.account_id = n.account_id;
    INSERT INTO transactions (transaction_id, kind, posted_at)
    VALUES (p_transaction, 'TRANSFER', at);
    INSERT INTO transaction_texts (transaction_id, side, account_id, label, last4, party, note)
    SELECT p_transaction, n.side, n.account_id, '•••• •••• •••• ' || n.last4, n.last4,
        n.first_name || ' ' || n.last_name, p_note
    FROM (VALUES
        ('FROM', p_from, payer.last4, payer.holder_first_name, payer.holder_last_name),
        ('TO', p_to, payee.last4, payee.holder_first_name, payee.holder_last_name))
        AS n (side, account_id, last4, first_name, last_name);
    INSERT INTO audit_log (audit_id, actor_id, session_id, action, result, subject_id, ip_address,
        request_id, occurred_at)
    VALUES (p_audit, p_user, p_session, p_action, 'DONE', p_transaction, p_ip, p_request, p_at);
    INSERT INTO unsealed (subject_id, kind)
    VALUES (p_transaction, 'TRANSACTION'), (p_audit, 'AUDIT');
    WITH n AS (
        SELECT * FROM (VALUES
            (1, payer.owner_id, p_from, payer.posted, payer.held, payer.overdraft_limit,
                payer.version),
            (2, payee.owner_id, p_to, payee.posted, payee.held, payee.overdraft_limit,
                payee.version))
            AS v (place, owner_id, account_id, posted, held, overdraft_limit, version)),
    locked AS MATERIALIZED (
        SELECT s.owner_id FROM streams s WHERE s.owner_id IN (payer.owner_id, payee.owner_id)
        ORDER BY s.owner_id FOR UPDATE),
    advanced AS (
        UPDATE streams s
        SET last = s.last + (SELECT COUNT(*) FROM n WHERE n.owner_id = s.owner_id)
        FROM locked l WHERE s.owner_id = l.owner_id
        RETURNING s.owner_id, s.last)
    INSERT INTO events (owner_id, number, kind, body, occurred_at)
    SELECT a.owner_id,
        a.last - (SELECT COUNT(*) FROM n m WHERE m.owner_id = n.owner_id AND m.place > n.place),
        'ENTRY_POSTED',
        format('{"transaction":"%s","account":"%s","posted":%s,"held":%s,"overdraft_limit":%s,"version":%s}',
            p_transaction, n.account_id, n.posted, n.held, n.overdraft_limit, n.version),
        at
    FROM n JOIN advanced a ON a.owner_id = n.owner_id;
    GET DIAGNOSTICS told = ROW_COUNT;
    IF told <> 2 THEN RAISE EXCEPTION 'in the usual way' USING ERRCODE = 'TL001'; END IF;
    RETURN QUERY SELECT payer.account_id, payer.owner_id, payer.kind, payer.currency,
        payer.created_at, payer.status, payer.posted, payer.held, payer.overdraft_limit,
        payer.version, payer.last_posted_at, payer.legacy_id, payer.holder_first_name,
        payer.holder_last_name, payer.last4, payer.expires_on, payer.first_name, payer.last_name;
    RETURN QUERY SELECT payee.account_id, payee.owner_id, payee.kind, payee.currency,
        payee.created_at, payee.status, payee.posted, payee.held, payee.overdraft_limit,
        payee.version, payee.last_posted_at, payee.legacy_id, payee.holder_first_name,
        payee.holder_last_name, payee.last4, payee.expires_on, payee.first_name, payee.last_name;
END $$;
