import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { languagesOf, messageFaults, texts } from '../plugins/messages.ts'
import { SAME } from './sameTexts'

const SOURCES = join(import.meta.dirname, '../src')

test('no text is missing in any language, and no source names an unknown one', () => {
  expect(messageFaults(SOURCES)).toEqual([])
})

test.each(languagesOf(SOURCES))('%s: what is the same in English is a name or a term', (tag) => {
  const english = texts(join(SOURCES, 'locales/en'))
  const own = texts(join(SOURCES, 'locales', tag))
  // signs, numbers and units need no translation
  const words = (text: string) => /[a-z]{3}/i.test(text.replaceAll(/\{\w+\}/g, ''))
  const same = [...own].filter(([key, text]) => words(text) && english.get(key) === text)
  const known = [...SAME.all, ...SAME[tag]]
  expect(same.filter(([, text]) => !known.includes(text))).toEqual([])
})

function sources(en: object, other: object, source: string, tag = 'de'): string {
  const folder = mkdtempSync(join(tmpdir(), 'texts-'))
  for (const [language, texts] of Object.entries({ en, [tag]: other })) {
    mkdirSync(join(folder, 'locales', language), { recursive: true })
    writeFileSync(join(folder, 'locales', language, 'noun.json'), JSON.stringify(texts))
  }
  writeFileSync(join(folder, 'Page.vue'), source)
  return folder
}

test.each([
  [{ a: 'A' }, {}, '', 'de: noun.a is missing'],
  [{ a: 'A {n}' }, { a: 'A {m}' }, '', 'de: noun.a has other places than "A {n}"'],
  [{ a: 'one | more' }, { a: 'eins' }, '', 'de: noun.a has not 2 plural forms'],
  [{ a: 'A' }, { a: ' ' }, '', 'de: noun.a is empty'],
  [{}, { b: 'B' }, '', 'de: noun.b is not an English text'],
  [{ a: 'A' }, { a: 'A' }, "{{ t('noun.z') }}", 'Page.vue: there is no text noun.z'],
  [{ a: 'A' }, { a: 'A' }, '<I18nT keypath="noun.y" />', 'Page.vue: there is no text noun.y'],
])('%j, %j: %s %s', (en, de, source, fault) => {
  expect(messageFaults(sources(en, de, source))).toEqual([fault])
})

test.each([
  ['ru', '{n} хост | {n} хоста | {n} хостов', []],
  ['ru', '{n} хост | {n} хостов', ['ru: noun.a has not 3 plural forms']],
  ['ru', 'хост | {n} хоста | {n} хостов', ['ru: noun.a has no {n} in its first plural form']],
  ['zh', '{n} 台主机', []],
  ['zh', '{n} 台主机 | {n} 台主机', ['zh: noun.a has not 1 plural forms']],
])('%s has its own number of plural forms: %s', (tag, text, faults) => {
  const en = { a: '{n} host | {n} hosts' }
  expect(messageFaults(sources(en, { a: text }, '', tag))).toEqual(faults)
})
