// The editor's dark theme, as GraphiQL defines it, but for comments: as they come they are
// too faint to be read.

const PRIMARY = "#ff5794";
const FAINT_PRIMARY = "#ff579419";
const BACK = "#212a3b";
const NOTHING = "#ffffff00";

const DARK = {
    base: "vs-dark",
    inherit: true,
    colors: {
        "editor.background": NOTHING,
        "scrollbar.shadow": NOTHING,
        "textLink.foreground": PRIMARY,
        "textLink.activeForeground": PRIMARY,
        "editorLink.activeForeground": PRIMARY,
        "editorHoverWidget.background": BACK,
        "list.hoverBackground": FAINT_PRIMARY,
        "list.highlightForeground": PRIMARY,
        "list.focusHighlightForeground": PRIMARY,
        "menu.background": BACK,
        "editorSuggestWidget.background": BACK,
        "editorSuggestWidget.selectedBackground": FAINT_PRIMARY,
        "editorSuggestWidget.selectedForeground": PRIMARY,
        "quickInput.background": BACK,
        "quickInputList.focusForeground": "#ffffff",
        "highlighted.label": PRIMARY,
        "quickInput.widget": PRIMARY,
        highlight: PRIMARY,
        "editorWidget.background": BACK,
        "input.background": "#b7c2d711",
        focusBorder: PRIMARY,
        "toolbar.hoverBackground": FAINT_PRIMARY,
        "inputOption.hoverBackground": FAINT_PRIMARY,
        "quickInputList.focusBackground": FAINT_PRIMARY,
        "editorWidget.resizeBorder": PRIMARY,
        "pickerGroup.foreground": PRIMARY,
        "menu.selectionBackground": FAINT_PRIMARY,
        "menu.selectionForeground": PRIMARY,
    },
    rules: [
        { token: "argument.identifier.gql", foreground: "#908aff" },
        { token: "comment", foreground: "#8fbf7a" },
    ],
};

/** Gives the editor its dark theme, under the name by which GraphiQL chooses it. */
export const brighten = (monaco) => monaco.editor.defineTheme("graphiql-DARK", DARK);
