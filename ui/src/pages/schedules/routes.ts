import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/project/:project(\\d+)/schedules',
    name: 'schedules',
    component: () => import('./SchedulesPage.vue'),
    meta: { title: 'frame.nav.schedules', texts: ['run'] },
  },
] satisfies RouteRecordRaw[]
