// Passkeys in an Express application. The browser talks to this server, and this server talks to passkeyd.

import { randomBytes, randomUUID } from "node:crypto";
import express from "express";
import session from "express-session";

const { PORT = "3000", ORIGIN = `http://localhost:${PORT}`, WIRE = "twilio", SESSION_SECRET = randomBytes(32).toString("hex") } = process.env;
const passkeyd = await import(`./${WIRE}.mjs`);

// Accounts and sessions are in memory. Keep yours in a database where names are unique.
// The identity is what passkeyd knows: it is random, never changes, and says nothing about the person.
const identities = new Map(); // name -> identity
const names = new Map(); // identity -> name

class Refused extends Error {
  constructor(status, message, reason) {
    super(message);
    Object.assign(this, { status, reason });
  }
}
// The same for a wrong passkey and for an account that does not exist.
const signInFailed = () => new Refused(401, "The sign-in failed.");

const app = express();
// With an https address, the one proxy in front of this server speaks TLS. Without this line it would get no cookie.
if (ORIGIN.startsWith("https:")) app.set("trust proxy", 1);
app.use((request, response, next) => {
  response.set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'");
  // A page of another site can send requests with our cookie, but not with our origin.
  if (request.method !== "GET" && request.headers.origin !== ORIGIN) throw new Refused(403, "The request comes from another site.");
  next();
});
app.use(express.static(new URL("../web", import.meta.url).pathname));
app.use(express.json({ limit: "64kb" }), (request, response, next) => {
  if (request.method === "POST" && !request.is("json")) throw new Refused(415, "Send JSON.");
  next();
});
app.use(session({
  name: "session", secret: SESSION_SECRET, resave: false, saveUninitialized: false,
  cookie: { httpOnly: true, sameSite: "lax", secure: ORIGIN.startsWith("https:"), maxAge: 8 * 3600_000 },
}));

function nameOf({ name }) {
  const text = typeof name === "string" ? name.trim() : "";
  if (text.length < 1 || text.length > 64) throw new Refused(400, "A name has 1 to 64 characters.");
  return text;
}
const accountOf = (body) => nameOf(body).toLowerCase();

function signedIn(request) {
  if (!request.session.identity) throw new Refused(401, "Sign in first.");
  return request.session.identity;
}

// A new session id: who knew the old one is not signed in.
async function signIn(request, identity) {
  await new Promise((done, failed) => request.session.regenerate((error) => (error ? failed(error) : done())));
  request.session.identity = identity;
  confirm(request);
}

// A sign-in or a step-up allows one change of the passkeys within five minutes.
const confirm = (request) => (request.session.confirmedUntil = Date.now() + 5 * 60_000);
function useConfirmation(request) {
  const until = request.session.confirmedUntil ?? 0;
  delete request.session.confirmedUntil;
  if (Date.now() > until) throw new Refused(403, "Confirm that it is you.", "step_up_required");
}

// The session remembers which ceremony it began, for what and for whom. Nothing of this comes from the page.
function begin(request, response, purpose, { ceremony, options }, more) {
  request.session.pending = { purpose, ceremony, ...more };
  response.json(options);
}
function begun(request, purpose, refusal) {
  const { pending } = request.session;
  delete request.session.pending;
  if (pending?.purpose !== purpose) throw refusal ?? new Refused(400, "Start again.");
  return pending;
}

app.get("/me", async (request, response) => {
  const { identity } = request.session;
  response.json(identity ? { name: names.get(identity), passkeys: await passkeyd.list(identity) } : { name: null });
});

// #region register
// A new account gets a new identity. A name that exists is refused: its passkeys are added in its own session only.
app.post("/register/start", async (request, response) => {
  const name = accountOf(request.body);
  if (identities.has(name)) throw new Refused(409, "This name is taken. Sign in to add a passkey to it.");
  const identity = `user-${randomUUID()}`;
  begin(request, response, "register", await passkeyd.startRegistration(identity, name), { identity, name });
});

