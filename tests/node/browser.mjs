// A real browser for the tests: Chromium with a profile of its own, which is removed
// afterwards. It makes no request that a test has not asked for.

import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const isProgram = (path) => {
    try {
        accessSync(path, constants.X_OK);
        return true;
    } catch {
        return false;
    }
};

/** Where Chromium is: $CHROMIUM, else on the PATH. */
export function find() {
    if (process.env.CHROMIUM) return process.env.CHROMIUM;
    const folders = (process.env.PATH ?? "").split(delimiter);
    const found = folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isProgram);
    if (!found) {
        throw new Error(
            "The tests need Chromium: name it by $CHROMIUM, or install it (Debian: apt-get install chromium).",
        );
    }
    return found;
}

/** Starts a browser; `context` is playwright's, and `close` ends it and removes its profile. */
export async function launch() {
    const profile = mkdtempSync(join(tmpdir(), "teller-browser-"));
    const context = await chromium.launchPersistentContext(profile, {
        executablePath: find(),
        headless: true,
        chromiumSandbox: false,
        args: [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    });
    context.setDefaultTimeout(60_000);
    const close = async () => {
        await context.close();
        rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    };
    return { context, close };
}

/** Serves one empty page on a port of its own, which is an origin of its own. */
export async function site(title) {
    const server = createServer((request, response) => {
        const found = request.url === "/";
        response.writeHead(found ? 200 : 404, { "content-type": "text/html; charset=utf-8" });
        response.end(found ? `<!doctype html><title>${title}</title>` : "");
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** Tells the test a thing, as one line of JSON. */
export const tell = (thing) => process.stdout.write(`${JSON.stringify(thing)}\n`);
