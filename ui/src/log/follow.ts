// Whether the view stays at the end of a growing log. It stops when the user goes up, and
// begins again at the end.

/** Pixels from the end that still are the end. */
const NEAR = 8

export interface Place {
  top: number
  height: number
  /** of everything */
  total: number
}

export const isAtEnd = (place: Place) => place.top + place.height >= place.total - NEAR

/**
 * Return whether to follow after the view was moved from *before* to *now*. A move by the
 * page itself (*own*), or since the log grew, changes nothing.
 */
export function following(was: boolean, before: number, now: Place, own: boolean): boolean {
  if (own) return was
  if (isAtEnd(now)) return true
  return now.top < before ? false : was
}
