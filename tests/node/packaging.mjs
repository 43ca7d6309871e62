// Reads a Containerfile and a compose file as their specifications want them read, and says
// what is wrong with each: packaging.mjs CONTAINERFILE COMPOSE

import { readFileSync } from "node:fs";
import { DCLinter } from "dclint";
import { validate } from "dockerfile-utils";

const [containerfile, compose] = process.argv.slice(2);

// Only errors: how keys are sorted and quoted is a matter of taste.
const linter = new DCLinter({ rules: {}, quiet: true, debug: false, exclude: [] });
const composed = linter
    .lintFiles([compose], false)
    .flatMap(file => file.messages)
    .filter(message => message.type === "error")
    .map(message => `${message.line}: ${message.message}`);

const contained = validate(readFileSync(containerfile, "utf8")).map(
    fault => `${fault.range.start.line + 1}: ${fault.message}`,
);

console.log(JSON.stringify({ compose: composed, containerfile: contained }));
