// The only script of the pages: passkeys, live state, times in the reader's own zone. Everything else works
// without it. It says nothing of its own: each sentence is in the page, in the reader's language.

const main = document.querySelector("main");
const address = main.dataset.address;
const LIVE = ["open", "waiting", "proven"];
const POLL_SECONDS = 3;
const WARNING_SECONDS = 60;
const PATIENCE_SECONDS = 120;  // some password managers never answer, and heed no signal

// --- times

for (const time of document.querySelectorAll("time[data-moment]")) {
  const at = new Date(time.dateTime);
  const style = { dateStyle: "medium", timeStyle: "short" };
  time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, style).format(at);
}

const ending = document.querySelector("[data-ending]");

// Looked at again and again: a sleeping device stops timers, and one cannot wait for weeks.
function warn() {
  if (new Date(main.dataset.expires) - Date.now() > WARNING_SECONDS * 1000) setTimeout(warn, 1000);
  else ending.textContent = document.querySelector("[data-soon]").content.textContent;
}

if (ending && main.dataset.expires) warn();

// --- live state: what happens elsewhere shows here

// An answer under way leads where the server says, to the app perhaps: nothing may come between.
let leaving = false;
addEventListener("submit", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; });

function changed(state) {
  if (state !== main.dataset.state && !leaving) location.replace(address);
  return !LIVE.includes(state);
}

async function poll() {
  try {
    const answer = await fetch(`${address}/state`, { cache: "no-store" });
    if (answer.ok && changed((await answer.json()).state)) return;
  } catch { /* away: asked again */ }
  setTimeout(poll, POLL_SECONDS * 1000);
}

if (address && LIVE.includes(main.dataset.state)) {
  const events = new EventSource(`${address}/events`);
  events.onmessage = (event) => { if (changed(JSON.parse(event.data).state)) events.close(); };
  events.onerror = () => { events.close(); setTimeout(poll, POLL_SECONDS * 1000); };
}

// --- a code that does not arrive: sent again as soon as the server would, then another way

const OFFER_SECONDS = 10;
const ELSEWHERE_SECONDS = 20;
const again = document.querySelector("[data-again]");

function after(seconds, act) {
  setTimeout(act, Math.max(seconds, 0) * 1000);
}

function cool(until) {
  const left = Math.ceil((until - Date.now()) / 1000);
  again.querySelector("button").disabled = left > 0;
  again.querySelector("[data-cooling]").hidden = left <= 0;
  if (left <= 0) return;
  const style = { style: "unit", unit: "second", unitDisplay: "long" };
  again.querySelector("[data-left]").textContent = new Intl.NumberFormat(document.documentElement.lang, style).format(left);
  after(1, () => cool(until));
}

function elsewhere() {
  const words = document.querySelector("[data-elsewhere]");
  if (words) document.querySelector("[data-astray]").replaceChildren(words.content.cloneNode(true));
}

if (again) {
  const ago = Number(again.dataset.again);
  again.hidden = ago < OFFER_SECONDS;
  after(OFFER_SECONDS - ago, () => { again.hidden = false; });
  after(ELSEWHERE_SECONDS - ago, elsewhere);
  if (again.querySelector("[data-cooling]")) cool(Date.now() + Number(again.dataset.wait) * 1000);
}

// --- passkeys

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function wanted(options) {
  const allowed = (options.allowCredentials ?? []).map((each) => ({ ...each, id: bytes(each.id) }));
  return { ...options, challenge: bytes(options.challenge), allowCredentials: allowed };
}

function given(credential) {
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response;
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: {
      clientDataJSON: text(clientDataJSON),
      authenticatorData: text(authenticatorData),
      signature: text(signature),
      ...(userHandle ? { userHandle: text(userHandle) } : {}),
    },
  };
}

const form = document.querySelector("form[data-passkey], form[data-create]");

function say(which) {
  form.querySelector("[data-said]").textContent = which ? form.querySelector(`[data-${which}]`).content.textContent : "";
}

async function ask() {
  const fields = new URLSearchParams({ form: form.elements.form.value });
  if (form.elements.once?.checked) fields.set("once", "yes");
  const answer = await fetch(form.dataset.passkey, { method: "POST", body: fields });
  if (answer.status === 409) {
    const { problem } = await answer.json();
    location.replace(problem ? `${address}?way=passkey&problem=${problem}` : address);
    return null;
  }
  if (!answer.ok) throw new TypeError("no options");
  return wanted((await answer.json()).publicKey);
}

// What a new passkey is made with. Refused: the page says why.
async function order() {
  const fields = new URLSearchParams({ form: form.elements.form.value, name: form.elements.name.value, way: "passkey" });
  const answer = await fetch(form.dataset.create, { method: "POST", body: fields });
  if (answer.status === 409) {
    location.replace((await answer.json()).address);
    return null;
  }
  if (!answer.ok) throw new TypeError("no options");
  const { enrolment, publicKey } = await answer.json();
  form.elements.enrolment.value = enrolment;
  const known = (publicKey.excludeCredentials ?? []).map((each) => ({ ...each, id: bytes(each.id) }));
  const user = { ...publicKey.user, id: bytes(publicKey.user.id) };
  return { ...publicKey, user, challenge: bytes(publicKey.challenge), excludeCredentials: known };
}

function made(credential) {
  const { clientDataJSON, attestationObject } = credential.response;
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: {
      clientDataJSON: text(clientDataJSON),
      attestationObject: text(attestationObject),
      transports: credential.response.getTransports?.() ?? [],
    },
  };
}

async function obtain(signal) {
  const publicKey = form.dataset.create ? await order() : await ask();
  if (!publicKey) return null;
  return form.dataset.create
    ? made(await navigator.credentials.create({ publicKey, signal }))
    : given(await navigator.credentials.get({ publicKey, signal }));
}

async function prove(event) {
  event.preventDefault();
  event.stopPropagation();  // it has not left yet
  const button = form.querySelector("button");
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_SECONDS * 1000);
  const over = new Promise((_, refuse) => { patience.signal.onabort = () => refuse(patience.signal.reason); });
  button.disabled = true;
  say("waiting");
  try {
    const credential = await Promise.race([obtain(patience.signal), over]);
    if (!credential) return;
    form.elements.credential.value = JSON.stringify(credential);
    leaving = true;
    form.submit();
  } catch (error) {
    // Browsers give one error for closed, timed out and none there: nothing is known but that it did not happen.
    const known = form.dataset.create && error.name === "InvalidStateError";
    say(known ? "known" : error instanceof TypeError ? "failed" : "closed");
    button.disabled = false;
    button.focus();
  } finally {
    clearTimeout(timer);
  }
}

if (form) {
  if (window.PublicKeyCredential) form.addEventListener("submit", prove);
  else { say("absent"); form.querySelector("button").disabled = true; }
}

// --- the reference, for whoever helps

const copy = document.querySelector("[data-copy]");
if (copy && navigator.clipboard) {
  const reference = document.getElementById(copy.dataset.copy);
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(reference.textContent);
      document.querySelector("[data-copied]").textContent = document.querySelector("[data-copy-done]").content.textContent;
    } catch {
      getSelection().selectAllChildren(reference);  // not allowed: the keyboard can
    }
  });
}

// --- what went wrong is read first

document.getElementById("problem")?.focus();
