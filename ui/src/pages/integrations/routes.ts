import type { RouteRecordRaw } from 'vue-router'

const list = '/project/:project(\\d+)/integrations'
const meta = { title: 'frame.nav.integrations', entry: 'integrations', manage: true } as const

export default [
  { path: list, name: 'integrations', component: () => import('./IntegrationsPage.vue'), meta },
  {
    path: `${list}/new`,
    name: 'integration-new',
    component: () => import('./IntegrationEditor.vue'),
    meta: { ...meta, title: 'integrations.add', texts: ['keys'] },
  },
  {
    path: `${list}/:integration(\\d+)`,
    name: 'integration',
    component: () => import('./IntegrationPage.vue'),
    meta,
  },
  {
    path: `${list}/:integration(\\d+)/edit`,
    name: 'integration-edit',
    component: () => import('./IntegrationEditor.vue'),
    meta: { ...meta, texts: ['keys'] },
  },
] satisfies RouteRecordRaw[]
