import { expect, test } from 'vitest'
import { days, overview, usualDuration, type TaskRow } from '@/pages/dashboard/overview'

const NOW = Date.parse('2026-11-29T12:00:00Z')
const HOUR = 3_600_000

function task(id: number, status: string, more: Partial<TaskRow> = {}): TaskRow {
  const end = new Date(NOW - (100 - id) * HOUR).toISOString()
  return { id, status, template_id: 1, start: end, end, ...more } as TaskRow
}

test('the last failure of a template needs somebody until a later run succeeds', () => {
  const failed = task(90, 'error')
  expect(overview([failed], NOW).needs).toEqual([failed])
  expect(overview([task(91, 'success'), failed], NOW).needs).toEqual([])
  const other = task(91, 'success', { template_id: 2 })
  expect(overview([other, failed], NOW).needs).toEqual([failed])
  expect(overview([task(91, 'stopped'), failed], NOW).needs).toEqual([failed])
  const again = task(92, 'error')
  expect(overview([again, failed], NOW).needs).toEqual([again])
})

test('a failure of long ago is not told any more', () => {
  const end = new Date(NOW - 8 * 24 * HOUR).toISOString()
  expect(overview([task(1, 'error', { end })], NOW).needs).toEqual([])
})

test('plans to approve come before failures', () => {
  const plan = task(80, 'waiting_confirmation', { end: null, template_id: 2 })
  expect(overview([task(90, 'error'), plan], NOW).needs.map((e) => e.id)).toEqual([80, 90])
})

test('running, queued and ended tasks are told apart', () => {
  const all = ['running', 'starting', 'stopping', 'waiting', 'success', 'stopped'].map((each, i) =>
    task(99 - i, each),
  )
  const found = overview(all, NOW)
  expect(found.running.map((e) => e.status)).toEqual(['running', 'starting', 'stopping'])
  expect(found.queued.map((e) => e.status)).toEqual(['waiting'])
  expect(found.recent.map((e) => e.status)).toEqual(['success', 'stopped'])
})

test('runs are counted by the day when they ended', () => {
  const found = days([task(99, 'success'), task(98, 'error'), task(60, 'success')], NOW)
  expect(found).toHaveLength(14)
  expect(found.map((each) => each.failed).reduce((a, b) => a + b)).toBe(1)
  expect(found.at(-1)!.succeeded).toBe(1)
})

test('the usual duration is the median of successful runs', () => {
  const run = (id: number, seconds: number, status = 'success') =>
    task(id, status, {
      start: new Date(NOW - seconds * 1000).toISOString(),
      end: new Date(NOW).toISOString(),
    })
  expect(usualDuration([run(1, 1), run(2, 5), run(3, 60), run(4, 900, 'error')], 1)).toBe(5_000)
  expect(usualDuration([run(1, 1, 'error')], 1)).toBeUndefined()
})
