// What the dashboard shows of the newest tasks; plain functions of the list.
import type { Schemas } from '@/api/client'

export type TaskRow = Schemas['TaskInList']

const DAY = 86_400_000
/** Days of a failure that still needs somebody. */
const MEMORY = 7
/** Rows of the last band. */
const RECENT = 20

const FINAL = new Set(['success', 'error', 'stopped', 'rejected'])
const QUEUED = 'waiting'
const TO_APPROVE = 'waiting_confirmation'

export const isFinal = (task: TaskRow) => FINAL.has(task.status)
export const needsApproval = (task: TaskRow) => task.status === TO_APPROVE

export interface Overview {
  running: TaskRow[]
  queued: TaskRow[]
  /** plans to approve first, then failures that no later run has cured */
  needs: TaskRow[]
  recent: TaskRow[]
  failedToday: number
  endedToday: number
}

export function overview(tasks: readonly TaskRow[], now: number): Overview {
  const ended = tasks.filter(isFinal)
  const today = ended.filter((each) => now - time(each.end) < DAY)
  const failures = uncured(ended, now)
  return {
    running: tasks.filter((e) => !isFinal(e) && e.status !== QUEUED && !needsApproval(e)),
    queued: tasks.filter((each) => each.status === QUEUED),
    needs: [...tasks.filter(needsApproval), ...failures],
    recent: ended.filter((each) => !failures.includes(each)).slice(0, RECENT),
    failedToday: today.filter((each) => each.status === 'error').length,
    endedToday: today.length,
  }
}

/** Return the last run of each template, where it failed; *ended* is newest first. */
function uncured(ended: readonly TaskRow[], now: number): TaskRow[] {
  const last = new Map<number, TaskRow>()
  for (const each of ended) {
    if (each.status !== 'success' && each.status !== 'error') continue
    if (!last.has(each.template_id)) last.set(each.template_id, each)
  }
  return [...last.values()].filter(
    (each) => each.status === 'error' && now - time(each.end) < MEMORY * DAY,
  )
}

export const time = (text: string | null | undefined) => (text ? Date.parse(text) : NaN)

/** Return the median duration of a template's successful runs, or undefined. */
export function usualDuration(tasks: readonly TaskRow[], template: number): number | undefined {
  const known = tasks
    .filter((each) => each.template_id === template && each.status === 'success')
    .map((each) => time(each.end) - time(each.start))
    .filter((each) => !Number.isNaN(each))
    .sort((a, b) => a - b)
  return known[Math.floor(known.length / 2)]
}

export interface Day {
  /** the beginning of the day, in the reader's zone */
  at: number
  succeeded: number
  failed: number
}

/** Return the runs of the last *count* days, by the day when they ended. */
export function days(tasks: readonly TaskRow[], now: number, count = 14): Day[] {
  const found: Day[] = []
  for (let back = count - 1; back >= 0; back--) {
    const day = new Date(now)
    day.setHours(0, 0, 0, 0)
    day.setDate(day.getDate() - back)
    found.push({ at: day.getTime(), succeeded: 0, failed: 0 })
  }
  for (const each of tasks) {
    const end = time(each.end)
    const day = found.findLast((one) => one.at <= end)
    if (day && each.status === 'success') day.succeeded += 1
    if (day && each.status === 'error') day.failed += 1
  }
  return found
}

/** Return the commit of a task as "main@3f2c1a9", or an empty text. */
export function reference(task: TaskRow): string {
  const commit = task.commit_hash?.slice(0, 7) ?? ''
  return task.git_branch && commit ? `${task.git_branch}@${commit}` : commit
}
