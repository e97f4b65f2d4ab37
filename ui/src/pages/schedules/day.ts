// The lines of a day in the calendar. Plain functions.
import type { Schemas } from '@/api/client'
import { markOf, type Mark } from '@/components/status'
import { markOfRun } from './schedules'

type Day = Schemas['CalendarDay']

export interface Often {
  id: number
  name: string
  count: number
}

export interface Line {
  id: number
  at: number
  name: string
  /** of what has run */
  mark?: Mark
  status?: string
}

/** Runs of one schedule on a day that are shown by their times. */
const FEW = 4

/** Return what runs often, and the times of the rest in order. */
export function linesOf(day: Day, name: (id: number) => string): { often: Often[]; lines: Line[] } {
  const past = new Map<number, Schemas['ScheduleRun'][]>()
  for (const run of day.past ?? []) {
    past.set(run.schedule_id, [...(past.get(run.schedule_id) ?? []), run])
  }
  const often: Often[] = []
  const lines: Line[] = []
  for (const { schedule_id: id, count, times } of day.coming ?? []) {
    if ((times ?? []).length === 0) often.push({ id, name: name(id), count })
    else lines.push(...times!.map((time) => ({ id, at: Date.parse(time), name: name(id) })))
  }
  const frequent = new Set(often.map((each) => each.id))
  for (const [id, runs] of past) {
    if (frequent.has(id) || runs.length > FEW) continue
    for (const run of runs) {
      const status = run.status ?? undefined
      lines.push({
        id,
        at: Date.parse(run.due),
        name: name(id),
        mark: status ? markOf(status) : markOfRun(run),
        status,
      })
    }
  }
  return { often, lines: lines.sort((a, b) => a.at - b.at) }
}
