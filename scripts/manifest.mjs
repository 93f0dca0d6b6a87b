/**
 * Writes oclif.manifest.json for the CLI and for each plugin, from the compiled commands, so that start-up loads no
 * command class but the one that runs. With --check it writes nothing and fails where one is out of date.
 */
import {Plugin} from '@oclif/core/config'
import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const check = process.argv.includes('--check')
const plugins = readdirSync(join(root, 'plugins'), {withFileTypes: true})
  .filter((entry) => entry.isDirectory() && existsSync(join(root, 'plugins', entry.name, 'package.json')))
  .map((entry) => join(root, 'plugins', entry.name))

/** The CLI's own commands are looked up where they were compiled to: the bundle is made after the manifests. */
function compiled() {
  const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const commands = {...pjson.oclif.commands, target: './build/startup/ovpn3.js'}
  return {isRoot: true, pjson: {...pjson, oclif: {...pjson.oclif, commands}}}
}

for (const folder of [root, ...plugins]) {
  const plugin = new Plugin({
    errorOnManifestCreate: true,
    ignoreManifest: true,
    respectNoCacheDefault: true,
    root: folder,
    type: 'core',
    ...(folder === root && compiled()),
  })
  await plugin.load()
  const manifest = JSON.stringify(plugin.manifest, null, 2) + '\n'
  const file = join(folder, 'oclif.manifest.json')
  if (!check) writeFileSync(file, manifest)
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== manifest) {
    console.error(`${file} is out of date: npm run build`)
    process.exitCode = 1
  }
}
