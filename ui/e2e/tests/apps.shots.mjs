import { addTemplate } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'
import { world } from '../lib/world.mjs'

export default async function shots() {
  await world.api('POST', '/apps/perl', {
    title: 'Perl reports',
    path: '/usr/bin/perl',
    args: ['-w'],
    priority: 150,
  })
  await world.api('POST', '/apps/make', { title: 'Make', path: '/opt/tools/bin/make' })
  await world.api('POST', '/apps/bash', { title: 'Shell', args: ['-eu'] })
  await addTemplate('Monthly report', 'print 1;\n', { app: 'perl' })
  const listed = (page) => page.getByText('Perl reports').locator('visible=true').first().waitFor()
  return [
    ...(await shoot('17-applications', `${world.url}/admin/apps`, listed)),
    ...(await shoot('17-application', `${world.url}/admin/apps?app=perl`, (page) =>
      page.getByRole('dialog').getByLabel('Program').waitFor(),
    )),
    ...(await shoot('17-options', `${world.url}/admin/options`, (page) =>
      page.getByText('apps.perl.args').locator('visible=true').first().waitFor(),
    )),
  ]
}
