// What the page says of a device: its state, its traffic, what may be done with it.
import type { Schemas } from '@/api/client'
import type { Mark } from '@/components/status'
import { t, type Key } from '@/locales'

export type Peer = Schemas['Peer']
export type PeerStatus = Schemas['PeerStatus']

/** Milliseconds after a handshake in which a device is connected, as the server says. */
const CONNECTED = 180_000

export type Liveness =
  | 'online'
  | 'offline'
  | 'silent'
  | 'never'
  | 'unknown'
  | 'stopped'
  | 'pending'
  | 'suspended'
  | 'expired'
  | 'revoked'

export interface Device extends Peer {
  /** null until the device's status was read */
  endpoint: string | null
  mine: boolean
  liveness: Liveness
}

const MARKS: Record<Liveness, Mark> = {
  online: 'on',
  offline: 'off',
  silent: 'un',
  never: 'off',
  unknown: 'off',
  stopped: 'stop',
  pending: 'wait',
  suspended: 'stop',
  expired: 'stop',
  revoked: 'stop',
}

export const markOf = (liveness: Liveness): Mark => MARKS[liveness]
export const wordOf = (liveness: Liveness): string => t(`vpn.state.${liveness}`)

const ICONS = {
  laptop: 'i-lucide-laptop',
  phone: 'i-lucide-smartphone',
  host: 'i-lucide-server',
} as const

export const iconOf = (kind: Peer['kind']): string => ICONS[kind]
export const kindOf = (kind: Peer['kind']): string => t(`vpn.kind.${kind}` as Key)

/** The state of *peer*; *known* is whether the companion answers, *now* in milliseconds. */
export function livenessOf(peer: Peer, now: number, known: boolean): Liveness {
  if (peer.state !== 'active') return peer.state
  if (peer.stopped) return 'stopped'
  if (!known) return 'unknown'
  if (peer.last_handshake === null) return 'never'
  if (now - Date.parse(peer.last_handshake) <= CONNECTED) return 'online'
  return peer.kind === 'host' ? 'silent' : 'offline'
}

/** A peer with its newest status; counters and handshakes never go back. */
export function deviceOf(
  peer: Peer,
  status: PeerStatus | undefined,
  { user, now, known }: { user: number | undefined; now: number; known: boolean },
): Device {
  const newer = status ? { ...peer, ...latest(peer, status) } : peer
  return {
    ...newer,
    endpoint: status?.endpoint ?? null,
    mine: user !== undefined && peer.user_id === user,
    liveness: livenessOf(newer, now, known),
  }
}

function latest(peer: Peer, status: PeerStatus) {
  return {
    last_handshake: status.last_handshake ?? peer.last_handshake,
    received: Math.max(status.received, peer.received),
    sent: Math.max(status.sent, peer.sent),
  }
}

/** The devices with *text* in what the list shows of them. */
export function selected(devices: Device[], text: string): Device[] {
  const wanted = text.trim().toLowerCase()
  if (!wanted) return devices
  return devices.filter((each) =>
    [each.name, each.owner, each.ipv4, each.ipv6, each.kind, ...each.tags, wordOf(each.liveness)]
      .join('\n')
      .toLowerCase()
      .includes(wanted),
  )
}

/** Own devices, then those of others, then hosts; by name within each. */
export function ordered(devices: Device[]): Device[] {
  const rank = (each: Device) => (each.mine ? 0 : each.kind === 'host' ? 2 : 1)
  return [...devices].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
}

/** At most *most* of *devices* for the picture: trouble first, then own ones, then traffic. */
export function pictured(devices: Device[], most = 5): { shown: Device[]; more: number } {
  const active = devices.filter((each) => each.state === 'active')
  const rank = (each: Device) => (each.liveness === 'silent' ? 0 : each.mine ? 1 : 2)
  const traffic = (each: Device) => each.received + each.sent
  const chosen = [...active]
    .sort((a, b) => rank(a) - rank(b) || traffic(b) - traffic(a) || a.id - b.id)
    .slice(0, most)
  const shown = active.filter((each) => chosen.includes(each)) // as the table has them
  return { shown, more: active.length - shown.length }
}

/** The width of a link in the picture, 1 to 5, by its part of *most* bytes. */
export function width(device: Device, most: number): number {
  const traffic = device.received + device.sent
  return most > 0 ? 1 + Math.round((8 * traffic) / most) / 2 : 1
}

/** Tags as somebody types them: separated by commas or spaces, each once. */
export function tagsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((each) => each !== ''))]
}
