// SSH keys for tests.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Both halves of a new key made by ssh-keygen, with a comment. */
export function sshKey(passphrase = '') {
  const folder = mkdtempSync(join(tmpdir(), 'semaphore-key-'))
  try {
    const file = join(folder, 'key')
    execFileSync('ssh-keygen', [
      ...['-q', '-t', 'ed25519', '-a', '2', '-N', passphrase],
      ...['-C', 'ops@example.net', '-f', file],
    ])
    const read = (name) => readFileSync(name, 'utf8')
    return { secret: read(file), shared: read(`${file}.pub`) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
