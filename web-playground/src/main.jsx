// The page: GraphiQL, and beside it the sandbox.

import "./workers.js";

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { DOC_EXPLORER_PLUGIN, DocExplorerStore } from "@graphiql/plugin-doc-explorer";
import { HISTORY_PLUGIN, HistoryStore } from "@graphiql/plugin-history";
import { GraphiQLProvider } from "@graphiql/react";
import { GraphiQLInterface } from "graphiql";
import { createRoot } from "react-dom/client";

import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./style.css";

import { Desk } from "./desk.js";
import { fetcherOf } from "./fetcher.js";
import { Page } from "./Page.jsx";
import { WELCOME } from "./welcome.js";

const desk = new Desk();
const fetcher = fetcherOf(desk);
const plugins = [DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })];

createRoot(document.getElementById("root")).render(
    <GraphiQLProvider
        fetcher={fetcher}
        plugins={plugins}
        referencePlugin={DOC_EXPLORER_PLUGIN}
        defaultQuery={WELCOME}
        inputValueDeprecation
        schemaDescription
    >
        <HistoryStore>
            <DocExplorerStore>
                <Page desk={desk}>
                    <GraphiQLInterface defaultEditorToolsVisibility="variables" />
                </Page>
            </DocExplorerStore>
        </HistoryStore>
    </GraphiQLProvider>,
);

desk.start();
