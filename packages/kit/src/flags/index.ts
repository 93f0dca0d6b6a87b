/** How a command line is read and completed. Without oclif, for programs that start often. */
export {type FlagNames, hasSwitch, normalizeArgv, parserText, shortFlags, unrecognized} from './argv'
export {type Completion, type LiveValues, type OptionCompletion, selectorCompletion, selectorGroup} from './completion'
export {areExclusive, type FlagRelations, needsOf} from './relations'
export {didYouMean, selectorFor} from './meant'
