// The page that enrolls a device. The token comes behind the # of the address, is taken
// out of it at once, and is sent by POST only.

import { complete, newPair, NoKeys } from "./profile.js";
import { draw, encode, TooLong } from "./qr.js";

/** A name that wg-quick and every application take for a tunnel. */
const FILE = "semaphore.conf";

const LINK = /#(smp-enroll-[A-Za-z0-9_-]{43})(?:\.[0-9a-f]{64})?$/;

const SENTENCES = {
  403: "This link cannot be used: it was used already, it is too old, or it was"
    + " revoked. Ask whoever sent it for another one.",
  404: "There is no VPN here. Is the link from this server?",
  429: "There were too many attempts from your network. Wait some minutes, then try"
    + " again; the link is still good.",
};

const LOST = "The server did not answer. Check the connection and try again: nothing"
  + " is lost, the same key is sent again.";

const NO_KEYS = "This browser cannot make a key for WireGuard (it lacks X25519)."
  + " Update it, or use another one: Chrome or Edge from 133, Firefox from 130, Safari"
  + " from 17. On a computer the command does it too; ask for it where the link came"
  + " from.";

const PHONE = /Android|iPhone|iPad|iPod/;

const at = (name) => document.getElementById(name);

let token = "";
let pair = null;
let saved = true;

// --- one part of the page at a time ---------------------------------------------------

function show(name) {
  for (const part of document.querySelectorAll("main > [data-part]")) {
    part.hidden = part.id !== name;
  }
  const heading = at(name).querySelector("h2");
  if (heading && name !== "ask") heading.focus();
}

function complain(sentence) {
  at("trouble").textContent = sentence;
  at("trouble").hidden = !sentence;
  // a live region is read out when it changes; the eye needs it in sight
  if (sentence) at("trouble").scrollIntoView({ block: "nearest" });
}

// --- the link -------------------------------------------------------------------------

function take(address) {
  const found = LINK.exec(address);
  if (!found) return false;
  [, token] = found;
  pair = null;
  complain("");
  show("ask");
  return true;
}

/** Take the token out of the address, so that no history or screenshot has it. */
function arrive() {
  const address = location.href;
  const whole = location.hash;
  if (whole) history.replaceState(null, "", location.pathname);
  if (!saved) return; // a new link must not take an unsaved file away
  if (take(address)) return;
  show("link");
  if (whole) complain("The link is cut off: copy it as a whole, up to its last letter.");
}

// --- enrolling ------------------------------------------------------------------------

async function send(body) {
  const answer = await fetch("api/vpn/enroll", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    referrerPolicy: "no-referrer",
  });
  const value = await answer.json().catch(() => ({}));
  return { status: answer.status, value };
}

async function enroll(event) {
  event.preventDefault();
  const name = at("name").value.trim();
  const kind = document.querySelector("input[name=kind]:checked").value;
  const button = at("enroll");
  complain("");
  button.disabled = true;
  button.textContent = "Enrolling…";
  try {
    pair ??= await newPair();
    const { status, value } = await send({
      token,
      public_key: pair.publicKey,
      name,
      kind,
    });
    if (status === 200 || status === 201) finish(value);
    else complain(SENTENCES[status] ?? value.error ?? `The server refused (${status}).`);
  } catch (error) {
    if (error instanceof NoKeys) complain(NO_KEYS);
    else if (error instanceof TypeError) complain(LOST);
    else complain(`This did not work: ${error.message}.`);
  } finally {
    button.disabled = false;
    button.textContent = "Enroll this device";
  }
}

function finish(answer) {
  const text = complete(answer.config, pair.privateKey);
  token = "";
  pair = null;
  saved = false;
  at("device").textContent = answer.peer.name;
  at("address").textContent = [answer.peer.ipv4, answer.peer.ipv6]
    .filter(Boolean)
    .join(", ");
  at("pending").hidden = answer.peer.state !== "pending";
  at("late").hidden = answer.applied !== false || answer.peer.state === "pending";
  for (const place of document.querySelectorAll("[data-url]")) {
    place.textContent = answer.url;
    if (answer.url.startsWith("https://")) place.href = answer.url;
  }
  picture(text);
  const url = URL.createObjectURL(
    new Blob([text], { type: "application/octet-stream" }),
  );
  at("save").href = url;
  at("save").download = FILE;
  document.title = "Enrolled · Semaphore";
  show("done");
}

function picture(text) {
  try {
    const code = encode(new TextEncoder().encode(text));
    at("code").replaceChildren(draw(code, "QR code of the device's file"));
  } catch (error) {
    if (!(error instanceof TooLong)) throw error;
    at("code").textContent = "The file is too long for a QR code. Save it instead.";
  }
}

function keep() {
  saved = true;
  at("unsaved").hidden = true;
  at("kept").hidden = false;
}

// --- the beginning --------------------------------------------------------------------

const here = PHONE.test(navigator.userAgent);
document.documentElement.dataset.here = here ? "phone" : "computer";
at(here ? "phone" : "laptop").checked = true;

at("form").addEventListener("submit", enroll);
at("save").addEventListener("click", keep);
at("scanned").addEventListener("click", keep);
at("paste").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = at("pasted");
  if (!take(field.value.trim())) {
    complain("This is not the link of an invite. It ends in # and some 50 letters.");
  }
  field.value = "";
});
addEventListener("hashchange", arrive);
addEventListener("beforeunload", (event) => {
  if (!saved) event.preventDefault(); // the key is nowhere else
});
arrive();
