import type {Profile} from './profiles'
import type {Session} from './session'

// Found on the wire with an owner, a granted user, a stranger and root on private and on public sessions.

const isOwner = (session: Session, uid: number): boolean => session.owner === uid
const isGranted = (session: Session, uid: number): boolean => isOwner(session, uid) || session.acl.includes(uid)

/** Properties: the owner, granted users and root. Public access does not open them. */
export const mayRead = (session: Session, uid: number): boolean => isGranted(session, uid) || uid === 0

/** Methods, and being listed: with public access everybody, else the owner and granted users; root is nobody special. */
export const mayAct = (session: Session, uid: number): boolean => isGranted(session, uid) || session.publicAccess

/** The log level and data channel offload. */
export const maySet = (session: Session, uid: number): boolean => isGranted(session, uid)

/** Granting, revoking, public access, log access. */
export const mayAdminister = (session: Session, uid: number): boolean => isOwner(session, uid)

/** LogForward: the owner, and with `restrict_log_access` off whoever may act. */
export const mayForwardLog = (session: Session, uid: number): boolean =>
  isOwner(session, uid) || (!session.restrictLogAccess && mayAct(session, uid))

const isProfileGranted = ({acl, owner}: Profile, uid: number): boolean => owner === uid || acl.includes(uid)

/** Of a profile: its properties but the owner, which everybody may read, Validate, and being listed. */
export const mayReadProfile = (profile: Profile, uid: number): boolean =>
  isProfileGranted(profile, uid) || profile.publicAccess

/** Of a profile: its text, and `dco`. */
export const mayFetchProfile = (profile: Profile, uid: number): boolean =>
  profile.lockedDown ? profile.owner === uid : isProfileGranted(profile, uid)

export const mayChangeProfile = ({owner}: Profile, uid: number): boolean => owner === uid
