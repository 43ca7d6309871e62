// Where the person is signed in; ending this session shows its socket being closed.

const END = `mutation End($id: ID!) {
  revokeSession(input: { sessionId: $id }) { sessionId errors { message } }
}`;

export function Sessions({ desk, state, live }) {
    const { mine } = live;
    if (!mine || !state.person) return <p className="hint">Make a person first.</p>;
    const end = (id) => () =>
        desk.act("Ending the session", async () => {
            const { revokeSession } = await desk.ask(END, { id });
            if (revokeSession.errors.length) throw new Error(revokeSession.errors[0].message);
        });
    return (
        <>
            <p className="hint">End this page's own session, and watch its socket close with 4403.</p>
            <ul className="sessions">
                {mine.sessions.map((session) => (
                    <li key={session.id}>
                        <span className="label">
                            {session.platform ?? session.facade} {session.current && <small>this page</small>}
                        </span>
                        <time dateTime={session.lastActiveAt}>
                            {session.lastActiveAt.slice(0, 16).replace("T", " ")}
                        </time>
                        <button disabled={Boolean(state.busy || state.ended)} onClick={end(session.id)}>
                            End
                        </button>
                    </li>
                ))}
            </ul>
        </>
    );
}
