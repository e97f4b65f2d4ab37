import { describe, expect, it } from 'vitest'
import type { Schemas } from '@/api/client'
import { bytes } from '@/bytes'
import { holders, reasons, type Grant } from '@/pages/vpn/access'
import {
  deviceOf,
  livenessOf,
  ordered,
  pictured,
  selected,
  tagsOf,
  type Device,
} from '@/pages/vpn/devices'

const NOW = Date.parse('2026-01-01T12:00:00Z')
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString()

let last = 0
function peer(more: Partial<Schemas['Peer']> = {}): Schemas['Peer'] {
  const id = ++last
  return {
    ...{ id, uuid: `${id}`, name: `peer-${id}`, kind: 'laptop', state: 'active', owner: 'sara' },
    ...{ user_id: 1, project_id: null, public_key: '', ipv4: `10.80.0.${id}`, ipv6: '' },
    ...{ tags: [], created: ago(9999), expires: null, last_handshake: null },
    ...{ received: 0, sent: 0, stopped: '' },
    ...more,
  } as Schemas['Peer']
}
function device(more: Partial<Schemas['Peer']> = {}, user = 1): Device {
  return deviceOf(peer(more), undefined, { user, now: NOW, known: true })
}
const host = (more: Partial<Schemas['Peer']> = {}) =>
  device({ kind: 'host', user_id: null, project_id: 5, owner: 'Web', ...more })

describe('the state of a device', () => {
  it.each([
    [{ last_handshake: ago(180) }, 'online'],
    [{ last_handshake: ago(181) }, 'offline'],
    [{ last_handshake: ago(181), kind: 'host' }, 'silent'],
    [{ last_handshake: null, kind: 'host' }, 'never'],
    [{ last_handshake: ago(1), stopped: 'its user is disabled' }, 'stopped'],
    [{ last_handshake: ago(1), state: 'suspended' }, 'suspended'],
    [{ state: 'pending' }, 'pending'],
    [{ state: 'expired' }, 'expired'],
  ] as const)('%o is %s', (more, liveness) => {
    expect(livenessOf(peer(more), NOW, true)).toBe(liveness)
  })
  it('is not known without the companion, unless it is no matter of the device', () => {
    expect(livenessOf(peer({ last_handshake: ago(1) }), NOW, false)).toBe('unknown')
    expect(livenessOf(peer({ state: 'suspended' }), NOW, false)).toBe('suspended')
  })
  it('takes the newer status, and counters never go back', () => {
    const known = peer({ received: 10, sent: 20, last_handshake: ago(500) })
    const status = { id: known.id, received: 15, sent: 5, last_handshake: ago(3), endpoint: 'a:1' }
    const context = { user: 2, now: NOW, known: true }
    const found = deviceOf(known, status as Schemas['PeerStatus'], context)
    expect([found.received, found.sent, found.liveness, found.endpoint, found.mine]).toEqual([
      ...[15, 20, 'online', 'a:1'],
      false,
    ])
  })
})

describe('lists of devices', () => {
  it('have own ones first and hosts last, by name', () => {
    const all = [host({ name: 'a' }), device({ name: 'b' }, 2), device({ name: 'c' })]
    expect(ordered(all).map((each) => each.name)).toEqual(['c', 'b', 'a'])
  })
  it('are filtered by what is shown', () => {
    const all = [host({ name: 'db1', tags: ['Data'] }), device({ name: 'x' })]
    expect(selected(all, ' data ').map((each) => each.name)).toEqual(['db1'])
    expect(selected(all, '')).toHaveLength(2)
    expect(selected(all, 'Not yet')).toHaveLength(2)
  })
  it('show at most five in the picture: trouble, own ones, traffic', () => {
    const all = Array.from({ length: 6 }, (_, i) => device({ sent: i, user_id: 3 }))
    const silent = host({ last_handshake: ago(999) })
    const own = device()
    const { shown, more } = pictured([...all, own, silent, device({ state: 'suspended' })])
    expect(shown).toHaveLength(5)
    expect(shown).toContain(silent)
    expect(shown).toContain(own)
    expect(shown).not.toContain(all[0])
    expect(more).toBe(3)
  })
})

describe('words', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_234_000, '1.2 MB'],
    [999_950, '1 MB'],
    [310e9, '310 GB'],
  ])('%d bytes are %s', (count, text) => expect(bytes(count)).toBe(text))
  it('take tags apart', () => expect(tagsOf(' a, b  a,,')).toEqual(['a', 'b']))
})

describe('access', () => {
  const site = { id: 7, name: 'office', network: '10.20.0.0/16' }
  const grant = (more: Partial<Grant>): Grant =>
    ({
      id: 1,
      site_id: 7,
      peer_id: null,
      user_id: null,
      project_id: null,
      to: 'x',
      ...more,
    }) as Grant
  const mine = device()
  const members = new Map([[5, new Set([1])]])
  const why = (key: string, grants: Grant[], known = members) => {
    const found = holders([mine, host()], grants).find((each) => each.key === key)
    return reasons(found!, site, grants, known).map((each) => each.why)
  }
  it('comes from the user, its projects and its devices, the widest first', () => {
    const grants = [grant({ peer_id: mine.id }), grant({ project_id: 5 }), grant({ user_id: 1 })]
    expect(why('user-1', grants)).toEqual(['user', 'project', 'device'])
    expect(why('project-5', grants)).toEqual(['project'])
  })
  it('is for this network and this holder only', () => {
    expect(why('user-1', [grant({ user_id: 2 }), grant({ user_id: 1, site_id: 8 })])).toEqual([])
    expect(why('user-1', [grant({ project_id: 5 })], new Map())).toEqual([])
  })
  it('has a row for those who were granted something before they have a device', () => {
    expect(holders([], [grant({ user_id: 9, to: 'new' })]).map((each) => each.name)).toEqual([
      'new',
    ])
  })
})
