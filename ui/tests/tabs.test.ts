import { afterEach, expect, test, vi } from 'vitest'
import { isFirst, isInUse } from '@/live/tabs'

afterEach(() => vi.unstubAllGlobals())

test('without locks of the browser each tab is on its own', async () => {
  vi.stubGlobal('navigator', {})
  vi.spyOn(document, 'hasFocus').mockReturnValue(false)
  expect(await isInUse()).toBe(false)
  expect(await isFirst('x', 10)).toBe(true)
  expect(await isFirst('x', 10)).toBe(true)
})

test('locks that are forbidden change nothing', async () => {
  const refuse = () => Promise.reject(new DOMException('no', 'SecurityError'))
  vi.stubGlobal('navigator', { locks: { request: refuse, query: refuse } })
  vi.spyOn(document, 'hasFocus').mockReturnValue(false)
  expect(await isInUse()).toBe(false)
  expect(await isFirst('x', 10)).toBe(true)
})

test('a tab with the focus is in use', async () => {
  vi.stubGlobal('navigator', {})
  vi.spyOn(document, 'hasFocus').mockReturnValue(true)
  expect(await isInUse()).toBe(true)
})
