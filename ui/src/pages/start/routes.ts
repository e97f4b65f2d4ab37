import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/project/:project(\\d+)/start',
    name: 'start',
    component: () => import('./StartPage.vue'),
    meta: { title: 'start.title', entry: 'dashboard', texts: ['keys'], manage: true },
  },
  {
    path: '/project/new',
    name: 'project-new',
    component: () => import('./NewProject.vue'),
    meta: { title: 'frame.newProject' },
  },
] satisfies RouteRecordRaw[]
