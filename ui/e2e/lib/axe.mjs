// Accessibility: what axe finds on a page (WCAG 2.2 A and AA, best practice).
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const AXE = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/**
 * Fail if axe finds anything on the page as it is now. In the dark theme only the
 * contrast is examined: the rest of the page is the same in both.
 */
export async function checkAccess(page) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE)
  const told = await page.evaluate(async (tags) => {
    const { matches: dark } = matchMedia('(prefers-color-scheme: dark)')
    const { violations } = await window.axe.run(document, {
      runOnly: dark ? ['color-contrast'] : tags,
      resultTypes: ['violations'],
    })
    return violations.flatMap(({ id, impact, nodes }) =>
      nodes.map((node) => `${impact} ${id}: ${node.target.join(' ')} ${node.failureSummary}`),
    )
  }, TAGS)
  assert.deepEqual(told, [])
}
