/** Parsing and completion of command lines, without oclif, for programs that start often. */
export {booleanOf} from './boolean'
export {asksForJson, type FlagNames, hasSwitch, normalizeArgv, shortFlags, switchWithValue} from './argv'
export {
  type Completion,
  hostCompletion,
  hostGroup,
  type LiveValues,
  type OptionCompletion,
  selectorCompletion,
  selectorGroup,
} from './completion'
export {defaultConnectTimeout} from './connect-timeout'
export {areExclusive, excludesSession, type FlagRelations, requiredFlags} from './relations'
export {didYouMean, mayBeDevice, selectorFor} from './meant'
export {extraWords, givenFlags, type ParserError, parserText, unexpected} from './parser-error'
