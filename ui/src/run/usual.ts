// What former runs of a template tell about the next one.
import type { Schemas } from '@/api/client'
import { isFinal } from '@/components/status'

type TaskRow = Schemas['TaskInList']

export interface Usual {
  /** milliseconds of the median of those that succeeded */
  median: number | undefined
  succeeded: number
  count: number
}

export function usual(tasks: readonly TaskRow[]): Usual {
  const ended = tasks.filter((each) => each.status === 'success' || each.status === 'error')
  const good = ended.filter((each) => each.status === 'success')
  const times = good
    .flatMap((each) =>
      each.start && each.end ? [Date.parse(each.end) - Date.parse(each.start)] : [],
    )
    .sort((a, b) => a - b)
  return {
    median: times[Math.floor(times.length / 2)],
    succeeded: good.length,
    count: ended.length,
  }
}

/** Return the run that a new one waits for: the newest that has not ended. */
export const activeRun = (tasks: readonly TaskRow[]) => tasks.find((each) => !isFinal(each))
