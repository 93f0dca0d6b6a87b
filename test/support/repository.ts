import {existsSync, readFileSync} from 'node:fs'
import path from 'node:path'

/** The root folder of the project, independent of the folder that the tests are compiled to. */
export const repository = find(__dirname)

function find(folder: string): string {
  const file = path.join(folder, 'package.json')
  if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name === 'ovpn3') return folder
  const parent = path.dirname(folder)
  if (parent === folder) throw new Error(`no repository around ${__dirname}`)
  return find(parent)
}
