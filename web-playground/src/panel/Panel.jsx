// The sandbox: who asks, what they have, and what can be tried.

import { useSyncExternalStore } from "react";

import { Accounts } from "./Accounts.jsx";
import { Events } from "./Events.jsx";
import { Inbox } from "./Inbox.jsx";
import { Operations } from "./Operations.jsx";
import { Person } from "./Person.jsx";
import { Sessions } from "./Sessions.jsx";
import { Tabs } from "./Tabs.jsx";
import { Tools } from "./Tools.jsx";

export function Panel({ desk, onOpen }) {
    const state = useSyncExternalStore(desk.subscribe, desk.snapshot);
    const live = useSyncExternalStore(desk.live.subscribe, desk.live.snapshot);
    const given = { desk, state, live };
    const tabs = [
        { name: "try", title: "Try", body: <Operations {...given} onOpen={onOpen} /> },
        { name: "inbox", title: "Inbox", body: <Inbox {...given} /> },
        { name: "events", title: "Events", body: <Events {...given} /> },
        { name: "sessions", title: "Sessions", body: <Sessions {...given} /> },
        { name: "tools", title: "Tools", body: <Tools {...given} /> },
    ];
    return (
        <aside className="panel" aria-label="Sandbox">
            <Person {...given} />
            <p className="fault" role="alert">
                {state.fault}
            </p>
            <Accounts {...given} />
            <Tabs tabs={tabs} />
        </aside>
    );
}
