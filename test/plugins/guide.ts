import {readFileSync} from 'node:fs'
import path from 'node:path'

import {repository} from '../support/repository'

export type Step =
  | {readonly kind: 'command'; readonly command: string; readonly output: string}
  | {readonly kind: 'file'; readonly name: string; readonly text: string}

const block = /(?:^`(?<name>[^\n`]+)`:\n\n)?^(?<indent> *)```(?<language>\w+)\n(?<body>[^]*?)^\k<indent>```$/gm

/**
 * The steps of a guide in order: a block after a line "`name`:" is a file, and a ```console block contains command
 * lines after `$ `, each followed by its output.
 */
export function stepsOf(file: string): Step[] {
  const text = readFileSync(path.join(repository, file), 'utf8')
  return [...text.matchAll(block)].flatMap(({groups}): Step[] => {
    const {body = '', indent = '', language, name} = groups!
    if (name !== undefined) return [{kind: 'file', name, text: body}]
    if (language !== 'console') throw new Error(`${file}: a block that is neither a file nor a console:\n${body}`)
    return body
      .replaceAll(new RegExp(`^${indent}`, 'gm'), '')
      .split(/^\$ /m)
      .slice(1)
      .map((example) => {
        const [command = '', ...output] = example.split('\n')
        return {command, kind: 'command', output: output.join('\n')}
      })
  })
}

/** A pattern for the expected output, in which `…` stands for any text. */
export function pattern(output: string): RegExp {
  const parts = output
    .trimEnd()
    .split('…')
    .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('[^]*')}$`)
}
