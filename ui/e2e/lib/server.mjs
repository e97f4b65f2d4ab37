// A started server with the demo project, on a directory of its own.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnBound } from './child.mjs'

export const ADMIN = 'admin'
export const PASSWORD = 'correct horse battery staple'

/** Milliseconds until a start has failed. */
const START = 60_000

export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}

/** Send a request past the browser; resolves to { status, headers, body }. */
export function send(url, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const options = { method, headers, rejectUnauthorized: false, agent: false }
    const sent = request(url, options, (answer) => {
      const parts = []
      answer.on('data', (part) => parts.push(part))
      answer.on('error', reject)
      answer.on('end', () => {
        resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) })
      })
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/**
 * Start a server; *settings* are added to its environment. PAGE_FOLDER names its folder,
 * which logs in pictures show and which must not exist; it is deleted at the end.
 */
export async function startServer(settings = {}) {
  const named = process.env.PAGE_FOLDER
  if (named) mkdirSync(named)
  return serve(named ?? mkdtempSync(join(tmpdir(), 'semaphore-page-')), await freePort(), settings)
}

async function serve(folder, port, settings) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SEMAPHORE_'))
  const output = []
  const child = spawnBound(
    'twistd',
    ['--nodaemon', '--pidfile=', 'semaphore', '--state', join(folder, 'state'), '--demo'],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...Object.fromEntries(inherited),
        SEMAPHORE_ADMIN: ADMIN,
        SEMAPHORE_ADMIN_PASSWORD: PASSWORD,
        SEMAPHORE_INTERFACE: '127.0.0.1',
        SEMAPHORE_PORT: String(port),
        ...settings,
      },
    },
  )
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => output.push(text))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const url = `https://localhost:${port}`
  const deadline = Date.now() + START
  for (;;) {
    const answer = await send(`${url}/api/ping`).catch(() => null)
    if (answer?.status === 200) break
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`the server did not start:\n${Buffer.concat(output)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  async function halt() {
    child.kill('SIGTERM')
    await ended
  }
  return {
    url,
    port,
    folder,
    pid: child.pid,
    log: () => Buffer.concat(output).toString(),
    async stop() {
      await halt()
      rmSync(folder, { recursive: true, force: true })
    },
    /** End it and start it again, with more settings; returns the new one. */
    async restart(more) {
      await halt()
      return serve(folder, port, { ...settings, ...more })
    },
  }
}

/** A client of the API as the administrator, for what a test needs beforehand. */
export async function apiClient(url) {
  const login = await send(`${url}/api/auth/login`, {
    method: 'POST',
    body: { auth: ADMIN, password: PASSWORD },
  })
  if (login.status !== 204) throw new Error(`login: ${login.status} ${login.body}`)
  const cookie = login.headers['set-cookie'][0].split(';')[0]
  return async function call(method, path, body) {
    const answer = await send(`${url}/api${path}`, { method, body, headers: { cookie } })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`)
    return answer.body.length > 0 ? JSON.parse(answer.body) : null
  }
}
