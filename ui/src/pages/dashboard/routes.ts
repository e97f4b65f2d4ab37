import type { RouteRecordRaw } from 'vue-router'
import { ApiError } from '@/api/errors'
import { firstProject } from '@/api/projects'

export default [
  {
    path: '/',
    name: 'home',
    component: () => import('./NoProject.vue'),
    meta: { title: 'frame.nav.dashboard', texts: ['start'] },
    beforeEnter: async () => {
      try {
        const project = await firstProject()
        return project ? { name: 'dashboard', params: { project: project.id } } : true
      } catch (error) {
        if (error instanceof ApiError) return true // the frame shows why
        throw error
      }
    },
  },
  {
    path: '/project/:project(\\d+)',
    name: 'dashboard',
    component: () => import('./DashboardPage.vue'),
    meta: { title: 'frame.nav.dashboard' },
  },
] satisfies RouteRecordRaw[]
