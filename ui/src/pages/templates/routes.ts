import type { RouteRecordRaw } from 'vue-router'

const list = '/project/:project(\\d+)/templates'
const meta = { title: 'frame.nav.templates', entry: 'templates' } as const

export default [
  {
    path: list,
    name: 'templates',
    component: () => import('./TemplatesPage.vue'),
    meta: { ...meta, texts: ['schedules'] },
  },
  {
    path: `${list}/new`,
    name: 'template-new',
    component: () => import('./TemplateEditor.vue'),
    meta: { ...meta, title: 'templates.new', manage: true },
  },
  {
    path: `${list}/:template(\\d+)`,
    name: 'template',
    component: () => import('./TemplatePage.vue'),
    meta: { ...meta, texts: ['schedules'] },
  },
  {
    path: `${list}/:template(\\d+)/edit`,
    name: 'template-edit',
    component: () => import('./TemplateEditor.vue'),
    meta: { ...meta, manage: true },
  },
] satisfies RouteRecordRaw[]
