// What tabs of this site know of each other, by locks of the browser, which end with their
// tab. Without such locks (an old browser, forbidden storage) each tab is on its own.
import { apiUrl } from '@/base'

const FOCUS = `focus ${apiUrl}`

const locks = (): LockManager | undefined => navigator.locks

let leave: (() => void) | undefined

/** Tell other tabs that this one is in use, until it is left. */
function enter(): void {
  if (leave) return
  const used = new Promise<void>((resolve) => (leave = resolve))
  locks()
    ?.request(FOCUS, { mode: 'shared' }, () => used)
    .catch(() => undefined) // not permitted
}

addEventListener('focus', enter)
addEventListener('blur', () => {
  leave?.()
  leave = undefined
})
if (document.hasFocus()) enter()

/** Whether a tab of this site has the focus: this one or another. */
export async function isInUse(): Promise<boolean> {
  if (document.hasFocus()) return true
  try {
    const { held } = (await locks()?.query()) ?? {}
    return held?.some((each) => each.name === FOCUS) === true
  } catch {
    return false // not permitted
  }
}

/** Whether no other tab has said *what* within the last *milliseconds*; then this one has. */
export function isFirst(what: string, milliseconds: number): Promise<boolean> {
  const found = locks()
  if (!found) return Promise.resolve(true)
  return new Promise((resolve) => {
    found
      .request(`${what} ${apiUrl}`, { ifAvailable: true }, async (lock) => {
        resolve(lock !== null)
        if (lock) await new Promise((end) => setTimeout(end, milliseconds))
      })
      .catch(() => resolve(true)) // not permitted
  })
}
