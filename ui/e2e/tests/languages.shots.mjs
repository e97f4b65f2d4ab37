import { LANGUAGES, populated } from '../lib/languages.mjs'
import { shoot } from '../lib/shots.mjs'
import { world } from '../lib/world.mjs'

/** The main pages in each language, such as 20-fr-templates-phone.png. */
export default async function shots() {
  const faults = []
  const paths = await populated()
  for (const language of LANGUAGES) {
    for (const path of paths) {
      const name = path.replace(/^\/project\/\d+\/?/, '').replaceAll('/', '-') || 'dashboard'
      faults.push(
        ...(await shoot(`20-${language}-${name}`, `${world.url}${path}`, undefined, { language })),
      )
    }
  }
  return faults
}
