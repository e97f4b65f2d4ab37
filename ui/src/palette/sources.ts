// What the command palette finds. A page adds its nouns by a source in its routes.ts.
import type { RouteLocationRaw } from 'vue-router'
import type { Mark } from '@/components/status'
import type { Key } from '@/locales'

export interface Hit {
  label: string
  /** one fact about it */
  suffix?: string
  icon: string
  mark?: Mark
  /** where Enter goes, or what it does */
  to?: RouteLocationRaw
  run?: () => void
}

export interface Source {
  group: 'run' | 'go' | 'act'
  /** All hits for a project (0 outside of one); the palette chooses by the words. */
  read: (project: number) => Promise<Hit[]> | Hit[]
}

export const GROUPS: Record<Source['group'], Key> = {
  run: 'frame.palette.run',
  go: 'frame.palette.go',
  act: 'frame.palette.act',
}

export const sources: Source[] = []

/** Let the palette find what *source* reads. */
export function addSource(source: Source): void {
  sources.push(source)
}

/** Return those of *hits* whose label has every word of *term*, best first. */
export function matching(hits: Hit[], term: string, most: number): Hit[] {
  const words = term.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return hits.slice(0, most)
  const rank = (label: string) => (label.startsWith(words[0]!) ? 0 : 1)
  return hits
    .map((hit) => ({ hit, text: hit.label.toLowerCase() }))
    .filter(({ text }) => words.every((word) => text.includes(word)))
    .sort((a, b) => rank(a.text) - rank(b.text))
    .slice(0, most)
    .map(({ hit }) => hit)
}

/** Split *label* into parts, and say which of them *term* has. */
export function parts(label: string, term: string): { text: string; hit: boolean }[] {
  const words = term.split(/\s+/).filter(Boolean)
  if (words.length === 0) return [{ text: label, hit: false }]
  const escaped = words.map((each) => each.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return label
    .split(new RegExp(`(${escaped.join('|')})`, 'i'))
    .filter(Boolean)
    .map((text) => ({
      text,
      hit: words.some((word) => word.toLowerCase() === text.toLowerCase()),
    }))
}
