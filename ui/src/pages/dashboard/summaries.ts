// How far running tasks are, and why others failed: read once for each task; what the
// websocket tells of the progress is taken as it comes.
import { shallowReactive } from 'vue'
import { ApiError, type Schemas } from '@/api/client'
import { isFinal } from '@/components/status'
import type { ProgressMessage } from '@/live/bus'
import type { TaskRow } from './overview'

export type Summary = Pick<Schemas['TaskSummary'], 'progress' | 'failure'>
export type Progress = NonNullable<Summary['progress']>

/** Tasks of a kind whose summaries are read; further rows do without. */
const MOST = 40
/** Requests at the same time. */
const TOGETHER = 4

/** The tasks of *tasks* whose summary says something: of Ansible, and failed ones. */
export function telling(tasks: readonly TaskRow[]): TaskRow[] {
  const failed = tasks.filter((each) => each.status === 'error')
  const runs = tasks.filter((each) => each.tpl_app === 'ansible' && isUnderWay(each))
  return [...runs.slice(0, MOST), ...failed.slice(0, MOST)]
}

const isUnderWay = (task: TaskRow) => !isFinal(task) && task.status !== 'waiting'

export class Summaries {
  /** what is known, by the number of the task */
  readonly known = shallowReactive(new Map<number, Summary>())
  private readonly asked = new Map<number, 'running' | 'ended'>()
  private readonly missed = new Set<number>()
  private readonly waiting: TaskRow[] = []
  private active = 0
  private closed = false
  private readonly read: (task: number) => Promise<Summary>

  constructor(read: (task: number) => Promise<Summary>) {
    this.read = read
  }

  /** Read the summaries of those of *tasks* that were not asked for in their state. */
  want(tasks: readonly TaskRow[]): void {
    for (const task of telling(tasks)) {
      const phase = isFinal(task) ? 'ended' : 'running'
      if (this.asked.get(task.id) === phase) continue
      this.asked.set(task.id, phase)
      this.waiting.push(task)
    }
    this.begin()
  }

  /** Take what the websocket tells. */
  receive({ task_id, play, plays, play_name, task_name }: ProgressMessage): void {
    const progress = { play, plays, play_name, task_name }
    this.known.set(task_id, { failure: null, ...this.known.get(task_id), progress })
  }

  /** Messages may have been missed: {@link want} reads again what is not final. */
  forget(): void {
    for (const [task, phase] of this.asked) {
      if (phase === 'running' || this.missed.has(task)) this.asked.delete(task)
    }
    this.missed.clear()
  }

  /** Begin no more requests. */
  close(): void {
    this.closed = true
  }

  private begin(): void {
    while (!this.closed && this.active < TOGETHER && this.waiting.length > 0) {
      this.active += 1
      const task = this.waiting.shift()!
      void this.ask(task).finally(() => {
        this.active -= 1
        this.begin()
      })
    }
  }

  private async ask(task: TaskRow): Promise<void> {
    const before = this.known.get(task.id)?.progress
    try {
      const { progress, failure } = await this.read(task.id)
      const now = this.known.get(task.id)?.progress
      // a message that came meanwhile is newer than the answer
      this.known.set(task.id, { progress: now !== before ? (now ?? null) : progress, failure })
    } catch (error) {
      if (this.closed) return
      if (!(error instanceof ApiError)) throw error
      this.missed.add(task.id)
    }
  }
}

/** Plays that have a bar of their own. */
const MOST_SEGMENTS = 16

/** The filled part of each bar, 0 to 1: one for each play, or one for all of many. */
export function segments({ play, plays }: Progress): number[] {
  const at = Math.min(play, plays)
  if (plays > MOST_SEGMENTS) return [at / plays]
  return Array.from({ length: Math.max(plays, 1) }, (_, i) =>
    i + 1 < at ? 1 : i + 1 === at ? 0.5 : 0,
  )
}
