import { shoot } from '../lib/shots.mjs'
import { world } from '../lib/world.mjs'

export default async function shots() {
  return shoot(
    '01-login',
    `${world.url}/login`,
    async (page) => {
      page.expectRefusal(401, '/api/auth/login')
      await page.getByLabel('User or e-mail').fill('sara.kuehn')
      await page.getByLabel('Password').fill('not-a-password')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('alert').waitFor()
    },
    { login: false },
  )
}
