// The languages of the page. The build checks the texts by this module, so it imports nothing.

/** The languages, by their names in themselves. */
export const LANGUAGES = {
  en: 'English',
  de: 'Deutsch',
  es: 'Español',
  fr: 'Français',
  ru: 'Русский',
  zh: '简体中文',
} as const
export type Language = keyof typeof LANGUAGES

/** Texts as they are loaded. */
export type Tree = { [name: string]: Tree }

/** The files of a language, such as ./vpn.json. */
export type Files = Record<string, () => Promise<{ default: Tree }>>

/**
 * The plural forms of whole numbers in each language, in the order of its texts, named as
 * Intl.PluralRules does. French and Spanish have "many" too, for whole millions: it is their
 * last form here.
 */
export const FORMS: Record<Language, readonly string[]> = {
  en: ['one', 'other'],
  de: ['one', 'other'],
  es: ['one', 'other'],
  fr: ['one', 'other'],
  ru: ['one', 'few', 'many'],
  zh: ['other'],
}

/** What the document says its language is: Chinese characters differ by country. */
export const TAGS: Record<Language, string> = {
  en: 'en',
  de: 'de',
  es: 'es',
  fr: 'fr',
  ru: 'ru',
  zh: 'zh-Hans',
}

/** The language of a browser's tag, such as fr-CA or zh-Hans-CN; null if there is no such one. */
export function languageOf(tag: string | null | undefined): Language | null {
  const short = tag?.split('-')[0]!.toLowerCase()
  return short && short in LANGUAGES ? (short as Language) : null
}

/**
 * Return which of *forms* texts says *count*. A text with one form more than the language has
 * begins with the one for none.
 */
export function pluralRule(language: Language): (count: number, forms: number) => number {
  let rules: Intl.PluralRules | undefined
  const names = FORMS[language]
  return (count, forms) => {
    const more = forms - names.length
    if (more > 0 && count === 0) return 0
    rules ??= new Intl.PluralRules(language)
    const at = names.indexOf(rules.select(count))
    return more + (at < 0 ? names.length - 1 : at)
  }
}
