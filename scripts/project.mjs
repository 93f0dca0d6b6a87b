/** Paths and metadata of the project, for the other scripts. Uses only Node's own modules. */
import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')
export const read = (...path) => readFileSync(join(root, ...path), 'utf8')
export const readJson = (...path) => JSON.parse(read(...path))
export const {version} = readJson('package.json')

/** The package folders in a folder. */
const packagesIn = (folder) =>
  readdirSync(join(root, folder))
    .map((name) => join(folder, name))
    .filter((path) => existsSync(join(root, path, 'package.json')))
export const plugins = packagesIn('plugins')
export const workspaces = [...packagesIn('packages'), ...plugins]

/** The commands of the CLI and its plugins by name, from their manifests. */
export const commands = () =>
  Object.assign({}, ...['', ...plugins].map((folder) => readJson(folder, 'oclif.manifest.json').commands))

/** The release date of this version and its section of the changelog. */
export function release() {
  const [heading, ...lines] = `\n${read('CHANGELOG.md')}`.split(`\n## [${version}] - `)[1]?.split('\n') ?? []
  if (!heading) throw new Error(`CHANGELOG.md has no release date for ${version}`)
  return {date: heading, notes: lines.join('\n').split('\n## ')[0]}
}

/** Writes a generated file. With --check, writes nothing, and fails if the file is out of date. */
export function generate(file, content, remark) {
  if (!process.argv.includes('--check')) writeFileSync(file, content)
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== content) {
    console.error(`${file}${remark}`)
    process.exitCode = 1
  }
}
