export {type Action, disconnect, leaveAlone, logLevel, type LogLevelOptions, pause, type PauseOptions} from './actions'
export {cleanUp, type CleanupOptions, namedSessions, planCleanUp} from './cleanup'
export {runUntilInterrupted} from './many'
