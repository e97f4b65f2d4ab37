// The texts of the page, in the language that the browser or the user prefers.
// Files are by noun; a key is "noun.name". A missing key fails the build (plugins/messages.ts).
import { computed, ref } from 'vue'
import { createI18n } from 'vue-i18n'
import { keep, recall } from '@/storage'
import type { Texts as English } from './nouns'

export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const
export type Language = keyof typeof LANGUAGES

/** Texts as they are loaded. */
type Tree = { [name: string]: Tree }

type Leaves<T, Prefix extends string = ''> = {
  [K in keyof T & string]: T[K] extends string ? `${Prefix}${K}` : Leaves<T[K], `${Prefix}${K}.`>
}[keyof T & string]

/** Every key of the English texts. */
export type Key = Leaves<English>

/** The nouns that have texts. */
export type Noun = keyof English

export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  messages: {} as Record<string, Tree>,
  missing: (_language, key) => console.error(`the text ${key} is not loaded: meta.texts`),
})

/** The language in use; assign with {@link chooseLanguage}. */
export const language = computed(() => i18n.global.locale.value as Language)

/** Values for the places in a text, such as {name}. */
export type Values = Record<string, string | number>

/** Return a text, in the present language. */
export function t(key: Key, values: Values = {}): string {
  return i18n.global.t(key, values)
}

/** Return a text in the form for *count*, which is also its {n} in digits. */
export function plural(key: Key, count: number, values: Values = {}): string {
  return i18n.global.t(key, { n: number(count), ...values }, count)
}

const plainNumber = computed(() => new Intl.NumberFormat(language.value))

/** Return *value* as people write it. */
export function number(value: number, options?: Intl.NumberFormatOptions): string {
  const format = options ? new Intl.NumberFormat(language.value, options) : plainNumber.value
  return format.format(value)
}

const chosen = ref(recall('language'))

/** The language that was chosen, or null if the browser decides. */
export const chosenLanguage = computed(() => known(chosen.value))

function known(tag: string | null | undefined): Language | null {
  const short = tag?.slice(0, 2).toLowerCase()
  return short && short in LANGUAGES ? (short as Language) : null
}

const files = import.meta.glob<{ default: Tree }>('./{en,de}/*.json')
const loaded = new Set<Noun>()

async function read(tag: Language, noun: Noun): Promise<void> {
  const texts = await files[`./${tag}/${noun}.json`]!()
  i18n.global.mergeLocaleMessage(tag, { [noun]: texts.default })
}

/** Load the texts of *nouns*, which are not loaded before they are needed. */
export async function loadTexts(...nouns: Noun[]): Promise<void> {
  const missing = nouns.filter((each) => !loaded.has(each))
  await Promise.all(missing.map((each) => read(language.value, each)))
  missing.forEach((each) => loaded.add(each))
}

/** Load the texts of every noun. */
export function loadAllTexts(): Promise<void> {
  const names = Object.keys(files).filter((each) => each.startsWith('./en/'))
  return loadTexts(...names.map((each) => each.slice(5, -5) as Noun))
}

async function use(next: Language): Promise<void> {
  await Promise.all([...loaded].map((each) => read(next, each)))
  i18n.global.locale.value = next
  document.documentElement.lang = next
}

/** Use *next*, or with null the browser's language, from now on. */
export async function chooseLanguage(next: Language | null): Promise<void> {
  chosen.value = next
  keep('language', next)
  await startLanguage()
}

/** Use the language that was chosen, else the one that the browser prefers. */
export async function startLanguage(): Promise<void> {
  const preferred = navigator.languages.map(known).find((each) => each !== null)
  await use(chosenLanguage.value ?? preferred ?? 'en')
}
