import {Args, Flags, Parser} from '@oclif/core'
import {extraWords, givenFlags, type ParserError, parserText} from '@ovpn3/kit/flags'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

const flags = {
  bare: Flags.boolean(),
  kind: Flags.string({options: ['a', 'b']}),
  name: Flags.string(),
  number: Flags.integer(),
  other: Flags.string({default: 'x'}),
}

/** The error that oclif's parser throws. The texts below are exact, so a test fails if oclif changes an error. */
async function failureOf(line: string, args = {}): Promise<ParserError> {
  try {
    await Parser.parse(line.split(' ').filter(Boolean), {args, flags})
  } catch (error) {
    return error as ParserError
  }

  throw new assert.AssertionError({message: `oclif's parser accepts ${line}`})
}

describe("error of oclif's parser", () => {
  const texts: Readonly<Record<string, string>> = {
    '--bare extra words': 'unexpected arguments: extra, words',
    '--kind': '--kind expects one of these values: a, b',
    '--kind=c': 'invalid value for --kind: c: pass one of a, b',
    '--name': 'option --name requires a value',
    '--name --bare': 'option --name requires a value',
    '--name x --name y': '--name can only be specified once',
    '--nosuch -x': 'unknown options: --nosuch, -x',
    '--number=x': 'parsing --number Expected an integer but received: x',
    word: 'unexpected argument: word',
  }
  for (const [line, text] of Object.entries(texts))
    it(`for ${line} becomes: ${text}`, async () => {
      assert.equal(parserText(await failureOf(line)), text)
    })

  it('names missing arguments', async () => {
    const args = {plugin: Args.string({description: 'Plugin to install.', required: true})}
    const error = await failureOf('--bare', args)
    assert.equal(extraWords(error), undefined)
    assert.equal(parserText(error), 'missing argument: PLUGIN')
  })

  it('has the typed flags and extra arguments in its fields', async () => {
    const error = await failureOf('--number=1 --bare extra')
    assert.deepEqual([extraWords(error), givenFlags(error)], [['extra'], ['bare', 'number']])
    assert.deepEqual((await failureOf('--nosuch')).flags, ['--nosuch'])
    // An error about a value has no data.
    assert.deepEqual(givenFlags(await failureOf('--kind=c')), [])
  })

  it('is printed on one line', async () => {
    const flags = {name: Flags.string({exactlyOne: ['name', 'other']}), other: Flags.string()}
    await assert.rejects(Parser.parse([], {flags}), (error: ParserError) => {
      assert.equal(
        parserText(error),
        'the following error occurred: Exactly one of the following must be provided: --name, --other',
      )
      return true
    })
  })
})