app.post("/register/finish", async (request, response) => {
  const { ceremony, identity, name } = begun(request, "register");
  if ((await passkeyd.finishRegistration(request.body, ceremony)) !== identity) throw new Refused(400, "Start again.");
  if (identities.has(name)) throw new Refused(409, "This name is taken.");
  identities.set(name, identity);
  names.set(identity, name);
  await signIn(request, identity);
  response.json({});
});
// #endregion

// #region add
// Another passkey: the identity is the one of the session, whatever the page sends.
app.post("/passkeys/start", async (request, response) => {
  const identity = signedIn(request);
  useConfirmation(request);
  begin(request, response, "add", await passkeyd.startRegistration(identity, names.get(identity)), { identity });
});

app.post("/passkeys/finish", async (request, response) => {
  const identity = signedIn(request);
  const pending = begun(request, "add");
  if ((await passkeyd.finishRegistration(request.body, pending.ceremony)) !== identity) throw new Refused(400, "Start again.");
  response.json({});
});
// #endregion

// Every sign-in starts in the same way, with a name or without: its response cannot say which names exist.
app.post("/sign-in/start", async (request, response) => {
  const name = request.body.name === undefined ? undefined : accountOf(request.body);
  begin(request, response, "sign-in", await passkeyd.startSignIn(), { name });
});

app.post("/sign-in/finish", async (request, response) => {
  const { ceremony, name } = begun(request, "sign-in", signInFailed());
  const identity = await passkeyd.finishSignIn(request.body, ceremony).catch((error) => {
    throw passkeyd.isRefusal(error) ? Object.assign(signInFailed(), { cause: error }) : error;
  });
  if (!names.has(identity) || (name !== undefined && names.get(identity) !== name)) throw signInFailed();
  await signIn(request, identity);
  response.json({});
});

app.post("/step-up/start", async (request, response) => {
  begin(request, response, "step-up", await passkeyd.startSignIn(signedIn(request)));
});

app.post("/step-up/finish", async (request, response) => {
  const identity = signedIn(request);
  const { ceremony } = begun(request, "step-up");
  if ((await passkeyd.finishSignIn(request.body, ceremony)) !== identity) throw new Refused(401, "This is another user's passkey.");
  confirm(request);
  response.json({});
});

// The id comes from the page, so it must be one of the passkeys of this account.
async function ownPasskeys(request) {
  const all = await passkeyd.list(signedIn(request));
  if (!all.some(({ id }) => id === request.body.id)) throw new Refused(404, "There is no such passkey.");
  return all;
}

app.post("/passkeys/rename", async (request, response) => {
  await ownPasskeys(request);
  await passkeyd.rename(signedIn(request), request.body.id, nameOf(request.body));
  response.json({});
});

app.post("/passkeys/delete", async (request, response) => {
  if ((await ownPasskeys(request)).length < 2) throw new Refused(409, "This is your only passkey.");
  useConfirmation(request);
  await passkeyd.remove(signedIn(request), request.body.id);
  response.json({});
});

app.post("/sign-out", (request, response, next) => {
  request.session.destroy((error) => (error ? next(error) : response.json({})));
});

app.use((error, request, response, next) => {
  let refusal = error;
  if (!(error instanceof Refused) && passkeyd.isRefusal(error)) refusal = new Refused(400, "The request was not accepted.");
  if (!(refusal instanceof Refused)) refusal = new Refused(502, "Something went wrong. Try again.");
  // The page gets one sentence. The log gets the reason, and the id under which passkeyd logged the request.
  const { message, details } = error.cause ?? error;
  console.error(`${request.method} ${request.path}: ${message}`, details ?? "");
  response.status(refusal.status).json({ error: refusal.message, reason: refusal.reason });
});

app.listen(PORT, "localhost", () => console.log(`Open ${ORIGIN}`));
