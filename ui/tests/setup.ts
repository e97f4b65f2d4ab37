import { loadAllTexts } from '@/locales'

await loadAllTexts()
