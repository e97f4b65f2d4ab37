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

/** The parts of a limit: separated by commas, or else by colons. */
function words(limit: string, hosts: readonly Host[]): string[] {
  const whole = limit.trim()
  const isName = hosts.some((each) => each.name === whole) // an IPv6 address has colons
  const parts = isName ? [whole] : whole.includes(',') ? whole.split(',') : whole.split(':')
  return parts.map((each) => each.trim()).filter(Boolean)
}

/** A test of a name: `*` stands for any signs, `?` for one. */
function pattern(word: string): (name: string) => boolean {
  if (!/[*?]/.test(word)) return (name) => name === word
  const escaped = word.replace(/[.+^${}()|\\]/g, '\\$&')
  const found = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's')
  return (name) => found.test(name)
}

function matching(word: string, hosts: readonly Host[]): Host[] {
  if (word === 'all') return [...hosts]
  const has = pattern(word)
  return hosts.filter((each) => has(each.name) || (each.groups ?? []).some(has))
}

/** Return the hosts that *limit* leaves; undefined if only Ansible can tell. */
export function reach(hosts: readonly Host[], limit: string): Reach | undefined {
  const all = words(limit, hosts)
  if (all.some((each) => OPAQUE.test(each))) return undefined
  const unmatched: string[] = []
  const found = (word: string): Set<Host> => {
    const chosen = matching(word, hosts)
    if (chosen.length === 0) unmatched.push(word)
    return new Set(chosen)
  }
  const plain = all.filter((each) => !/^[!&]/.test(each)).map(found)
  const both = all.filter((each) => each.startsWith('&')).map((each) => found(each.slice(1)))
  const without = all
    .filter((each) => each.startsWith('!'))
    .map((each) => new Set(matching(each.slice(1), hosts)))
  return {
    hosts: hosts.filter(
      (each) =>
        (plain.length === 0 || plain.some((set) => set.has(each))) &&
        both.every((set) => set.has(each)) &&
        !without.some((set) => set.has(each)),
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
