-- What may be spent from a card in a day, as its owner sets it; null where nothing is set.
-- It stands beside the balance, so that it is read and changed under the same lock.
ALTER TABLE balances ADD COLUMN spending_limit INTEGER
    CONSTRAINT balances_spending_limit CHECK (spending_limit > 0);
