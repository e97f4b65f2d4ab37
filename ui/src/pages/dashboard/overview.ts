// What the dashboard shows, as plain functions of the server's overview and newest tasks.
import type { Schemas } from '@/api/client'
import { isFinal } from '@/components/status'
import { TO_APPROVE } from '@/frame/needs'

export type TaskRow = Schemas['TaskInList']
export type Overview = Schemas['Overview']

/** Rows of the last band. */
const RECENT = 20

const QUEUED = 'waiting'

export const needsApproval = (task: TaskRow) => task.status === TO_APPROVE
export const time = (text: string | null | undefined) => (text ? Date.parse(text) : NaN)

export interface Bands {
  running: TaskRow[]
  queued: TaskRow[]
  /** plans to approve first, then failures that no later run has cured */
  needs: TaskRow[]
  recent: TaskRow[]
}

/** Divide *tasks*, newest first; *failures* are numbers of `uncured` tasks. */
export function bands(tasks: readonly TaskRow[], failures: readonly number[]): Bands {
  const ended = tasks.filter(isFinal)
  const failed = failures.flatMap((id) => ended.find((each) => each.id === id) ?? [])
  return {
    running: tasks.filter((e) => !isFinal(e) && e.status !== QUEUED && !needsApproval(e)),
    queued: tasks.filter((each) => each.status === QUEUED),
    needs: [...tasks.filter(needsApproval), ...failed],
    recent: ended.filter((each) => !failed.includes(each)).slice(0, RECENT),
  }
}

/** Return the usual duration of a template in milliseconds, if it ever succeeded. */
export function usualDuration(overview: Overview, template: number): number | undefined {
  const seconds = overview.templates.find((each) => each.template_id === template)?.usual_duration
  return seconds == null ? undefined : seconds * 1000
}

export type Counts = Record<string, number>

/** Return the sum of *counts* over *statuses*. */
export function count(counts: Counts, ...statuses: string[]): number {
  return statuses.reduce((sum, each) => sum + (counts[each] ?? 0), 0)
}

export interface Totals {
  succeeded: number
  failed: number
  /** average of the days by their runs, in milliseconds; undefined without any */
  average: number | undefined
}

/** Return the figures of all days together. */
export function totals(days: Overview['days']): Totals {
  let succeeded = 0
  let failed = 0
  let seconds = 0
  for (const day of days) {
    const runs = count(day.count_by_status, 'success', 'error')
    succeeded += count(day.count_by_status, 'success')
    failed += count(day.count_by_status, 'error')
    seconds += day.avg_duration * runs
  }
  const runs = succeeded + failed
  return { succeeded, failed, average: runs > 0 ? (seconds / runs) * 1000 : undefined }
}

/** Return the commit of a task as "main@3f2c1a9", or an empty text. */
export function reference(task: TaskRow): string {
  const commit = task.commit_hash?.slice(0, 7) ?? ''
  return task.git_branch && commit ? `${task.git_branch}@${commit}` : commit
}
