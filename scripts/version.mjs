/**
 * Checks that the project has one version: in the CLI, the workspaces and their dependencies on each other, the lock
 * file, and the newest release in the changelog.
 */
import {join} from 'node:path'

import {read, readJson, version, workspaces} from './project.mjs'

const packages = ['', ...workspaces].map((folder) => ({folder, ...readJson(folder, 'package.json')}))
const names = new Set(packages.map(({name}) => name))
const lock = readJson('package-lock.json')

/** Every place that contains a version, with that version. */
const versions = [
  ['package-lock.json', lock.version],
  ['CHANGELOG.md', /^## \[(\d[^\]]*)\]/m.exec(read('CHANGELOG.md'))?.[1]],
  ...packages.flatMap((each) => {
    const locked = lock.packages[each.folder] ?? {}
    const places = [
      [join(each.folder, 'package.json'), each],
      [`package-lock.json, ${each.name}`, locked],
    ]
    return places.flatMap(([where, {dependencies, devDependencies, version: own}]) => [
      [where, own],
      ...Object.entries({...dependencies, ...devDependencies})
        .filter(([name]) => names.has(name))
        .map(([name, range]) => [`${where}: ${name}`, range]),
    ])
  }),
]
for (const [where, found] of versions) {
  if (found === version) continue
  console.error(`${where}: ${found ?? 'no version'}, expected ${version}`)
  process.exitCode = 1
}
