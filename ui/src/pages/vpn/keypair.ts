// A device's key pair, made in this browser: the private half is never sent.

/** Where the server's file has a place for the private key. */
const PLACE = 'PRIVATE-KEY-OF-THIS-DEVICE'

export interface Pair {
  publicKey: string
  privateKey: string
}

const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes))

/** Return a new pair as WireGuard writes keys; null if this browser cannot make one. */
export async function newPair(): Promise<Pair | null> {
  let pair: CryptoKeyPair
  try {
    const made = await crypto.subtle.generateKey({ name: 'X25519' }, true, ['deriveBits'])
    pair = made as CryptoKeyPair
  } catch {
    return null // not known here, or the page is not secure
  }
  const whole = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey))
  const open = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey))
  const secret = whole.slice(-32) // the end of the structure (RFC 8410, section 7)
  // WireGuard's programs write these bits as they are used (RFC 7748, section 5)
  secret[0]! &= 248
  secret[31] = (secret[31]! & 127) | 64
  return { publicKey: base64(open), privateKey: base64(secret) }
}

/** Return what a request says of the key: the public half, or that the server makes both. */
export function keyOf(pair: Pair | null) {
  return pair ? { public_key: pair.publicKey } : { server_key: true }
}

/** Return the file with the private key in its place, if the server left one. */
export function complete(file: string, pair: Pair | null): string {
  return pair ? file.replace(PLACE, pair.privateKey) : file
}
