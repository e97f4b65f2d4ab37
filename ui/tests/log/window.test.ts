import { expect, test } from 'vitest'
import { following } from '@/log/follow'
import { Heights, wrapped } from '@/log/heights'
import { cut, withHits } from '@/log/pieces'

test('places of many rows', () => {
  const heights = new Heights()
  for (let i = 0; i < 300_000; i++) heights.push(20)
  heights.set(1000, 60)
  expect(heights.total).toBe(6_000_040)
  expect(heights.top(1001)).toBe(20_060)
  expect(heights.at(20_059)).toBe(1000)
  expect(heights.at(20_060)).toBe(1001)
  expect(heights.at(-5)).toBe(0)
  expect(heights.at(1e9)).toBe(299_999)
  heights.cut(299_999)
  expect(heights.total).toBe(6_000_020)
  heights.cut(1_002)
  heights.fill(300_000, 30)
  expect(heights.total).toBe(20_080 + 298_998 * 30)
  expect([heights.top(1001), heights.at(20_080), heights.at(20_110)]).toEqual([20_060, 1002, 1003])
  heights.cut(0)
  expect([heights.total, heights.length, heights.at(10)]).toEqual([0, 0, 0])
})

test('how many rows a text takes', () => {
  expect([wrapped(0, 80), wrapped(80, 80), wrapped(81, 80), wrapped(5, 0)]).toEqual([1, 1, 2, 5])
})

test('following stops when the user goes up, and begins at the end', () => {
  const at = (top: number) => ({ top, height: 100, total: 1000 })
  expect(following(true, 900, at(850), false)).toBe(false)
  expect(following(false, 850, at(895), false)).toBe(true)
  expect(following(true, 700, at(750), false)).toBe(true)
  expect(following(true, 900, at(850), true)).toBe(true)
})

const piece = (text: string) => ({ text, cls: '', vars: undefined })

test('hits go over the borders of pieces', () => {
  const shown = withHits([piece('time'), piece('d out, timed')], [0, 11], 5, 11)
  expect(shown.map((each) => [each.text, each.hit])).toEqual([
    ['time', 1],
    ['d', 1],
    [' out, ', 0],
    ['timed', 2],
  ])
})

test('a long line is cut', () => {
  expect(cut([piece('abc'), piece('defg'), piece('hi')], 5)).toEqual([
    [piece('abc'), piece('de')],
    4,
  ])
})
