// The ready operations: a click opens one in a tab of the editor.

import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";

import { GROUPS } from "../operations/all.js";

export function Operations({ desk, onOpen }) {
    const { addTab, changeTab } = useGraphiQLActions();
    const { tabs, queryEditor, variableEditor } = useGraphiQL((state) => ({
        tabs: state.tabs,
        queryEditor: state.queryEditor,
        variableEditor: state.variableEditor,
    }));
    const open = ({ name, document, variables }, strangers) => {
        const there = tabs.findIndex((tab) => tab.title === name);
        if (there >= 0) changeTab(there);
        else addTab();
        queryEditor.setValue(document);
        variableEditor.setValue(variables ? JSON.stringify(variables, null, 2) : "");
        onOpen();
        // Where the editor was hidden it can be focused once it is shown.
        requestAnimationFrame(() => queryEditor.focus());
        if (!strangers && !desk.current()) desk.make();
    };
    return (
        <div className="operations">
            <p className="hint">Open one and run it with Ctrl-Enter. Each runs as it stands.</p>
            {GROUPS.map(({ title, operations, strangers }) => (
                <section key={title}>
                    <h2>{title}</h2>
                    <ul>
                        {operations.map((operation) => (
                            <li key={operation.name}>
                                <button
                                    disabled={!queryEditor || !variableEditor}
                                    data-operation={operation.name}
                                    onClick={() => open(operation, strangers)}
                                >
                                    {operation.title}
                                </button>
                            </li>
                        ))}
                    </ul>
                </section>
            ))}
        </div>
    );
}
