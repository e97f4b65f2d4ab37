// The verbs of a device. Each answer's *reason* says why the tunnel does not have the
// change yet; empty if it has.
import { api, data, fields } from '@/api/client'
import { complete, keyOf, newPair } from './keypair'

const of = (id: number) => ({ path: { peer_id: id } })

export const suspend = (id: number) =>
  data(api.POST('/vpn/peers/{peer_id}/suspend', { params: of(id), body: {} }))

/** Let a device in, until *expires* if that is given (null: for ever). */
export const resume = (id: number, expires?: string | null) =>
  data(
    api.POST('/vpn/peers/{peer_id}/resume', {
      params: of(id),
      body: expires === undefined ? {} : { expires },
    }),
  )

export const remove = (id: number) => data(api.DELETE('/vpn/peers/{peer_id}', { params: of(id) }))

export const change = (
  id: number,
  body: { name?: string; tags?: string[]; expires?: string | null },
) => data(api.PUT('/vpn/peers/{peer_id}', { params: of(id), body }))

/** Replace the key by one made here; the answer's *config* is the complete file. */
export async function replaceKey(id: number) {
  const pair = await newPair()
  const params = of(id)
  const answer = await data(
    api.POST('/vpn/peers/{peer_id}/rotate', { params, body: fields(keyOf(pair)) }),
  )
  return { ...answer, config: complete(answer.config, pair) }
}
