// Compares the texts of the languages with each other and with the keys in the sources.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Plugin } from 'vite'
import { FORMS, type Language } from '../src/locales/languages.ts'

type Tree = { [name: string]: string | Tree }

function flatten(tree: Tree, prefix: string, into: Map<string, string>): void {
  for (const [name, value] of Object.entries(tree)) {
    if (typeof value === 'string') into.set(`${prefix}${name}`, value)
    else flatten(value, `${prefix}${name}.`, into)
  }
}

/** Return the texts of a language by key. */
export function texts(folder: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const file of readdirSync(folder).filter((each) => each.endsWith('.json'))) {
    const tree = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Tree
    flatten(tree, `${basename(file, '.json')}.`, found)
  }
  return found
}

const places = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort().join(' ')
const forms = (text: string) => text.split(' | ')

/** How many forms *language* has of a text that is *english*. */
function formsOf(language: Language, english: string): number {
  const count = forms(english).length
  return count === 1 ? 1 : count - FORMS.en.length + FORMS[language].length
}

/** Whether a form is for several numbers, and does not say which of them. */
function hidesNumber(language: Language, text: string): boolean {
  const [first = '', ...rest] = forms(text).slice(-FORMS[language].length)
  const severalOnes = FORMS[language].length > 2 // 1, 21, 31 in Russian
  return severalOnes && rest.join().includes('{n}') && !first.includes('{n}')
}

/** Return what is wrong with a translated text, for a sentence; empty if nothing is. */
function faultOf(language: Language, english: string, translated: string | undefined): string {
  if (translated === undefined) return 'is missing'
  if (translated.split('|').some((form) => form.trim() === '')) return 'is empty'
  if (places(english) !== places(translated)) return `has other places than "${english}"`
  const wanted = formsOf(language, english)
  if (forms(translated).length !== wanted) return `has not ${wanted} plural forms`
  if (hidesNumber(language, translated)) return 'has no {n} in its first plural form'
  return ''
}

function usedKeys(folder: string): Map<string, string> {
  const used = new Map<string, string>()
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  for (const file of files.filter((each) => /\.(vue|ts)$/.test(each))) {
    const text = readFileSync(join(folder, file), 'utf8')
    for (const [, , key] of text.matchAll(/(\b(?:t|plural)\(\s*|keypath=")['"]?([\w.]+)['"]/g)) {
      if (key?.includes('.')) used.set(key, file)
    }
  }
  return used
}

/** The languages beside English that have texts below *sources*. */
export function languagesOf(sources: string): Exclude<Language, 'en'>[] {
  const all = (Object.keys(FORMS) as Language[]).filter((each) => each !== 'en')
  return all.filter((each) => existsSync(join(sources, 'locales', each)))
}

/** Return what is wrong with the texts below *sources*: an empty list if nothing is. */
export function messageFaults(sources: string): string[] {
  const faults: string[] = []
  const english = texts(join(sources, 'locales/en'))
  for (const language of languagesOf(sources)) {
    const other = texts(join(sources, 'locales', language))
    for (const [key, text] of english) {
      const fault = faultOf(language, text, other.get(key))
      if (fault) faults.push(`${language}: ${key} ${fault}`)
    }
    for (const key of other.keys())
      if (!english.has(key)) faults.push(`${language}: ${key} is not an English text`)
  }
  for (const [key, file] of usedKeys(sources))
    if (!english.has(key)) faults.push(`${file}: there is no text ${key}`)
  return faults
}

/** Fail the build while a text is missing. */
export function checkMessages(sources: string): Plugin {
  return {
    name: 'check-messages',
    buildStart() {
      const faults = messageFaults(sources)
      if (faults.length > 0) this.error(`texts:\n${faults.join('\n')}`)
    },
  }
}
