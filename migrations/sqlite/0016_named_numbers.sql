-- Whether the payer named this side of a movement by its card's number: only then may a
-- client that shows whole numbers show it to them. Of what was moved before nobody knows.
ALTER TABLE transaction_texts
    ADD COLUMN named INTEGER NOT NULL DEFAULT FALSE CHECK (named IN (FALSE, TRUE));
