// Runs every ready operation of the playground against a server, as it stands, in the order
// of the page and, with "reversed", in the opposite one: each must run by itself.
//
// node operations.mjs URL [reversed]

import { createClient } from "graphql-ws";
import { buildSchema, parse, validate } from "graphql";
import { readFileSync } from "node:fs";
import WebSocket from "ws";

import { GROUPS } from "../../web-playground/src/operations/all.js";
import { Teller } from "../../web-playground/src/teller.js";
import { World } from "../../web-playground/src/world.js";
import { tell } from "./browser.mjs";

const [url, order] = process.argv.slice(2);
const schema = buildSchema(readFileSync(new URL("../../schema.graphql", import.meta.url), "utf8"));

/** What the page keeps of people, without a page. */
class Desk {
    people = new Map();
    person = null;
    current = () => this.person;
    known = (email) => this.people.get(email);
    friend = () => [...this.people.values()].find((one) => one.cardId && one.email !== this.person?.email);
    keep = (person) => this.people.set(person.email, { ...this.people.get(person.email), ...person });
    adopt = (person) => {
        this.keep(person);
        this.person = person;
    };
}

const desk = new Desk();
const teller = new Teller(url);
const world = new World(teller, desk);

/** The first answer of a subscription. */
async function listen(request) {
    await world.me();
    const client = createClient({
        url: `${url.replace("http", "ws")}/graphql`,
        webSocketImpl: WebSocket,
        connectionParams: { accessToken: desk.current().accessToken },
        retryAttempts: 0,
    });
    try {
        const answers = client.iterate(request);
        const first = answers.next();
        // Where nothing has happened since the cursor, something does now.
        if (request.query.includes("events(")) {
            await teller.ask(
                "mutation { createCard { errors { message } } }", {}, desk.current().accessToken,
            );
        }
        return (await first).value;
    } finally {
        await client.dispose();
    }
}

async function run(operation) {
    if (!operation.strangers) await world.me();
    const query = operation.document;
    const faults = validate(schema, parse(query)).map((fault) => fault.message);
    if (faults.length) return { faults };
    const variables = await world.fill(operation.variables);
    const request = { query, variables, operationName: operation.name };
    if (/^subscription /m.test(query)) {
        const answer = await listen(request);
        world.note(answer);
        return answer;
    }
    const token = desk.current()?.accessToken;
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const { answer } = await teller.send(request, headers);
    world.note(answer);
    return answer;
}

const operations = GROUPS.flatMap(({ operations, strangers }) => operations.map((one) => ({ ...one, strangers })));
if (order === "reversed") operations.reverse();
for (const operation of operations) {
    let answer;
    try {
        answer = await run(operation);
    } catch (error) {
        answer = { faults: [String(error.stack)] };
    }
    tell({ name: operation.name, comment: operation.document.startsWith("# "), refused: operation.refused ?? [], answer });
}
