// The languages, as entries of a menu.
import { chooseLanguage, language, LANGUAGES, type Language } from '@/locales'

export function languageItems() {
  return (Object.keys(LANGUAGES) as Language[]).map((each) => ({
    label: LANGUAGES[each],
    type: 'checkbox' as const,
    checked: language.value === each,
    onSelect: () => void chooseLanguage(each),
  }))
}
