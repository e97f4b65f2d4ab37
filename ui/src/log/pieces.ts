// Marks the hits of a search in the pieces of a line.
import type { Piece } from './ansi'

export interface Shown extends Piece {
  /** 1 for a hit, 2 for the present one */
  hit: 0 | 1 | 2
}

/** Split *pieces* where texts of *length* characters begin at *places*. */
export function withHits(
  pieces: readonly Piece[],
  places: readonly number[],
  length: number,
  present: number,
): Shown[] {
  const shown: Shown[] = []
  let at = 0
  let next = 0
  for (const piece of pieces) {
    let from = 0
    while (from < piece.text.length) {
      while (next < places.length && places[next]! + length <= at + from) next += 1
      const place = places[next] ?? Infinity
      const inside = place <= at + from
      const until = inside ? place + length - at : place - at
      const to = Math.min(piece.text.length, until)
      const hit = !inside ? 0 : place === present ? 2 : 1
      shown.push({ ...piece, text: piece.text.slice(from, to), hit })
      from = to
    }
    at += piece.text.length
  }
  return shown
}

/** Return *pieces* up to *most* characters, and how many are left out. */
export function cut(pieces: readonly Piece[], most: number): [Piece[], number] {
  let room = most
  let left = 0
  const kept: Piece[] = []
  for (const piece of pieces) {
    if (piece.text.length <= room) kept.push(piece)
    else {
      if (room > 0) kept.push({ ...piece, text: piece.text.slice(0, room) })
      left += piece.text.length - Math.max(0, room)
    }
    room -= piece.text.length
  }
  return [kept, left]
}
