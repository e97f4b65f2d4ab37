// The time, by the server's clock: the browser's may be wrong.
import { readonly, ref } from 'vue'

/** A smaller difference is the way of the answer, not a wrong clock. */
const TOLERATED = 3_000

let offset = 0
const ticking = ref(Date.now())

/** Milliseconds since 1970, every second anew while the page is visible. */
export const now = readonly(ticking)

function tick(): void {
  ticking.value = Date.now() + offset
}

/** Compare with the Date header of an answer. */
export function compareClock(header: string | null): void {
  const told = header === null ? NaN : Date.parse(header)
  if (Number.isNaN(told)) return
  const difference = told - Date.now()
  offset = Math.abs(difference) > TOLERATED ? difference : 0
}

setInterval(() => document.hidden || tick(), 1_000)
document.addEventListener('visibilitychange', tick)
