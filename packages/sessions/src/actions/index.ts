export {disconnect, leaveAlone, logLevel, type LogLevelOptions, pause, type PauseOptions} from './actions'
export {cleanUp, type CleanupOptions, planCleanUp} from './cleanup'
export {runUntilInterrupted} from './many'
export {baseProperties} from './result'
