// Passkeys in a Fastify application. The browser talks to this server, and this server talks to passkeyd.

import { randomBytes, randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import cookie from "@fastify/cookie";
import session from "@fastify/session";
import files from "@fastify/static";
import Fastify from "fastify";
import * as passkeyd from "./passkeyd.mjs";

const { PORT = "3000", ORIGIN = `http://localhost:${PORT}`, SESSION_SECRET = randomBytes(32).toString("hex") } = process.env;
const secure = ORIGIN.startsWith("https:");

// Accounts and sessions are in memory. Keep yours in a database where names are unique.
// The identity is what passkeyd knows: it is random, never changes, and says nothing about the person.
const identities = new Map(); // name -> identity
const names = new Map(); // identity -> name

class Refused extends Error {
  constructor(statusCode, message, reason) {
    super(message);
    Object.assign(this, { statusCode, reason });
  }
}
// The same for a wrong passkey and for an account that does not exist.
const signInFailed = () => new Refused(401, "The sign-in failed.");
const startAgain = () => new Refused(400, "Start again.");

// With an https address, the proxy in front of this server speaks TLS.
const app = Fastify({ bodyLimit: 65_536, trustProxy: secure });
app.removeContentTypeParser("text/plain"); // JSON only
app.addHook("onRequest", async (request, reply) => {
  reply.header("content-security-policy", "default-src 'self'; frame-ancestors 'none'");
  // A page of another site can send requests with our cookie, but not with our origin.
  if (request.method !== "GET" && request.headers.origin !== ORIGIN) throw new Refused(403, "The request comes from another site.");
});
app.register(files, { root: fileURLToPath(new URL("../web", import.meta.url)) });
app.register(cookie);
app.register(session, {
  cookieName: "session", secret: SESSION_SECRET, saveUninitialized: false, rolling: false,
  cookie: { httpOnly: true, sameSite: "lax", secure, maxAge: 8 * 3600_000 },
});

// Routes with a JSON object as their body; `signed` ones have the identity of the session too.
const anyone = (path, answer) => app.post(path, { schema: { body: { type: "object" } } }, async (request) => (await answer(request, request.body)) ?? {});
const signed = (path, answer) => anyone(path, (request, body) => {
  const { identity } = request.session;
  if (!identity) throw new Refused(401, "Sign in first.");
  return answer(request, body, identity);
});

function nameOf({ name }) {
  const text = typeof name === "string" ? name.trim() : "";
  if (text.length < 1 || text.length > 64) throw new Refused(400, "A name has 1 to 64 characters.");
  return text;
}
const accountOf = (body) => nameOf(body).toLowerCase();

// A new session id: who knew the old one is not signed in.
async function signIn(request, identity) {
  await request.session.regenerate();
  request.session.identity = identity;
  confirm(request);
}

// A sign-in or a step-up allows one change of the passkeys within five minutes.
function confirm(request) {
  request.session.confirmedUntil = Date.now() + 5 * 60_000;
}
function useConfirmation(request) {
  const until = request.session.confirmedUntil ?? 0;
  request.session.confirmedUntil = 0;
  if (Date.now() > until) throw new Refused(403, "Confirm that it is you.", "step_up_required");
}

// The session remembers which ceremony it began, for what and for whom. Nothing of this comes from the page.
function begin(request, purpose, { ceremony, options }, more) {
  request.session.pending = { purpose, ceremony, ...more };
  return options;
}
function begun(request, purpose, refusal = startAgain()) {
  const { pending } = request.session;
  request.session.pending = null;
  if (pending?.purpose !== purpose) throw refusal;
  return pending;
}

app.get("/me", async ({ session: { identity } }) => (identity ? { name: names.get(identity), passkeys: await passkeyd.list(identity) } : { name: null }));

// #region register
// A new account gets a new identity. A name that exists is refused: its passkeys are added in its own session only.
anyone("/register/start", async (request, body) => {
  const name = accountOf(body);
  if (identities.has(name)) throw new Refused(409, "This name is taken. Sign in to add a passkey to it.");
  const identity = `user-${randomUUID()}`;
  return begin(request, "register", await passkeyd.startRegistration(identity, name), { identity, name });
});

anyone("/register/finish", async (request, body) => {
  const { ceremony, identity, name } = begun(request, "register");
  if ((await passkeyd.finishRegistration(body, ceremony)) !== identity) throw startAgain();
  if (identities.has(name)) throw new Refused(409, "This name is taken.");
  identities.set(name, identity);
  names.set(identity, name);
  await signIn(request, identity);
});
// #endregion

// #region add
// Another passkey: the identity is the one of the session, whatever the page sends.
signed("/passkeys/start", async (request, body, identity) => {
  useConfirmation(request);
  return begin(request, "add", await passkeyd.startRegistration(identity, names.get(identity)));
});

signed("/passkeys/finish", async (request, body, identity) => {
  if ((await passkeyd.finishRegistration(body, begun(request, "add").ceremony)) !== identity) throw startAgain();
});
// #endregion

// Every sign-in starts in the same way, with a name or without: its response cannot say which names exist.
anyone("/sign-in/start", async (request, body) => {
  const name = body.name === undefined ? null : accountOf(body);
  return begin(request, "sign-in", await passkeyd.startSignIn(), { name });
});

anyone("/sign-in/finish", async (request, body) => {
  const { ceremony, name } = begun(request, "sign-in", signInFailed());
  const identity = await passkeyd.finishSignIn(body, ceremony).catch((error) => {
    throw error instanceof passkeyd.NotAccepted ? Object.assign(signInFailed(), { cause: error }) : error;
  });
  if (!names.has(identity) || (name !== null && names.get(identity) !== name)) throw signInFailed();
  await signIn(request, identity);
});

signed("/step-up/start", async (request, body, identity) => begin(request, "step-up", await passkeyd.startSignIn(identity)));

signed("/step-up/finish", async (request, body, identity) => {
  if ((await passkeyd.finishSignIn(body, begun(request, "step-up").ceremony)) !== identity) throw new Refused(401, "This is another user's passkey.");
  confirm(request);
});

// The id comes from the page, so it must be one of the passkeys of this account.
async function ownPasskeys(identity, body) {
  const all = await passkeyd.list(identity);
  if (!all.some(({ id }) => id === body.id)) throw new Refused(404, "There is no such passkey.");
  return all;
}

signed("/passkeys/rename", async (request, body, identity) => {
  await ownPasskeys(identity, body);
  await passkeyd.rename(identity, body.id, nameOf(body));
});

signed("/passkeys/delete", async (request, body, identity) => {
  if ((await ownPasskeys(identity, body)).length < 2) throw new Refused(409, "This is your only passkey.");
  useConfirmation(request);
  await passkeyd.remove(identity, body.id);
});

anyone("/sign-out", (request) => request.session.destroy());

app.setErrorHandler((error, request, reply) => {
  let refusal = error;
  if (error instanceof passkeyd.NotAccepted) refusal = new Refused(400, "The request was not accepted.");
  else if (!(error.statusCode < 500)) refusal = new Refused(502, "Something went wrong. Try again.");
  // The page gets one sentence. The log gets what passkeyd said.
  console.error(`${request.method} ${request.url}: ${(error.cause ?? error).message}`);
  return reply.code(refusal.statusCode).send({ error: refusal.message, reason: refusal.reason });
});

await app.listen({ port: Number(PORT), host: "localhost" });
console.log(`Open ${ORIGIN}`);
