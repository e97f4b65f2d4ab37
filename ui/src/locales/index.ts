// The texts of the page, in the language that the browser or the user prefers.
// Files are by noun; a key is "noun.name". A missing key fails the build (plugins/messages.ts).
import { computed, ref } from 'vue'
import { createI18n } from 'vue-i18n'
import { keep, recall } from '@/storage'
import en from './en'

export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const
export type Language = keyof typeof LANGUAGES

type Leaves<T, Prefix extends string = ''> = {
  [K in keyof T & string]: T[K] extends string ? `${Prefix}${K}` : Leaves<T[K], `${Prefix}${K}.`>
}[keyof T & string]

/** Every key of the English texts. */
export type Key = Leaves<typeof en>

/** The same keys with other texts. */
export type Texts<T = typeof en> = { [K in keyof T]: T[K] extends string ? string : Texts<T[K]> }

export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  messages: { en: en as Texts } as Record<string, Texts>,
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

/** Return *value* as people write it. */
export function number(value: number, options?: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(language.value, options).format(value)
}

const chosen = ref(recall('language'))

/** The language that was chosen, or null if the browser decides. */
export const chosenLanguage = computed(() => known(chosen.value))

function known(tag: string | null | undefined): Language | null {
  const short = tag?.slice(0, 2).toLowerCase()
  return short && short in LANGUAGES ? (short as Language) : null
}

async function use(next: Language): Promise<void> {
  if (next === 'de') i18n.global.setLocaleMessage('de', (await import('./de')).default)
  i18n.global.locale.value = next
  document.documentElement.lang = next
}

/** Use *next*, or with null the browser's language, from now on. */
export async function chooseLanguage(next: Language | null): Promise<void> {
  chosen.value = next
  keep('language', next)
  await startLanguage()
}

/** Load the texts before anything is shown. */
export async function startLanguage(): Promise<void> {
  const preferred = navigator.languages.map(known).find((each) => each !== null)
  await use(chosenLanguage.value ?? preferred ?? 'en')
}
