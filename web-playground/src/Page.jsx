// GraphiQL and the panel side by side; one at a time where there is no room for both.

import { useGraphiQL, useGraphiQLActions, useMonaco } from "@graphiql/react";
import { useEffect, useState } from "react";

import { Panel } from "./panel/Panel.jsx";
import { brighten } from "./theme.js";

const VIEWS = [
    ["editor", "Editor"],
    ["sandbox", "Sandbox"],
];

/** The editors are narrow here: long lines are broken, and letters are a little smaller. */
function useNarrowEditors() {
    const query = useGraphiQL((state) => state.queryEditor);
    const variables = useGraphiQL((state) => state.variableEditor);
    const response = useGraphiQL((state) => state.responseEditor);
    useEffect(() => {
        for (const editor of [query, variables, response]) {
            editor?.updateOptions({ fontSize: 13, wordWrap: "on" });
        }
    }, [query, variables, response]);
}

/**
 * GraphiQL calls the list of its tabs a tablist, in which a screen reader finds no button to
 * close one. As a list of buttons, of which one is current, everything in it is found.
 */
function useListOfTabs() {
    useEffect(() => {
        const mend = () => {
            for (const list of document.querySelectorAll(".graphiql-tabs[role]")) {
                list.removeAttribute("role");
            }
            for (const tab of document.querySelectorAll(".graphiql-tab[role]")) {
                tab.removeAttribute("role");
            }
            for (const tab of document.querySelectorAll(".graphiql-tab[aria-selected]")) {
                const current = tab.getAttribute("aria-selected");
                tab.removeAttribute("aria-selected");
                tab.querySelector(".graphiql-tab-button")?.setAttribute("aria-current", current);
            }
        };
        mend();
        const observer = new MutationObserver(mend);
        const attributeFilter = ["role", "aria-selected"];
        observer.observe(document.body, { subtree: true, childList: true, attributeFilter });
        return () => observer.disconnect();
    }, []);
}

/** Dark and light as the system has it, also where it changes while the page is open. */
function useSystemTheme() {
    const theme = useGraphiQL((state) => state.theme);
    const { setTheme } = useGraphiQLActions();
    const monaco = useMonaco((state) => state.monaco);
    useEffect(() => {
        if (monaco) brighten(monaco);
    }, [monaco]);
    useEffect(() => {
        if (theme) return undefined;
        const dark = matchMedia("(prefers-color-scheme: dark)");
        const follow = () => setTheme(null);
        dark.addEventListener("change", follow);
        return () => dark.removeEventListener("change", follow);
    }, [theme, setTheme]);
}

export function Page({ desk, children }) {
    const [view, setView] = useState("sandbox");
    useNarrowEditors();
    useListOfTabs();
    useSystemTheme();
    return (
        <div className="page" data-view={view}>
            <header className="bar">
                <h1>
                    <a href="/">Teller</a> <span>playground</span>
                </h1>
                <div className="views" role="group" aria-label="What is shown">
                    {VIEWS.map(([name, title]) => (
                        <button key={name} aria-pressed={view === name} onClick={() => setView(name)}>
                            {title}
                        </button>
                    ))}
                </div>
                <nav aria-label="More">
                    <a href="/dev/inbox">Inbox</a>
                    <a href="/docs">
                        Legacy<span> APIs</span>
                    </a>
                </nav>
            </header>
            <main className="editor" aria-label="Editor">
                {children}
            </main>
            <Panel desk={desk} onOpen={() => setView("editor")} />
        </div>
    );
}
