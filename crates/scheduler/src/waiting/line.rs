//! The jobs of one lane that could share a batch: whose turn it is among them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::list::{List, Moments};
use super::own::{Members, Own, UNLISTED};
use super::parties::Parties;
use super::rank::{Head, LineKey, Rank};
use super::rows::{NERVOUS, Rows};
use crate::job::{GuildIx, UserIx};
use crate::moment::Moment;
use crate::tier::TierRule;

/// What a line looks at and does not own.
pub(super) struct View<'a> {
    pub lane: usize,
    pub key: LineKey,
    pub rows: &'a Rows,
    pub tiers: &'a [TierRule],
}

impl View<'_> {
    /// Whether a member has not yet as much running as his first job's tier allows.
    pub fn may_run(&self, own: &Own, parties: &Parties) -> bool {
        let tier = self.tiers.get(own.tier.0 as usize);
        tier.is_none_or(|tier| parties.running(own.user) < tier.running)
    }

    /// When a member's patience is tried: from then on the promise to him is in danger, or, where there is none, a share of
    /// his bound is over.
    pub fn patience(&self, own: &Own) -> Moment {
        self.rows[own.first].nervous_since().unwrap_or_else(|| {
            let tier = self.tiers.get(own.tier.0 as usize);
            let bound_s = tier.map_or(0.0, |tier| tier.aging_s);
            own.submitted.after(NERVOUS * bound_s)
        })
    }
}

/// One line. Its members have places in a slab, which the lists name.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub(super) own: Vec<Own>,
    free: Vec<u32>,
    places: FxHashMap<UserIx, u32>,
    guilds: BinaryHeap<Reverse<(u64, GuildIx)>>,
    pub(super) members: FxHashMap<GuildIx, Members>,
    pub(super) due: Moments,
    pub(super) nervous: Moments,
    pub(super) within: Moments,
    /// No moment on these two lists comes earlier.
    pub(super) soonest: Moment,
    count: usize,
    /// Jobs of members who stay within their shares.
    within_count: usize,
}

impl Line {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether anybody waits who stays within his share.
    pub fn any_within(&self) -> bool {
        self.within_count > 0
    }

    /// One more job of the member in a place is within his share. Returns what it costs.
    pub fn grant(&mut self, slot: u32, rows: &mut Rows) -> u64 {
        let row = self.own[slot as usize].grant(rows);
        self.within_count += 1;
        rows[row].cost
    }

    /// The place of a member with jobs here.
    pub fn place_of(&self, user: UserIx) -> Option<u32> {
        let slot = self.places.get(&user).copied();
        slot.filter(|slot| !self.own[*slot as usize].is_empty())
    }

    /// Adds a job to its member's own. Returns his place.
    pub fn push(&mut self, index: u32, rows: &mut Rows) -> u32 {
        let user = rows[index].user;
        let (own, free) = (&mut self.own, &mut self.free);
        let slot = *self.places.entry(user).or_insert_with(|| {
            if let Some(slot) = free.pop() {
                own[slot as usize] = Own::new(user);
                return slot;
            }
            own.push(Own::new(user));
            u32::try_from(own.len() - 1).unwrap_or(u32::MAX)
        });
        self.own[slot as usize].add(index, rows);
        rows[index].slot = slot;
        self.count += 1;
        slot
    }

    /// Takes a job out of its member's own. Returns his place.
    pub fn take(&mut self, index: u32, rows: &mut Rows) -> u32 {
        let slot = rows[index].slot;
        self.own[slot as usize].take(index, rows);
        self.count -= 1;
        self.within_count -= usize::from(rows[index].within);
        slot
    }

    /// Puts a member, and his guild, where they can be found. Costs nothing where they are.
    pub fn list(&mut self, slot: u32, view: &View<'_>, parties: &mut Parties) {
        let own = &mut self.own[slot as usize];
        if own.is_empty() {
            return;
        }
        let guild = own.guild;
        let members = self.members.entry(guild).or_default();
        if own.listed_served == UNLISTED {
            own.listed_served = parties.user_served(own.user, view.lane);
            members.users.push(Reverse((own.listed_served, slot)));
        }
        if !members.listed {
            members.listed = true;
            self.guilds
                .push(Reverse((parties.guild_served(guild, view.lane), guild)));
        }
        for list in [List::Turn, List::Promise, List::Within, List::Own(guild)] {
            self.list_by(slot, list, view, parties);
        }
    }

    /// Forgets where everybody is listed, and lists them anew: the rules have changed.
    pub fn list_all(&mut self, view: &View<'_>, parties: &mut Parties) {
        self.guilds.clear();
        self.members.clear();
        self.due.clear();
        self.nervous.clear();
        self.within.clear();
        for slot in 0..u32::try_from(self.own.len()).unwrap_or(u32::MAX) {
            let own = &mut self.own[slot as usize];
            own.listed = [Moment::NEVER; 4];
            own.listed_served = UNLISTED;
            self.list(slot, view, parties);
            self.drop_if_idle(slot);
        }
    }

