// The pages in other languages than English, and what is cut off or spills over on them.
import { api, ended, start } from './runs.mjs'
import { makeSchedule } from './schedules.mjs'
import { world } from './world.mjs'

export const LANGUAGES = ['de', 'es', 'fr', 'ru', 'zh']

/** Give the demo project something of each kind; returns the paths of the main pages. */
export async function populated() {
  const task = await ended(await start('Failing script'))
  await ended(await start('Ping localhost'))
  await makeSchedule('nightly', '30 2 * * 1-5', { timezone: 'Asia/Tokyo' })
  await makeSchedule('poll', '*/5 * * * *')
  const templates = await api('GET', '/templates')
  const one = templates.find((each) => each.name === 'Ping localhost').id
  const nouns = ['templates', 'tasks', 'schedules', 'inventory', 'variables', 'keys']
  const more = ['repositories', 'integrations', 'vpn', 'team', 'activity', 'settings']
  const objects = [`/templates/${one}`, `/tasks/${task.id}`, `/templates/${one}/edit`]
  return [
    ...['', ...[...nouns, ...more].map((each) => `/${each}`), ...objects].map(
      (path) => `/project/${world.project}${path}`,
    ),
    ...['/account', '/admin', '/admin/users'],
  ]
}

/** Go to *path*, whose title is another one, without loading the page anew. */
export async function turnTo(page, path) {
  const title = () => page.evaluate(() => document.querySelector('h1')?.textContent)
  const before = await title()
  await page.evaluate((to) => {
    history.pushState(null, '', to)
    dispatchEvent(new PopStateEvent('popstate', { state: null }))
  }, path)
  await page.waitForFunction((old) => {
    const now = document.querySelector('h1')?.textContent
    return now && now !== old && now !== '…' && !document.querySelector('.bones')
  }, before)
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
      for (const inner of cell.querySelectorAll('button, a, span, b')) {
        const own = inner.getBoundingClientRect()
        const hidden = inner.closest('.sr-only, .quiet') || getComputedStyle(inner).opacity === '0'
        // what is cut with an ellipsis has an outer part that ends in the cell
        if (hidden || inner.closest('.trunc, .truncate') || !inner.textContent.trim()) continue
        if (own.right > box.right + 1) found.add(`spills: ${inner.textContent.trim().slice(0, 40)}`)
      }
    }
    return [...found].slice(0, 8)
  })
}
