/**
 * Checks that all packages of the project have one version: the CLI, the workspaces, what they ask for of each other,
 * the lock file, and the changelog, whose newest release it is.
 */
import {readdirSync, readFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const read = (...path) => readFileSync(join(root, ...path), 'utf8')
const readJson = (...path) => JSON.parse(read(...path))
const {version} = readJson('package.json')
const folders = ['packages', 'plugins'].flatMap((parent) =>
  readdirSync(join(root, parent)).map((name) => join(parent, name)),
)
const packages = ['', ...folders].map((folder) => ({folder, ...readJson(folder, 'package.json')}))
const names = new Set(packages.map(({name}) => name))
const lock = readJson('package-lock.json')

/** Where a version is said, and which it is. */
const said = [
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
for (const [where, found] of said) {
  if (found === version) continue
  console.error(`${where}: ${found ?? 'no version'}, and not ${version}`)
  process.exitCode = 1
}
