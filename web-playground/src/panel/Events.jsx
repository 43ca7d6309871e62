// Each event as it arrives, with the cursor from which a client would go on.

import { Copy } from "./Copy.jsx";

const TELLS = {
    EntryPosted: ({ entry }) =>
        `${entry.kind} ${entry.direction === "IN" ? "+" : "−"}${entry.amount.amount} ${entry.amount.currency}, ${entry.account.label}${entry.note ? `: ${entry.note}` : ""}`,
    AccountChanged: ({ account }) => `${account.label} is ${account.status}`,
    BillChanged: ({ bill }) => `${bill.name} is ${bill.status}`,
    SessionStarted: ({ session }) => `by ${session.facade}`,
    SessionEnded: () => "somewhere",
    RefreshRequired: () => "what lies between is not told",
};

const tell = (event) => event.text ?? TELLS[event.__typename]?.(event) ?? "";

export function Events({ live }) {
    if (!live.events.length) {
        return <p className="hint">Nothing has happened yet. Pay something in, and it stands here.</p>;
    }
    return (
        <ol className="events" aria-live="polite">
            {live.events.map((event) => (
                <li key={event.cursor}>
                    <strong>{event.__typename ?? "Socket"}</strong> {tell(event)}
                    <div className="row">
                        <time dateTime={event.occurredAt}>{event.occurredAt.slice(11, 19)}</time>
                        {event.__typename && (
                            <Copy text={event.cursor} what="cursor" shown={`cursor ${event.cursor.slice(0, 14)}`} />
                        )}
                    </div>
                </li>
            ))}
        </ol>
    );
}
