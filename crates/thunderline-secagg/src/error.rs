//! Why a party to the protocol goes no further.

use std::fmt;

/// Why a message, or a whole session, is refused. Members are named by their place in the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Bytes that are no message of this version.
    Malformed {
        /// The message that was expected.
        message: &'static str,
        /// What is wrong with the bytes.
        why: &'static str,
    },
    /// A message of another session: another round, other terms.
    OtherSession(&'static str),
    /// A message that was made under another roster.
    OtherRoster(&'static str),
    /// Terms that no session can have, or that the client does not accept.
    Terms(String),
    /// Fewer members than the terms, the client or the mathematics want.
    TooFew {
        /// Of what there are too few.
        what: &'static str,
        /// How many there are.
        have: usize,
        /// How many it takes.
        need: usize,
    },
    /// More members than the terms allow.
    TooMany {
        /// How many there are.
        have: usize,
        /// How many there may be.
        most: usize,
    },
    /// No neighbourhood of this cohort keeps what the terms promise.
    Unreachable {
        /// How many members there are.
        members: usize,
    },
    /// A signature that does not fit.
    Signature {
        /// What was signed.
        on: &'static str,
        /// Whose signature it should be; `None` for one who is not on a roster yet.
        member: Option<u16>,
    },
    /// An identity that this client was not told to trust.
    Stranger,
    /// The same identity or the same key twice on one roster.
    Duplicate(&'static str),
    /// A roster that is not in the order of its identities.
    Unordered,
    /// A public key for which every agreement has the same result.
    WeakKey,
    /// This client's own advertisement is not on the roster as it was made.
    NotEnrolled,
    /// This client is not among those whose inputs are summed or whose shares were passed on.
    LeftOut(&'static str),
    /// A place in the roster that nobody has, or nobody who may speak here.
    Unknown {
        /// The message that names it.
        message: &'static str,
        /// The place.
        member: u16,
    },
    /// A second message from one who has spoken already.
    Twice(u16),
    /// Shares for others than the sender's, or the receiver's, neighbours.
    Recipients,
    /// A sealed share that was changed, or is for somebody else.
    Seal {
        /// Who should have sealed it.
        from: u16,
    },
    /// The members that are left stand so thinly that a part of the sum could be told from the rest.
    Thin {
        /// How many of a stretch are left.
        have: usize,
        /// How many must be left.
        need: usize,
    },
    /// A vector of another length than the terms say.
    Length {
        /// Its length.
        have: usize,
        /// The length of the session.
        want: usize,
    },
    /// A vector that was made for another cohort or other terms.
    OtherQuantiser,
    /// A value that is no number.
    NotFinite {
        /// Its place in the vector.
        place: usize,
    },
    /// A weight of zero, or above the terms' most.
    Weight(u32),
    /// The shares that came back do not give the secret to which its owner is bound.
    Secret {
        /// Whose secret.
        member: u16,
        /// Which one.
        which: &'static str,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { message, why } => write!(f, "no {message} of this version: {why}"),
            Self::OtherSession(message) => write!(f, "the {message} belongs to another session"),
            Self::OtherRoster(message) => write!(f, "the {message} was made under another roster"),
            Self::Terms(why) => write!(f, "terms: {why}"),
            Self::TooFew { what, have, need } => write!(f, "{have} {what}, and it takes {need}"),
            Self::TooMany { have, most } => write!(f, "{have} members, and the terms allow {most}"),
            Self::Unreachable { members } => {
                write!(f, "no neighbourhood among {members} members stands what the terms assume")
            }
            Self::Signature { on, member: Some(member) } => {
                write!(f, "member {member}'s signature on the {on} does not fit")
            }
            Self::Signature { on, member: None } => write!(f, "the signature on the {on} does not fit"),
            Self::Stranger => write!(f, "the roster has an identity that this client was not told to trust"),
            Self::Duplicate(what) => write!(f, "the roster has the same {what} twice"),
            Self::Unordered => write!(f, "the roster is not in the order of its identities"),
            Self::WeakKey => write!(f, "a public key of low order"),
            Self::NotEnrolled => write!(f, "this client's advertisement is not on the roster as it was made"),
            Self::LeftOut(what) => write!(f, "this client is not among the {what}"),
            Self::Unknown { message, member } => {
                write!(f, "the {message} names member {member}, who has no part in it")
            }
            Self::Twice(member) => write!(f, "member {member} has spoken already"),
            Self::Recipients => write!(f, "the shares are not for exactly the neighbours"),
            Self::Seal { from } => write!(f, "member {from}'s sealed share does not open"),
            Self::Thin { have, need } => {
                write!(f, "{have} members are left in a stretch of the ring, and it takes {need}")
            }
            Self::Length { have, want } => {
                write!(f, "a vector of {have} numbers, and the session's have {want}")
            }
            Self::OtherQuantiser => write!(f, "the vector was made for another cohort or other terms"),
            Self::NotFinite { place } => write!(f, "the number at {place} is not finite"),
            Self::Weight(weight) => write!(f, "a weight of {weight} is outside the terms"),
            Self::Secret { member, which } => {
                write!(f, "the shares of member {member}'s {which} do not give what it is bound to")
            }
        }
    }
}

impl std::error::Error for Refusal {}
