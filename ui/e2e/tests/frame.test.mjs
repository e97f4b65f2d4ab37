import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { ended, start } from '../lib/runs.mjs'
import { ADMIN, PASSWORD } from '../lib/server.mjs'
import { world } from '../lib/world.mjs'

/** Bytes of scripts, styles and fonts that the first view may load, compressed. */
const BUDGET = 300_000

const live = (page) => page.locator('[data-state=live]').waitFor()

const FIRST = 'the first load of the dashboard is below its budget, the second free'
pageTest(FIRST, { fresh: true }, async (page) => {
  let loaded = []
  page.on('requestfinished', (request) => loaded.push(request))
  const bytes = async () => {
    const found = loaded.filter((each) => each.url().includes('/assets/'))
    const sizes = await Promise.all(
      found.map(async (each) => {
        return (await each.sizes()).responseBodySize
      }),
    )
    return sizes.reduce((a, b) => a + b, 0)
  }
  await page.goto(inProject())
  await page.getByRole('region', { name: 'Recent' }).or(page.getByText('Nothing has run')).waitFor()
  await page.evaluate(() => document.fonts.ready)
  const first = await bytes()
  console.log(`first load: ${first} bytes`)
  assert.ok(first > 50_000, `${first} bytes are too few: was anything counted?`)
  assert.ok(first < BUDGET, `${first} bytes`)
  loaded = []
  await page.reload()
  await live(page)
  const again = await page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .filter((each) => each.name.includes('/assets/') && !each.name.includes('favicon'))
      .filter((each) => each.transferSize > 0)
      .map((each) => each.name),
  )
  assert.deepEqual(again, [])
})

pageTest('a lost connection is told, polled over, and found again', async (page) => {
  await page.routeWebSocket(/\/api\/ws$/, (socket) => {
    const server = socket.connectToServer()
    world.cut = () => socket.close({ code: 1012 }).then(() => server.close())
  })
  await page.goto(inProject())
  await live(page)
  await page.unroute(/./)
  await page.routeWebSocket(/\/api\/ws$/, (socket) => socket.close({ code: 1012 }))
  await world.cut()
  await page.locator('[data-state=polling]').waitFor()
  await page.getByText(/^Connection lost/).waitFor()
  const asked = page.waitForRequest(/\/overview/)
  await asked
  await page.routeWebSocket(/\/api\/ws$/, (socket) => void socket.connectToServer())
  await page.getByRole('button', { name: 'Try now' }).click()
  await live(page)
  await page.getByText(/^Connection lost/).waitFor({ state: 'detached' })
})

pageTest('a server that does not answer is told, with another attempt', async (page) => {
  page.expectRefusal(502, '/api/')
  // until the button is clicked: the page asks again by itself, too
  await page.route(/\/api\/(user|projects)$/, async (route) => {
    if (await page.evaluate(() => window.clicked)) await route.continue()
    else await route.fulfill({ status: 502, body: '' })
  })
  await page.goto(inProject())
  await page.getByText('The server does not answer.').waitFor()
  await page.evaluate(() =>
    addEventListener('click', () => (window.clicked = true), { capture: true }),
  )
  await page.getByRole('button', { name: 'Try again' }).click()
  await live(page)
})

pageTest('whatever a server or a proxy answers is told, and tried again', async (page) => {
  const LIST = /\/api\/project\/\d+\/templates(\?|$)/
  for (const [status, body, sentence] of [
    [500, '{"error": "Internal error, reference 1a2b3c"}', 'Internal error, reference 1a2b3c'],
    [500, '<html>Oops</html>', '500'],
    [421, '{"error": "This server has another name"}', 'This server has another name'],
    [502, '<html>Bad Gateway</html>', 'The server does not answer.'],
  ]) {
    page.expectRefusal(status, '/templates')
    // until the button is clicked: the page reads the list again by itself, too
    await page.route(LIST, async (route) => {
      if (await page.evaluate(() => window.clicked)) await route.continue()
      else await route.fulfill({ status, body })
    })
    await page.goto(inProject('/templates'))
    await page.evaluate(() =>
      addEventListener('click', () => (window.clicked = true), { capture: true }),
    )
    await page.getByRole('alert').getByText(sentence).waitFor()
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('button', { name: 'Ping localhost' }).first().waitFor()
    await page.unroute(LIST)
  }
})

