// What a check of an inventory found, as the page shows it.
import type { Mark } from '@/components/status'
import type { Schemas } from '@/api/client'

export type InventoryCheck = Schemas['InventoryCheck']
export type Host = Schemas['CheckedHost']
/** The last results of hosts in runs, by their names. */
export type LastResults = ReadonlyMap<string, Schemas['LastHostResult']>
type State = NonNullable<Host['state']>

export const MARKS: Record<State, Mark> = {
  waiting: 'queue',
  checking: 'run',
  ok: 'on',
  failed: 'fail',
  unreachable: 'un',
  unknown: 'off',
}

/** The order of hosts after a check: what needs somebody is first. */
const ORDER: State[] = ['unreachable', 'failed', 'unknown', 'checking', 'waiting', 'ok']

/** The numbers of the hosts of *group* (all if empty), in the order in which to show
 * them: that of the inventory while the check runs, so that no row moves. */
export function arranged(check: InventoryCheck, group: string): number[] {
  const hosts = check.hosts ?? []
  const rank = (index: number) => ORDER.indexOf(hosts[index]!.state ?? 'waiting')
  const found = hosts.map((_, index) => index).filter((index) => isIn(hosts[index]!, group))
  return check.status === 'running' ? found : found.sort((a, b) => rank(a) - rank(b) || a - b)
}

function isIn(host: Host, group: string): boolean {
  return !group || (host.groups ?? []).includes(group)
}

const bad = (host: Host) => host.state === 'unreachable' || host.state === 'failed'

/** The groups with their hosts and those of them that do not answer; the first is all. */
export function groupsOf(check: InventoryCheck): { name: string; hosts: number; bad: number }[] {
  const hosts = check.hosts ?? []
  const count = (group: string) => hosts.filter((each) => bad(each) && isIn(each, group)).length
  return [
    { name: '', hosts: hosts.length, bad: count('') },
    ...(check.groups ?? []).map((each) => ({ ...each, bad: count(each.name) })),
  ]
}

/** How many hosts there are, and how many of them were asked and answered. */
export function progress(check: InventoryCheck): { all: number; asked: number; answered: number } {
  const hosts = check.hosts ?? []
  return {
    all: hosts.length,
    asked: hosts.filter((each) => each.state !== 'waiting' && each.state !== 'checking').length,
    answered: hosts.filter((each) => each.state === 'ok').length,
  }
}

/** The reason of a host, what is wrong first: without the words that all begin with. */
export function shortReason(reason: string): string {
  return reason
    .replace(/^Failed to connect to the host via ssh:\s*/, '')
    .replace(/^ssh:\s*/, '')
    .replace(/^connect to host (\S+) port (\d+): (.*)$/s, '$3 ($1 port $2)')
}

export interface Line {
  number: number
  text: string
  wrong: boolean
}

/** The lines of *text* around the one that *reason* names; none if it names none. */
export function excerpt(text: string, reason: string): Line[] {
  const wrong = Number(/, line (\d{1,9})\b/.exec(reason)?.[1] ?? 0)
  const lines = text.split('\n')
  if (wrong < 1 || wrong > lines.length) return []
  return [wrong - 1, wrong, wrong + 1]
    .filter((number) => number >= 1 && number <= lines.length)
    .map((number) => ({ number, text: lines[number - 1]!, wrong: number === wrong }))
}
