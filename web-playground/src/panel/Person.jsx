// Who asks: made or chosen with one click, signed in with both factors.

export function Person({ desk, state, live }) {
    const { person, ended, busy } = state;
    const choices = desk.choices();
    const at = choices.some((one) => one.email === person?.email) ? person.email : "";
    return (
        <section className="person" aria-label="Person">
            <div className="row">
                <button className="primary" disabled={Boolean(busy)} onClick={desk.make}>
                    Make a person
                </button>
                <label>
                    <span className="hidden">Sign in as</span>
                    <select
                        value={at}
                        disabled={Boolean(busy)}
                        onChange={(event) => desk.choose(event.target.value)}
                    >
                        <option value="" disabled>
                            or sign in as…
                        </option>
                        {choices.map(({ email, seeded }) => (
                            <option key={email} value={email}>
                                {seeded ? `${email} (teller seed)` : email}
                            </option>
                        ))}
                    </select>
                </label>
            </div>
            <p className="status" role="status">
                {busy ? `${busy}…` : <Standing person={person} ended={ended} live={live} />}
            </p>
            {person && ended && !busy && (
                <button onClick={() => desk.choose(person.email)}>Sign in again</button>
            )}
        </section>
    );
}

function Standing({ person, ended, live }) {
    if (!person) return "Nobody is signed in: your requests are a stranger's.";
    if (ended) {
        const socket = live.note ? ` The socket was ${live.note}.` : "";
        return `The session has ended.${socket}`;
    }
    return (
        <>
            <span className="dot" data-state={live.socket} aria-hidden="true" />
            {person.firstName} {person.lastName}: token in your requests, socket {live.socket}
        </>
    );
}
