// Puts what was built into one file that the binary takes in: four bytes that say how long
// the index is, the index as JSON, and behind it each file plain, by brotli and by gzip.

import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
};
const NAME = "playground.pack";
const byBrotli = promisify(brotliCompress);
const byGzip = promisify(gzip);

async function compress(folder, path) {
    const plain = await readFile(path);
    const type = TYPES[extname(path)];
    if (!type) throw new Error(`${path}: pack.js does not know the type of such a file`);
    const hints = { [constants.BROTLI_PARAM_SIZE_HINT]: plain.length };
    const [br, gz] = await Promise.all([
        byBrotli(plain, { params: hints }),
        byGzip(plain, { level: 9 }),
    ]);
    const name = relative(folder, path).split(sep).join("/");
    return { name, type, plain, br, gzip: gz };
}

/** Packs a folder; the figures of what is in it. */
export async function pack(folder) {
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    const paths = found
        .filter((entry) => entry.isFile() && entry.name !== NAME)
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
        .sort();
    const files = await Promise.all(paths.map((path) => compress(folder, path)));
    const bodies = [];
    let at = 0;
    const place = (bytes) => {
        bodies.push(bytes);
        at += bytes.length;
        return [at - bytes.length, bytes.length];
    };
    const index = files.map((file) => ({
        path: file.name,
        type: file.type,
        etag: `"${createHash("sha256").update(file.plain).digest("hex").slice(0, 32)}"`,
        // Vite names everything but the page itself by its hash.
        immutable: file.name.startsWith("assets/"),
        plain: place(file.plain),
        br: place(file.br),
        gzip: place(file.gzip),
    }));
    const head = Buffer.from(JSON.stringify(index));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(head.length);
    await writeFile(join(folder, NAME), Buffer.concat([length, head, ...bodies]));
    return { files: files.length, compressed: files.reduce((sum, file) => sum + file.br.length, 0) };
}
