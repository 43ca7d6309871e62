// Two pages of other origins against card-bank: one that is allowed and signs in with
// `credentials: "include"`, and one that is not. At the end a lost password is set by the
// link of a letter.
//
// Prints the two origins, reads {api, password, fresh} from its input, and prints what each
// page could do.

import { createInterface } from "node:readline";

import { launch, site, tell } from "./browser.mjs";

const allowed = await site("allowed");
const foreign = await site("foreign");
tell({ allowed: allowed.origin, foreign: foreign.origin });

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { api, password, fresh } = JSON.parse((await lines.next()).value);
const email = "ann@example.org";
const person = { email, phone_number: "+12025550001", social_security: "078-05-0001" };

/** The newest letter with this subject, once there are more than `seen` of them. */
const letter = async (subject, seen = 0) => {
    for (let tries = 0; tries < 200; tries += 1) {
        const answer = await fetch(`${api}/dev/inbox?to=${encodeURIComponent(email)}`, {
            headers: { accept: "application/json" },
        });
        const letters = (await answer.json()).filter((one) => one.subject === subject);
        if (letters.length > seen) return letters.at(-1).html;
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`no letter "${subject}" came`);
};
const code = async (subject, seen) => (await letter(subject, seen)).match(/<div class="code">(\w+)</)[1];

/** What a page's script does to call the bank with cookies. */
const send = async ({ url, method, body }) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    try {
        const answer = await fetch(url, {
            method,
            credentials: "include",
            headers,
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        return { status: answer.status, body: await answer.json() };
    } catch (error) {
        return { failed: error.name };
    }
};

const { context, close } = await launch();
try {
    const good = await context.newPage();
    await good.goto(allowed.origin);
    const ask = (method, path, body, page = good) =>
        page.evaluate(send, { url: api + path, method, body });
    const registered = await ask("POST", "/auth/register", person);
    const made = await ask("POST", "/auth/verify-email", {
        ...person,
        first_name: "Ann",
        last_name: "Lee",
        date_of_birth: "1990-04-01",
        address: "1 Main Street",
        city: "Springfield",
        state: "Oregon",
        post_code: "97477",
        password,
        verification_code: await code("Email Verification"),
    });
    await ask("POST", "/auth/logout");
    const nobody = await ask("GET", "/auth/me");
    const asked = await ask("POST", "/auth/2fa/request", { email, password });
    const entered = await ask("POST", "/auth/2fa/confirm", {
        email,
        twofa_code: await code("Login 2FA code"),
    });
    await good.reload();
    const me = await ask("GET", "/auth/me");
    const script = await good.evaluate(() => document.cookie);
    const kept = (await context.cookies(api)).map(({ name, path, httpOnly, secure, sameSite }) => ({
        name, path, httpOnly, secure, sameSite,
    }));

    // The same browser, with the same cookie, on a page that is not allowed.
    const bad = await context.newPage();
    await bad.goto(foreign.origin);
    const tries = {
        read: await ask("GET", "/auth/me", undefined, bad),
        make: await ask("POST", "/card/create", {}, bad),
        signIn: await ask("POST", "/auth/2fa/request", { email, password }, bad),
        blind: await bad.evaluate(async (url) => {
            const answer = await fetch(url, {
                method: "POST",
                mode: "no-cors",
                credentials: "include",
                headers: { "content-type": "text/plain" },
                body: "{}",
            });
            return { type: answer.type, body: await answer.text() };
        }, `${api}/card/create`),
        logOut: await ask("POST", "/auth/logout", undefined, bad),
    };
    const after = await ask("GET", "/auth/me");
    const card = await ask("POST", "/card/create");
    const cards = await ask("GET", "/card/");
    const out = await ask("POST", "/auth/logout");
    const gone = await ask("GET", "/auth/me");
    const cookies = (await context.cookies(api)).map((cookie) => cookie.name);

    // The link of the letter leads to the front end; the bank's own page takes its token too.
    const lost = await ask("POST", "/auth/reset", person);
    const link = (await letter("Password reset")).match(/href="([^"]+)"/)[1];
    const token = new URL(link).searchParams.get("token");
    const page = await context.newPage();
    const complaints = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(`${api}/compat/card-bank/reset?token=${token}`);
    await page.fill("#password", fresh);
    await page.click("#send");
    await page.waitForFunction(() => document.getElementById("told").textContent !== "");
    const told = await page.textContent("#told");
    const address = page.url();
    const again = await ask("POST", "/auth/2fa/request", { email, password: fresh });
    tell({
        registered, made, nobody, asked, entered, me, script, kept, tries, after, card, cards, out,
        gone, cookies, lost, link, told, address, complaints, again,
    });
} finally {
    await close();
    allowed.close();
    foreign.close();
}
process.exit(0);
