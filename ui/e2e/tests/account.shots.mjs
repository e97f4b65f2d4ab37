import { shoot } from '../lib/shots.mjs'
import { world } from '../lib/world.mjs'

export default async function shots() {
  const listed = (page) => page.getByText('this session').waitFor()
  return [
    ...(await shoot('31-account', `${world.url}/account`, async (page) => {
      await listed(page)
      await page.getByLabel('Name of the token').fill('Dashboard of the office')
      await page.getByLabel('What the token may do').click()
      await page.getByRole('option', { name: 'reads only' }).click()
      await page.getByLabel('Where the token is accepted').click()
      await page
        .getByRole('option', { name: /^only project/ })
        .first()
        .click()
      await page.getByRole('button', { name: 'Create token' }).click()
      await page.locator('.note code').waitFor()
    })),
    ...(await shoot(
      '31-account-german',
      `${world.url}/account`,
      (page) => page.getByText('diese Sitzung').waitFor(),
      { language: 'de' },
    )),
  ]
}
