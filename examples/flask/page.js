// The page around the passkeys, with the SDK of passkeyd.

import { autofill, PasskeyError, post, reauthenticate, register, signIn } from "./sdk/passkeys.mjs";

const element = (id) => document.getElementById(id);

function say(text, failed = false) {
  element("message").textContent = text;
  element("message").classList.toggle("error", failed);
}

async function show() {
  const { name, passkeys } = await (await fetch("me")).json();
  element("signed-out").hidden = Boolean(name);
  element("signed-in").hidden = !name;
  element("account").textContent = name ?? "";
  element("passkeys").replaceChildren(...(passkeys ?? []).map(item));
  // It ends when another call signs in.
  if (!name && !show.offers) {
    show.offers = autofill()
      .then((answer) => answer && act(() => {}, "Signed in."), (error) => say(error.message, true))
      .finally(() => { show.offers = undefined; });
  }
}

function item(passkey) {
  const row = document.createElement("li");
  const day = (date) => (date ? new Date(date).toLocaleString() : "never");
  row.append(`${passkey.name}, added ${day(passkey.created)}, last used ${day(passkey.lastUsed)} `);
  row.append(button("Rename", async () => {
    const name = prompt("New name", passkey.name);
    if (name) await post("passkeys/rename", { id: passkey.id, name });
  }));
  row.append(button("Delete", () => confirmed(() => post("passkeys/delete", { id: passkey.id }))));
  return row;
}

function button(label, run) {
  const made = document.createElement("button");
  made.textContent = label;
  made.addEventListener("click", () => act(run, `${label}: done.`));
  return made;
}

// Adding and deleting a passkey need a recent confirmation. Without one the back end asks for it, and the page tries again.
async function confirmed(run) {
  try {
    return await run();
  } catch (error) {
    if (error.code !== "step_up_required") throw error;
    await reauthenticate();
    return run();
  }
}

async function act(run, done) {
  let failure;
  say("");
  try {
    await run();
  } catch (error) {
    if (!(error instanceof PasskeyError)) throw error;
    failure = { cancelled: "Cancelled, or no passkey fits.", exists: "This device has a passkey already." }[error.reason] ?? error.message;
    console.info(error.reason, error.likely);
  }
  await show();
  say(failure ?? done, Boolean(failure));
}

// #region passkeys
const name = () => element("name").value;
element("signed-out").addEventListener("submit", (event) => {
  event.preventDefault();
  act(() => signIn({ name: name() }), "Signed in.");
});
element("sign-in-any").addEventListener("click", () => act(() => signIn(), "Signed in."));
element("register").addEventListener("click", () => act(() => register({ name: name() }), "Welcome."));
element("add").addEventListener("click", () => act(() => confirmed(() => register({}, { add: true })), "Added."));
element("step-up").addEventListener("click", () => act(() => reauthenticate(), "Confirmed."));
element("sign-out").addEventListener("click", () => act(() => post("sign-out"), "Signed out."));
// #endregion
show();
