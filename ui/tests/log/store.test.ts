import { expect, test } from 'vitest'
import { search } from '@/log/search'
import { LineStore } from '@/log/store'

const line = (id: number, output: string) => ({ id, output, time: id })

test('gaps are found, partial lines too', () => {
  const store = new LineStore()
  store.put(line(1, 'a'))
  store.put(line(4, 'd'))
  store.put(line(5, 'e'), true)
  expect(store.gap(1, 5)).toEqual([2, 3])
  store.put(line(2, 'b'))
  store.put(line(3, 'c'))
  expect(store.gap(1, 5)).toEqual([5, 5])
  store.put(line(5, 'end'))
  expect(store.gap(1, store.length)).toBeUndefined()
})

test('lines far from the view are let go', () => {
  const store = new LineStore(1_000_000)
  for (let id = 1; id <= 20_000; id++) store.put(line(id, 'x'.repeat(100)))
  store.shrink(20_000)
  expect(store.text(1)).toBeUndefined()
  expect(store.text(20_000)).toBeDefined()
  expect(store.gap(1, 10)).toEqual([1, 10])
})

test('a color lasts until it is taken back', () => {
  const store = new LineStore()
  store.put(line(1, '\u001b[31mred'))
  store.put(line(2, 'still'))
  store.put(line(3, '\u001b[0mplain'))
  store.put(line(4, 'plain'))
  expect([1, 2, 3, 4].map((id) => store.style(id).fg)).toEqual([-1, 1, 1, -1])
})

test('hits are counted, without colors', () => {
  const store = new LineStore()
  for (let id = 1; id <= 9_000; id++) store.put(line(id, 'row'))
  store.put(line(5_000, 'tim\u001b[31med out, TIMED'))
  const hits = [...search(store, 'timed')].flat()
  expect(hits).toEqual([
    { line: 5_000, at: 0 },
    { line: 5_000, at: 11 },
  ])
  expect([...search(store, 'TIMED')].flat()).toHaveLength(1)
  expect([...search(store, '.*')].flat()).toHaveLength(0)
})

test('300,000 lines are stored in little time', () => {
  const store = new LineStore()
  const before = performance.now()
  for (let id = 1; id <= 300_000; id++) store.put(line(id, `ok: [web${id % 50}] => item ${id}`))
  expect(performance.now() - before).toBeLessThan(3_000)
})
