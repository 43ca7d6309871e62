// What the person has. Balances come by the socket, the moment they change.

import { useEffect, useRef, useState } from "react";

const CARD = `mutation Card($key: IdempotencyKey!) {
  createCard(input: { idempotencyKey: $key }) { errors { message } }
}`;
const GOAL = `mutation Goal($key: IdempotencyKey!) {
  createSavings(input: { idempotencyKey: $key, name: "Bicycle", goal: "900.00" }) { errors { message } }
}`;
const BILL = `mutation Bill($key: IdempotencyKey!, $dueAt: DateTime!) {
  createBill(input: { idempotencyKey: $key, name: "Power", amount: "18.20", dueAt: $dueAt }) { errors { message } }
}`;
const TOP_UP = `mutation TopUp($key: IdempotencyKey!, $id: ID!) {
  topUp(input: { idempotencyKey: $key, accountId: $id, amount: "100.00", note: "Salary" }) { errors { message } }
}`;
const PUT_ASIDE = `mutation PutAside($key: IdempotencyKey!, $id: ID!, $card: ID!) {
  topUpSavings(input: { idempotencyKey: $key, savingsId: $id, cardId: $card, amount: "25.00" }) { errors { message } }
}`;
const PAY = `mutation Pay($key: IdempotencyKey!, $id: ID!, $card: ID!) {
  payBill(input: { idempotencyKey: $key, billId: $id, fromAccountId: $card }) { errors { message } }
}`;

export function Accounts({ desk, state, live }) {
    const { mine, balances } = live;
    if (!mine || !state.person) return null;
    const cards = mine.cards.filter((card) => card.status !== "CLOSED");
    const goals = mine.savings.filter((goal) => goal.status !== "CLOSED");
    const card = cards.find((one) => one.status === "ACTIVE")?.id;
    const off = Boolean(state.busy || state.ended);
    const run = (what, query, variables) => () =>
        desk.act(what, async () => {
            const data = await desk.ask(query, { key: crypto.randomUUID(), ...variables });
            const [{ errors }] = Object.values(data);
            if (errors.length) throw new Error(errors.map((error) => error.message).join(" "));
            await desk.live.reload();
        });
    const dueAt = () => new Date(desk.now() + 7 * 86_400_000).toISOString();
    const row = (account, about, action) => (
        <Row key={account.id} account={account} balance={balances[account.id] ?? account.balance} about={about}>
            {action}
        </Row>
    );
    return (
        <section className="accounts" aria-label="Accounts">
            <ul>
                {cards.map((one) =>
                    row(
                        one,
                        one.status === "FROZEN" ? "frozen" : "card",
                        <button disabled={off} title="Pay 100.00 in" onClick={run("Paying in", TOP_UP, { id: one.id })}>
                            +100
                        </button>,
                    ),
                )}
                {goals.map((one) =>
                    row(
                        one,
                        `${one.progressPercent}% of the goal`,
                        <button
                            disabled={off || !card}
                            title="Put 25.00 of the card aside"
                            onClick={run("Putting aside", PUT_ASIDE, { id: one.id, card })}
                        >
                            +25
                        </button>,
                    ),
                )}
                {mine.wallet && row(mine.wallet, "wallet", null)}
                {[...mine.overdue.nodes, ...mine.due.nodes].map((bill) => (
                    <li key={bill.id} data-status={bill.status}>
                        <span className="label">
                            {bill.name} <small>bill, {bill.status.toLowerCase()}</small>
                        </span>
                        <span className="money">
                            {bill.amount.amount} <small>{bill.amount.currency}</small>
                        </span>
                        <button disabled={off || !card} onClick={run("Paying", PAY, { id: bill.id, card })}>
                            Pay
                        </button>
                    </li>
                ))}
            </ul>
            <div className="row">
                <button disabled={off} onClick={run("Making a card", CARD)}>
                    New card
                </button>
                <button disabled={off} onClick={run("Making a goal", GOAL)}>
                    New goal
                </button>
                <button
                    disabled={off}
                    onClick={() => run("Noting a bill", BILL, { dueAt: dueAt() })()}
                >
                    New bill
                </button>
            </div>
        </section>
    );
}

/** A masked number without what is masked. */
const short = (label) => label.replace(/^(•+ )+/, "•••• ");

function Row({ account, balance, about, children }) {
    const version = balance.version;
    const [changed, setChanged] = useState(false);
    const first = useRef(version);
    useEffect(() => {
        if (version === first.current) return undefined;
        first.current = version;
        setChanged(true);
        const timer = setTimeout(() => setChanged(false), 1500);
        return () => clearTimeout(timer);
    }, [version]);
    return (
        <li data-changed={changed} data-account={account.id}>
            <span className="label">
                {short(account.label)} <small>{about}</small>
            </span>
            <span className="money">
                {balance.posted.amount} <small>{balance.posted.currency}</small>
            </span>
            {children}
        </li>
    );
}
