// What is shown of schedules, and how they are chosen. Plain functions.
import type { Schemas } from '@/api/client'
import type { Mark } from '@/components/status'
import { number, plural, t } from '@/locales'
import { HERE, moment } from './times'
import { inWords } from './words'

export type Schedule = Schemas['Schedule']
export type ScheduleRow = Schemas['ScheduleInList']

/** Runs an hour from which a schedule counts as frequent. */
const FREQUENT = 12

export const isFrequent = (schedule: { runs_per_hour?: number }) =>
  (schedule.runs_per_hour ?? 0) >= FREQUENT

/** A duration in its largest unit. */
function roughly(seconds: number): string {
  if (seconds < 60) return t('schedules.unit.seconds', { n: number(Math.ceil(seconds)) })
  const minutes = Math.round(seconds / 60)
  if (minutes < 100) return t('schedules.unit.minutes', { n: number(minutes) })
  return t('schedules.unit.hours', { n: number(minutes / 60, { maximumFractionDigits: 1 }) })
}

/** How often a frequent schedule runs, and the work of that if a run takes *usual* seconds. */
export function oftenWords(
  found: { runs_per_hour?: number; parts?: Schemas['CronParts'] | null },
  usual: number | undefined,
): string {
  const count = found.runs_per_hour ?? 0
  const hours = found.parts?.hours
  const only = hours?.length === 1 ? String(hours[0]).padStart(2, '0') : undefined
  const often = only
    ? plural('schedules.perHourOf', count, { from: `${only}:00`, to: `${only}:59` })
    : plural('schedules.perHour', count)
  if (!usual) return often
  return t('schedules.oftenWork', { often, work: roughly(count * usual) })
}

export const nameOf = (schedule: { id: number; name: string }) =>
  schedule.name || t('schedules.unnamed', { id: schedule.id })

/** When a schedule runs, in words. */
export function when(schedule: Schedule, now: number): string {
  if (schedule.type === 'run_at') {
    const at = Date.parse(schedule.run_at ?? '')
    return t('schedules.once', { at: moment(at, schedule.zone || HERE, now) })
  }
  const words = schedule.parts ? inWords(schedule.parts) : schedule.cron_format
  return schedule.repository_id ? t('schedules.atCommits', { when: words }) : words
}

/** The schedules that are *state* (on or off, all if empty), and that contain *text*. */
export function selected(rows: readonly ScheduleRow[], state: string, text: string): ScheduleRow[] {
  const wanted = text.trim().toLowerCase()
  return rows.filter(
    (each) =>
      (state === '' || each.active === (state === 'on')) &&
      `${each.name}\n${each.tpl_name}\n${each.cron_format}`.toLowerCase().includes(wanted),
  )
}

const MARKS: Record<string, Mark> = {
  failed: 'fail',
  missed: 'fail',
  skipped: 'queue',
  noted: 'off',
  unchanged: 'off',
}

/** The mark of a due time that started no task. */
export const markOfRun = (run: Schemas['ScheduleRun']): Mark => MARKS[run.outcome] ?? 'stop'
