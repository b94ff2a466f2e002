// The page around the passkeys: what is shown, and which button does what.

import { autofill, create, get, post } from "./passkeys.js";

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
  if (!name) offer();
}

function item(passkey) {
  const row = document.createElement("li");
  const day = (date) => (date ? new Date(date).toLocaleString() : "never");
  row.append(`${passkey.name}, added ${day(passkey.created)}, last used ${day(passkey.lastUsed)} `);
  row.append(button("Rename", async () => {
    const name = prompt("New name", passkey.name);
    if (name) await post("/passkeys/rename", { id: passkey.id, name });
  }));
  row.append(button("Delete", () => confirmed(() => post("/passkeys/delete", { id: passkey.id }))));
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
    if (error.reason !== "step_up_required") throw error;
    await get("/step-up");
    return run();
  }
}

async function act(run, done) {
  let failure;
  say("");
  try {
    await run();
  } catch (error) {
    // The browser throws a NotAllowedError when the person cancels, and when time is up.
    failure = error.name === "NotAllowedError" ? "Cancelled, or no passkey fits." : error.message;
  }
  await show();
  say(failure ?? done, Boolean(failure));
}

function offer() {
  autofill().then((signedIn) => signedIn && act(() => {}, "Signed in."), (error) => say(error.message, true));
}
autofill.renew = offer;

const name = () => element("name").value;
element("signed-out").addEventListener("submit", (event) => {
  event.preventDefault();
  act(() => get("/sign-in", { name: name() }), "Signed in.");
});
element("sign-in-any").addEventListener("click", () => act(() => get("/sign-in"), "Signed in."));
element("register").addEventListener("click", () => act(() => create("/register", { name: name() }), "Welcome."));
element("add").addEventListener("click", () => act(() => confirmed(() => create("/passkeys")), "Added."));
element("step-up").addEventListener("click", () => act(() => get("/step-up"), "Confirmed."));
element("sign-out").addEventListener("click", () => act(() => post("/sign-out"), "Signed out."));
show();
