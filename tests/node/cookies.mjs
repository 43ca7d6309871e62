// Two pages of different origins against one server: one that is allowed and signs in
// with cookies, and one that is not and tries to read and to move something.
//
// Prints the two origins, reads {api, email, password, to} from its input, and prints
// what each page could do.

import { createInterface } from "node:readline";

import { launch, site, tell } from "./browser.mjs";

const allowed = await site("allowed");
const foreign = await site("foreign");
tell({ allowed: allowed.origin, foreign: foreign.origin });

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { api, email, password } = JSON.parse((await lines.next()).value);
const endpoint = `${api}/graphql`;

/** What a page's script does to send a document: with cookies, and with a header where one is given. */
const post = async ({ endpoint, query, variables, csrf }) => {
    const headers = { "content-type": "application/json" };
    if (csrf) headers["x-csrf-token"] = csrf;
    try {
        const body = JSON.stringify({ query, variables });
        const answer = await fetch(endpoint, { method: "POST", credentials: "include", headers, body });
        return { status: answer.status, body: await answer.json() };
    } catch (error) {
        return { failed: error.name };
    }
};

/** The newest code in the sandbox's inbox that is none of those seen. */
const code = async (seen) => {
    for (let tries = 0; tries < 200; tries += 1) {
        const answer = await fetch(`${api}/dev/inbox?to=${encodeURIComponent(email)}`, {
            headers: { accept: "application/json" },
        });
        const letters = await answer.json();
        if (letters.length > seen) return letters.at(-1).text.match(/\n +(\d{6})\n/)[1];
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("no letter came");
};

/** Puts a page into a frame of another; where the frame ends up. */
const framed = async (page, url) => {
    await page.evaluate(
        (url) =>
            new Promise((resolve) => {
                const frame = document.createElement("iframe");
                frame.onload = resolve;
                frame.src = url;
                document.body.append(frame);
                setTimeout(resolve, 10_000);
            }),
        url,
    );
    return page.frames().find((frame) => frame !== page.mainFrame())?.url();
};

const COUNT = "{ cards { id } }";
const CREATE = "mutation { createCard { card { id } errors { code } } }";

const { context, close } = await launch();
try {
    const good = await context.newPage();
    await good.goto(allowed.origin);
    const ask = (query, variables, csrf) =>
        good.evaluate(post, { endpoint, query, variables, csrf });
    const seen = (await (await fetch(`${api}/dev/inbox?to=${encodeURIComponent(email)}`, {
        headers: { accept: "application/json" },
    })).json()).length;
    const asked = await ask(
        "mutation ($i: LoginInput!) { login(input: $i) { challenge { id } errors { code } } }",
        { i: { email, password } },
    );
    const entered = await ask(
        `mutation ($i: ConfirmLoginInput!) { confirmLogin(input: $i) {
            accessToken refreshToken csrfToken errors { code } } }`,
        {
            i: {
                challengeId: asked.body.data.login.challenge.id,
                code: await code(seen),
                useCookies: true,
            },
        },
    );
    const auth = entered.body.data.confirmLogin;
    const csrf = auth.csrfToken;
    const made = await ask(CREATE, {}, csrf);
    await good.reload();
    const read = await ask("{ me { email } }", {}, csrf);
    const refreshed = await ask("mutation { refreshSession { accessToken csrfToken errors { code } } }", {}, csrf);
    const withoutHeader = await ask(CREATE);
    const script = await good.evaluate(() => document.cookie);

    // The same browser, with the same cookies, on a page that is not allowed.
    const bad = await context.newPage();
    await bad.goto(foreign.origin);
    const tries = {
        readByPost: await bad.evaluate(post, { endpoint, query: "{ me { email } }", csrf }),
        moveByPost: await bad.evaluate(post, { endpoint, query: CREATE, csrf }),
        readByGet: await bad.evaluate(async (url) => {
            try {
                const answer = await fetch(url, { credentials: "include" });
                return { body: await answer.text() };
            } catch (error) {
                return { failed: error.name };
            }
        }, `${endpoint}?query=${encodeURIComponent("{ me { email } }")}`),
        moveWithoutCors: await bad.evaluate(
            async ({ endpoint, body }) => {
                const answer = await fetch(endpoint, {
                    method: "POST",
                    mode: "no-cors",
                    credentials: "include",
                    headers: { "content-type": "text/plain" },
                    body,
                });
                return { type: answer.type, body: await answer.text() };
            },
            { endpoint, body: JSON.stringify({ query: CREATE }) },
        ),
        frame: await framed(bad, `${api}/dev/inbox`),
    };
    // A page can lead the browser to an answer, which it cannot read; it is not given either.
    const visit = `${endpoint}?query=${encodeURIComponent("{ me { email } }")}`;
    const led = await context.newPage();
    await led.goto(foreign.origin);
    const visited = new Promise((resolve) => led.on("response", (r) => r.url() === visit && resolve(r.status())));
    await led.evaluate((url) => {
        location.href = url;
    }, visit);
    tries.visit = await visited;
    // A form sends a body that looks like JSON to whoever does not look at its type.
    const status = new Promise((resolve) => bad.on("response", (r) => r.url() === endpoint && resolve(r.status())));
    await bad.evaluate(
        ({ endpoint, body }) => {
            const form = document.createElement("form");
            form.method = "post";
            form.enctype = "text/plain";
            form.action = endpoint;
            const field = document.createElement("input");
            field.name = `${body.slice(0, -1)}, "x": "`;
            field.value = '"}';
            form.append(field);
            document.body.append(form);
            form.submit();
        },
        { endpoint, body: JSON.stringify({ query: CREATE }) },
    );
    tries.form = await status;

    const cards = await ask(COUNT, {}, csrf);
    const out = await ask("mutation { logout { ok errors { code } } }", {}, csrf);
    const after = await ask("{ me { email } }", {}, csrf);
    const cookies = (await context.cookies(api)).map((cookie) => cookie.name);
    tell({ auth, made, read, refreshed, withoutHeader, script, tries, cards, out, after, cookies });
} finally {
    await close();
    allowed.close();
    foreign.close();
}
process.exit(0);
