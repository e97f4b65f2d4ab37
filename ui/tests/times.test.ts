import { expect, test } from 'vitest'
import { chooseLanguage } from '@/locales'
import { after, duration, fineDuration, relative } from '@/times'

const NOW = Date.parse('2026-11-29T12:00:00Z')
const MINUTE = 60_000

test.each([
  [1_000, 'just now'],
  [20_000, '20 s ago'],
  [18 * MINUTE, '18 min ago'],
  [3 * 60 * MINUTE, '3 h ago'],
  [26 * 60 * MINUTE, 'yesterday'],
  [72 * 60 * MINUTE, '3 d ago'],
  [-10 * MINUTE, 'in 10 min'],
])('%d ms ago is "%s"', (past, text) => {
  expect(relative(NOW - past, NOW)).toBe(text)
})

test.each([
  [400, '<1s'],
  [999, '<1s'],
  [1_000, '1s'],
  [21_000, '21s'],
  [134_000, '2m 14s'],
  [62 * MINUTE, '1h 02m'],
  [76 * 60 * MINUTE, '3d 04h'],
  [-5_000, '<1s'],
])('%d ms last "%s"', (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text)
})

test.each([
  [0, '<0.1s'],
  [260, '0.3s'],
  [9_960, '10s'],
  [12_400, '12s'],
])('%d ms last "%s", with tenths below 10 s', (milliseconds, text) => {
  expect(fineDuration(milliseconds, 10_000)).toBe(text)
})

test('an end is told in words', async () => {
  expect([after(300), after(38_000)]).toEqual(['in less than a second', 'after 38s'])
  await chooseLanguage('de')
  expect([after(300), after(38_000)]).toEqual(['in unter einer Sekunde', 'nach 38s'])
  await chooseLanguage(null)
})
