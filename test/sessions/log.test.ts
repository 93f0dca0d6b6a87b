import {isAtLeast, leastCategory, logLevelName, logLevelNames, logLevelNumbers} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

const shown = (level: string) =>
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((category) => isAtLeast({category}, leastCategory(level)))

describe('log levels', () => {
  it('have the names of their categories; an unknown code is its number', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((category) => logLevelName({category})),
      ['debug', 'verb2', 'verb1', 'info', 'warn', 'error', 'crit', 'fatal'],
    )
    assert.equal(logLevelName({category: 9}), '9')
  })

  it('are a category and the more severe ones; what has no category is always among them', () => {
    assert.deepEqual(shown('info'), [0, 4, 5, 6, 7, 8, 9])
    assert.deepEqual(shown('fatal'), [0, 8, 9])
    assert.deepEqual(shown('debug'), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('are the same by number: 6 is debug, 0 crit', () => {
    assert.deepEqual(
      logLevelNumbers.map((number) => logLevelNames[leastCategory(number) - 1]),
      ['crit', 'error', 'warn', 'info', 'verb1', 'verb2', 'debug'],
    )
  })
})
