// The sandbox's clock, and the amounts that provoke an error.

import { useEffect, useState } from "react";

import { Copy } from "./Copy.jsx";

const STEPS = [
    ["11 minutes", 11 * 60, "codes and access expire"],
    ["1 day", 86_400, "limits begin anew"],
    ["8 days", 8 * 86_400, "bills fall due"],
    ["31 days", 31 * 86_400, "sessions end"],
];

export function Tools({ desk, state }) {
    const [amounts, setAmounts] = useState([]);
    useEffect(() => {
        desk.readClock();
        desk.teller.amounts().then(setAmounts);
    }, [desk]);
    return (
        <>
            <h2>Clock</h2>
            {state.clock && (
                <p className="hint">
                    The bank's clock shows <time>{state.clock.now.slice(0, 16).replace("T", " ")}</time> UTC
                    {state.clock.aheadSeconds ? ", ahead of this machine's." : ", as this machine's."} It
                    only goes forward.
                </p>
            )}
            <ul className="clock">
                {STEPS.map(([title, seconds, effect]) => (
                    <li key={title}>
                        <button disabled={Boolean(state.busy)} onClick={() => desk.moveClock(seconds)}>
                            Forward {title}
                        </button>{" "}
                        <small>{effect}</small>
                    </li>
                ))}
            </ul>
            <h2>Amounts that provoke an error</h2>
            <p className="hint">In transfer and topUp, in a sandbox alone.</p>
            <ul className="amounts">
                {amounts.map(({ amount, code }) => (
                    <li key={amount}>
                        <Copy text={amount} what="amount" /> <span>{code}</span>
                    </li>
                ))}
            </ul>
        </>
    );
}
