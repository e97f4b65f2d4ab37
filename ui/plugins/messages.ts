// Compares the texts of the languages with each other and with the keys in the sources.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Plugin } from 'vite'

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
const forms = (text: string) => text.split(' | ').length

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

/** Return what is wrong with the texts below *sources*: an empty list if nothing is. */
export function messageFaults(sources: string): string[] {
  const faults: string[] = []
  const english = texts(join(sources, 'locales/en'))
  for (const language of readdirSync(join(sources, 'locales'))) {
    if (language === 'en' || language.endsWith('.ts')) continue
    const other = texts(join(sources, 'locales', language))
    for (const [key, text] of english) {
      const translated = other.get(key)
      if (translated === undefined) faults.push(`${language}: ${key} is missing`)
      else if (places(text) !== places(translated))
        faults.push(`${language}: ${key} has other places than "${text}"`)
      else if (forms(text) !== forms(translated))
        faults.push(`${language}: ${key} has another number of plural forms`)
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
