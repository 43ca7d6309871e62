// How GraphiQL asks: as whoever is signed in, with the names in variables filled in.

import { getOperationAST, parse } from "graphql";

/**
 * The request, and whether it is a subscription. GraphiQL learns a moment after a document
 * has changed how its operation is called: an old name is left out.
 */
function read(request) {
    let document;
    try {
        document = parse(request.query);
    } catch {
        return { request };
    }
    const named = getOperationAST(document, request.operationName);
    const operation = named ?? getOperationAST(document);
    const operationName = named ? request.operationName : undefined;
    return { request: { ...request, operationName }, kind: operation?.operation };
}

const hasOwn = (headers) =>
    Object.keys(headers ?? {}).some((name) => name.toLowerCase() === "authorization");

/** A fetcher over a desk. */
export const fetcherOf = (desk) => async (asked, options) => {
    const isIntrospection = asked.operationName === "IntrospectionQuery";
    if (isIntrospection) return (await desk.teller.send(asked)).answer;
    const { request, kind } = read(asked);
    await desk.fresh();
    const variables = await desk.world.fill(request.variables);
    const filled = { ...request, variables };
    if (kind === "subscription") {
        await desk.world.me();
        return noted(desk, desk.live.iterate(filled));
    }
    const token = desk.current()?.accessToken;
    const bearer = token && !hasOwn(options?.headers) ? { authorization: `Bearer ${token}` } : {};
    const { answer } = await desk.teller.send(filled, { ...bearer, ...options?.headers });
    desk.world.note(answer);
    return answer;
};

async function* noted(desk, answers) {
    for await (const answer of answers) {
        desk.world.note(answer);
        yield answer;
    }
}
