// Reads the page of the legacy APIs as a developer would: chooses each document, and tries
// one operation out.
//
// Prints which documents can be chosen, what trying gave, and what the page asked for that
// it should not, given the URL of a server.

import { launch, tell } from "./browser.mjs";

const [api] = process.argv.slice(2);
const { context, close } = await launch();
try {
    const page = await context.newPage();
    const foreign = [];
    const complaints = [];
    page.on("request", (request) => {
        const url = new URL(request.url());
        if (url.origin !== api && url.protocol !== "data:") foreign.push(request.url());
    });
    page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.addInitScript(() => {
        window.violations = [];
        document.addEventListener("securitypolicyviolation", (event) => {
            window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
        });
    });
    await page.goto(`${api}/docs`);
    await page.waitForSelector(".opblock");
    const choices = await page.$$eval("select#select option", (options) =>
        options.map((option) => option.textContent),
    );
    const shown = {};
    for (const choice of choices) {
        await page.selectOption("select#select", { label: choice });
        await page.waitForFunction(
            (title) => document.querySelector(".info h1, .info h2")?.textContent.includes(title),
            `Teller: ${choice}`,
        );
        await page.waitForSelector(".opblock");
        shown[choice] = await page.$$eval(".opblock", (blocks) => blocks.length);
    }
    // Signing out needs nothing, and shows that the page reaches the server that it came from.
    await page.goto(`${api}/docs?urls.primaryName=ewallet`);
    await page.click("#operations-Sessions-logOut .opblock-summary-control");
    await page.click("#operations-Sessions-logOut button.execute");
    const live = "#operations-Sessions-logOut .live-responses-table .response";
    await page.waitForSelector(live);
    const tried = await page.textContent(`${live} .response-col_status`);
    const body = await page.textContent(`${live} .response-col_description`);
    const violations = await page.evaluate(() => window.violations);
    if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT, fullPage: true });
    tell({ choices, shown, tried, body, foreign, complaints, violations });
} finally {
    await close();
}
