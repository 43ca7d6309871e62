// The playground and the pages around it in a real browser.
//
// node playground.mjs visit URL           what a developer does in the first ten minutes
// node playground.mjs look URL FOLDER     each page, wide and narrow, light and dark: axe's
//                                         findings, and a picture in the folder

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { launch, tell } from "./browser.mjs";

const [what, url, folder] = process.argv.slice(2);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } };

const PAGES = { home: "/", inbox: "/dev/inbox", docs: "/docs" };

const { context, close } = await launch();

/** Notes everything that a browser complains of. */
function watch(page) {
    const seen = { console: [], errors: [], failed: [], refused: [], foreign: [] };
    page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) seen.console.push(message.text());
    });
    page.on("pageerror", (error) => seen.errors.push(String(error)));
    page.on("requestfailed", (request) => {
        const why = request.failure()?.errorText;
        // The editor starts its worker for JSON anew when it is told its options, and gives the
        // first one up, which may still be loading then.
        const givenUp = why === "net::ERR_ABORTED" && request.url().includes("/json.worker-");
        if (!givenUp) seen.failed.push(`${request.url()} ${why}`);
    });
    page.on("response", (response) => {
        if (response.status() >= 400) seen.refused.push(`${response.status()} ${response.url()}`);
    });
    const own = new URL(url).host;
    const mine = (address) => ["data:", "blob:"].includes(address.protocol) || address.host === own;
    const meet = (address) => mine(new URL(address)) || seen.foreign.push(address);
    page.on("request", (request) => meet(request.url()));
    page.on("websocket", (socket) => meet(socket.url()));
    return seen;
}

/** Waits until the editors are there and the panel can be used. */
async function ready(page) {
    await page.waitForFunction(() => globalThis.__MONACO?.editor.getEditors().length >= 3);
    await page.locator("[data-operation]:enabled").first().waitFor();
}

/** Waits until nothing more has been loaded for a while, workers among it. */
async function settle(page) {
    const count = () => page.evaluate(() => performance.getEntriesByType("resource").length);
    for (let before = -1, now = await count(); before !== now; now = await count()) {
        before = now;
        await page.waitForTimeout(1000);
    }
}

/** Bytes of this visit that came over the wire, of paths that begin so. */
const weigh = (page, path) =>
    page.evaluate((path) => {
        const entries = [
            ...performance.getEntriesByType("navigation"),
            ...performance.getEntriesByType("resource"),
        ];
        const ours = entries.filter((entry) => new URL(entry.name).pathname.startsWith(path));
        return ours.reduce((sum, entry) => sum + entry.transferSize, 0);
    }, path);

/** Waits until an editor shows a text. */
const shows = (page, text) =>
    page.waitForFunction(
        (text) => globalThis.__MONACO.editor.getEditors().some((editor) => editor.getValue().includes(text)),
        text,
    );

const balance = (page) => page.locator(".accounts li .money").first();

/** Makes a person and runs the transfer; the balance before and after. */
async function pay(page) {
    await page.getByRole("button", { name: "Make a person" }).click();
    await page.getByText("socket open").waitFor();
    await page.getByText("1050.00").waitFor();
    const before = (await balance(page).innerText()).split(" ")[0];
    await page.locator("[data-operation=TransferTwice]").click();
    await page.waitForFunction(() => document.activeElement.closest(".graphiql-query-editor"));
    await page.keyboard.press("Control+Enter");
    await shows(page, '"replayed": true');
    await page.waitForFunction(
        (before) => !document.querySelector(".accounts li .money").innerText.startsWith(before),
        before,
    );
    return { before, after: (await balance(page).innerText()).split(" ")[0] };
}

/** Types a question with the help of completion, and runs it. */
async function complete(page) {
    await page.getByRole("button", { name: "New tab" }).click();
    await page.locator(".graphiql-query-editor .view-lines").first().click();
    await page.keyboard.type("{ me { ema", { delay: 30 });
    await page.keyboard.press("Control+Space");
    const suggestion = page.locator(".suggest-widget.visible .monaco-list-row").filter({ hasText: "email" });
    await suggestion.first().waitFor();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Control+Enter");
    await shows(page, "@example.org");
    return true;
}

/** Reads in the documentation what a mutation takes. */
async function document(page) {
    await page.getByRole("button", { name: /Documentation Explorer/ }).click();
    const docs = page.locator(".graphiql-doc-explorer");
    await docs.getByRole("link", { name: "Mutation", exact: true }).click();
    await docs.getByRole("link", { name: "transfer", exact: true }).click();
    await docs.getByText("TransferInput").first().waitFor();
    return true;
}

/** Ends the session of the page, and sees its socket closed. */
async function end(page) {
    await page.getByRole("tab", { name: "Sessions" }).click();
    const own = page.locator(".sessions li").filter({ hasText: "this page" });
    await own.getByRole("button", { name: "End" }).click();
    await page.getByText("The socket was closed with 4403").first().waitFor();
    return true;
}

async function visit() {
    const page = context.pages()[0];
    await page.setViewportSize(SIZES.wide);
    const seen = watch(page);
    const begun = Date.now();
    await page.goto(`${url}/playground`);
    await ready(page);
    const readyMs = Date.now() - begun;
    await settle(page);
    const weight = await weigh(page, "/playground");
    await page.goto(`${url}/playground`);
    await ready(page);
    await settle(page);
    const secondWeight = await weigh(page, "/playground/assets/");
    let reloads = 0;
    page.on("framenavigated", () => {
        reloads += 1;
    });
    const moved = await pay(page);
    const completed = await complete(page);
    const documentation = await document(page);
    const ended = await end(page);
    tell({ ...seen, ...moved, readyMs, weight, secondWeight, reloads, completed, documentation, ended });
}

/** What axe finds that keeps people out, and whether the page is wider than the window. */
async function inspect(page) {
    await page.evaluate(AXE);
    return page.evaluate(async () => {
        const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
        const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
        const faults = grave.flatMap(({ id, nodes }) => nodes.map((node) => `${id} ${node.target.join(" ")}`));
        const wider = document.documentElement.scrollWidth > innerWidth;
        return { faults, wider };
    });
}

async function look() {
    mkdirSync(folder, { recursive: true });
    const page = context.pages()[0];
    const seen = watch(page);
    const shoot = async (name) => {
        // What moves comes to rest, and what is still to be drawn is drawn.
        await page.waitForTimeout(400);
        const path = join(folder, `${name}.png`);
        await page.screenshot({ path });
        tell({ page: name, ...(await inspect(page)) });
    };
    for (const [size, viewport] of Object.entries(SIZES)) {
        for (const colorScheme of ["light", "dark"]) {
            await page.setViewportSize(viewport);
            await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
            const name = (what) => `${what}-${size}-${colorScheme}`;
            await page.goto(`${url}/playground`);
            await ready(page);
            await shoot(name("playground-new"));
            await pay(page);
            await page.waitForTimeout(1500);
            await shoot(name("playground-paid"));
            if (size === "narrow") await page.getByRole("button", { name: "Sandbox" }).click();
            for (const title of ["Try", "Inbox", "Events", "Sessions", "Tools"]) {
                await page.getByRole("tab", { name: title }).click();
                await shoot(name(`panel-${title.toLowerCase()}`));
            }
            // A page that is left while it loads something has a request that failed.
            await settle(page);
            for (const [title, path] of Object.entries(PAGES)) {
                await page.goto(`${url}${path}`);
                if (title === "docs") await page.waitForSelector(".opblock");
                await shoot(name(title));
            }
        }
    }
    tell(seen);
}

try {
    await { visit, look }[what]();
} finally {
    await close();
}
