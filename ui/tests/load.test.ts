import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { effectScope } from 'vue'
import { ApiError } from '@/api/errors'
import { emit } from '@/live/bus'
import { useLoad } from '@/live/load'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Load answers or failures, one after another, for a minute. */
async function loaded(answers: (string | ApiError)[], after?: () => void, options = {}) {
  const asked: number[] = []
  const begun = Date.now()
  const scope = effectScope()
  const { data, error } = scope.run(() =>
    useLoad(async () => {
      asked.push(Date.now() - begun)
      const answer = answers.shift()!
      if (answer instanceof ApiError) throw answer
      return answer
    }, options),
  )!
  await vi.advanceTimersByTimeAsync(1_000)
  after?.()
  await vi.advanceTimersByTimeAsync(59_000)
  scope.stop()
  return { data: data.value, error: error.value?.status, asked }
}

test('a request without an answer is repeated', async () => {
  const answers = [new ApiError(0, ''), new ApiError(503, ''), 'here']
  expect(await loaded(answers)).toEqual({
    data: 'here',
    error: undefined,
    asked: [0, 5_000, 10_000],
  })
})

test('a refusal is not repeated', async () => {
  expect(await loaded([new ApiError(404, '')])).toEqual({ data: undefined, error: 404, asked: [0] })
})

test('an event does not wait for the repetition', async () => {
  const refresh = () => emit({ type: 'refresh' })
  expect(await loaded([new ApiError(0, ''), 'here'], refresh)).toEqual({
    data: 'here',
    error: undefined,
    asked: [0, 1_200],
  })
})

test('what no event tells of is loaded again, unless it is refused', async () => {
  const answers = ['first', new ApiError(503, ''), 'second', new ApiError(404, '')]
  expect(await loaded(answers, undefined, { every: 10_000 })).toEqual({
    data: 'second',
    error: 404,
    asked: [0, 10_000, 15_000, 25_000],
  })
})

test('a page that is not visible asks for nothing', async () => {
  const visible = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
  const show = () => setTimeout(() => visible.mockReturnValue('visible'), 30_000)
  const { asked } = await loaded(['first', 'second', 'third'], show, { every: 25_000 })
  expect(asked).toEqual([0, 50_000])
  visible.mockRestore()
})
