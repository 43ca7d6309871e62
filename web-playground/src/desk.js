// Who is known to this page and who is signed in; it tells whoever listens.

import * as people from "./people.js";
import { Live } from "./live.js";
import { Teller } from "./teller.js";
import { World } from "./world.js";

// People stay for as long as the browser keeps them, a session for as long as the tab.
const PEOPLE = "teller-playground-people";
const SESSION = "teller-playground-session";
// An access that ends this soon is renewed before it is used.
const MARGIN = 60_000;
// How often that is looked at.
const EVERY = 15_000;

/** The people whom `teller seed` makes. */
const SEEDED = ["ann@example.org", "bob@example.org", "cleo@example.org"].map((email) => ({
    email,
    password: "demo people love cranes",
    seeded: true,
}));

const read = (storage, key, otherwise) => {
    try {
        return JSON.parse(storage.getItem(key)) ?? otherwise;
    } catch {
        return otherwise;
    }
};

/** The page's state. `subscribe` and `snapshot` are what React's useSyncExternalStore takes. */
export class Desk {
    constructor() {
        this.teller = new Teller();
        this.world = new World(this.teller, this);
        this.live = new Live(this);
        this.listeners = new Set();
        this.ahead = 0;
        this.renewing = null;
        this.state = {
            people: read(localStorage, PEOPLE, []),
            person: read(sessionStorage, SESSION, null),
            ended: null,
            busy: null,
            fault: null,
        };
    }

    subscribe = (listener) => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    };

    snapshot = () => this.state;

    change(change) {
        this.state = { ...this.state, ...change };
        localStorage.setItem(PEOPLE, JSON.stringify(this.state.people));
        sessionStorage.setItem(SESSION, JSON.stringify(this.state.person));
        for (const listener of this.listeners) listener();
    }

    /** Begins to work: goes on with the session of this tab, if there is one. */
    async start() {
        setInterval(() => this.fresh().catch(() => {}), EVERY);
        await this.readClock();
        if (this.state.person) await this.act("Signing in", () => this.resume());
    }

    /** Does something that the page shows while it lasts, and what was wrong with it. */
    async act(what, run) {
        this.change({ busy: what, fault: null });
        try {
            return await run();
        } catch (error) {
            this.change({ fault: error.message });
            return undefined;
        } finally {
            this.change({ busy: null });
        }
    }

    // --- what the world asks ---

    current() {
        return this.state.ended ? null : this.state.person;
    }

    known(email) {
        return this.choices().find((person) => person.email === email);
    }

    friend() {
        return this.state.people.find(
            (person) => person.cardId && person.email !== this.state.person?.email,
        );
    }

    keep(person) {
        const { accessToken, refreshToken, accessExpiresAt, sessionId, ...kept } = person;
        const others = this.state.people.filter((other) => other.email !== person.email);
        const before = this.state.people.find((other) => other.email === person.email);
        this.change({ people: [...others, { ...before, ...kept }] });
    }

    adopt(person) {
        this.keep(person);
        this.change({ person, ended: null });
        this.live.open(person);
    }

    // --- what people press ---

    /** Everybody who can be chosen. */
    choices() {
        const made = this.state.people;
        return [...made, ...SEEDED.filter((one) => !made.some((other) => other.email === one.email))];
    }

    make = () => this.act("Making a person", async () => this.adopt(await people.make(this.teller)));

    choose = (email) =>
        this.act("Signing in", async () => {
            const person = this.known(email);
            try {
                this.adopt(await people.signIn(this.teller, person));
            } catch (error) {
                const hint = person.seeded
                    ? `${email} is not here yet: run teller seed.`
                    : `${email} cannot sign in any more: ${error.message}`;
                throw new Error(hint);
            }
        });

    forget = (email) =>
        this.change({ people: this.state.people.filter((person) => person.email !== email) });

    moveClock = (seconds) =>
        this.act("Moving the clock", async () => {
            this.setClock(await this.teller.moveClock(seconds));
            await this.fresh();
        });

    readClock = async () => this.setClock(await this.teller.clock());

    setClock(told) {
        this.ahead = Date.parse(told.now) - Date.now();
        this.change({ clock: told });
    }

    /** Now, by the bank's clock. */
    now() {
        return Date.now() + this.ahead;
    }

    // --- the session ---

    async resume() {
        const { person } = this.state;
        if (this.isStale(person)) await this.fresh();
        else this.live.open(person);
    }

    isStale(person) {
        return Date.parse(person.accessExpiresAt) - this.now() < MARGIN;
    }

    /** Sees to it that the access of the current session is good for a while. */
    async fresh() {
        const person = this.current();
        if (!person || !this.isStale(person)) return;
        await this.renew();
    }

    /** Renews the access now; the session has ended where it cannot be. */
    renew() {
        this.renewing ??= (async () => {
            try {
                const person = await people.refresh(this.teller, this.state.person);
                this.change({ person });
                this.live.renew(person);
            } catch (error) {
                this.live.close();
                this.change({ ended: error.message });
            } finally {
                this.renewing = null;
            }
        })();
        return this.renewing;
    }

    /** A document in the name of whoever is signed in. */
    async ask(query, variables) {
        await this.fresh();
        return this.teller.ask(query, variables, this.current()?.accessToken);
    }
}
