//! What members may ask for, and what of it their shares have paid off.

use std::cmp::Reverse;

use easel_domain::admission::{GuildOutlook, LATELY_S, Owed, PaysOff};

use super::Parties;
use crate::job::{GuildIx, UserIx};
use crate::moment::Moment;

/// A job that comes.
pub(in crate::waiting) struct Asks {
    pub user: UserIx,
    pub guild: GuildIx,
    pub lane: usize,
    /// GPU-seconds, divided by the weight of its tier.
    pub cost_s: f64,
    /// Nodes that the lane may count on.
    pub nodes: f64,
}

impl Parties {
    /// Whether a job that has just come is within its member's share of the lane, and he within his guild's: what he
    /// asked for before is paid off by what his share has given him since (a virtual clock, Zhang 1990). What is within
    /// counts; the rest does not, so that whoever asks for more than his share has that and what is left over.
    pub fn asks_within(&mut self, asks: &Asks, now: Moment) -> bool {
        self.note_asked(asks, now);
        let within = self.owed(asks, now).bears(self.pays_off(asks));
        if within {
            self.charge(asks, now);
        }
        within
    }

    /// What a member and his guild have asked for within their shares and is not paid off.
    pub fn owed(&self, asks: &Asks, now: Moment) -> Owed {
        let own = self.users.get(asks.user.0 as usize);
        let all = self.guilds.get(asks.guild.0 as usize);
        Owed {
            own_s: own.map_or(0.0, |u| u.even[asks.lane].since(now)),
            guild_s: all.map_or(0.0, |g| g.even[asks.lane].since(now)),
        }
    }

    /// How long it takes shares to pay off a job.
    pub fn pays_off(&self, asks: &Asks) -> PaysOff {
        let all = self.guilds.get(asks.guild.0 as usize);
        let members = all.map_or(1, |g| g.members[asks.lane]);
        let guilds = self.guilds_lately(asks.lane);
        PaysOff::of(asks.cost_s, asks.nodes, guilds, members)
    }

    /// The guilds of a lane of which several members have asked lately, those with the most members first.
    pub fn shared_guilds(
        &self,
        lane: usize,
        now: Moment,
        limit: usize,
    ) -> Vec<(GuildIx, GuildOutlook)> {
        let known = self.guilds_lately[lane].iter().filter_map(|guild| {
            let of = self.guilds.get(guild.0 as usize)?;
            let (members, owes_s) = (of.members[lane], of.even[lane].since(now));
            (members > 1).then_some((guild, GuildOutlook { members, owes_s }))
        });
        let mut known: Vec<(GuildIx, GuildOutlook)> = known.collect();
        known.sort_unstable_by_key(|(guild, of)| (Reverse(of.members), *guild));
        known.truncate(limit);
        known
    }

    /// Guilds that have asked in a lane lately.
    pub fn guilds_lately(&self, lane: usize) -> u32 {
        u32::try_from(self.guilds_lately[lane].len()).unwrap_or(u32::MAX)
    }

    /// Counts something as asked for within a share. Debts are no longer than memory.
    pub fn charge(&mut self, asks: &Asks, now: Moment) {
        let (lane, most) = (asks.lane, now.after(LATELY_S));
        let pays = self.pays_off(asks);
        let own = &mut self.user_mut(asks.user).even[lane];
        *own = (*own).max(now).after(pays.own_s).min(most);
        let all = &mut self.guild_mut(asks.guild).even[lane];
        *all = (*all).max(now).after(pays.guild_s).min(most);
    }

    /// Notes who asks, and looks whether others have not for long.
    fn note_asked(&mut self, asks: &Asks, now: Moment) {
        let (lane, user, guild) = (asks.lane, asks.user, asks.guild);
        let until = now.after(LATELY_S);
        if self.guild_mut(guild).asked[lane].asks(now) {
            self.guilds_lately[lane].list(guild, until);
        }
        if self.user_mut(user).asked[lane].asks(now) {
            self.users_lately[lane].list((user, guild), until);
            self.guild_mut(guild).members[lane] += 1;
        }
        if let Some((user, guild)) = self.users_lately[lane].due(now) {
            match self.user_mut(user).asked[lane].until(now) {
                Some(until) => self.users_lately[lane].list((user, guild), until),
                None => self.guild_mut(guild).members[lane] -= 1,
            }
        }
        if let Some(guild) = self.guilds_lately[lane].due(now)
            && let Some(until) = self.guild_mut(guild).asked[lane].until(now)
        {
            self.guilds_lately[lane].list(guild, until);
        }
    }
}
