// Accessibility: what axe finds on a page (WCAG 2.2 A and AA, best practice).
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { DESKTOP } from './page.mjs'

const AXE = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** Return what axe finds on the page as it is now, by rules or tags of rules. */
async function found(page, rules) {
  return page.evaluate(async (runOnly) => {
    const { violations } = await window.axe.run(document, { runOnly, resultTypes: ['violations'] })
    return violations.flatMap(({ id, impact, nodes }) =>
      nodes.map((node) => `${impact} ${id}: ${node.target.join(' ')} ${node.failureSummary}`),
    )
  }, rules)
}

/** Let the page, which follows the system, have the theme *name*. */
async function turnTheme(page, name) {
  await page.emulateMedia({ colorScheme: name })
  await page.waitForFunction((theme) => document.documentElement.classList.contains(theme), name)
}

/**
 * Fail if axe finds anything on the page as it is now. On the screen of a desktop the
 * contrast is examined in the dark theme too: the rest is the same in both.
 */
export async function checkAccess(page) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE)
  assert.deepEqual(await found(page, TAGS), [])
  if (page.viewportSize().width !== DESKTOP.width) return
  await turnTheme(page, 'dark')
  assert.deepEqual(await found(page, ['color-contrast']), [], 'in the dark theme')
  await turnTheme(page, 'light')
}
