// What plugins build on: a name that is here is promised to stay (docs/plugins.md), and README.md says what it is for.
// `model` and `argv` are entries of their own for the CLI, where more is exported, and nothing promised.
export {chooseOne, summarize, summaryLines} from './choose'
export {closest} from './closest'
export {type Colors, colorsOf} from './color'
export {type ArgsOf, type FlagsOf, SessionCommand} from './command'
export {type ResolverRequest, resolveSessions, type SessionResolver} from './hook'
export {type LiveView, liveView} from './live'
export {type SelectorName} from './misuse'
export {
  aboutSession,
  bytes,
  classicStatusText,
  type Completion,
  configOf,
  count,
  deadEnds,
  duration,
  type Endpoint,
  type ErrorCode,
  type ErrorJson,
  errorJson,
  exitStatus,
  exitStatusOf,
  failOnOutage,
  type Following,
  goneError,
  hasCode,
  InputGroup,
  type InputRequest,
  isDeadEnd,
  isNotStarted,
  isOutage,
  isOvpn3Error,
  labelOf,
  type LiveValues,
  type OptionCompletion,
  type Outcome,
  Ovpn3Error,
  paced,
  type Profile,
  type PropertyName,
  type ResolvedSessions,
  safeText,
  type Selector,
  type Session,
  type SessionEvent,
  sessionLabel,
  type SessionProperties,
  type SessionResult,
  type SessionsEvent,
  type SessionStatus,
  type SessionSummary,
  shellWord,
  shortId,
  type Snapshot,
  type StatusJson,
  statusJson,
  StatusMajor,
  StatusMinor,
  statusText,
  statusTexts,
  toJson,
  type Unsubscribe,
  withGrace,
} from './model'
export {onReaderGone} from './reader'
export {errorDocument, errorText} from './report'
export {allFlag, selectorFlags, selectorOf, selectorText} from './selector'
export {counterLines, statisticsText} from './statistics'
export {type Column, cut, displayWidth, tableText} from './table'
export {runTasks, type Task, type TaskEnd} from './tasks'
export {ask, confirm, isInteractive, pick} from './terminal'
export {findUid, findUserName, type User, userName, userOf, userText} from './users'
export {WatchCommand} from './watch'
