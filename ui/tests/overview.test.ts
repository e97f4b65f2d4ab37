import { expect, test } from 'vitest'
import { uncured } from '@/frame/needs'
import {
  bands,
  totals,
  usualDuration,
  type Overview,
  type TaskRow,
} from '@/pages/dashboard/overview'

const NOW = Date.parse('2026-11-29T12:00:00Z')
const DAY = 86_400_000

const task = (id: number, status: string) => ({ id, status }) as TaskRow

function template(...runs: [number, string, number?][]): Overview['templates'][number] {
  return {
    template_id: 1,
    usual_duration: 5,
    runs: runs.map(([id, status, days = 0]) => ({
      id,
      status,
      created: new Date(NOW - days * DAY).toISOString(),
    })),
  } as unknown as Overview['templates'][number]
}

test('the last failure of a template needs somebody until a later run succeeds', () => {
  expect(uncured([template([9, 'error'])], NOW)).toEqual([9])
  expect(uncured([template([10, 'success'], [9, 'error'])], NOW)).toEqual([])
  expect(uncured([template([10, 'stopped'], [9, 'error'])], NOW)).toEqual([9])
  expect(uncured([template([10, 'running'], [9, 'error'])], NOW)).toEqual([9])
  expect(uncured([template([10, 'error'], [9, 'error'])], NOW)).toEqual([10])
  expect(uncured([template([3, 'error']), template([4, 'error'])], NOW)).toEqual([4, 3])
  expect(uncured([template()], NOW)).toEqual([])
})

test('a plan that somebody has rejected is no failure, and cures none', () => {
  const [rejected] = template([10, 'error']).runs
  const of = (...older: [number, string][]) => {
    const made = template(...older)
    return { ...made, runs: [{ ...rejected!, rejected: true }, ...made.runs] }
  }
  expect(uncured([of()], NOW)).toEqual([])
  expect(uncured([of([9, 'error'])], NOW)).toEqual([9])
})

test('a failure of long ago needs nobody any more', () => {
  expect(uncured([template([9, 'error', 8])], NOW)).toEqual([])
})

test('running, queued and ended tasks are told apart', () => {
  const all = ['running', 'starting', 'stopping', 'waiting', 'success', 'stopped', 'error']
  const found = bands(
    all.map((status, i) => task(99 - i, status)),
    [],
  )
  const statuses = (rows: TaskRow[]) => rows.map((each) => each.status)
  expect(statuses(found.running)).toEqual(['running', 'starting', 'stopping'])
  expect(statuses(found.queued)).toEqual(['waiting'])
  expect(statuses(found.recent)).toEqual(['success', 'stopped', 'error'])
})

test('plans to approve come before failures, which are not told twice', () => {
  const found = bands([task(9, 'error'), task(8, 'waiting_confirmation')], [9, 7])
  expect(found.needs.map((each) => each.id)).toEqual([8, 9])
  expect(found.recent).toEqual([])
})

test('the figures of days are added, durations by their number', () => {
  const day = (success: number, error: number, avg_duration: number) =>
    ({
      count_by_status: { success, error, stopped: 3 },
      avg_duration,
    }) as unknown as Overview['days'][number]
  expect(totals([day(3, 1, 10), day(0, 0, 0), day(4, 0, 20)])).toEqual({
    succeeded: 7,
    failed: 1,
    average: 15_000,
  })
  expect(totals([day(0, 0, 0)]).average).toBeUndefined()
})

test('the usual duration is in milliseconds, if there is one', () => {
  const overview = { templates: [template([1, 'success'])] } as Overview
  expect(usualDuration(overview, 1)).toBe(5_000)
  expect(usualDuration(overview, 2)).toBeUndefined()
})
