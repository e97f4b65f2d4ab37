// The choice of hosts by ticks, and the limit that says the same. Plain functions.
import { namesOf, reachOf, wordsOf, type Host } from './reach'

export interface Entry {
  kind: 'group' | 'host'
  name: string
  /** the hosts that a tick chooses */
  hosts: readonly Host[]
}

export type Tick = 'on' | 'off' | 'part'

/** Whether *limit* chooses every host. */
export const isAll = (limit: string) => ['', 'all', '*'].includes(limit.trim())

/** What can be ticked and has *search* in its name: groups, then hosts. */
export function entriesOf(hosts: readonly Host[], search: string): Entry[] {
  const sought = search.trim().toLowerCase()
  const has = (name: string) => name.toLowerCase().includes(sought)
  const groups = [...namesOf(hosts).groups]
    .filter(([name]) => has(name))
    .map(([name, members]): Entry => ({ kind: 'group', name, hosts: members }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return [
    ...groups,
    ...hosts
      .filter((each) => has(each.name) || (sought && (each.groups ?? []).some(has)))
      .map((each): Entry => ({ kind: 'host', name: each.name, hosts: [each] })),
  ]
}

export function tickOf(entry: Entry, chosen: ReadonlySet<Host>): Tick {
  const count = entry.hosts.filter((each) => chosen.has(each)).length
  return count === 0 ? 'off' : count === entry.hosts.length ? 'on' : 'part'
}

const isPlain = (word: string) => !/^[!&]/.test(word)

/**
 * Return *words* of a limit so that they choose the hosts of *entry*, or no longer do, and
 * every other host as before. What was written stays where it can. Undefined if only Ansible
 * can read the words; an empty list if no host is left.
 */
export function ticked(
  hosts: readonly Host[],
  words: readonly string[],
  entry: Entry,
  on: boolean,
): string[] | undefined {
  const before = words.length > 0 ? reachOf(hosts, words) : { hosts: [] }
  if (!before) return undefined
  const wanted = new Set(before.hosts)
  for (const each of entry.hosts) {
    if (on) wanted.add(each)
    else wanted.delete(each)
  }
  if (wanted.size === 0) return []
  const own = new Set([entry.name, ...entry.hosts.map((each) => each.name)])
  const kept = words.filter((each) => !own.has(each.replace(/^!/, '')))
  const begun = kept.length > 0 ? kept : ['all']
  const written = on
    ? [...(kept.some(isPlain) ? [kept] : []), [...kept, entry.name]]
    : [...(kept.some(isPlain) ? [kept] : []), [...begun, `!${entry.name}`]]
  const fits = (each: string[]) => {
    const found = reachOf(hosts, each)!.hosts
    return found.length === wanted.size && found.every((host) => wanted.has(host))
  }
  return written.find(fits) ?? listed(hosts, wanted)
}

/** The words that name *wanted* one by one, or all but the others. */
function listed(hosts: readonly Host[], wanted: ReadonlySet<Host>): string[] {
  const others = hosts.filter((each) => !wanted.has(each))
  return others.length < wanted.size
    ? ['all', ...others.map((each) => `!${each.name}`)]
    : [...wanted].map((each) => each.name)
}

/** Return *limit* after a tick or its removal; undefined if only Ansible can read it. */
export function limitAfter(
  hosts: readonly Host[],
  limit: string,
  entry: Entry,
  on: boolean,
): string | undefined {
  return ticked(hosts, wordsOf(limit, hosts), entry, on)?.join(',')
}

/** Names that are offered while a limit is typed. */
const OFFERED = 8

export interface Offer {
  kind: Entry['kind']
  name: string
  /** how many hosts it has */
  count: number
  /** the limit with this name, and where the typing goes on */
  limit: string
  caret: number
}

/** Return what the word at *caret* of *limit* may become: what begins with it is first. */
export function offers(hosts: readonly Host[], limit: string, caret: number): Offer[] {
  const start = limit.lastIndexOf(',', caret - 1) + 1
  const sign = /^\s*[!&]?\s*/.exec(limit.slice(start, caret))![0]
  const from = start + sign.length
  const next = limit.indexOf(',', caret)
  const end = next < 0 ? limit.length : next
  const word = limit.slice(from, caret).trim().toLowerCase()
  const whole = limit.slice(from, end).trim()
  if (/[*?~@[:]/.test(whole)) return []
  const found = entriesOf(hosts, word).filter((each) => each.name.toLowerCase().includes(word))
  const first = found.filter((each) => each.name.toLowerCase().startsWith(word))
  const rest = found.filter((each) => !each.name.toLowerCase().startsWith(word))
  const names = [...first, ...rest].slice(0, OFFERED)
  if (names.some((each) => each.name === whole) && names.length === 1) return []
  return names.map((each) => ({
    kind: each.kind,
    name: each.name,
    count: each.hosts.length,
    limit: limit.slice(0, from) + each.name + limit.slice(end),
    caret: from + each.name.length,
  }))
}
