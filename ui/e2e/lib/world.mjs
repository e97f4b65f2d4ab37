// One server and one browser for all tests of a run.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { apiClient, startServer } from './server.mjs'
import { startSshd } from './sshd.mjs'

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell'
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-proxy-server',
  '--font-render-hinting=none',
]

/** The world, once {@link begin} has made it. */
export const world = {}

export async function begin() {
  if (!existsSync(CHROMIUM))
    throw new Error(`${CHROMIUM} is missing (Debian package chromium-headless-shell)`)
  const [server, browser] = await Promise.all([
    startServer(),
    chromium.launch({ executablePath: CHROMIUM, args: FLAGS }),
  ])
  Object.assign(world, { server, browser, url: server.url, api: await apiClient(server.url) })
  world.pages = new Map()
  world.project = (await world.api('GET', '/projects')).find((each) => each.name === 'Demo').id
}

/** The SSH server of this run, which is started when a test first asks for it. */
export function sshd() {
  world.sshd ??= startSshd()
  return world.sshd
}

export async function end() {
  await (await world.sshd)?.stop()
  await world.browser?.close()
  await world.server?.stop()
  for (const name of Object.keys(world)) delete world[name]
}
