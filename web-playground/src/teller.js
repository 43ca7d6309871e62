// How the page asks Teller: documents by HTTP, letters and tools by /dev.

/** The answer said that something is wrong with the request or the server. */
export class AnswerError extends Error {
    constructor(errors, status) {
        super(errors.map((error) => error.message).join(" "));
        this.name = "AnswerError";
        this.code = errors[0]?.extensions?.code;
        this.status = status;
    }
}

const JSON_TYPE = { "content-type": "application/json" };

/** Teller at an origin; "" is where the page came from. */
export class Teller {
    constructor(origin = "") {
        this.origin = origin;
    }

    /** Sends a document and gives its whole answer, errors and all. */
    async send({ query, variables, operationName }, headers = {}, signal) {
        const response = await fetch(`${this.origin}/graphql`, {
            method: "POST",
            headers: { ...JSON_TYPE, accept: "application/json", ...headers },
            body: JSON.stringify({ query, variables, operationName }),
            signal,
        });
        return { status: response.status, answer: await response.json() };
    }

    /** Sends a document and gives its data; top-level errors are thrown. */
    async ask(query, variables, token) {
        const headers = token ? { authorization: `Bearer ${token}` } : {};
        const { status, answer } = await this.send({ query, variables }, headers);
        if (answer.errors) throw new AnswerError(answer.errors, status);
        return answer.data;
    }

    /** The letters to an address, the oldest first. */
    async letters(email) {
        const query = email ? `?to=${encodeURIComponent(email)}` : "";
        return this.tool(`/dev/inbox${query}`);
    }

    /** What the bank's clock shows. */
    async clock() {
        return this.tool("/dev/clock");
    }

    /** Moves the bank's clock forward. */
    async moveClock(seconds) {
        const body = JSON.stringify({ seconds });
        return this.tool("/dev/clock", { method: "POST", headers: JSON_TYPE, body });
    }

    /** The amounts that provoke an error. */
    async amounts() {
        return this.tool("/dev/amounts");
    }

    async tool(path, init) {
        const response = await fetch(`${this.origin}${path}`, {
            ...init,
            headers: { accept: "application/json", ...init?.headers },
        });
        const answer = await response.json();
        if (!response.ok) throw new Error(answer.error);
        return answer;
    }
}

/** The code in a letter; none where it has none. */
export const codeOf = (letter) => letter.text.match(/^ *(\d{6})\s*$/m)?.[1];
