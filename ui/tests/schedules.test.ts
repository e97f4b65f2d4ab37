// Expressions in words, and the lines of a day.
import { beforeAll, expect, test } from 'vitest'
import { loadTexts } from '@/locales'
import { linesOf } from '@/pages/schedules/day'
import { bodyOfSchedule, draftOf, taskDraft } from '@/pages/schedules/draft'
import { oftenWords } from '@/pages/schedules/schedules'
import { dayAfter, dayName, moment, same } from '@/pages/schedules/times'
import { inWords } from '@/pages/schedules/words'

beforeAll(() => loadTexts('common', 'schedules'))

const each = {
  ...{ every: null, minutes: null, hours: null, days: null, months: null, weekdays: null },
  both_days: false,
}

test.each([
  [{}, 'Every minute'],
  [{ minutes: [0] }, 'Every hour'],
  [{ minutes: [0, 15, 30, 45] }, 'Every 15 minutes'],
  [{ minutes: [5, 20] }, 'Every hour at minute 5 and 20'],
  [{ hours: [4] }, 'Every minute from 04:00 to 04:59'],
  [{ hours: [4, 6] }, 'Every minute of the hours 4 and 6'],
  [{ minutes: [30], hours: [2] }, 'Every day at 02:30'],
  [{ minutes: [0], hours: [6, 18] }, 'Every day at 06:00 and 18:00'],
  [
    { minutes: [0], hours: [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22] },
    'Every 2 hours at minute 0',
  ],
  [{ minutes: [30], hours: [3], weekdays: [1, 2, 3, 4, 5] }, 'Monday to Friday at 03:30'],
  [{ minutes: [40], hours: [9], weekdays: [0] }, 'Sunday at 09:40'],
  [{ minutes: [30], hours: [2], weekdays: [0, 3] }, 'Wednesday and Sunday at 02:30'],
  [{ minutes: [0], hours: [7], days: [1] }, 'Day 1 of the month at 07:00'],
  [
    { minutes: [0], hours: [7], days: [1], weekdays: [1] },
    'Monday, and day 1 of the month at 07:00',
  ],
  [
    { minutes: [0], hours: [7], days: [1], weekdays: [1], both_days: true },
    'Monday, if it is day 1 of the month at 07:00',
  ],
  [{ minutes: [0], hours: [0], days: [1], months: [1] }, 'Day 1 of the month at 00:00, in January'],
  [{ minutes: [0], weekdays: [6, 0] }, 'Every hour, Saturday and Sunday'],
  [{ every: 5400 }, 'Every 1 h 30 min, from the last start'],
])('%j in words', (parts, words) => {
  expect(inWords({ ...each, ...parts })).toBe(words)
})

test('times are those of a zone', () => {
  const at = Date.parse('2026-11-30T23:30:00Z')
  expect(moment(at, 'Europe/Berlin', 0)).toMatch(/^Tue 1 Dec 2026, 00:30$/)
  expect(moment(at, 'UTC', at - 3_600_000)).toBe('today, 23:30')
  expect(same('Europe/Berlin', 'Europe/Paris', [new Date(at).toISOString()])).toBe(true)
  expect(same('Europe/Berlin', 'UTC', [new Date(at).toISOString()])).toBe(false)
  expect([dayName('2026-11-30'), dayName('2026-12-01')]).toEqual(['Mon 30', 'Tue 1 Dec'])
})

test('a day has what runs often, and the rest by time', () => {
  const run = (schedule_id: number, due: string, outcome: string, status?: string) => ({
    ...{ schedule_id, due, outcome, status, time: due, reason: '', task_id: null },
  })
  const coming = (schedule_id: number, count: number, times: string[]) => ({
    ...{ schedule_id, name: '', count, times },
  })
  const day = {
    date: '2026-11-30',
    coming: [coming(1, 700, []), coming(2, 1, ['2026-11-30T18:00:00Z'])],
    past: [
      run(1, '2026-11-30T01:00:00Z', 'started', 'success'),
      run(3, '2026-11-30T02:00:00Z', 'missed'),
      run(2, '2026-11-30T06:00:00Z', 'started', 'error'),
    ],
  }
  const { often, lines } = linesOf(day as never, String)
  expect(often).toEqual([{ id: 1, name: '1', count: 700 }])
  expect(lines.map(({ id, mark }) => [id, mark])).toEqual([
    [3, 'fail'],
    [2, 'fail'],
    [2, undefined],
  ])
})

test('what the form does not show of the task is kept, for the same template', () => {
  const template = (id: number) =>
    ({ id, app: 'ansible', survey_vars: null, task_params: {} }) as never
  const stored = {
    template_id: 7,
    task_params: { commit_hash: 'c'.repeat(40), dry_run: true },
  } as never
  const saved = (id: number) =>
    bodyOfSchedule(draftOf(stored), template(id), taskDraft(template(id), stored), stored)
  expect(saved(7).task_params).toMatchObject({
    commit_hash: 'c'.repeat(40),
    params: { dry_run: true },
  })
  expect(saved(8).task_params).not.toHaveProperty('commit_hash')
})

test('a form keeps the repository that is watched, and what it does not show', () => {
  const own = (id: number) =>
    ({ id, app: 'bash', task_params: {}, survey_vars: [], repository_id: 1 }) as never
  const stored = {
    ...{ template_id: 7, repository_id: 2, type: '', cron_format: '0 4 * * *' },
    ...{ timezone: '', active: true, delete_after_run: true, task_params: null },
  } as never
  const saved = (id: number) =>
    bodyOfSchedule(draftOf(stored), own(id), taskDraft(own(id), stored), stored)
  expect(saved(7)).toMatchObject({ repository_id: 2, delete_after_run: true })
  expect(saved(8).repository_id).toBe(1)
})

test('a frequent schedule says its runs, and their work where it is known', () => {
  expect(oftenWords({ runs_per_hour: 60, parts: each }, undefined)).toBe('60 runs an hour')
  expect(oftenWords({ runs_per_hour: 60, parts: null }, 12)).toBe(
    '60 runs an hour, about 12 min of work',
  )
  expect(oftenWords({ runs_per_hour: 30, parts: { ...each, hours: [4] } }, 2)).toBe(
    '30 runs between 04:00 and 04:59, about 1 min of work',
  )
  expect(oftenWords({ runs_per_hour: 3600 }, 9)).toBe('3,600 runs an hour, about 9 h of work')
  expect(oftenWords({ runs_per_hour: 60 }, 0.2)).toBe('60 runs an hour, about 12 s of work')
})

test('a date is so many days after another one, also over a clock change', () => {
  expect(dayAfter('2026-01-26', 7)).toBe('2026-02-02')
  expect(dayAfter('2026-10-24', 7)).toBe('2026-10-31')
  expect(dayAfter('2026-12-28', 0)).toBe('2026-12-28')
})
