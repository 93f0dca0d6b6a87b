import type {Profile} from './profiles'
import type {Session} from './session'

// Observed on the real services for the owner, a granted user, another user and root, on private and public sessions.

const isOwner = (session: Session, uid: number): boolean => session.owner === uid
const isGranted = (session: Session, uid: number): boolean => isOwner(session, uid) || session.acl.includes(uid)

/** Reading properties: the owner, granted users and root. Public access does not include it. */
export const mayRead = (session: Session, uid: number): boolean => isGranted(session, uid) || uid === 0

/**
 * Calling methods and listing: everyone with public access, otherwise the owner and granted users. Root has no
 * privilege.
 */
export const mayAct = (session: Session, uid: number): boolean => isGranted(session, uid) || session.publicAccess

/** Setting the log level and data channel offload. */
export const maySet = (session: Session, uid: number): boolean => isGranted(session, uid)

/** Granting, revoking, and changing public access and log access. */
export const mayAdminister = (session: Session, uid: number): boolean => isOwner(session, uid)

/** LogForward: the owner; with `restrict_log_access` off, every user who may act. */
export const mayForwardLog = (session: Session, uid: number): boolean =>
  isOwner(session, uid) || (!session.restrictLogAccess && mayAct(session, uid))

const isProfileGranted = ({acl, owner}: Profile, uid: number): boolean => owner === uid || acl.includes(uid)

/** Listing a profile, Validate, and reading its properties except `owner`, which every user may read. */
export const mayReadProfile = (profile: Profile, uid: number): boolean =>
  isProfileGranted(profile, uid) || profile.publicAccess

/** Fetching the text of a profile, and setting `dco`. */
export const mayFetchProfile = (profile: Profile, uid: number): boolean =>
  profile.lockedDown ? profile.owner === uid : isProfileGranted(profile, uid)

export const mayChangeProfile = ({owner}: Profile, uid: number): boolean => owner === uid
