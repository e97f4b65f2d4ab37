// The languages: which one a browser gets, plural forms, numbers, times and sorting.
import { afterEach, expect, test, vi } from 'vitest'
import { chooseLanguage, compareNames, library, number, plural, t } from '@/locales'
import { FORMS, LANGUAGES, languageOf, pluralRule, type Language } from '@/locales/languages'
import { dayName } from '@/pages/schedules/times'
import { inWords } from '@/pages/schedules/words'
import { duration, relative } from '@/times'

vi.setConfig({ testTimeout: 60_000 }) // a language has many files

const ALL = Object.keys(LANGUAGES) as Language[]

afterEach(() => chooseLanguage(null))

test.each([
  ['fr-CA', 'fr'],
  ['es-MX', 'es'],
  ['ru', 'ru'],
  ['zh-CN', 'zh'],
  ['zh-Hans-SG', 'zh'],
  ['DE-at', 'de'],
  ['frr', null], // North Frisian is not French
  ['', null],
  [null, null],
])('a browser that prefers %s gets %s', (tag, language) => {
  expect(languageOf(tag)).toBe(language)
})

test.each<[Language, Record<number, number>]>([
  ['en', { 0: 1, 1: 0, 2: 1 }],
  ['fr', { 0: 0, 1: 0, 2: 1, 1_000_000: 1 }],
  ['ru', { 0: 2, 1: 0, 2: 1, 5: 2, 11: 2, 12: 2, 21: 0, 24: 1, 111: 2 }],
  ['zh', { 0: 0, 1: 0, 7: 0 }],
])('%s has the plural form of each number', (language, forms) => {
  const rule = pluralRule(language)
  const count = FORMS[language].length
  for (const [n, form] of Object.entries(forms))
    expect([n, rule(Number(n), count)]).toEqual([n, form])
  expect(rule(0, count + 1)).toBe(0) // a form for none
  expect(rule(1, count + 1)).toBe(1)
})

test('texts, numbers, times and dates are those of the language', async () => {
  const shown: unknown[] = []
  for (const each of ['ru', 'zh', 'fr', 'es'] as const) {
    await chooseLanguage(each)
    shown.push([
      plural('run.hosts.count', 22),
      relative(0, 180_000),
      duration(134_000),
      dayName('2026-12-01'),
      number(1234.5).replaceAll(/\s/g, ' '),
    ])
  }
  expect(shown).toEqual([
    ['22 хоста', '3\u00a0мин назад', '2м 14с', 'вт 1 дек.', '1 234,5'],
    ['22 台主机', '3 分钟前', '2分 14秒', '12月1 日 周二', '1,234.5'],
    ['22 hôtes', 'il y a 3\u00a0min', '2m 14s', 'mar. 1 déc.', '1 234,5'],
    ['22 hosts', 'hace 3\u00a0min', '2m 14s', 'mar 1 dic', '1234,5'],
  ])
})

test.each<[Language, string]>([
  ['fr', 'Lundi à vendredi à 03:30'],
  ['es', 'De lunes a viernes a las 03:30'],
  ['ru', 'Понедельник – пятница в 03:30'],
  ['zh', '星期一至星期五 03:30'],
])('%s says a schedule in words', async (language, words) => {
  await chooseLanguage(language)
  const parts = { every: null, days: null, months: null, both_days: false }
  expect(inWords({ ...parts, minutes: [30], hours: [3], weekdays: [1, 2, 3, 4, 5] })).toBe(words)
})

test.each(ALL)('%s brings its texts, and those of the library', async (language) => {
  await chooseLanguage(language)
  expect(t('frame.account.language')).not.toMatch(/^$|frame\./)
  expect(library.value.code.slice(0, 2)).toBe(language)
})

test('names are sorted as readers of the language expect', async () => {
  const names = ['Zebra', 'étage', 'Яблоко', 'ёлка', 'apfel', 'Езда']
  await chooseLanguage('ru')
  expect(names.toSorted(compareNames)).toEqual([
    'Езда',
    'ёлка',
    'Яблоко',
    'apfel',
    'étage',
    'Zebra',
  ])
  await chooseLanguage('fr')
  expect(names.toSorted(compareNames).slice(0, 3)).toEqual(['apfel', 'étage', 'Zebra'])
})
