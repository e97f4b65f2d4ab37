// Runs the tests of the page in one process, with one server and one browser.
//
//   npm test                   all
//   npm test -- dashboard      those in tests/dashboard.test.mjs
import { readdirSync } from 'node:fs'
import { after } from 'node:test'
import { begin, end, world } from './lib/world.mjs'

/** Files that need root: their network is in namespaces. */
const ROOT_ONLY = process.getuid() === 0 ? [] : ['vpn.test.mjs']

const only = process.argv.slice(2)
const files = readdirSync(new URL('tests', import.meta.url))
  .filter((name) => name.endsWith('.test.mjs'))
  .filter((name) => only.length === 0 || only.some((each) => name === `${each}.test.mjs`))
  .filter((name) => !ROOT_ONLY.includes(name))
  .sort()
if (files.length === 0) throw new Error(`no tests of ${only.join(', ')}`)

after(end)
try {
  await begin()
} catch (error) {
  await end()
  throw error
}
for (const name of files) {
  world.noun = name.split('.')[0] // in front of the name of each test
  await import(`./tests/${name}`)
}
