// A real OpenSSH server on the loopback that accepts this user with a key of its own.
import { execFileSync } from 'node:child_process'
import {
  accessSync,
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { spawnBound } from './child.mjs'
import { freePort } from './server.mjs'

const SSHD = '/usr/sbin/sshd'

function makeKey(path) {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path])
}

async function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', () => resolve(true)).once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}

/** Start a server; resolves to { port, user, privateKey, variables, authorize, repository, stop }. */
export async function startSshd() {
  accessSync(SSHD) // Debian package openssh-server
  const folder = mkdtempSync(join(tmpdir(), 'semaphore-sshd-'))
  const port = await freePort()
  for (const name of ['host', 'client']) makeKey(join(folder, name))
  copyFileSync(join(folder, 'client.pub'), join(folder, 'authorized'))
  chmodSync(join(folder, 'authorized'), 0o600)
  writeFileSync(
    join(folder, 'config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${join(folder, 'host')}`,
      `AuthorizedKeysFile ${join(folder, 'authorized')}`,
      'StrictModes no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'UsePAM no',
      'PermitRootLogin prohibit-password',
      'PidFile none',
    ].join('\n') + '\n',
  )
  if (process.getuid() === 0) execFileSync('mkdir', ['-p', '/run/sshd'])
  const child = spawnBound(SSHD, ['-D', '-e', '-f', join(folder, 'config')], { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  for (let i = 0; !(await answers(port)); i++) {
    if (i > 100) throw new Error('sshd did not start')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    port,
    user: userInfo().username,
    privateKey: readFileSync(join(folder, 'client'), 'utf8'),
    hostKey: readFileSync(join(folder, 'host.pub'), 'utf8').trim(),
    /** what an inventory says of the host; ssh must not ask for a terminal */
    variables: `ansible_host=127.0.0.1 ansible_port=${port} ansible_ssh_use_tty=false`,
    /** Let the holder of this public key log in, too. */
    authorize: (line) => appendFileSync(join(folder, 'authorized'), `${line.trim()}\n`),
    /** Make a bare repository of *files*, by name; returns its address. */
    repository(name, files) {
      const work = join(folder, name)
      const git = (...words) => execFileSync('git', words, { cwd: folder })
      git('init', '-q', '-b', 'main', work)
      for (const [file, text] of Object.entries(files)) writeFileSync(join(work, file), text)
      git('-C', work, 'add', '.')
      const author = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org']
      git('-C', work, ...author, 'commit', '-qm', 'Begin')
      git('clone', '-q', '--bare', work, `${work}.git`)
      return `ssh://${userInfo().username}@127.0.0.1:${port}${work}.git`
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
