import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LANGUAGES, populated, resize, spilled, turnTo } from '../lib/languages.mjs'
import { DESKTOP, pageTest, PHONE } from '../lib/page.mjs'
import { clipped } from '../lib/shots.mjs'
import { world } from '../lib/world.mjs'

let paths
test('languages: there is something on each page', async () => (paths = await populated()))

for (const language of LANGUAGES) {
  pageTest(
    `${language}: no text is cut off, at 1280 and on a phone`,
    { language },
    async (page) => {
      const faults = []
      page.expectRefusal(409, '/api/vpn/network') // it is not set up
      await page.goto(`${world.url}/no-such-page`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      // texts in these are the longest: the others show that they are there
      const wide = ['es', 'fr', 'ru'].includes(language)
      for (const path of wide ? paths : paths.slice(0, 3)) {
        await resize(page, DESKTOP)
        await turnTo(page, path)
        for (const size of [DESKTOP, PHONE]) {
          await resize(page, size)
          const here = [...(await clipped(page)), ...(await spilled(page))]
          faults.push(...here.map((each) => `${path}, ${size.width}: ${each}`))
        }
      }
      assert.deepEqual(faults, [])
      assert.match(await page.evaluate(() => document.documentElement.lang), new RegExp(language))
    },
  )
}
