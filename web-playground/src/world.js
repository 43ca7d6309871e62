// What {{names}} in variables stand for: each is found, or made, when a request is sent.
//
// So every ready operation runs as it stands, in any order, also against a sandbox that
// nobody has used before.

import * as people from "./people.js";

const MINE = `query Mine {
  me {
    cards { id status }
    savings { id status }
    overdue: bills(status: OVERDUE, first: 1) { nodes { id } }
    due: bills(status: DUE, first: 1) { nodes { id } }
    history(first: 2) { pageInfo { endCursor } }
  }
}`;
const NEWEST = `query Newest { events(first: 1) { endCursor } }`;
const CARD = `mutation Card($key: IdempotencyKey!) {
  createCard(input: { idempotencyKey: $key }) { card { id } errors { message } }
}`;
const GOAL = `mutation Goal($key: IdempotencyKey!) {
  createSavings(input: { idempotencyKey: $key, name: "Bicycle", goal: "900.00" }) {
    savings { id } errors { message }
  }
}`;
const BILL = `mutation Bill($key: IdempotencyKey!, $dueAt: DateTime!) {
  createBill(input: { idempotencyKey: $key, name: "Power", amount: "18.20", dueAt: $dueAt }) {
    bill { id } errors { message }
  }
}`;

const NAME = /\{\{\s*([\w.]+)\s*\}\}/g;
const UNITS = { m: 60, h: 3600, d: 86_400 };
const open = (list) => list.find((one) => one.status === "ACTIVE")?.id;

/**
 * The people that requests are about, and what was seen in answers.
 *
 * `desk` keeps people: `current()` is who is signed in or null, `friend()` is somebody else
 * or null, `adopt(person)` makes somebody current, `keep(person)` remembers somebody.
 */
export class World {
    constructor(teller, desk) {
        this.teller = teller;
        this.desk = desk;
        this.newcomer = null;
        this.challenge = null;
        this.cursor = null;
        this.page = null;
    }

    /** Fills the names in variables; anything else stays as it is. */
    async fill(variables) {
        const values = new Map();
        for (const [, name] of JSON.stringify(variables ?? {}).matchAll(NAME)) {
            if (!values.has(name)) values.set(name, await this.find(name));
        }
        const fill = (value) => {
            if (typeof value === "string") {
                return value.replace(NAME, (_, name) => values.get(name));
            }
            if (Array.isArray(value)) return value.map(fill);
            if (value === null || typeof value !== "object") return value;
            return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner)]));
        };
        return fill(variables ?? {});
    }

    /** Notes what an answer tells: tokens, a challenge, cursors. */
    note(answer) {
        for (const payload of Object.values(answer?.data ?? {})) {
            if (payload === null || typeof payload !== "object") continue;
            if (payload.accessToken && payload.user) this.enter(payload);
            if (payload.registrationExpiresAt && this.newcomer) this.newcomer.asked = true;
            if (payload.challenge) this.challenge = payload.challenge;
            if (payload.pageInfo?.endCursor) this.page = payload.pageInfo.endCursor;
            if (payload.endCursor ?? payload.cursor) this.cursor = payload.endCursor ?? payload.cursor;
        }
    }

    enter(payload) {
        const { email } = payload.user;
        const isNew = this.newcomer?.email === email;
        const known = isNew ? this.newcomer : this.desk.known(email);
        if (isNew) this.newcomer = null;
        this.desk.adopt(people.signedIn({ ...known, ...payload.user, email }, payload));
        this.challenge = null;
    }

    /** Who asks: whoever is signed in, else somebody who is made for it. */
    async me() {
        const current = this.desk.current();
        if (current) return current;
        const made = await people.make(this.teller);
        this.desk.adopt(made);
        return made;
    }

    async ask(query, variables) {
        return this.teller.ask(query, variables, (await this.me()).accessToken);
    }

    async find(name) {
        const finder = FINDERS[name];
        if (finder) return finder(this);
        const [, count, unit] = name.match(/^in\.(\d+)([mhd])$/) ?? [];
        if (!count) throw new Error(`{{${name}}} stands for nothing.`);
        return this.later(Number(count) * UNITS[unit]);
    }

    /** An instant so many seconds from now, by the bank's clock. */
    async later(seconds) {
        const { now } = await this.teller.clock();
        return new Date(Date.parse(now) + seconds * 1000).toISOString();
    }

    /** Somebody who is about to register. */
    expected() {
        this.newcomer ??= people.draw();
        return this.newcomer;
    }

    async mine() {
        return (await this.ask(MINE)).me;
    }

    async made(query, variables = {}) {
        const data = await this.ask(query, { key: crypto.randomUUID(), ...variables });
        const [payload] = Object.values(data);
        return people.unlessRefused(payload);
    }

    async friend() {
        const known = this.desk.friend();
        if (known?.cardId) return known;
        const friend = await people.make(this.teller);
        this.desk.keep(friend);
        return friend;
    }
}

/** What each name stands for. */
export const FINDERS = {
    key: () => crypto.randomUUID(),
    email: async (world) => (await world.me()).email,
    password: async (world) => (await world.me()).password,
    refreshToken: async (world) => (await world.me()).refreshToken,
    "new.email": (world) => world.expected().email,
    "new.phone": (world) => world.expected().phone,
    "new.socialSecurity": (world) => world.expected().socialSecurity,
    "new.password": (world) => world.expected().password,
    "new.firstName": (world) => world.expected().firstName,
    "new.lastName": (world) => world.expected().lastName,
    "new.code": async (world) => {
        const person = world.expected();
        // A letter comes a moment later: whoever has asked must not ask for a second code.
        if (!person.asked) await people.register(world.teller, person);
        person.asked = true;
        return people.newCode(world.teller, person.email);
    },
    challenge: async (world) => {
        world.challenge ??= await people.login(world.teller, await world.me());
        return world.challenge.id;
    },
    code: async (world) => {
        const since = world.challenge ? people.begun(world.challenge) : 0;
        return people.newCode(world.teller, (await world.me()).email, since);
    },
    card: async (world) => open((await world.mine()).cards) ?? (await world.made(CARD)).card.id,
    savings: async (world) => open((await world.mine()).savings) ?? (await world.made(GOAL)).savings.id,
    bill: async (world) => {
        const { overdue, due } = await world.mine();
        const [payable] = [...overdue.nodes, ...due.nodes];
        if (payable) return payable.id;
        const dueAt = await world.later(7 * UNITS.d);
        return (await world.made(BILL, { dueAt })).bill.id;
    },
    "friend.card": async (world) => (await world.friend()).cardId,
    page: async (world) => world.page ?? (await world.mine()).history.pageInfo.endCursor,
    cursor: async (world) => world.cursor ?? (await world.ask(NEWEST)).events.endCursor,
};
