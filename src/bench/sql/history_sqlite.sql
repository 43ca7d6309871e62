-- A long history of one account, in one transaction. All triggers and keys are on.
-- What the bank writes of an instant has six digits of a second, or three where
-- the last three are zeros.
BEGIN IMMEDIATE;
CREATE TEMP TABLE made AS
WITH RECURSIVE counted (g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM counted WHERE g < {entries})
SELECT g, unhex(printf('{prefix}%08x', g)) AS id, '{second}'
    || CASE WHEN g % 1000 = 0 THEN printf('.%03d', g / 1000) ELSE printf('.%06d', g) END
    || '+00:00' AS at
FROM counted;
INSERT INTO entries (transaction_id, account_id, customer, amount, balance_after, version,
    posted_at, salt)
SELECT m.id, b.account_id, 1, 1, b.posted + m.g, b.version + m.g, m.at, randomblob(16)
FROM made m CROSS JOIN balances b WHERE b.account_id = unhex('{account}') ORDER BY m.g;
INSERT INTO entries (transaction_id, account_id, customer, amount, posted_at, salt)
SELECT m.id, a.account_id, 0, -1, m.at, randomblob(16)
FROM made m CROSS JOIN accounts a WHERE a.kind = 'CASH_CLEARING' AND a.currency = 'USD'
ORDER BY m.g;
INSERT INTO transactions (transaction_id, kind, posted_at)
SELECT id, 'TOP_UP', at FROM made ORDER BY g;
INSERT INTO transaction_texts (transaction_id, side, account_id, label)
SELECT m.id, 'FROM', a.account_id, 'Cash'
FROM made m CROSS JOIN accounts a WHERE a.kind = 'CASH_CLEARING' AND a.currency = 'USD'
ORDER BY m.g;
INSERT INTO transaction_texts (transaction_id, side, account_id, label)
SELECT m.id, 'TO', c.account_id, '•••• •••• •••• ' || c.last4
FROM made m CROSS JOIN cards c WHERE c.account_id = unhex('{account}') ORDER BY m.g;
UPDATE balances SET posted = posted + {entries}, version = version + {entries},
    last_posted_at = (SELECT at FROM made WHERE g = {entries})
WHERE account_id = unhex('{account}');
UPDATE bank_folds SET sum = sum - {entries}
WHERE account_id = (
    SELECT account_id FROM accounts WHERE kind = 'CASH_CLEARING' AND currency = 'USD');
DROP TABLE made;
COMMIT;
