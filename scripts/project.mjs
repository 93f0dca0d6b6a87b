/** Where things are in the project: for the other scripts. Node's own modules only. */
import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')
export const read = (...path) => readFileSync(join(root, ...path), 'utf8')
export const readJson = (...path) => JSON.parse(read(...path))
export const {version} = readJson('package.json')

/** The folders of the packages in a folder. */
const packagesIn = (folder) =>
  readdirSync(join(root, folder))
    .map((name) => join(folder, name))
    .filter((path) => existsSync(join(root, path, 'package.json')))
export const plugins = packagesIn('plugins')
export const workspaces = [...packagesIn('packages'), ...plugins]

/** The commands of the CLI and its plugins, by name, as their manifests have them. */
export const commands = () =>
  Object.assign({}, ...['', ...plugins].map((folder) => readJson(folder, 'oclif.manifest.json').commands))

/** When this version was released, and the text about it in the changelog. */
export function release() {
  const [heading, ...lines] = `\n${read('CHANGELOG.md')}`.split(`\n## [${version}] - `)[1]?.split('\n') ?? []
  if (!heading) throw new Error(`CHANGELOG.md has no release date for ${version}`)
  return {date: heading, notes: lines.join('\n').split('\n## ')[0]}
}

/** Writes a file that the build makes; with --check it is only said, and a failure, where it is not as it would be. */
export function generate(file, content, remark) {
  if (!process.argv.includes('--check')) writeFileSync(file, content)
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== content) {
    console.error(`${file}${remark}`)
    process.exitCode = 1
  }
}
