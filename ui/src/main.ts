import './styles/main.css'
import { createApp } from 'vue'
import { createHead } from '@unhead/vue/client'
import ui from '@nuxt/ui/vue-plugin'
import App from './App.vue'
import { nextTask } from './components/later'
import { i18n, startLanguage } from './locales'
import { router } from './router'
import { startTheme } from './theme'

startTheme()
const speaking = startLanguage()

// The browser has evaluated all scripts of the first load. To start the router and to draw are
// tasks of their own, so that none is long.
await nextTask()

const nonce = document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce

// The policy accepts styles with the nonce of this answer only.
const head = createHead({
  hooks: {
    'tags:resolve': ({ tags }) => {
      for (const tag of tags) if (tag.tag === 'style') tag.props.nonce = nonce ?? ''
    },
  },
})
const app = createApp(App, { nonce })
app._context.provides.usehead = head // the library makes no other one then
// the router loads texts at once, in the language that is set by then
await speaking
app.use(head).use(i18n).use(router).use(ui)

await nextTask()
app.mount('#app')
