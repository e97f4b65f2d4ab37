// What the key store shows of a key: its kind, its users, its age.
import type { Schemas } from '@/api/client'
import { t } from '@/locales'

export { users } from '@/components/references'

export type AccessKey = Schemas['AccessKey']
export type KeyType = Schemas['KeyType']
export type Summary = Schemas['KeySummary']
export type Check = Schemas['KeyCheck']

/** A key with what is known about it; the latter follows with a second answer. */
export interface KeyRow extends AccessKey {
  summary?: Summary
}

export const KINDS = [
  { type: 'ssh', label: 'keys.kind.ssh', icon: 'i-lucide-key-round' },
  { type: 'login_password', label: 'keys.kind.login_password', icon: 'i-lucide-user-lock' },
  { type: 'string', label: 'keys.kind.string', icon: 'i-lucide-asterisk' },
  {
    type: 'client_certificate',
    label: 'keys.kind.client_certificate',
    icon: 'i-lucide-file-badge',
  },
] as const

export type Kind = (typeof KINDS)[number]['type']

const NONE_ICON = 'i-lucide-circle-dashed'

export function iconOf(type: KeyType): string {
  return KINDS.find((each) => each.type === type)?.icon ?? NONE_ICON
}

/** Name the algorithm of an SSH key, such as Ed25519 or RSA 3072. */
export function algorithm(key: { kind?: Schemas['KeyKind'] | null; bits?: number | null }): string {
  if (!key.kind) return t('keys.kind.ssh')
  if (key.kind === 'ed25519') return 'Ed25519'
  if (key.kind === 'ecdsa') return key.bits ? `ECDSA P-${key.bits}` : 'ECDSA'
  return key.bits ? `RSA ${key.bits}` : 'RSA'
}

/** The column "Type" of a list. */
export function typeOf(key: KeyRow): string {
  return key.type === 'ssh' ? algorithm(key.summary ?? {}) : t(`keys.kind.${key.type}`)
}

/** The keys of *kind* (all if empty) whose name or fingerprint has *text* in it. */
export function selected(keys: KeyRow[], kind: string, text: string): KeyRow[] {
  const wanted = text.trim().toLowerCase()
  return keys.filter(
    (key) =>
      (!kind || key.type === kind) &&
      (!wanted ||
        key.name.toLowerCase().includes(wanted) ||
        (key.summary?.fingerprint ?? '').toLowerCase().includes(wanted)),
  )
}

/** The body that stores a key. */
export interface Draft {
  name: string
  type: Kind
  login: string
  password: string
  text: string
  privateKey: string
  passphrase: string
  certificate: string
}

export function emptyDraft(type: Kind = 'ssh', name = ''): Draft {
  return {
    name,
    type,
    login: '',
    password: '',
    text: '',
    privateKey: '',
    passphrase: '',
    certificate: '',
  }
}

/** Whether the secret of a draft has everything that its kind needs. */
export function complete(draft: Draft): boolean {
  switch (draft.type) {
    case 'ssh':
      return draft.privateKey.trim() !== ''
    case 'login_password':
      return draft.password !== ''
    case 'string':
      return draft.text !== ''
    case 'client_certificate':
      return draft.privateKey.trim() !== '' && draft.certificate.trim() !== ''
  }
}

export function body(draft: Draft, more: { override_secret?: boolean } = {}) {
  const { name, type, login, passphrase } = draft
  const secret = { private_key: draft.privateKey, passphrase }
  return {
    name,
    type,
    ...more,
    ...(type === 'ssh' ? { ssh: { login, ...secret } } : {}),
    ...(type === 'login_password' ? { login_password: { login, password: draft.password } } : {}),
    ...(type === 'string' ? { string: draft.text } : {}),
    ...(type === 'client_certificate'
      ? { client_certificate: { certificate: draft.certificate, ...secret } }
      : {}),
  }
}
