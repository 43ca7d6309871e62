// A text that a click copies.

import { useState } from "react";

export function Copy({ text, what, shown = text }) {
    const [copied, setCopied] = useState(false);
    const copy = async () => {
        await navigator.clipboard.writeText(text);
        setCopied(true);
        setTimeout(() => setCopied(false), 1500);
    };
    return (
        <button className="copy" title={`Copy this ${what}`} onClick={copy}>
            <code>{shown}</code> <span>{copied ? "copied" : "copy"}</span>
        </button>
    );
}
