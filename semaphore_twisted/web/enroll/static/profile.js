// A device's key and its file. The private key is made here and is never sent.

/** Where the server's text has a place for the private key. */
const PLACE = "PRIVATE-KEY-OF-THIS-DEVICE";

/** This browser cannot make a key. */
export class NoKeys extends Error {}

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

/** Return a new pair, both as WireGuard writes keys. Throws NoKeys. */
export async function newPair() {
  let pair;
  try {
    pair = await crypto.subtle.generateKey({ name: "X25519" }, true, ["deriveBits"]);
  } catch (error) {
    throw new NoKeys(String(error)); // not known here, or the page is not secure
  }
  const whole = new Uint8Array(
    await crypto.subtle.exportKey("pkcs8", pair.privateKey),
  );
  const open = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const secret = whole.slice(-32); // the end of the structure (RFC 8410, section 7)
  // X25519 passes over these bits, and so two texts would be one key: WireGuard's
  // programs write them as they are used (RFC 7748, section 5)
  secret[0] &= 248;
  secret[31] = (secret[31] & 127) | 64;
  const made = { privateKey: base64(secret), publicKey: base64(open) };
  whole.fill(0);
  secret.fill(0);
  return made;
}

/** Return the file with the private key in its place. */
export function complete(text, privateKey) {
  const parts = text.split(`PrivateKey = ${PLACE}\n`);
  if (parts.length !== 2 || parts.some((part) => part.includes(PLACE))) {
    throw new Error("the server's answer has no place for the key");
  }
  return parts.join(`PrivateKey = ${privateKey}\n`);
}
