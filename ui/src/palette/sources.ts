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
  read: (project: number) => Hit[]
}

/** What the server finds for words that were typed. */
export interface Finder {
  group: Source['group']
  /** Hits for *term* in a project; the palette leaves out those without its words. */
  find: (project: number, term: string, signal: AbortSignal) => Promise<Hit[]>
}

export const GROUPS: Record<Source['group'], Key> = {
  run: 'frame.palette.run',
  go: 'frame.palette.go',
  act: 'frame.palette.act',
}

export const sources: Source[] = []
export const finders: Finder[] = []

/** Let the palette find what *source* reads. */
export function addSource(source: Source): void {
  sources.push(source)
}

/** Let the palette find what the server knows. */
export function addFinder(finder: Finder): void {
  finders.push(finder)
}

/** The longest word of *term*: the server looks for one text only. */
export function longestWord(term: string): string {
  return term.split(/\s+/).reduce((a, b) => (b.length > a.length ? b : a), '')
}

/** The number of a task in *term*, such as 1043 or #1043; 0 if it is none. */
export function taskNumber(term: string): number {
  return Number(/^#?(\d{1,9})$/.exec(term.trim())?.[1] ?? 0)
}

const MARKS = /\p{M}/gu

/** Return *text* as it is compared: small letters without accents, each in its place. */
export function folded(text: string): string {
  return text.replace(/[^\x00-\x7f]|[A-Z]/g, (each) => {
    const bare = each.normalize('NFD').replace(MARKS, '').toLowerCase()
    return bare.length === each.length ? bare : each
  })
}

/** Return those of *hits* whose label has every word of *term*, best first. */
export function matching(hits: Hit[], term: string, most: number): Hit[] {
  const words = folded(term).split(/\s+/).filter(Boolean)
  if (words.length === 0) return hits.slice(0, most)
  const rank = (label: string) => (label.startsWith(words[0]!) ? 0 : 1)
  return hits
    .map((hit) => ({ hit, text: folded(hit.label) }))
    .filter(({ text }) => words.every((word) => text.includes(word)))
    .sort((a, b) => rank(a.text) - rank(b.text))
    .slice(0, most)
    .map(({ hit }) => hit)
}

/** Split *label* into parts, and say which of them *term* has. */
export function parts(label: string, term: string): { text: string; hit: boolean }[] {
  const words = folded(term).split(/\s+/).filter(Boolean)
  if (words.length === 0) return [{ text: label, hit: false }]
  const escaped = words.map((each) => each.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  let at = 0
  return folded(label)
    .split(new RegExp(`(${escaped.join('|')})`))
    .filter(Boolean)
    .map((part) => {
      at += part.length
      return { text: label.slice(at - part.length, at), hit: words.includes(part) }
    })
}
