// Every route loads the texts that its page uses, and no others.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'
import '@/api/projects' // first: it and the router need each other
import { router } from '@/router'
import { texts } from '../plugins/messages.ts'

const SOURCES = join(import.meta.dirname, '../src')
const KEYS = [...texts(join(SOURCES, 'locales/en')).keys()]

/** The nouns that are there on every page: the router and the palette load them. */
const EVERYWHERE = ['common', 'frame']

/** Modules that load the texts of what they show themselves. */
const LOADERS = ['router.ts', 'locales/index.ts', 'palette/PaletteDialog.vue', 'run/RunHost.vue']

/** The sources that *file* imports, at once or later. */
function imports(file: string, source: string): string[] {
  const values = source.replace(/^(import|export) type [^']*'[^']+'/gm, '')
  return [...values.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)]
    .map(([, path]) => path!)
    .filter((path) => path.startsWith('.') || path.startsWith('@/'))
    .map((path) =>
      path.startsWith('@/') ? join(SOURCES, path.slice(2)) : join(dirname(file), path),
    )
    .flatMap((path) => [path, `${path}.ts`, join(path, 'index.ts')])
    .filter((path) => /\.(vue|ts)$/.test(path) && existsSync(path))
}

/** The nouns of the keys in *source*, of which a value may be a part: `noun.part.${name}`. */
function nouns(source: string): string[] {
  return [...source.matchAll(/(['"`])(([a-z]\w*)\.[\w.]*)(\1|\$\{)/g)]
    .filter(([, , key, , end]) =>
      KEYS.some((each) => (end === '${' ? each.startsWith(key!) : each === key)),
    )
    .map(([, , , noun]) => noun!)
}

/** The nouns whose texts the page in *file* uses. */
function used(file: string): Set<string> {
  const found = new Set<string>()
  const seen = new Set<string>()
  const wait = [file]
  for (let next = wait.pop(); next; next = wait.pop()) {
    if (seen.has(next) || LOADERS.includes(relative(SOURCES, next))) continue
    seen.add(next)
    const source = readFileSync(next, 'utf8')
    for (const noun of nouns(source)) found.add(noun)
    wait.push(...imports(next, source))
  }
  return found
}

const pages = router.getRoutes().flatMap(({ name, components, meta }) => {
  const path = /"\/?([^"]+\.vue)"/.exec(String(components?.default))?.[1]
  return meta.texts ? [{ name: String(name), path, loads: meta.texts }] : []
})

test('there are pages', () => expect(pages.length).toBeGreaterThan(20))

test.each(pages)('the route $name names the texts of its page', ({ path, loads }) => {
  const needed = [...used(join(SOURCES, path!.replace('src/', '')))]
  const others = needed.filter((noun) => !EVERYWHERE.includes(noun) && noun !== loads[0])
  expect(loads.slice(1).toSorted()).toEqual(others.sort())
})
