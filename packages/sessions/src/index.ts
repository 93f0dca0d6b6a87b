// Named one by one, so that a bundle loads a module when one of its names is first used.
export {
  Cancellation,
  Deadline,
  delayedSignal,
  Interruption,
  isHangup,
  proceed,
  reasonOf,
  sleep,
  unlessAborted,
  withGrace,
} from './abort'
export {type Account, accountOf, type User} from './account'
export {type Action, disconnect, logLevel, pause, runUntilInterrupted, unchangedResult} from './actions/actions'
export {cleanUp, namedSessions, planCleanUp} from './actions/cleanup'
export {failure, result, withMinor} from './actions/result'
export {type ConnectOptions, type Waiting} from './connect/attempt'
export {connectAll} from './connect/connect-all'
export {type Asking, type Interaction, type Task} from './connect/interaction'
export {stay} from './connect/stay'
export {
  accessDenied,
  type ErrorCode,
  exitStatus,
  hasCode,
  isOutage,
  isOvpn3Error,
  Ovpn3Error,
  profileNotFound,
  type ProfileSummary,
  type SessionSummary,
} from './errors'
export {errorOn, hintOn, type Host, hostOf, hostPrefix, loginTo, perHost} from './host'
export {toJson} from './json'
export {
  isAtLeast,
  leastCategory,
  logLevelName,
  logLevelNames,
  logLevelNumbers,
  type LogLine,
  tunnelAddress,
} from './log'
export {
  type Claim,
  claimOf,
  claimsOf,
  isOwnedBy,
  nearestRing,
  type OwnerNamed,
  type Ownership,
  ownershipOf,
  readsAll,
} from './ownership'
export {mapLimited} from './map-limited'
export {departureText, type Reading, readingOf, type SessionState} from './reading'
export {
  aboutSession,
  configOf,
  type Connection,
  type ErrorJson,
  errorJson,
  exitStatusOf,
  failOnOutage,
  goneError,
  identityOf,
  isGone,
  labelOf,
  type Outcome,
  type SessionIdentity,
  sessionLabel,
  sessionName,
  type SessionResult,
  type StatusJson,
  statusJson,
} from './result'
export {matching, noPathError, type Selector} from './selector'
export {
  type Authenticate,
  type Control,
  type Endpoint,
  type Follow,
  type Following,
  type FollowOptions,
  InputGroup,
  type InputRequest,
  keyOf,
  type LogEvent,
  type Origin,
  type Profile,
  type PropertyName,
  Session,
  type SessionEvent,
  type SessionProperties,
  type SessionRef,
  type Share,
  type Snapshot,
  type Unsubscribe,
} from './session'
export {
  asOvpn3Error,
  ofHosts,
  type ProfileQuery,
  type SavedProfile,
  type SessionsEvent,
  type SessionSource,
  type SourceEvent,
  type SourceFailure,
  type SourceProfile,
  Sources,
  type StartFrom,
  type StartOptions,
  type Users,
} from './source'
export {
  classicMinorText,
  classicStatusText,
  deadEnds,
  heldDevice,
  isDeadEnd,
  isEnding,
  isNotStarted,
  isSameStatus,
  type SessionStatus,
  StatusMinor,
  statusText,
  statusTexts,
  waitsForInput,
} from './status'
export {bytes, count, duration, isoTime, localTime, safeText, shellWord, shortId} from './text'
export {type ChangeKind, type Tracked, Tracker, type TrackerOptions} from './tracker/tracker'
