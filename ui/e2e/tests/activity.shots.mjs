import { inProject } from '../lib/page.mjs'
import { api, ended, start } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'
import { world } from '../lib/world.mjs'

export default async function shots() {
  await api('POST', '/keys', { name: 'deploy token', type: 'string', string: 'x' })
  await ended(await start('Disk usage'))
  const listed = (page) => page.getByText('Access Key deploy token created').waitFor()
  return [
    ...(await shoot('32-activity', inProject('/activity'), listed)),
    ...(await shoot('32-activity-all', `${world.url}/admin/activity`, listed)),
  ]
}
