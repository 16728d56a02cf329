//! Members of a line who are past their bounds by their own clocks: among those of their guild they go first.

use std::cmp::Reverse;

use super::line::{Line, Turn, View};
use super::parties::Parties;
use crate::job::GuildIx;
use crate::moment::Moment;

impl Line {
    /// The member of a guild who is past his bound for longest, counted from his own last turn.
    pub fn aged_head(
        &mut self,
        guild: GuildIx,
        view: &View<'_>,
        parties: &mut Parties,
        now: Moment,
    ) -> Option<Turn> {
        let members = self.members.get_mut(&guild)?;
        while let Some(Reverse((listed, user))) = members.aged.peek().copied() {
            if listed > now {
                return None;
            }
            let Some(own) = self.own.get_mut(&user) else {
                members.aged.pop();
                continue;
            };
            let Some(entry) = own.first(view.entries) else {
                members.aged.pop();
                own.listed_aged = false;
                if own.is_idle() {
                    self.own.remove(&user);
                }
                continue;
            };
            if entry.job.guild != guild {
                members.aged.pop();
                own.listed_aged = false;
                return Some(Turn::Moves(user, entry.job.guild));
            }
            let tier = view.tiers.get(entry.job.tier.0 as usize);
            let bound = tier.map_or(f64::MAX, |tier| tier.aging_s);
            let clock = entry.job.submitted.max(parties.last_start(user, view.lane));
            let aged = clock.after(bound);
            if aged > listed {
                members.aged.pop();
                members.aged.push(Reverse((aged, user)));
                continue;
            }
            if tier.is_some_and(|tier| parties.running(user) >= tier.running) {
                members.aged.pop();
                own.listed_aged = false;
                parties.park(user, view.lane, view.key);
                continue;
            }
            return own.jobs.front().map(|index| Turn::Of(0, *index));
        }
        None
    }

    pub fn drop_members(&mut self, guild: GuildIx) {
        let members = self.members.remove(&guild).unwrap_or_default();
        for Reverse((_, user)) in members.aged {
            if let Some(own) = self.own.get_mut(&user) {
                own.listed_aged = false;
            }
            self.drop_if_idle(user);
        }
    }
}
