import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LANGUAGES, populated, spilled, turnTo } from '../lib/languages.mjs'
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
      await page.goto(`${world.url}/no-such-page`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      for (const path of paths) {
        await page.setViewportSize(DESKTOP)
        await turnTo(page, path)
        for (const size of [DESKTOP, PHONE]) {
          await page.setViewportSize(size)
          const here = [...(await clipped(page)), ...(await spilled(page))]
          faults.push(...here.map((each) => `${path}, ${size.width}: ${each}`))
        }
      }
      assert.deepEqual(faults, [])
      assert.match(await page.evaluate(() => document.documentElement.lang), new RegExp(language))
    },
  )
}
