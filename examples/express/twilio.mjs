// The calls to passkeyd: the Twilio Verify Passkeys API, with Twilio's own library.

// #region calls
import twilio from "twilio";

const client = twilio(process.env.ACCOUNT_SID, process.env.AUTH_TOKEN);
client.verify.baseUrl = process.env.PASSKEYD_URL ?? "http://127.0.0.1:8080"; // the only line that differs
const passkeys = client.verify.v2.services(process.env.SERVICE_SID);

// Keep `ceremony` in the session of the browser, and send `options` to the page.
// Phones and password managers show `account` in their account chooser: "ada@acme.example".
export async function startRegistration(identity, account) {
  const factor = await passkeys.newFactors.create({ identity, friendlyName: account });
  return { ceremony: factor.sid, options: factor.options.publicKey };
}

const another = () => Object.assign(new Error("a credential of another ceremony"), { status: 400 });

// Returns the identity that has a new passkey. `ceremony` is what the session kept.
export async function finishRegistration(credential, ceremony) {
  const factor = await passkeys.newVerifyFactors.update(credential);
  if (factor.status !== "verified" || factor.sid !== ceremony) throw another();
  return factor.identity;
}

// Without an identity, the passkey says who the user is.
export async function startSignIn(identity) {
  const challenge = await passkeys.newChallenge().create(identity ? { identity } : {});
  return { ceremony: challenge.sid, options: challenge.options.publicKey };
}

// Returns the identity whose passkey it was. For a step-up, compare it with the user who is signed in.
export async function finishSignIn(credential, ceremony) {
  const approved = await passkeys.approveChallenge.update(credential);
  if (approved.status !== "approved" || approved.sid !== ceremony) throw another();
  return approved.identity;
}
// #endregion

// #region management
const ofUser = (identity) => passkeys.entities(identity).factors;

// The list also has registrations that did not finish.
export async function list(identity) {
  const factors = await ofUser(identity).list();
  return factors.filter(({ status }) => status === "verified").map(({ sid, friendlyName, dateCreated, metadata }) => ({
    id: sid, name: friendlyName, created: dateCreated, lastUsed: metadata?.date_last_approved ?? null,
  }));
}

// The caller checks that the user has this passkey.
export const rename = (identity, id, name) => ofUser(identity)(id).update({ friendlyName: name });
export const remove = (identity, id) => ofUser(identity)(id).remove();
// #endregion

// passkeyd refused what the page or the user sent.
export const isRefusal = (error) => error.status >= 400 && error.status < 500;
