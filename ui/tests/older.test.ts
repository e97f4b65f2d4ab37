import { useToast } from '@nuxt/ui/composables'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'
import { ApiError } from '@/api/errors'
import { joined, useOlder, type OlderList } from '@/live/older'

interface Row {
  id: number
  word?: string
}

/** The numbers from *top* down to *bottom*. */
const numbers = (top: number, bottom: number) =>
  Array.from({ length: Math.max(0, top - bottom + 1) }, (_, i) => top - i)
const idsOf = (rows: Row[] | undefined) => rows?.map((each) => each.id)

/** How many entries the server has; the newest has this number. */
let stored: number
let failure: Error | undefined
let asked: { limit: number; before?: number }[]
let scope: EffectScope

async function read({ limit, before = Infinity }: { limit: number; before?: number }) {
  asked.push({ limit, before })
  await new Promise((resolve) => setTimeout(resolve, 100))
  if (failure) throw failure
  const top = Math.min(stored, before - 1)
  return numbers(top, Math.max(1, top - limit + 1)).map((id): Row => ({ id }))
}

async function list(options: { page: number; most?: number }): Promise<OlderList<Row>> {
  const made = scope.run(() => useOlder<Row>(read, options))!
  await vi.advanceTimersByTimeAsync(100)
  return made
}

async function after(action: Promise<void>): Promise<void> {
  await vi.advanceTimersByTimeAsync(100)
  await action
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(console, 'warn').mockImplementation(() => undefined) // no component injects
  stored = 100
  failure = undefined
  asked = []
  scope = effectScope()
})
afterEach(() => {
  scope.stop()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

it('keeps what new entries push out of the newest page, once somebody wanted older ones', async () => {
  const { data, more, reload, readOlder } = await list({ page: 50 })
  expect([idsOf(data.value), more.value]).toEqual([numbers(100, 51), true])
  await after(readOlder())
  expect([idsOf(data.value), more.value]).toEqual([numbers(100, 1), true])
  stored = 103
  await after(reload())
  expect(idsOf(data.value)).toEqual(numbers(103, 1))
  await after(readOlder())
  expect([idsOf(data.value), more.value]).toEqual([numbers(103, 1), false])
  stored = 104
  await after(reload())
  expect([idsOf(data.value), more.value]).toEqual([numbers(104, 1), false])
})

it('asks once for older entries, whatever is pressed meanwhile', async () => {
  const { data, busy, readOlder } = await list({ page: 50 })
  const first = readOlder()
  expect(busy.value).toBe(true)
  await readOlder()
  await after(first)
  expect(busy.value).toBe(false)
  expect(asked).toHaveLength(2)
  expect(idsOf(data.value)).toEqual(numbers(100, 1))
})

it('doubles nothing if the list is loaded again meanwhile', async () => {
  const { data, reload, readOlder } = await list({ page: 50 })
  stored = 101
  await after(Promise.all([readOlder(), reload()]).then(() => undefined))
  expect(idsOf(data.value)).toEqual(numbers(101, 1))
})

it('says why older entries did not come, and lets ask again', async () => {
  const { data, busy, more, readOlder } = await list({ page: 50 })
  const shown = useToast().toasts.value.length
  failure = new ApiError(403, 'You do not have the right to do this')
  await after(readOlder())
  expect(useToast().toasts.value.length).toBe(shown + 1)
  expect([busy.value, more.value, data.value?.length]).toEqual([false, true, 50])
  failure = undefined
  await after(readOlder())
  expect(idsOf(data.value)).toEqual(numbers(100, 1))
})

it('begins anew where entries between would be missing', async () => {
  const { data, more, reload, readOlder } = await list({ page: 50 })
  await after(readOlder())
  stored = 200
  await after(reload())
  expect([idsOf(data.value), more.value]).toEqual([numbers(200, 151), true])
})

it('loads the older entries again as far as an answer may have them', async () => {
  const { data, reload, readOlder } = await list({ page: 30, most: 70 })
  await after(readOlder())
  await after(reload())
  await after(readOlder())
  await after(reload())
  expect(asked.map((each) => each.limit)).toEqual([30, 30, 60, 30, 70])
  expect(idsOf(data.value)).toEqual(numbers(100, 11))
})

it('takes the newer of two entries with a number', () => {
  const known = [{ id: 3, word: 'old' }, { id: 2 }, { id: 1 }]
  expect(joined([{ id: 4 }, { id: 3, word: 'new' }], known)).toEqual([
    { id: 4 },
    { id: 3, word: 'new' },
    { id: 2 },
    { id: 1 },
  ])
  expect(joined([], known)).toEqual([])
})
