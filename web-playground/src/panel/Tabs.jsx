// Tabs, moved through by the arrow keys.

import { useRef, useState } from "react";

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

export function Tabs({ tabs }) {
    const [chosen, choose] = useState(tabs[0].name);
    const buttons = useRef({});
    const at = tabs.findIndex((tab) => tab.name === chosen);
    const move = (event) => {
        const step = STEPS[event.key];
        if (!step) return;
        const next = tabs[(at + step + tabs.length) % tabs.length].name;
        event.preventDefault();
        choose(next);
        buttons.current[next].focus();
    };
    return (
        <section className="tabs">
            <div role="tablist" aria-label="What to look at" onKeyDown={move}>
                {tabs.map(({ name, title }) => (
                    <button
                        key={name}
                        ref={(button) => {
                            buttons.current[name] = button;
                        }}
                        role="tab"
                        id={`tab-${name}`}
                        aria-controls="tab-body"
                        aria-selected={name === chosen}
                        tabIndex={name === chosen ? 0 : -1}
                        onClick={() => choose(name)}
                    >
                        {title}
                    </button>
                ))}
            </div>
            <div role="tabpanel" id="tab-body" aria-labelledby={`tab-${chosen}`} tabIndex={0}>
                {tabs[at].body}
            </div>
        </section>
    );
}
