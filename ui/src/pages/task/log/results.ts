// The results of a section in words: "9 ok", "3 changed", "2 failed".
import { plural, type Key } from '@/locales'
import type { Counts, Section } from '@/log/outline'

const PARTS: [keyof Counts, Key, string][] = [
  ['ok', 'log.ok', 'a-green'],
  ['changed', 'log.changed', 'a-yellow'],
  ['ignored', 'log.ignored', 'muted'],
  ['skipped', 'log.skipped', 'muted'],
  ['failed', 'log.failed', 'a-red'],
  ['unreachable', 'log.unreachable', 'a-red'],
]

export function resultParts(section: Section): { text: string; cls: string }[] {
  const { counts } = section
  const some = PARTS.filter(([name]) => name !== 'skipped' && counts[name] > 0)
  const parts = some.length > 0 ? some : PARTS.filter(([name]) => counts[name] > 0)
  return parts.map(([name, key, cls]) => ({ text: plural(key, counts[name]), cls }))
}
