// Takes the pictures of all pages, or of some: npm run shots -- login dashboard
// Each noun declares its pictures in tests/NOUN.shots.mjs.
import { readdirSync } from 'node:fs'
import { begin, end } from './lib/world.mjs'

const only = process.argv.slice(2)
const files = readdirSync(new URL('tests', import.meta.url))
  .filter((name) => name.endsWith('.shots.mjs'))
  .filter((name) => only.length === 0 || only.some((each) => name === `${each}.shots.mjs`))
for (const name of files.sort()) {
  const { default: shots } = await import(`./tests/${name}`)
  try {
    await begin() // a server of its own: no run of another noun is in a picture
    for (const fault of (await shots()) ?? []) console.log(fault)
  } finally {
    await end()
  }
}
