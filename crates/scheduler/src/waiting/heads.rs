//! Whose turn it is, over the lines of a lane.

use easel_domain::tier::ServiceClass;

use super::Waiting;
use super::line::{Line, View};
use super::parties::Parties;
use super::rank::{Head, Rank};
use crate::job::{GuildIx, UserIx};
use crate::moment::Moment;

/// Guilds, and members of each, that are looked for in all lines at once. Where none of them has anything in these lines, each line knows its
/// own first.
const LOOKED_FOR: usize = 6;

impl Waiting {
    fn line(&mut self, lane: usize, at: usize) -> Option<(&mut Line, View<'_>, &mut Parties)> {
        let (key, own) = self.lanes[lane].lines.get_mut(at)?;
        let view = View {
            lane,
            key: *key,
            rows: &self.rows,
            tiers: &self.tiers,
        };
        Some((own, view, &mut self.parties))
    }

    /// The job of a line that should start next, with its place in the order of the lane; promises and shares count where `calm`
    /// says so.
    pub fn head(
        &mut self,
        lane: ServiceClass,
        at: usize,
        calm: bool,
        now: Moment,
    ) -> Option<(Rank, Head)> {
        let (own, view, parties) = self.line(lane as usize, at)?;
        own.head(&view, parties, calm, now)
    }

    /// The first job of several lines in the order of their lane, where it is a job with a moment that has come, or one
    /// of the guilds that were served least; nothing says nothing. What a line knows of the others it need not be told:
    /// a guild that is served elsewhere goes to its new place in each line, so asking all of them costs most.
    pub fn first_head(
        &mut self,
        lane: ServiceClass,
        lines: &[usize],
        calm: bool,
        now: Moment,
    ) -> Option<(Rank, Head)> {
        let lane = lane as usize;
        let mut first: Option<(Rank, Head)> = None;
        for at in lines {
            let (own, view, parties) = self.line(lane, *at)?;
            if let Some(head) = own.urgent_head(&view, parties, calm, now)
                && first.is_none_or(|(rank, _)| head.0 < rank)
            {
                first = Some(head);
            }
        }
        if first.is_some() {
            return first;
        }
        let mut guilds = [(0, GuildIx(0)); LOOKED_FOR];
        let known = self.parties.least_served(lane, &mut guilds);
        for (served, guild) in &guilds[..known] {
            if matches!(first, Some((Rank::Fair(least, _), _)) if least < *served) {
                break;
            }
            let of_guild = self.head_of_guild(*guild, lane, lines, now);
            if let Some((user, head)) = of_guild {
                let rank = Rank::Fair(*served, user);
                if first.is_none_or(|(best, _)| rank < best) {
                    first = Some((rank, head));
                }
            }
        }
        first
    }

    /// The job of a guild that is next in several lines, and what its member was served.
    fn head_of_guild(
        &mut self,
        guild: GuildIx,
        lane: usize,
        lines: &[usize],
        now: Moment,
    ) -> Option<(u64, Head)> {
        let ages = self.parties.may_be_aged(guild, lane, now);
        if !ages {
            let mut users = [(0, UserIx(0)); LOOKED_FOR];
            let known = self.parties.least_served_of(guild, lane, &mut users);
            for (served, user) in &users[..known] {
                for at in lines {
                    let (own, view, parties) = self.line(lane, *at)?;
                    if let Some(index) = own.job_of(*user, guild, &view, parties) {
                        return Some((*served, Head { index }));
                    }
                }
            }
        }
        let mut first: Option<(u64, u32)> = None;
        for at in lines {
            let (own, view, parties) = self.line(lane, *at)?;
            let found = own.head_of(guild, &view, parties, now);
            first = match (first, found) {
                (Some(best), Some(found)) if found.0 < best.0 => Some(found),
                (None, found) => found,
                (best, _) => best,
            };
        }
        if ages && first.is_none_or(|(served, _)| served > 0) {
            self.parties.none_is_aged(guild, lane, now);
        }
        first.map(|(served, index)| (served, Head { index }))
    }
}
