// Who uses an object of a project, in words and numbers.
import type { Schemas } from '@/api/client'
import { plural } from '@/locales'

const NOUNS = ['templates', 'inventories', 'repositories', 'integrations', 'schedules'] as const

/** How many objects of each kind use an object. */
export type Counts = Partial<Record<(typeof NOUNS)[number], number>>

/** Who uses an object; empty if nobody does. */
export function users(counts: Counts): string {
  return NOUNS.filter((noun) => counts[noun])
    .map((noun) => plural(`common.users.${noun}`, counts[noun]!))
    .join(', ')
}

export function countsOf(references: Schemas['References']): Counts {
  return Object.fromEntries(NOUNS.map((noun) => [noun, references[noun]?.length ?? 0]))
}
