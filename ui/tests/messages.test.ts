import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { messageFaults } from '../plugins/messages.ts'

test('no text is missing in any language, and no source names an unknown one', () => {
  expect(messageFaults(join(import.meta.dirname, '../src'))).toEqual([])
})

function sources(en: object, de: object, source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'texts-'))
  for (const [language, texts] of Object.entries({ en, de })) {
    mkdirSync(join(folder, 'locales', language), { recursive: true })
    writeFileSync(join(folder, 'locales', language, 'noun.json'), JSON.stringify(texts))
  }
  writeFileSync(join(folder, 'Page.vue'), source)
  return folder
}

test.each([
  [{ a: 'A' }, {}, '', 'de: noun.a is missing'],
  [{ a: 'A {n}' }, { a: 'A {m}' }, '', 'de: noun.a has other places than "A {n}"'],
  [{ a: 'one | more' }, { a: 'eins' }, '', 'de: noun.a has another number of plural forms'],
  [{}, { b: 'B' }, '', 'de: noun.b is not an English text'],
  [{ a: 'A' }, { a: 'A' }, "{{ t('noun.z') }}", 'Page.vue: there is no text noun.z'],
  [{ a: 'A' }, { a: 'A' }, '<I18nT keypath="noun.y" />', 'Page.vue: there is no text noun.y'],
])('%j, %j: %s %s', (en, de, source, fault) => {
  expect(messageFaults(sources(en, de, source))).toEqual([fault])
})
