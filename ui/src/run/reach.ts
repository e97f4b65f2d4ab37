// Which hosts of a checked inventory a limit chooses, as Ansible reads patterns.
import type { Schemas } from '@/api/client'

export type Host = Schemas['CheckedHost']

export interface Reach {
  hosts: Host[]
  /** words of the limit that no host and no group has */
  unmatched: string[]
}

/** Patterns that only Ansible can read: regular expressions, parts of groups, files. */
const OPAQUE = /^[!&]?[~@]|\[/

interface Names {
  hosts: ReadonlyMap<string, Host>
  groups: ReadonlyMap<string, Host[]>
}

const known = new WeakMap<readonly Host[], Names>()

/** The hosts by their names and groups. */
export function namesOf(hosts: readonly Host[]): Names {
  const before = known.get(hosts)
  if (before) return before
  const groups = new Map<string, Host[]>()
  for (const host of hosts) {
    for (const group of host.groups ?? []) {
      const members = groups.get(group)
      if (members) members.push(host)
      else groups.set(group, [host])
    }
  }
  const names = { hosts: new Map(hosts.map((each) => [each.name, each])), groups }
  known.set(hosts, names)
  return names
}

/** The parts of a limit: separated by commas, or else by colons. */
export function wordsOf(limit: string, hosts: readonly Host[]): string[] {
  const whole = limit.trim()
  const isName = namesOf(hosts).hosts.has(whole) // an IPv6 address has colons
  const parts = isName ? [whole] : whole.includes(',') ? whole.split(',') : whole.split(':')
  return parts.map((each) => each.trim()).filter(Boolean)
}

/** A test of a name: `*` stands for any signs, `?` for one. */
function pattern(word: string): (name: string) => boolean {
  const escaped = word.replace(/[.+^${}()|\\]/g, '\\$&')
  const found = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's')
  return (name) => found.test(name)
}

function matching(word: string, hosts: readonly Host[]): Host[] {
  if (word === 'all') return [...hosts]
  if (/[*?]/.test(word)) {
    const has = pattern(word)
    return hosts.filter((each) => has(each.name) || (each.groups ?? []).some(has))
  }
  const names = namesOf(hosts)
  const host = names.hosts.get(word)
  return [...(host ? [host] : []), ...(names.groups.get(word) ?? [])]
}

/** Return the hosts that *limit* leaves; undefined if only Ansible can tell. */
export function reach(hosts: readonly Host[], limit: string): Reach | undefined {
  return reachOf(hosts, wordsOf(limit, hosts))
}

/** The same for a limit that is split into its words. */
export function reachOf(hosts: readonly Host[], words: readonly string[]): Reach | undefined {
  if (words.some((each) => OPAQUE.test(each))) return undefined
  const unmatched: string[] = []
  const found = (word: string): Host[] => {
    const chosen = matching(word, hosts)
    if (chosen.length === 0) unmatched.push(word)
    return chosen
  }
  const plain = words.filter((each) => !/^[!&]/.test(each))
  const some = new Set(plain.flatMap(found))
  const both = words
    .filter((each) => each.startsWith('&'))
    .map((each) => new Set(found(each.slice(1))))
  const without = new Set(
    words.filter((each) => each.startsWith('!')).flatMap((each) => matching(each.slice(1), hosts)),
  )
  return {
    hosts: hosts.filter(
      (each) =>
        (plain.length === 0 || some.has(each)) &&
        both.every((set) => set.has(each)) &&
        !without.has(each),
    ),
    unmatched,
  }
}

/** The limit that leaves *hosts* out of *limit*. */
export function leavingOut(limit: string, hosts: readonly Host[]): string {
  // a colon separates only where there is no comma
  const before = limit.includes(',') ? limit : limit.replaceAll(':', ',')
  return [before.trim() || 'all', ...hosts.map((each) => `!${each.name}`)].join(',')
}
