// The texts of the page, in the language that the browser or the user prefers.
// Files are by noun; a key is "noun.name". A missing key fails the build (plugins/messages.ts).
import { computed, ref } from 'vue'
import { createI18n } from 'vue-i18n'
import { keep, recall } from '@/storage'
import * as english from './en'
import { LANGUAGES, languageOf, pluralRule, TAGS, type Language, type Tree } from './languages'
import type { Texts as English } from './nouns'

export { LANGUAGES, type Language }

/** What a language brings. English is always there, another one is loaded when it is chosen. */
type Words = Pick<typeof english, 'files' | 'library'>

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
  pluralRules: Object.fromEntries(
    (Object.keys(LANGUAGES) as Language[]).map((each) => [each, pluralRule(each)]),
  ),
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

const collator = computed(() => new Intl.Collator(language.value))

/** Compare two names for sorting, as people who read the present language do. */
export function compareNames(a: string, b: string): number {
  return collator.value.compare(a, b)
}

const plainNumber = computed(() => new Intl.NumberFormat(language.value))

/** Return *value* as people write it. */
export function number(value: number, options?: Intl.NumberFormatOptions): string {
  const format = options ? new Intl.NumberFormat(language.value, options) : plainNumber.value
  return format.format(value)
}

const chosen = ref(recall('language'))

/** The language that was chosen, or null if the browser decides. */
export const chosenLanguage = computed(() => languageOf(chosen.value))

const others = import.meta.glob<Words>(['./*/index.ts', '!./en/index.ts'])
const words = new Map<Language, Words>([['en', english]])
const loaded = new Set<Noun>()

/** The words of the library's parts, in the present language. */
export const library = computed(() => words.get(language.value)!.library)

async function read(tag: Language, noun: Noun): Promise<void> {
  const texts = await words.get(tag)!.files[`./${noun}.json`]!()
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
  return loadTexts(...Object.keys(english.files).map((each) => each.slice(2, -5) as Noun))
}

async function use(next: Language): Promise<void> {
  if (!words.has(next)) words.set(next, await others[`./${next}/index.ts`]!())
  await Promise.all([...loaded].map((each) => read(next, each)))
  i18n.global.locale.value = next
  document.documentElement.lang = TAGS[next]
}

/** Use *next*, or with null the browser's language, from now on. */
export async function chooseLanguage(next: Language | null): Promise<void> {
  chosen.value = next
  keep('language', next)
  await startLanguage()
}

/** Use the language that was chosen, else the one that the browser prefers. */
export async function startLanguage(): Promise<void> {
  const preferred = navigator.languages.map(languageOf).find((each) => each !== null)
  await use(chosenLanguage.value ?? preferred ?? 'en')
}
