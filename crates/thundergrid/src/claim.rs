//! Who holds a zone. Pure.

use thunderline_core::{Error, Result, SignedDuration, Timestamp};

/// The shortest and the longest time that a zone can be held without being renewed, in seconds.
pub(crate) const TTL: std::ops::RangeInclusive<u32> = 5..=86_400;

/// A zone's claim: the last token that was given out, and who holds it, if anybody does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Grows with each claim; 0 before the first.
    pub token: i64,
    /// The present holder, whose time may be over.
    pub held: Option<Held>,
}

/// That somebody holds a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who.
    pub owner: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when, unless it is renewed.
    pub until: Timestamp,
}

impl Claim {
    /// Who holds the zone at this moment.
    #[must_use]
    pub fn owner(&self, now: Timestamp) -> Option<&Held> {
        self.held.as_ref().filter(|held| now < held.until)
    }

    /// Gives the zone to somebody. Who holds it already keeps the token and gets the new time.
    ///
    /// # Errors
    /// `conflict` while another holds it; `invalid` for a time out of range.
    pub(crate) fn claim(&self, owner: &str, seconds: u32, now: Timestamp) -> Result<Self> {
        let until = end(seconds, now)?;
        match self.owner(now) {
            Some(held) if held.owner != owner => {
                Err(Error::conflict(format!("'{}' holds the zone until {}", held.owner, held.until)))
            }
            Some(held) => Ok(Self { token: self.token, held: Some(Held { until, ..held.clone() }) }),
            None => {
                let held = Held { owner: owner.into(), since: now, until };
                Ok(Self { token: self.token + 1, held: Some(held) })
            }
        }
    }

    /// Gives more time to the one who has the token.
    ///
    /// # Errors
    /// `conflict` where the token is not the present one or its time is over; `invalid` for a time out of range.
    pub(crate) fn renew(&self, token: i64, seconds: u32, now: Timestamp) -> Result<Self> {
        let until = end(seconds, now)?;
        let held = self.present(token, now)?;
        Ok(Self { token, held: Some(Held { until, ..held.clone() }) })
    }

    /// Takes the zone back from the one who has the token.
    ///
    /// # Errors
    /// `conflict` where the token is not the present one or its time is over.
    pub(crate) fn release(&self, token: i64, now: Timestamp) -> Result<Self> {
        self.present(token, now)?;
        Ok(Self { token, held: None })
    }

    fn present(&self, token: i64, now: Timestamp) -> Result<&Held> {
        match self.owner(now) {
            Some(held) if self.token == token => Ok(held),
            Some(held) => {
                let message =
                    format!("token {token} is not the present one: '{}' holds the zone", held.owner);
                Err(Error::conflict(message))
            }
            None => Err(Error::conflict(format!("token {token} holds nothing any more: its time is over"))),
        }
    }
}

fn end(seconds: u32, now: Timestamp) -> Result<Timestamp> {
    let allowed = || format!("{} to {} seconds", TTL.start(), TTL.end());
    if !TTL.contains(&seconds) {
        return Err(Error::invalid_value("ttl", format!("{seconds} is out of range"), allowed()));
    }
    now.checked_add(SignedDuration::from_secs(seconds.into()))
        .map_err(|_| Error::invalid_value("ttl", "it ends beyond the calendar", allowed()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Claim(u8, u32),
        Renew(u8, u32),
        Release(u8),
        Pass(i64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let who = 0u8..4;
        let step = prop_oneof![
            (who.clone(), 5u32..60).prop_map(|(who, ttl)| Step::Claim(who, ttl)),
            (who.clone(), 5u32..60).prop_map(|(who, ttl)| Step::Renew(who, ttl)),
            who.prop_map(Step::Release),
            (0i64..40).prop_map(Step::Pass),
        ];
        proptest::collection::vec(step, 1..60)
    }

    proptest! {
        /// Each of four rivals believes that it holds the zone from its last success until the end that it was told.
        #[test]
        fn there_are_never_two_owners_and_tokens_grow(steps in steps()) {
            let mut now = Timestamp::from_second(1_800_000_000).unwrap();
            let mut claim = Claim::default();
            let mut believes: [Option<(i64, Timestamp)>; 4] = [None; 4];
            let mut highest = 0;
            for step in steps {
                let tokens = believes.map(|belief| belief.map_or(0, |(token, _)| token));
                match step {
                    Step::Claim(who, ttl) => {
                        if let Ok(next) = claim.claim(&who.to_string(), ttl, now) {
                            let renewed = claim.owner(now).is_some();
                            let in_order =
                                if renewed { next.token == highest } else { next.token > highest };
                            prop_assert!(in_order, "token {} after {highest}", next.token);
                            believes[who as usize] = next.held.as_ref().map(|held| (next.token, held.until));
                            highest = next.token;
                            claim = next;
                        }
                    }
                    Step::Renew(who, ttl) => {
                        if let Ok(next) = claim.renew(tokens[who as usize], ttl, now) {
                            believes[who as usize] = next.held.as_ref().map(|held| (next.token, held.until));
                            claim = next;
                        }
                    }
                    Step::Release(who) => {
                        if let Ok(next) = claim.release(tokens[who as usize], now) {
                            believes[who as usize] = None;
                            claim = next;
                        }
                    }
                    Step::Pass(seconds) => now += SignedDuration::from_secs(seconds),
                }
                let owners = believes.iter().flatten().filter(|(_, until)| now < *until).count();
                prop_assert!(owners <= 1, "{owners} believe that they hold it: {believes:?}");
                prop_assert_eq!(owners == 1, claim.owner(now).is_some());
            }
        }
    }

    #[test]
    fn times_out_of_range_are_refused() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        assert!(Claim::default().claim("a", 4, now).is_err());
        assert!(Claim::default().claim("a", 86_401, now).is_err());
    }
}
