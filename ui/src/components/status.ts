// The marks of states: one outline and one color each.
import type { Key } from '@/locales'

export type Mark = 'ok' | 'fail' | 'run' | 'wait' | 'queue' | 'stop' | 'un' | 'off' | 'on'

const OF_TASK: Record<string, Mark> = {
  waiting: 'queue',
  starting: 'run',
  waiting_confirmation: 'wait',
  confirmed: 'run',
  rejected: 'stop',
  running: 'run',
  stopping: 'run',
  stopped: 'stop',
  success: 'ok',
  error: 'fail',
}

const OF_FINDING: Record<string, Mark> = { ok: 'ok', warning: 'wait', error: 'fail' }

/** The mark of a finding about the server. */
export function markOfLevel(level: string): Mark {
  return OF_FINDING[level] ?? 'off'
}

const FINAL = new Set(['success', 'error', 'stopped'])

/** Whether a task, or what a message says of it, has ended. */
export const isFinal = (task: { status: string }) => FINAL.has(task.status)

/** How a task stands: one whose plan a person rejected has not failed, though the server ends
 * it as an error. */
export function standOf(task: { status: string; rejected_by?: string }): string {
  return task.status === 'error' && task.rejected_by ? 'rejected' : task.status
}

/** The mark of a task's status. */
export function markOf(status: string): Mark {
  return OF_TASK[status] ?? 'off'
}

const WORDS: Record<Mark, Key> = {
  ok: 'common.status.success',
  fail: 'common.status.error',
  run: 'common.status.running',
  wait: 'common.status.waiting_confirmation',
  queue: 'common.status.waiting',
  stop: 'common.status.stopped',
  un: 'common.status.unreachable',
  off: 'common.status.offline',
  on: 'common.status.online',
}

/** The key of the word for a task's status, or else for a mark. */
export function wordOf(mark: Mark, status?: string): Key {
  return status !== undefined && status in OF_TASK
    ? (`common.status.${status}` as Key)
    : WORDS[mark]
}

const COLORS: Partial<Record<Mark, string>> = { queue: 'stop', un: 'fail', off: 'stop', on: 'ok' }

/** The class with the color of a mark's word. */
export function colorOf(mark: Mark): string {
  return `t-${COLORS[mark] ?? mark}`
}
