// Facts of a task in short forms.
import type { HostRow } from '@/log/outline'
import { plural, t } from '@/locales'
import type { Task, TaskFacts } from './task'

/** Return the hosts to which a task was limited, separated by commas. */
export function shownLimit(task: Task): string {
  if (task.limit) return task.limit
  const { limit } = task.params as { limit?: unknown }
  if (Array.isArray(limit)) return limit.join(',')
  return typeof limit === 'string' ? limit : ''
}

function object(text: string | null | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text || '{}')
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** Return the answers to the survey that the task stores; secret ones are not among them. */
export const answersOf = (task: Pick<Task, 'environment'>) => object(task.environment)

/** Return how many variables a task was given, and how many of them are secret. */
export function variables(facts: TaskFacts): { count: number; secret: number; names: string } {
  const plain = Object.keys(answersOf(facts.task))
  const secret = (facts.template.survey_vars ?? [])
    .filter((each) => each.type === 'secret')
    .map((each) => each.name)
  const all = new Set([...plain, ...secret])
  return { count: all.size, secret: secret.length, names: [...all].join(', ') }
}

/** Return which hosts had trouble, the first ones by name. */
export function trouble(hosts: readonly HostRow[]): string {
  const bad = hosts.filter((each) => each.failed + each.unreachable > 0)
  const told = bad
    .slice(0, 2)
    .map((each) =>
      t(each.unreachable ? 'task.hostUnreachable' : 'task.hostFailed', { host: each.host }),
    )
  if (bad.length > 2) told.push(plural('task.moreHosts', bad.length - 2))
  return told.join(', ')
}
