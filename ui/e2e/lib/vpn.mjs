// A VPN for the world's server: the real companion and wireguard-go, in a network of
// their own (namespaces, so root only). Devices connect inside of that network.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnBound } from './child.mjs'
import { world } from './world.mjs'

export const ENDPOINT = 'vpn.example.net'
const TUNNEL = 'semaphore0'
const SITES = ['office=10.20.0.0/16', 'db-lan=10.30.4.0/24']

/** Milliseconds until the companion has to listen. */
const START = 20_000

let companion
let devices = 0

/** Set the VPN up, start the companion, and start the server again. */
export async function startVpn() {
  const { folder, port } = world.server
  const path = (name) => join(folder, 'vpn', name)
  mkdirSync(path('state'), { recursive: true })
  const words = [
    ...['vpn', 'init', '--endpoint', ENDPOINT, '--backend', 'userspace'],
    ...SITES.flatMap((each) => ['--site', each]),
    ...['--state', join(folder, 'state'), '--vpn-settings', path('settings')],
  ]
  const same = { SEMAPHORE_INTERFACE: '127.0.0.1', SEMAPHORE_PORT: String(port) } // as it runs
  execFileSync('semaphore', words, { env: { ...process.env, ...same } })
  const network = 'ip link set lo up && mount -t tmpfs none /run && exec "$@"'
  companion = spawnBound(
    'unshare',
    [
      ...['--net', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', network, 'sh'],
      ...['twistd', '--nodaemon', '--pidfile=', 'semaphore-vpn'],
      ...['--settings', path('settings'), '--socket', path('vpn.sock'), '--state', path('state')],
    ],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], signal: 'KILL' }, // unshare ignores SIGTERM
  )
  const output = []
  for (const stream of [companion.stdout, companion.stderr]) {
    stream.on('data', (text) => output.push(text))
  }
  const deadline = Date.now() + START
  while (!existsSync(path('vpn.sock'))) {
    if (companion.exitCode !== null || Date.now() > deadline) {
      throw new Error(`the companion did not start:\n${Buffer.concat(output)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  world.server = await world.server.restart({
    SEMAPHORE_VPN_SOCKET: path('vpn.sock'),
    SEMAPHORE_VPN_RECONCILE_SEC: '1',
    SEMAPHORE_VPN_DNS: 'off', // its port would be inside of the other network
  })
}

export function stopVpn() {
  companion?.kill('SIGKILL')
}

/** Run a command in the companion's network. */
function inside(...words) {
  // all its processes end with the first one of the namespace, the child of unshare
  const [first] = readFileSync(
    `/proc/${companion.pid}/task/${companion.pid}/children`,
    'utf8',
  ).split(' ')
  return execFileSync('nsenter', ['-t', first, '-n', '-m', '-p', ...words], { stdio: 'pipe' })
}

/** The public keys of the tunnel's peers. */
export const tunnelPeers = () =>
  inside('wg', 'show', TUNNEL, 'peers').toString().split('\n').filter(Boolean)

/** Put *count* peers into the tunnel that the database does not know. */
export function addStrangers(count) {
  const peers = Array.from({ length: count }, (_, index) => {
    const key = Buffer.alloc(32, index + 100).toString('base64')
    return `[Peer]\nPublicKey = ${key}\n`
  })
  const file = join(world.server.folder, 'vpn', 'strangers.conf')
  writeFileSync(file, peers.join(''))
  inside('wg', 'addconf', TUNNEL, file)
}

/** Connect as the device with the file *config*, until the VPN ends. */
export function connect(config) {
  const name = `device${devices++}`
  const lines = config
    .replace(/^(Address|DNS|MTU) = .*\n/gm, '')
    .replace(/^Endpoint = .*$/m, 'Endpoint = 127.0.0.1:51820\nPersistentKeepalive = 1')
    .replace(/^PersistentKeepalive = 25\n/m, '')
  const file = join(world.server.folder, 'vpn', `${name}.conf`)
  writeFileSync(file, lines, { mode: 0o600 })
  inside('wireguard-go', name)
  inside('wg', 'setconf', name, file)
  inside('ip', 'link', 'set', name, 'up')
}
