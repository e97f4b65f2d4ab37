// What is entered in the form of a schedule, and the schedule that it becomes.
import type { Schemas } from '@/api/client'
import { bodyOf, faults, firstDraft, type Draft, type Template } from '@/run/draft'
import type { Schedule } from './schedules'

export type NewSchedule = Schemas['NewSchedule']

/** By the clock, once, or when there are new commits. */
export type Kind = 'clock' | 'once' | 'commit'

export interface ScheduleDraft {
  name: string
  template: number | undefined
  kind: Kind
  expression: string
  /** empty for the zone of the installation */
  timezone: string
  /** a local time without a zone, as the field of the browser has it */
  runAt: string
  deleteAfterRun: boolean
  catchUp: NonNullable<NewSchedule['catch_up']>
  overrun: NonNullable<NewSchedule['overrun']>
}

/** Expressions that are used often, by the key of their text. */
export const PRESETS = [
  { name: 'daily', expression: '0 2 * * *' },
  { name: 'weekdays', expression: '0 7 * * 1-5' },
  { name: 'weekly', expression: '0 3 * * 0' },
  { name: 'monthly', expression: '0 4 1 * *' },
  { name: 'hourly', expression: '0 * * * *' },
  { name: 'quarter', expression: '*/15 * * * *' },
] as const

/** A time as a field of the type datetime-local has it, in the reader's zone. */
function local(time: string | null | undefined): string {
  if (!time) return ''
  const at = new Date(time)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

export function draftOf(schedule: Schedule | undefined, template?: number): ScheduleDraft {
  return {
    name: schedule?.name ?? '',
    template: schedule?.template_id ?? template,
    kind: schedule?.type === 'run_at' ? 'once' : schedule?.repository_id ? 'commit' : 'clock',
    expression: schedule?.cron_format || PRESETS[0].expression,
    timezone: schedule?.timezone ?? '',
    runAt: local(schedule?.run_at),
    deleteAfterRun: schedule?.delete_after_run ?? false,
    catchUp: schedule?.catch_up ?? 'none',
    overrun: schedule?.overrun ?? 'queue',
  }
}

/** What the task of *schedule* gets, in the form of the run dialog. */
export function taskDraft(template: Template, schedule: Schedule | undefined): Draft {
  const stored = schedule?.template_id === template.id ? schedule.task_params : null
  return firstDraft(template, (stored ?? undefined) as Schemas['Task'] | undefined)
}

/** Faults of the answers; a stored secret answer may be left empty. */
export function taskFaults(template: Template, task: Draft, schedule: Schedule | undefined) {
  const kept = new Set(schedule?.template_id === template.id ? schedule.secrets : [])
  return Object.fromEntries(
    Object.entries(faults(template, task)).filter(([name]) => !kept.has(name)),
  )
}

/** The repository whose commits start a run: the one that is watched already, else the
 * template's. */
export function watched(template: Template, before: Schedule | undefined): number {
  const kept = before?.template_id === template.id ? before.repository_id : null
  return kept ?? template.repository_id
}

/** Return the schedule to store. A secret that was not entered anew is kept, and the commit,
 * which the form does not show. */
export function bodyOfSchedule(
  draft: ScheduleDraft,
  template: Template,
  task: Draft,
  before: Schedule | undefined,
): NewSchedule {
  const { template_id: _template, secret, ...params } = bodyOf(template, task)
  const stored = before?.template_id === template.id ? before.task_params : null
  const commit = stored?.commit_hash ? { commit_hash: stored.commit_hash } : {}
  const isOnce = draft.kind === 'once'
  return {
    template_id: template.id,
    name: draft.name.trim(),
    active: before?.active ?? true,
    type: isOnce ? 'run_at' : '',
    cron_format: isOnce ? (before?.cron_format ?? '') : draft.expression.trim(),
    timezone: draft.timezone,
    run_at: isOnce && draft.runAt ? new Date(draft.runAt).toISOString() : null,
    delete_after_run: isOnce
      ? draft.deleteAfterRun
      : before?.type !== 'run_at' && before?.delete_after_run === true,
    repository_id: draft.kind === 'commit' ? watched(template, before) : null,
    catch_up: draft.catchUp,
    overrun: draft.overrun,
    task_params: { ...commit, ...params, ...(secret === '{}' ? {} : { secret }) },
  } as NewSchedule
}
