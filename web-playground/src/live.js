// The socket of whoever is signed in: balances and events as they come.

import { createClient } from "graphql-ws";

const BALANCES = `subscription Balances {
  balanceChanged {
    reset
    account { id }
    balance { posted { amount currency } available { amount } version }
  }
}`;
const EVENTS = `subscription Feed($after: Cursor) {
  events(after: $after) {
    __typename
    cursor
    occurredAt
    ... on EntryPosted {
      entry { kind direction amount { amount currency } note account { label } }
    }
    ... on AccountChanged { account { label status } }
    ... on BillChanged { bill { name status } }
    ... on SessionStarted { session { id facade platform } }
    ... on SessionEnded { sessionId }
  }
}`;
const MINE = `query Panel {
  me {
    firstName lastName email
    cards { id label status balance { posted { amount currency } available { amount } version } }
    savings {
      id label status progressPercent
      balance { posted { amount currency } available { amount } version }
    }
    wallet { id label status balance { posted { amount currency } available { amount } version } }
    overdue: bills(status: OVERDUE, first: 10) { ...Payable }
    due: bills(status: DUE, first: 10) { ...Payable }
    sessions { id current facade platform lastActiveAt }
  }
}
fragment Payable on BillConnection { nodes { id name status amount { amount currency } } }`;

// The session has ended, or its access.
const FORBIDDEN = 4403;
// Events that are shown.
const SHOWN = 100;
const RELOADS = new Set(["AccountChanged", "BillChanged", "SessionStarted", "SessionEnded", "RefreshRequired"]);

const EMPTY = { socket: "closed", note: null, mine: null, balances: {}, events: [], cursor: null };

/** What comes by the socket; `subscribe` and `snapshot` are for React, as the desk's. */
export class Live {
    constructor(desk) {
        this.desk = desk;
        this.listeners = new Set();
        this.client = null;
        this.socket = null;
        this.state = EMPTY;
    }

    subscribe = (listener) => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    };

    snapshot = () => this.state;

    change(change) {
        this.state = { ...this.state, ...change };
        for (const listener of this.listeners) listener();
    }

    /** Opens the socket of a session; what another person saw is forgotten. */
    open(person) {
        const same = this.state.email === person.email;
        this.close();
        this.change(same ? { note: null } : { ...EMPTY, email: person.email });
        this.connect();
        this.reload();
    }

    /** Renews the socket by the newer access of its session, or opens it again. */
    renew(person) {
        if (this.client && this.socket?.readyState === WebSocket.OPEN) {
            const payload = { accessToken: person.accessToken };
            this.socket.send(JSON.stringify({ type: "ping", payload }));
        } else {
            this.connect();
        }
        this.reload();
    }

    close() {
        this.client?.dispose();
        this.client = null;
        this.change({ socket: "closed" });
    }

    connect() {
        this.client?.dispose();
        const url = new URL("/graphql", location.href);
        url.protocol = url.protocol.replace("http", "ws");
        const client = createClient({
            url: url.href,
            lazy: false,
            connectionParams: () => ({ accessToken: this.desk.current()?.accessToken }),
            shouldRetry: (event) => event.code !== FORBIDDEN,
            onNonLazyError: () => {},
            on: {
                opened: (socket) => {
                    this.socket = socket;
                },
                connected: () => this.change({ socket: "open", note: null }),
                closed: (event) => this.closed(client, event),
            },
        });
        this.client = client;
        this.follow(client, BALANCES, {}, (data) => this.balance(data.balanceChanged));
        this.follow(client, EVENTS, { after: this.state.cursor }, (data) => this.event(data.events));
    }

    closed(client, { code, reason }) {
        if (client !== this.client) return;
        const told = `closed with ${code}${reason ? ` ${reason}` : ""}`;
        this.change({ socket: "closed", note: told });
        if (code !== FORBIDDEN) return;
        this.tell({ cursor: `socket-${Date.now()}`, occurredAt: new Date(this.desk.now()).toISOString(), text: `The socket was ${told}.` });
        this.close();
        this.change({ note: told });
        if (this.desk.current()) this.desk.renew();
    }

    async follow(client, query, variables, take) {
        try {
            for await (const answer of client.iterate({ query, variables })) {
                if (client !== this.client) return;
                if (answer.data) take(answer.data);
            }
        } catch {
            // The socket's own state tells it.
        }
    }

    balance({ account, balance }) {
        const before = this.state.balances[account.id];
        if (before && BigInt(before.version) >= BigInt(balance.version)) return;
        this.change({ balances: { ...this.state.balances, [account.id]: balance } });
    }

    event(event) {
        this.tell(event);
        this.desk.world.cursor = event.cursor;
        this.change({ cursor: event.cursor });
        if (event.sessionId && event.sessionId === this.desk.state.person?.sessionId) {
            // Its tokens open nothing any more; the server is about to close the socket.
            this.desk.change({ ended: "The session has ended." });
            return;
        }
        const unknown = event.__typename === "EntryPosted" && !this.state.mine;
        if (unknown || RELOADS.has(event.__typename)) this.reload();
    }

    tell(event) {
        this.change({ events: [event, ...this.state.events].slice(0, SHOWN) });
    }

    /** Reads everything anew that does not come by the socket. */
    async reload() {
        if (!this.desk.current()) return;
        try {
            const { me } = await this.desk.ask(MINE);
            if (me.email !== this.state.email) return;
            this.change({ mine: me });
            for (const account of [...me.cards, ...me.savings, me.wallet]) {
                if (account) this.balance({ account, balance: account.balance });
            }
        } catch (error) {
            if (error.status === 401) await this.desk.renew();
            else this.desk.change({ fault: error.message });
        }
    }

    /** Runs a document on the socket, answer by answer. */
    iterate(request) {
        if (!this.client) this.connect();
        return this.client.iterate(request);
    }
}
