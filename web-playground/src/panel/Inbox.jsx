// The newest letters, with their codes to be copied.

import { useEffect, useState } from "react";

import { codeOf } from "../teller.js";
import { Copy } from "./Copy.jsx";

const EVERY = 2_000;

export function Inbox({ desk }) {
    const [letters, setLetters] = useState(null);
    useEffect(() => {
        let stopped = false;
        let timer;
        const look = async () => {
            const found = await desk.teller.letters().catch(() => null);
            if (stopped) return;
            if (found) setLetters(found.slice(-20).reverse());
            timer = setTimeout(look, EVERY);
        };
        look();
        return () => {
            stopped = true;
            clearTimeout(timer);
        };
    }, [desk]);
    if (!letters) return <p className="hint">Looking…</p>;
    if (!letters.length) return <p className="hint">No letter has come yet.</p>;
    return (
        <ul className="letters">
            {letters.map((letter) => {
                const code = codeOf(letter);
                return (
                    <li key={letter.id}>
                        <details>
                            <summary>
                                {letter.subject} <small>{letter.to}</small>
                            </summary>
                            <pre>{letter.text}</pre>
                        </details>
                        {code && <Copy text={code} what="code" />}
                    </li>
                );
            })}
        </ul>
    );
}
