import assert from 'node:assert/strict'
import {readdirSync, readFileSync} from 'node:fs'
import path from 'node:path'
import {describe, it} from 'node:test'
import ts from 'typescript'

import {repository} from '../support/repository'

const kit = path.join(repository, 'packages', 'kit')

/** The exports of the package, and whether each is documented. */
function exported(): {readonly documented: boolean; readonly name: string}[] {
  const file = path.join(kit, 'dist', 'index.d.ts')
  const {Node16: module} = ts.ModuleKind
  const program = ts.createProgram([file], {module, moduleResolution: ts.ModuleResolutionKind.Node16, types: []})
  const checker = program.getTypeChecker()
  return checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)!)!).map((symbol) => ({
    documented: checker.getAliasedSymbol(symbol).getDocumentationComment(checker).length > 0,
    name: symbol.name,
  }))
}

describe('exports of @ovpn3/kit', () => {
  const names = exported()

  it('are exactly the names listed in its README', () => {
    const table = readFileSync(path.join(kit, 'README.md'), 'utf8').matchAll(/^\| .* \| (`.*`) +\|$/gm)
    const listed = [...table].flatMap(([, cell]) => [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name))
    assert.deepEqual(listed.sort(), names.map(({name}) => name).sort())
  })

  it('are few, and each is used by a bundled plugin, the CLI or the guide', () => {
    const sources = ['src', ...readdirSync(path.join(repository, 'plugins')).map((name) => `plugins/${name}/src`)]
    const code = sources
      .flatMap((folder) =>
        readdirSync(path.join(repository, folder), {encoding: 'utf8', recursive: true})
          .filter((file) => file.endsWith('.ts'))
          .map((file) => readFileSync(path.join(repository, folder, file), 'utf8')),
      )
      .flatMap((text) => [...text.matchAll(/import (?:type )?\{([^}]*)\} from '@ovpn3\/kit'/g)].map(([, list]) => list))
    const users = [...code, readFileSync(path.join(repository, 'docs/plugins.md'), 'utf8')].join(' ')
    assert.deepEqual(
      names.filter(({name}) => !new RegExp(String.raw`\b${name}\b`).test(users)),
      [],
    )
    assert.ok(names.length <= 35, `${names.length} names`)
  })

  it('are all documented', () => {
    assert.deepEqual(
      names.filter(({documented}) => !documented),
      [],
    )
  })
})
