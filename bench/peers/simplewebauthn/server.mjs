// A minimal passkey server: SimpleWebAuthn on Fastify, with SQLite.
//
// node server.mjs PORT DATABASE

import { randomUUID } from 'node:crypto';

import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import Database from 'better-sqlite3';
import Fastify from 'fastify';

const [port, file] = process.argv.slice(2);
const rpID = 'localhost';
const expectedOrigin = 'http://localhost:3000';

const database = new Database(file);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec(`
  CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE) WITHOUT ROWID;
  CREATE TABLE credentials (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, public_key BLOB NOT NULL, counter INTEGER NOT NULL,
    transports TEXT, device_type TEXT NOT NULL, backed_up INTEGER NOT NULL);
  CREATE INDEX credentials_by_user ON credentials (user_id);
  CREATE TABLE ceremonies (id TEXT PRIMARY KEY, user_id TEXT, challenge TEXT NOT NULL);
`);
const sql = Object.fromEntries(Object.entries({
  user: 'SELECT id, name FROM users WHERE name = ?',
  userById: 'SELECT id, name FROM users WHERE id = ?',
  addUser: 'INSERT OR IGNORE INTO users (id, name) VALUES (?, ?)',
  credentials: 'SELECT id, transports FROM credentials WHERE user_id = ?',
  credential: 'SELECT * FROM credentials WHERE id = ?',
  addCredential: 'INSERT INTO credentials (id, user_id, public_key, counter, transports, device_type, backed_up) VALUES (?, ?, ?, ?, ?, ?, ?)',
  setCounter: 'UPDATE credentials SET counter = ? WHERE id = ?',
  ceremony: 'SELECT user_id, challenge FROM ceremonies WHERE id = ?',
  addCeremony: 'INSERT INTO ceremonies (id, user_id, challenge) VALUES (?, ?, ?)',
  endCeremony: 'DELETE FROM ceremonies WHERE id = ?',
}).map(([name, text]) => [name, database.prepare(text)]));

const descriptors = (userID) => sql.credentials.all(userID)
  .map(({ id, transports }) => ({ id, transports: JSON.parse(transports ?? '[]') }));

function begin(userID, options) {
  const ceremony = randomUUID();
  sql.addCeremony.run(ceremony, userID, options.challenge);
  return { ceremony, options };
}

// A ceremony accepts one response. Its end and what it changes are one transaction.
const end = database.transaction((ceremony, change) => {
  if (sql.endCeremony.run(ceremony).changes !== 1) throw new Error('no such ceremony');
  change();
});

function pending(id) {
  const ceremony = sql.ceremony.get(id);
  if (!ceremony) throw Object.assign(new Error('no such ceremony'), { statusCode: 400 });
  return ceremony;
}

const app = Fastify();

app.post('/register/start', async ({ body: { username } }) => {
  const user = sql.user.get(username);
  const options = await generateRegistrationOptions({
    rpName: 'Bench',
    rpID,
    userName: username,
    userID: user && new Uint8Array(Buffer.from(user.id, 'base64url')),
    attestationType: 'none',
    excludeCredentials: user ? descriptors(user.id) : [],
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
  });
  return database.transaction(() => {
    if (!user) sql.addUser.run(options.user.id, username);
    return begin(options.user.id, options);
  })();
});

app.post('/register/finish', async ({ body }) => {
  const { user_id: userID, challenge } = pending(body.ceremony);
  const { verified, registrationInfo } = await verifyRegistrationResponse({
    response: body.credential,
    expectedChallenge: challenge,
    expectedOrigin,
    expectedRPID: rpID,
  });
  end(body.ceremony, () => {
    if (!verified) return;
    const { credential, credentialDeviceType, credentialBackedUp } = registrationInfo;
    sql.addCredential.run(credential.id, userID, Buffer.from(credential.publicKey), credential.counter,
      JSON.stringify(credential.transports ?? []), credentialDeviceType, Number(credentialBackedUp));
  });
  return { verified };
});

app.post('/login/start', async ({ body: { username } }) => {
  const user = username && sql.user.get(username);
  if (username && !user) throw Object.assign(new Error('no such user'), { statusCode: 404 });
  const options = await generateAuthenticationOptions({
    rpID,
    allowCredentials: user ? descriptors(user.id) : undefined,
    userVerification: 'preferred',
  });
  return begin(user ? user.id : null, options);
});

app.post('/login/finish', async ({ body }) => {
  const { user_id: userID, challenge } = pending(body.ceremony);
  const stored = sql.credential.get(body.credential.id);
  if (!stored || (userID && stored.user_id !== userID)) throw Object.assign(new Error('no such credential'), { statusCode: 400 });
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: body.credential,
    expectedChallenge: challenge,
    expectedOrigin,
    expectedRPID: rpID,
    credential: {
      id: stored.id,
      publicKey: new Uint8Array(stored.public_key),
      counter: stored.counter,
      transports: JSON.parse(stored.transports ?? '[]'),
    },
  });
  end(body.ceremony, () => {
    if (verified) sql.setCounter.run(authenticationInfo.newCounter, stored.id);
  });
  return { verified, username: sql.userById.get(stored.user_id).name };
});

await app.listen({ port: Number(port), host: '127.0.0.1' });
