// Programs that end with the run that started them, even if that is killed.
import { spawn } from 'node:child_process'

/** Like spawn; the kernel sends the program a *signal* when this process ends. */
export function spawnBound(program, words, { signal = 'TERM', ...options }) {
  return spawn('setpriv', ['--pdeathsig', signal, '--', program, ...words], options)
}
