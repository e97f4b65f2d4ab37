// Searches a text in the lines, in small steps so that the page stays usable.
import { plain } from './ansi'
import type { LineStore } from './store'

export interface Hit {
  line: number
  /** the place in the line, in characters without sequences */
  at: number
}

/** Hits that are kept. */
export const MOST = 100_000
/** Lines of a step. */
const STEP = 4_000

/** Return the expression for *text*, in any case unless it has a capital letter. */
export function pattern(text: string): RegExp {
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(escaped, text === text.toLowerCase() ? 'gi' : 'g')
}

/** Return the places of *sought* in a line. */
export function places(line: string, sought: RegExp): number[] {
  return Array.from(line.matchAll(sought), (each) => each.index)
}

/** Yield the hits in the lines above *from*, step by step; each step is short. */
export function* search(
  store: LineStore,
  text: string,
  from = 0,
  kept = 0,
): Generator<Hit[], void, void> {
  const sought = pattern(text)
  let count = kept
  for (let line = from + 1; line <= store.length;) {
    const hits: Hit[] = []
    for (const end = line + STEP; line < end && line <= store.length; line++) {
      const shown = store.text(line)
      if (shown === undefined) continue
      for (const at of places(plain(shown), sought)) {
        hits.push({ line, at })
        count += 1
        if (count >= MOST) {
          yield hits
          return
        }
      }
    }
    yield hits
  }
}
