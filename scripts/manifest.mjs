/**
 * Writes oclif.manifest.json for the CLI and for each plugin from the compiled commands, so that the CLI loads only the
 * command that runs. With --check, it writes nothing and fails if a manifest is out of date.
 */
import {Plugin} from '@oclif/core/config'
import {join} from 'node:path'

import {generate, plugins, readJson, root} from './project.mjs'

/** Loads the commands of the CLI from the compiler's output, because the bundle is built after the manifests. */
function compiled() {
  const pjson = readJson('package.json')
  const commands = {...pjson.oclif.commands, target: './build/startup/ovpn3.js'}
  return {isRoot: true, pjson: {...pjson, oclif: {...pjson.oclif, commands}}}
}

for (const folder of ['', ...plugins]) {
  const plugin = new Plugin({
    errorOnManifestCreate: true,
    ignoreManifest: true,
    respectNoCacheDefault: true,
    root: join(root, folder),
    type: 'core',
    ...(folder === '' && compiled()),
  })
  await plugin.load()
  const manifest = JSON.stringify(plugin.manifest, null, 2) + '\n'
  generate(join(root, folder, 'oclif.manifest.json'), manifest, ' is out of date. Run `npm run build`')
}
