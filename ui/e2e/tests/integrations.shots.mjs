import { createHmac } from 'node:crypto'
import { inProject } from '../lib/page.mjs'
import { addTemplate, api } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'

const SECRET = 'quiet words of a sender'

export default async function shots() {
  const empty = await shoot('integrations-empty', inProject('/integrations'), (page) =>
    page.getByText('No integrations yet').waitFor(),
  )
  const template = await addTemplate('Deploy api', '#!/bin/bash\necho "commit $1"\n', {
    survey_vars: [{ name: 'commit' }],
  })
  const key = await api('POST', '/keys', { name: 'gitlab', type: 'string', string: SECRET })
  const part = (name, more) => ({ name, body_data_type: 'json', ...more })
  const make = (name, more) =>
    api('POST', '/integrations', {
      name,
      template_id: template.id,
      auth_method: 'github',
      auth_secret_id: key.id,
      keep_bodies: true,
      matchers: [
        {
          name: 'push',
          match_type: 'header',
          method: 'equals',
          key: 'X-GitHub-Event',
          value: 'push',
        },
        part('main', {
          match_type: 'body',
          method: 'equals',
          key: 'ref',
          value: 'refs/heads/main',
        }),
      ],
      extract_values: [
        part('commit', { value_source: 'body', key: 'head_commit.id', variable: 'commit' }),
      ],
      ...more,
    })
  const { id } = await make('github push')
  await make('netbox devices', {
    auth_method: 'hmac',
    auth_header: 'X-Hook-Signature',
    searchable: true,
  })
  await make('night build', { auth_method: 'none', matchers: [], extract_values: [] })
  const { url } = await api('POST', `/integrations/${id}/aliases`)
  await api('POST', '/integrations/aliases')
  const send = async (page, body, secret = SECRET) => {
    const data = JSON.stringify(body)
    const sign = createHmac('sha256', secret).update(data).digest('hex')
    await page.request.post(url.replace(/^.*(?=\/api)/, new URL(page.url()).origin), {
      data,
      headers: { 'x-hub-signature-256': `sha256=${sign}`, 'x-github-event': 'push' },
    })
  }
  let sent = false
  const delivered = async (page) => {
    await page.getByText('When a delivery arrives').waitFor()
    if (!sent) {
      sent = true
      const head_commit = { id: '91be0d4c7f0e2b1a' }
      await send(page, { ref: 'refs/heads/main', head_commit }, 'wrong')
      await send(page, { ref: 'refs/heads/fix-typo', head_commit })
      await send(page, { ref: 'refs/heads/main', head_commit })
    }
    await page
      .getByRole('button', { name: /Started/ })
      .first()
      .waitFor({ timeout: 30_000 })
    await page.mouse.move(0, 0)
  }
  return [
    ...empty,
    ...(await shoot('integrations', inProject('/integrations'), (page) =>
      page.getByText('github push').locator('visible=true').first().waitFor(),
    )),
    ...(await shoot('integration', inProject(`/integrations/${id}`), delivered)),
    ...(await shoot('integration-delivery', inProject(`/integrations/${id}`), async (page) => {
      await delivered(page)
      await page
        .getByRole('button', { name: /Started/ })
        .first()
        .click()
      await page.getByRole('dialog').getByText('x-github-event').waitFor()
    })),
    ...(await shoot('integration-edit', inProject(`/integrations/${id}/edit`), (page) =>
      page.getByRole('button', { name: 'Add value' }).waitFor(),
    )),
  ]
}
