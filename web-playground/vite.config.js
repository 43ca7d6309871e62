// How the page is built: into dist/playground.pack, which the binary takes in.

import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

import { pack } from "./pack.js";

const DIST = fileURLToPath(new URL("dist", import.meta.url));

const packed = () => ({
    name: "pack",
    apply: "build",
    async closeBundle(error) {
        if (error) return;
        const { files, compressed } = await pack(DIST);
        this.info(`dist/playground.pack: ${files} files, ${Math.round(compressed / 1024)} KiB by brotli`);
    },
});

// Where `npm run dev` finds Teller, which must allow its origin: TELLER_FRONTEND_URL.
const TELLER = process.env.TELLER ?? "http://127.0.0.1:8080";
const proxy = { "/graphql": { target: TELLER, ws: true }, "/dev": TELLER };

export default defineConfig({
    base: "/playground/",
    plugins: [react(), packed()],
    build: {
        target: "es2022",
        modulePreload: { polyfill: false },
        assetsInlineLimit: 0,
        chunkSizeWarningLimit: 4096,
        rollupOptions: {
            onwarn: (warning, warn) => {
                // Words of packages to a compiler that has run on them already.
                if (!/DIRECTIVE/.test(warning.code ?? "")) warn(warning);
            },
        },
    },
    worker: { format: "es" },
    server: { proxy },
    preview: { proxy },
});
