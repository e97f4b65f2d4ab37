// Pages for tests. A test fails if its page logs an error, breaks the policy, throws, or
// asks another host for anything.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADMIN, PASSWORD } from './server.mjs'
import { world } from './world.mjs'

export const DESKTOP = { width: 1280, height: 800 }
export const PHONE = { width: 390, height: 844 }

/** What a browser prefers whose user reads one of the page's languages. */
const LOCALES = {
  en: 'en-GB',
  de: 'de-DE',
  es: 'es-MX',
  fr: 'fr-CA',
  ru: 'ru-RU',
  zh: 'zh-CN',
}

/** What the console says of a refused request, which a test may expect. */
const REFUSED = /^Failed to load resource: the server responded with a status of (\d+)/

/** Record everything that is wrong with *page*; returns the list. */
export function watch(page, origin = world.url) {
  const faults = []
  const expected = [{ status: 401, path: '/api/user' }] // nobody is logged in yet
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return
    const status = Number(REFUSED.exec(message.text())?.[1])
    const { url } = message.location()
    if (expected.some((each) => each.status === status && url.includes(each.path))) return
    faults.push(`console: ${message.text()} (${url})`)
  })
  page.on('pageerror', (error) => faults.push(`thrown: ${error.stack ?? error}`))
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) faults.push(`foreign: ${url}`)
  })
  /** Let the server refuse requests whose address contains *path* with *status*. */
  page.expectRefusal = (status, path) => expected.push({ status, path })
  return faults
}

/** The cookies of a session of the administrator. */
async function cookies() {
  if (world.session) return world.session
  const context = await world.browser.newContext({ ignoreHTTPSErrors: true })
  const answer = await context.request.post(`${world.url}/api/auth/login`, {
    data: { auth: ADMIN, password: PASSWORD },
  })
  assert.equal(answer.status(), 204)
  world.session = await context.cookies()
  await context.close()
  return world.session
}

function newContext({ phone, dark, language }) {
  return world.browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: phone ? PHONE : DESKTOP,
    hasTouch: phone,
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    locale: LOCALES[language],
  })
}

/** Tests that use one page: the memory of what it showed is freed slowly. */
const USES = 12

/** Let *page* tell what a test did that stays in it: it is then not used again. */
function noteLasting(page) {
  for (const name of ['addInitScript', 'exposeFunction', 'routeWebSocket']) {
    const original = page[name].bind(page)
    page[name] = (...given) => {
      page.isSpoiled = true
      return original(...given)
    }
  }
}

/** Take everything of a test away from *page*, and return whether another may use it. */
async function clean(page, { phone, dark }) {
  const context = page.context()
  for (const each of context.pages()) {
    if (each === page) continue
    page.isSpoiled = true
    await each.close()
  }
  page.removeAllListeners()
  page.uses = (page.uses ?? 0) + 1
  if (page.uses >= USES) page.isSpoiled = true
  if (!page.isSpoiled) {
    await page.unrouteAll({ behavior: 'ignoreErrors' })
    await page.goto(`${world.url}/api/ping`) // of the same origin, so its process stays
    await page.evaluate(() => {
      localStorage.clear()
      sessionStorage.clear()
    })
    await page.setViewportSize(phone ? PHONE : DESKTOP)
    await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' })
    await page.mouse.move(0, 0)
    await context.clearCookies()
    await context.clearPermissions()
  }
  return !page.isSpoiled
}

/**
 * Open a page in which nothing of another test is. Pages are used again, since a new one
 * takes a process and loads everything.
 * login: as the administrator; phone: small screen and touch; dark; language: such as de;
 * fresh: the browser has loaded nothing of the page before.
 */
export async function openPage({
  login = true,
  phone = false,
  dark = false,
  language = 'en',
  fresh = false,
} = {}) {
  const look = JSON.stringify({ phone, dark, language })
  const { pages } = world // those that no test uses now
  const free = pages.get(look) ?? []
  pages.set(look, free)
  let page = fresh ? undefined : free.pop()
  if (!page) {
    const context = await newContext({ phone, dark, language })
    page = await context.newPage()
    page.setDefaultTimeout(15_000)
    noteLasting(page)
  }
  if (login) await page.context().addCookies(await cookies())
  const faults = watch(page)
  async function close() {
    if (await clean(page, { phone, dark })) free.push(page)
    else await page.context().close()
  }
  return { page, faults, close }
}

/** Declare a test that gets a page: `pageTest('name', { phone: true }, async (page) => …)`. */
export function pageTest(name, options, body) {
  if (typeof options === 'function') return pageTest(name, {}, options)
  const { timeout = 120_000 } = options
  return test(`${world.noun}: ${name}`, { timeout }, async () => {
    const { page, faults, close } = await openPage(options)
    try {
      await body(page)
      await page.evaluate(() => document.fonts.ready)
      assert.deepEqual(faults, [])
    } catch (error) {
      page.isSpoiled = true
      if (faults.length > 0) error.message += `\nfaults of the page: ${faults.join('\n')}`
      throw error
    } finally {
      await close()
    }
  })
}

/** The address of a page of the demo project, such as `inProject('/templates')`. */
export function inProject(path = '') {
  return `${world.url}/project/${world.project}${path}`
}

/** Go to *path* without loading the page anew. */
export function go(page, path) {
  return page.evaluate((to) => {
    history.pushState(null, '', to)
    dispatchEvent(new PopStateEvent('popstate', { state: null }))
  }, path)
}
