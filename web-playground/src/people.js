// Demo people: made through the same API as everybody, with the codes of the inbox.

import { codeOf } from "./teller.js";

const FIRST = "Ada Bela Cleo Dora Emil Finn Gita Hugo Ines Jon Kaia Levi Mira Noam Olga Pia Rosa Sven Tara Yuri".split(" ");
const LAST = "Ash Birch Cedar Elm Fir Hazel Larch Maple Oak Pine Reed Rowan Sorrel Thorn Willow Yew".split(" ");

const TOKENS = `
  user { id email firstName lastName }
  session { id }
  accessToken
  refreshToken
  accessExpiresAt
  errors { code message }
`;
const REGISTER = `mutation Register($input: RegisterInput!) {
  register(input: $input) { errors { code message } }
}`;
const VERIFY = `mutation VerifyEmail($input: VerifyEmailInput!) {
  verifyEmail(input: $input) { ${TOKENS} }
}`;
const LOGIN = `mutation Login($input: LoginInput!) {
  login(input: $input) { challenge { id expiresAt } errors { code message } }
}`;
const CONFIRM = `mutation ConfirmLogin($input: ConfirmLoginInput!) {
  confirmLogin(input: $input) { ${TOKENS} }
}`;
const REFRESH = `mutation Refresh($input: RefreshSessionInput) {
  refreshSession(input: $input) { ${TOKENS} }
}`;
const FIRST_CARD = `mutation FirstCard($key: IdempotencyKey!) {
  createCard(input: { idempotencyKey: $key }) { card { id } errors { code message } }
}`;

const SALARY = `mutation Salary($key: IdempotencyKey!, $card: ID!) {
  topUp(input: { idempotencyKey: $key, accountId: $card, amount: "1000.00", note: "Salary" }) {
    errors { code message }
  }
}`;

const random = (below) => crypto.getRandomValues(new Uint32Array(1))[0] % below;
const pick = (list) => list[random(list.length)];
const digits = (count) => Array.from({ length: count }, () => random(10)).join("");

/** Somebody whom nobody knows yet. */
export function draw() {
    const [firstName, lastName] = [pick(FIRST), pick(LAST)];
    const number = digits(6);
    return {
        firstName,
        lastName,
        email: `${firstName}.${lastName}.${number}@example.org`.toLowerCase(),
        phone: `+1202${1 + random(8)}${digits(6)}`,
        // No real person has a number that begins like this.
        socialSecurity: `${900 + random(99)}-${10 + random(89)}-${1000 + random(8999)}`,
        password: `playground ${digits(10)}`,
    };
}

/** Throws what a payload says against what was asked. */
export function unlessRefused(payload) {
    if (payload.errors.length) throw new Error(payload.errors.map((error) => error.message).join(" "));
    return payload;
}

// How long the code of a login is good.
const LOGIN_LIFE = 10 * 60 * 1000;

/** When the challenge of a login was made: its letter is no older. */
export const begun = (challenge) =>
    challenge.expiresAt ? Date.parse(challenge.expiresAt) - LOGIN_LIFE : 0;

/** The newest code that came to an address since an instant; waits for it. */
export async function newCode(teller, email, since = 0) {
    for (let tries = 0; tries < 300; tries += 1) {
        const letters = await teller.letters(email);
        const fresh = letters.filter((letter) => Date.parse(letter.sentAt) >= since);
        const code = fresh.map(codeOf).findLast(Boolean);
        if (code) return code;
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`No code came to ${email}.`);
}

/** What is known of a person and of their session, from a payload with tokens. */
export const signedIn = (person, payload) => ({
    ...person,
    accessToken: payload.accessToken,
    refreshToken: payload.refreshToken,
    accessExpiresAt: payload.accessExpiresAt,
    sessionId: payload.session.id,
});

/** Asks for an account. */
export async function register(teller, person) {
    const input = {
        email: person.email,
        phoneNumber: person.phone,
        socialSecurity: person.socialSecurity,
    };
    unlessRefused((await teller.ask(REGISTER, { input })).register);
}

/** Makes a person with a card and some money, signed in. */
export async function make(teller, person = draw()) {
    await register(teller, person);
    const input = {
        email: person.email,
        code: await newCode(teller, person.email),
        password: person.password,
        firstName: person.firstName,
        lastName: person.lastName,
        dateOfBirth: "1990-04-01",
        address: { line: "1 Main Street", city: "Springfield", state: "Oregon", postCode: "97477" },
        device: { platform: "playground" },
    };
    const verified = unlessRefused((await teller.ask(VERIFY, { input })).verifyEmail);
    const made = signedIn(person, verified);
    const key = () => crypto.randomUUID();
    const { createCard } = await teller.ask(FIRST_CARD, { key: key() }, made.accessToken);
    const card = unlessRefused(createCard).card.id;
    const { topUp } = await teller.ask(SALARY, { key: key(), card }, made.accessToken);
    unlessRefused(topUp);
    return { ...made, cardId: card };
}

/** Begins a login; the challenge that a code answers. */
export async function login(teller, { email, password }) {
    const input = { email, password, device: { platform: "playground" } };
    return unlessRefused((await teller.ask(LOGIN, { input })).login).challenge;
}

/** Signs a known person in with both factors. */
export async function signIn(teller, person) {
    const challenge = await login(teller, person);
    const code = await newCode(teller, person.email, begun(challenge));
    const answer = await teller.ask(CONFIRM, { input: { challengeId: challenge.id, code } });
    const confirmed = unlessRefused(answer.confirmLogin);
    const { firstName, lastName } = confirmed.user;
    return signedIn({ ...person, firstName, lastName }, confirmed);
}

/** Renews the access of a session; throws where the session has ended. */
export async function refresh(teller, person) {
    const input = { refreshToken: person.refreshToken };
    const renewed = unlessRefused((await teller.ask(REFRESH, { input })).refreshSession);
    return signedIn(person, renewed);
}