    /// Whose turn it is; promises and shares count where `calm` says so.
    pub fn head(
        &mut self,
        view: &View<'_>,
        parties: &mut Parties,
        calm: bool,
        now: Moment,
    ) -> Option<(Rank, Head)> {
        self.urgent_head(view, parties, calm, now)
            .or_else(|| self.fair_head(view, parties, now))
    }

    /// Whose turn it is because of a bound, because he asks for no more than his share, or because of a promise.
    pub fn urgent_head(
        &mut self,
        view: &View<'_>,
        parties: &mut Parties,
        calm: bool,
        now: Moment,
    ) -> Option<(Rank, Head)> {
        let any_due = now >= self.soonest;
        if any_due && let Some((due, index)) = self.first_of(List::Turn, view, parties, now) {
            return Some((Rank::Aged(due), Head { index }));
        }
        if any_due
            && calm
            && let Some((since, index)) = self.first_of(List::Promise, view, parties, now)
        {
            return Some((Rank::Promised(since), Head { index }));
        }
        if calm && let Some((until, index)) = self.first_of(List::Within, view, parties, now) {
            return Some((Rank::Within(until), Head { index }));
        }
        if !any_due {
            return None;
        }
        let tops = [self.due.peek(), self.nervous.peek()];
        let tops = tops.into_iter().flatten().map(|top| top.0.0);
        self.soonest = tops.min().unwrap_or(Moment::NEVER);
        None
    }

    /// Whose turn it would be if it was this guild's: what he was served, and the row of his job.
    pub fn head_of(
        &mut self,
        guild: GuildIx,
        view: &View<'_>,
        parties: &mut Parties,
        now: Moment,
    ) -> Option<(u64, u32)> {
        if let Some((_, index)) = self.first_of(List::Own(guild), view, parties, now) {
            return Some((0, index));
        }
        self.member_head(guild, view, parties)
    }

    /// The row of this member's first job, where he may start it in the name of this guild.
    pub fn job_of(
        &self,
        user: UserIx,
        guild: GuildIx,
        view: &View<'_>,
        parties: &Parties,
    ) -> Option<u32> {
        let own = &self.own[self.place_of(user)? as usize];
        (own.guild == guild && view.may_run(own, parties)).then_some(own.first)
    }

    fn fair_head(
        &mut self,
        view: &View<'_>,
        parties: &mut Parties,
        now: Moment,
    ) -> Option<(Rank, Head)> {
        loop {
            let Reverse((listed, guild)) = *self.guilds.peek()?;
            let served = parties.guild_served(guild, view.lane);
            if served > listed {
                if let Some(mut top) = self.guilds.peek_mut() {
                    top.0.0 = served;
                }
                continue;
            }
            if let Some((user_served, index)) = self.head_of(guild, view, parties, now) {
                return Some((Rank::Fair(served, user_served), Head { index }));
            }
            // Nobody there can start anything.
            self.guilds.pop();
            self.drop_members(guild);
        }
    }

    /// The member of a guild who was served least, with what that is and the row of his job.
    fn member_head(
        &mut self,
        guild: GuildIx,
        view: &View<'_>,
        parties: &mut Parties,
    ) -> Option<(u64, u32)> {
        loop {
            let users = &mut self.members.get_mut(&guild)?.users;
            let Reverse((listed, slot)) = *users.peek()?;
            let own = &mut self.own[slot as usize];
            let served = parties.user_served(own.user, view.lane);
            let counts = own.listed_served == listed;
            if counts && served > listed {
                own.listed_served = served;
                if let Some(mut top) = users.peek_mut() {
                    top.0.0 = served;
                }
                continue;
            }
            if counts && own.guild == guild && !own.is_empty() && view.may_run(own, parties) {
                return Some((served, own.first));
            }
            users.pop();
            if counts {
                own.listed_served = UNLISTED;
                let (user, parks) = (own.user, !own.is_empty() && own.guild == guild);
                if parks {
                    parties.park(user, view.lane, view.key);
                } else {
                    // He may ask in another guild now: that one pays.
                    self.list(slot, view, parties);
                    self.drop_if_idle(slot);
                }
            }
        }
    }

    fn drop_members(&mut self, guild: GuildIx) {
        let members = self.members.remove(&guild).unwrap_or_default();
        for Reverse((moment, slot)) in members.aged {
            let listed = &mut self.own[slot as usize].listed[2];
            if *listed == moment {
                *listed = Moment::NEVER;
            }
            self.drop_if_idle(slot);
        }
    }

    pub(super) fn drop_if_idle(&mut self, slot: u32) {
        let own = &self.own[slot as usize];
        if own.is_idle() && self.places.get(&own.user) == Some(&slot) {
            self.places.remove(&own.user);
            self.free.push(slot);
        }
    }
}
