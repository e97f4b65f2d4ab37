// Accounts, for administrators: what they can be used by, and how that ends.
import { api, data, type Schemas } from '@/api/client'
import { plural } from '@/locales'

export type AccountAccess = Schemas['AccountAccess']

const KINDS = ['tokens', 'sessions', 'devices'] as const

/** What an account can be used by, such as "2 tokens, 1 session"; empty if by nothing. */
export function accessWords(access: Pick<AccountAccess, (typeof KINDS)[number]>): string {
  return KINDS.filter((kind) => access[kind] > 0)
    .map((kind) => plural(`common.access.${kind}`, access[kind]))
    .join(', ')
}

export function readAccess(user_id: number): Promise<AccountAccess> {
  const params = { path: { user_id } }
  return data(api.GET('/users/{user_id}/access', { params }))
}

/** Disable an account everywhere; returns what ended by that, in words. */
export async function disableAccount(user_id: number): Promise<string> {
  const params = { path: { user_id } }
  const before = await readAccess(user_id)
  await data(api.POST('/users/{user_id}/active', { params, body: { active: false } }))
  const after = await readAccess(user_id)
  return accessWords({
    tokens: before.tokens - after.tokens,
    sessions: before.sessions - after.sessions,
    devices: before.devices - after.devices,
  })
}