pageTest("times are the server's, also where the clock of the browser is wrong", async (page) => {
  const task = await ended(await start('Ping localhost'))
  await page.addInitScript(() => {
    const now = Date.now
    Date.now = () => now() + 3_600_000
  })
  await page.goto(inProject(`/tasks?q=${task.id}`))
  const row = page.getByRole('row', { name: new RegExp(`#${task.id}\\b`) })
  await row
    .locator('time')
    .filter({ hasText: /^(just now|\d+ s ago)$/ })
    .first()
    .waitFor()
})

pageTest('an unknown address says so and leads on', async (page) => {
  await page.goto(`${world.url}/no/such/page`)
  await page.getByRole('heading', { level: 2, name: 'There is no such page' }).waitFor()
  await checkAccess(page)
  await page.getByRole('link', { name: 'To the dashboard' }).click()
  await page.waitForURL(inProject())
})

pageTest(
  'a session that was ended elsewhere leads to the login',
  { login: false },
  async (page) => {
    await page.request.post(`${world.url}/api/auth/login`, {
      data: { auth: ADMIN, password: PASSWORD },
    })
    await page.goto(inProject('?tab=1'))
    await live(page)
    page.expectRefusal(401, '/api/')
    await page.request.post(`${world.url}/api/auth/logout`)
    await page.waitForURL(/\/login\?next=/)
    assert.ok(decodeURIComponent(page.url()).endsWith(`next=/project/${world.project}?tab=1`))
  },
)

pageTest(
  'the language of the browser is used, and can be chosen',
  { language: 'de' },
  async (page) => {
    await page.goto(inProject())
    await page.getByRole('heading', { level: 1, name: 'Übersicht' }).waitFor()
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'de')
    await page.getByRole('button', { name: /^Konto von/ }).click()
    await page.getByRole('menuitem', { name: 'Sprache' }).press('ArrowRight')
    await page.getByRole('menuitemcheckbox', { name: 'English' }).click()
    await page.getByRole('heading', { level: 1, name: 'Dashboard' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Dashboard' }).waitFor()
  },
)

pageTest('the theme follows the system until one is chosen', { dark: true }, async (page) => {
  const dark = () => page.evaluate(() => document.documentElement.classList.contains('dark'))
  await page.goto(inProject())
  await live(page)
  assert.equal(await dark(), true)
  await page.emulateMedia({ colorScheme: 'light' })
  await page.waitForFunction(() => document.documentElement.classList.contains('light'))
  const button = page.getByRole('button', { name: /^Theme:/ })
  await button.click()
  await button.click()
  assert.equal(await dark(), true)
  await page.reload()
  await live(page)
  assert.equal(await dark(), true)
})

pageTest('storage that is full costs only the memory', async (page) => {
  await page.addInitScript(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError')
    }
  })
  await page.goto(inProject())
  await live(page)
  await page.getByRole('button', { name: /^Theme:/ }).click()
})

pageTest('storage that is forbidden costs only the memory', async (page) => {
  await page.addInitScript(() => {
    const refuse = () => {
      throw new DOMException('forbidden', 'SecurityError')
    }
    Object.defineProperty(window, 'localStorage', { get: refuse })
  })
  await page.goto(inProject())
  await live(page)
  await page.getByRole('button', { name: /^Theme:/ }).click()
})

pageTest('every control of the frame is reached by Tab, with a visible focus', async (page) => {
  await page.goto(inProject())
  await live(page)
  const seen = []
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press('Tab')
    const focus = await page.evaluate(() => {
      const { activeElement: element } = document
      if (element === document.body) return { name: '' }
      const { outlineStyle, outlineWidth } = getComputedStyle(element)
      const name = element.getAttribute('aria-label') ?? element.textContent.trim()
      return { name, visible: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 }
    })
    if (!focus.name) continue
    seen.push(focus.name)
    assert.ok(focus.visible, `${focus.name} shows no focus`)
  }
  for (const wanted of [
    /^Project Demo/,
    /^Dashboard/,
    /^Shortcuts/,
    /^Search or run/,
    /^Theme/,
    /^Account/,
  ]) {
    assert.ok(
      seen.some((each) => wanted.test(each)),
      `${wanted} in ${seen.join('; ')}`,
    )
  }
})
