// The pages in other languages than English, and what is cut off or spills over on them.
import { go } from './page.mjs'
import { addTemplate, api, ended, start } from './runs.mjs'
import { makeSchedule } from './schedules.mjs'
import { world } from './world.mjs'

export const LANGUAGES = ['de', 'es', 'fr', 'ru', 'zh']

/** Add an app whose program is not on the server; returns its id. */
async function missingApp() {
  await world.api('POST', '/apps/lua', { title: 'Lua', path: '/opt/none/lua' })
  return 'lua'
}

/** Give the demo project something of each kind; returns the paths of the main pages. */
export async function populated() {
  const task = await ended(await start('Failing script'))
  await makeSchedule('nightly', '30 2 * * 1-5', { timezone: 'Asia/Tokyo' })
  await makeSchedule('poll', '*/5 * * * *')
  await addTemplate('Report of Lua', 'print(1)\n', { app: await missingApp() })
  const templates = await api('GET', '/templates')
  const [one, missing] = ['Ping localhost', 'Report of Lua'].map(
    (name) => templates.find((each) => each.name === name).id,
  )
  const hook = await api('POST', '/integrations', { name: 'push', template_id: one })
  const workspace = await api('POST', '/inventory', {
    name: 'network',
    type: 'terraform-workspace',
    inventory: 'network',
  })
  const nouns = ['templates', 'tasks', 'schedules', 'inventory', 'keys', 'vpn', 'settings']
  const objects = [
    ...[`/templates/${one}`, `/tasks/${task.id}`, `/templates/${one}/edit`],
    ...[`/templates/${missing}`, `/integrations/${hook.id}`, `/inventory/${workspace.id}`],
  ]
  return [
    ...['', ...nouns.map((each) => `/${each}`), ...objects].map(
      (path) => `/project/${world.project}${path}`,
    ),
    ...['/account', '/admin', '/admin/apps'],
  ]
}

/** Go to *path*, whose title is another one, without loading the page anew. */
export async function turnTo(page, path) {
  const title = () => page.evaluate(() => document.querySelector('h1')?.textContent)
  const before = await title()
  await go(page, path)
  await page.waitForFunction((old) => {
    const now = document.querySelector('h1')?.textContent
    return now && now !== old && now !== '…' && !document.querySelector('.bones')
  }, before)
}

/** Give *page* the size of another screen, and let it draw. */
export async function resize(page, size) {
  await page.setViewportSize(size)
  await page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
  )
}

/** Return texts and buttons that are wider than the cell or the row that they stand in. */
export function spilled(page) {
  return page.evaluate(() => {
    const found = new Set()
    for (const cell of document.querySelectorAll(
      'td, th, .row2, .row2 > *, .tworow, .bar, .acts',
    )) {
      const box = cell.getBoundingClientRect()
      if (!box.width || cell.closest('.sr-only, .quiet, [data-scrolls]')) continue
      const visible = getComputedStyle(cell).overflowX === 'visible'
      if (/^T[DH]$/.test(cell.tagName) && visible && cell.scrollWidth > cell.clientWidth + 1)
        found.add(`spills: ${cell.textContent.trim().slice(0, 40)}`)
      for (const inner of cell.querySelectorAll('button, a, span, b')) {
        const own = inner.getBoundingClientRect()
        // what is cut with an ellipsis ends in the cell, and tabs can be scrolled
        if (inner.closest('.sr-only, .quiet, .trunc, .truncate, [role=tablist]')) continue
        if (!own.width || !inner.textContent.trim()) continue
        if (getComputedStyle(inner).opacity === '0') continue
        if (own.right > box.right + 1 || own.left < box.left - 1)
          found.add(`spills: ${inner.textContent.trim().slice(0, 40)}`)
      }
    }
    return [...found].slice(0, 8)
  })
}
