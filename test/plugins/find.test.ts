import {Config} from '@oclif/core'
import assert from 'node:assert/strict'
import {mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {findPlugins} from '../../src/plugins/find'

interface Package {
  readonly dependencies?: readonly string[]
  readonly name?: string
  readonly plugins?: readonly unknown[]
}

describe('findPlugins', () => {
  let folder: string

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'ovpn3-find-')))
    process.env.OVPN3_DATA_DIR = path.join(folder, 'data')
    put('cli', {dependencies: ['one', 'two'], name: 'ovpn3', plugins: ['two', 'one']})
    put('cli/node_modules/one', {name: 'one'})
    put('cli/node_modules/two', {name: 'two'})
  })
  afterEach(() => {
    delete process.env.OVPN3_DATA_DIR
    rmSync(folder, {recursive: true})
  })

  function put(where: string, {dependencies = [], name, plugins}: Package): void {
    mkdirSync(path.join(folder, where), {recursive: true})
    const pjson = {
      dependencies: Object.fromEntries(dependencies.map((each) => [each, '*'])),
      name,
      oclif: {bin: 'ovpn3', plugins},
      version: '1.0.0',
    }
    writeFileSync(path.join(folder, where, 'package.json'), JSON.stringify(pjson))
  }

  const users = (...plugins: readonly {readonly name: string; readonly root?: string; readonly type: string}[]) =>
    put('data', {plugins: plugins.map(({root, ...more}) => ({...more, root: root && path.join(folder, root)}))})

  /** Name, type, folder and parent of each plugin. */
  function found(): {errors: string[]; plugins: string[]} {
    const errors: string[] = []
    const plugins = findPlugins(path.join(folder, 'cli'), ({message}) => errors.push(message))
    return {
      errors,
      plugins: plugins.map((plugin) =>
        [plugin.name, plugin.type, path.relative(folder, plugin.folder), plugin.parent?.name ?? '-'].join(' '),
      ),
    }
  }

  /** The plugins that oclif finds, in the same form. */
  async function byOclif(): Promise<string[]> {
    const config = new Config({root: path.join(folder, 'cli')})
    await config.load()
    return config
      .getPluginsList()
      .map(({name, parent, root, type}) =>
        [name, type, path.relative(folder, root), parent?.name ?? '-']
          .join(' ')
          .replace(/-$/, type === 'core' && name !== 'ovpn3' ? 'ovpn3' : '-'),
      )
  }

  const core = ['ovpn3 core cli -', 'two core cli/node_modules/two ovpn3', 'one core cli/node_modules/one ovpn3']

  it('finds the CLI and its core plugins in their order', () => {
    assert.deepEqual(found(), {errors: [], plugins: core})
  })

  it('finds user plugins with their own plugins, and lets one replace a core plugin', async () => {
    put('data/node_modules/installed', {
      dependencies: ['@some/plugin-a', '@some/plugin-b', '@some/other', 'unlisted'],
      name: 'installed',
      plugins: ['@some/plugin-*', 'not-a-dependency'],
    })
    for (const name of ['@some/plugin-a', '@some/plugin-b', '@some/other', 'unlisted', 'not-a-dependency'])
      put(`data/node_modules/${name}`, {name})
    put('linked', {dependencies: ['deep', 'installed'], name: 'one', plugins: ['deep', 'installed']})
    put('linked/node_modules/deep', {name: 'deep'})
    put('linked/node_modules/installed', {name: 'installed'})
    put('own', {name: 'ovpn3'})
    users(
      {name: 'linked-one', root: 'linked', type: 'link'},
      {name: 'installed', type: 'user'},
      {name: 'ovpn3', root: 'own', type: 'link'},
      {name: 'of another kind', type: 'jit'},
    )
    const {errors, plugins} = found()
    assert.deepEqual(plugins, [
      ...core.slice(0, 2),
      'one link linked -',
      'installed user data/node_modules/installed -',
      '@some/plugin-a user data/node_modules/@some/plugin-a installed',
      '@some/plugin-b user data/node_modules/@some/plugin-b installed',
      'deep link linked/node_modules/deep one',
    ])
    assert.deepEqual(errors, [])
    assert.deepEqual([...plugins].sort(), (await byOclif()).sort())
  })

  it('omits broken plugins and reports why', () => {
    put('nameless', {})
    mkdirSync(path.join(folder, 'bad'))
    writeFileSync(path.join(folder, 'bad/package.json'), 'no JSON')
    put('good', {dependencies: ['missing'], name: 'good', plugins: ['missing']})
    users(...['nameless', 'bad', 'gone', 'good'].map((name) => ({name, root: name, type: 'link'})), {
      name: 'uninstalled',
      type: 'user',
    })
    const {errors, plugins} = found()
    assert.deepEqual(plugins, [...core, 'good link good -'])
    assert.equal(errors.length, 5)
    const all = errors.join('\n')
    for (const part of [/no name/, /not valid JSON/, /ENOENT.*gone/, /ENOENT.*uninstalled/, /ENOENT.*good.*missing/])
      assert.match(all, part)
  })

  it('finds the core plugins if the list of user plugins is broken', () => {
    users()
    writeFileSync(path.join(folder, 'data/package.json'), 'no JSON')
    const {errors, plugins} = found()
    assert.deepEqual([plugins, errors.length], [core, 1])
  })
})
