//! The jobs of one lane that could share a batch: whose turn it is among them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::Entry;
use super::own::{Members, Own};
use super::parties::Parties;
use super::rank::{Head, LineKey, Rank};
use crate::job::{GuildIx, UserIx};
use crate::moment::Moment;
use crate::tier::TierRule;

/// What a line looks at and does not own.
pub(super) struct View<'a> {
    pub lane: usize,
    pub key: LineKey,
    pub entries: &'a [Option<Entry>],
    pub tiers: &'a [TierRule],
}

/// Whose turn it is in one guild.
pub(super) enum Turn {
    /// Of the member who was served so much, with this job.
    Of(u64, u32),
    /// Of one whose oldest job belongs to another guild.
    Moves(UserIx, GuildIx),
    /// Nobody can start anything.
    Nobody,
}

/// One line.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    pub(super) own: FxHashMap<UserIx, Own>,
    guilds: BinaryHeap<Reverse<(u64, GuildIx)>>,
    pub(super) members: FxHashMap<GuildIx, Members>,
    pub(super) due: BinaryHeap<Reverse<(Moment, UserIx)>>,
    nervous: BinaryHeap<Reverse<(Moment, UserIx)>>,
    count: usize,
}

impl Line {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a job to its member's own queue, which is in order of submits: a job that comes back goes to its place.
    pub fn push(&mut self, user: UserIx, index: u32, submitted: Moment, entries: &[Option<Entry>]) {
        let own = self.own.entry(user).or_default();
        let submitted_at = |index: &u32| {
            entries[*index as usize]
                .as_ref()
                .map_or(Moment::NEVER, |entry| entry.job.submitted)
        };
        if own
            .jobs
            .back()
            .is_none_or(|last| submitted_at(last) <= submitted)
        {
            own.jobs.push_back(index);
        } else {
            let at = own
                .jobs
                .partition_point(|other| submitted_at(other) <= submitted);
            own.jobs.insert(at, index);
        }
        self.count += 1;
        self.list_due(user, entries);
    }

    /// Removes a job from its member's own queue.
    pub fn take(&mut self, user: UserIx, index: u32, entries: &[Option<Entry>]) {
        let Some(own) = self.own.get_mut(&user) else {
            return;
        };
        if own.jobs.front() == Some(&index) {
            own.jobs.pop_front();
            self.count -= 1;
            self.list_nervous(user, entries);
        } else if let Some(at) = own.jobs.iter().position(|other| *other == index) {
            own.jobs.remove(at);
            self.count -= 1;
        }
    }

    pub fn guild_of(&self, user: UserIx, entries: &[Option<Entry>]) -> Option<GuildIx> {
        let first = *self.own.get(&user)?.jobs.front()?;
        entries[first as usize]
            .as_ref()
            .map(|entry| entry.job.guild)
    }

    pub fn needs_listing(&self, user: UserIx) -> bool {
        let own = self.own.get(&user);
        own.is_some_and(|own| !own.listed || !own.listed_aged)
    }

    /// Puts a member, and his guild, where they can be found.
    pub fn list(&mut self, user: UserIx, guild: GuildIx, lane: usize, parties: &Parties) {
        let Some(own) = self.own.get_mut(&user) else {
            return;
        };
        let members = self.members.entry(guild).or_default();
        if !own.listed {
            own.listed = true;
            members
                .users
                .push(Reverse((parties.user_served(user, lane), user)));
        }
        if !own.listed_aged {
            own.listed_aged = true;
            members.aged.push(Reverse((Moment::START, user)));
        }
        if !members.listed {
            members.listed = true;
            self.guilds
                .push(Reverse((parties.guild_served(guild, lane), guild)));
        }
    }

    /// Puts a member where he is found when his bound has passed, or a promise to him is in danger. Too early a moment is
    /// corrected when it comes.
    pub fn list_due(&mut self, user: UserIx, entries: &[Option<Entry>]) {
        if let Some(own) = self.own.get_mut(&user)
            && !own.listed_due
            && let Some(entry) = own.first(entries)
        {
            own.listed_due = true;
            self.due.push(Reverse((entry.job.submitted, user)));
        }
        self.list_nervous(user, entries);
    }

    fn list_nervous(&mut self, user: UserIx, entries: &[Option<Entry>]) {
        if let Some(own) = self.own.get_mut(&user)
            && !own.listed_nervous
            && let Some(since) = own.first(entries).and_then(Entry::nervous_since)
        {
            own.listed_nervous = true;
            self.nervous.push(Reverse((since, user)));
        }
    }

    /// Whose turn it is; promises count where `promises` says so.
    pub fn head(
        &mut self,
        view: &View<'_>,
        parties: &mut Parties,
        promises: bool,
        now: Moment,
    ) -> Option<(Rank, Head)> {
        if let Some((due, index)) = self.due_head(view, parties, now) {
            return Some((Rank::Aged(due), Head { index }));
        }
        if promises && let Some((since, index)) = self.promised_head(view, parties, now) {
            return Some((Rank::Promised(since), Head { index }));
        }
        let (guild, user, index) = self.fair_head(view, parties, now)?;
        Some((Rank::Fair(guild, user), Head { index }))
    }

    fn due_head(
        &mut self,
        view: &View<'_>,
        parties: &mut Parties,
        now: Moment,
    ) -> Option<(Moment, u32)> {
        loop {
            let Reverse((listed, user)) = *self.due.peek()?;
            if listed > now {
                return None;
            }
            let own = self.own.get_mut(&user)?;
            let Some(entry) = own.first(view.entries) else {
                self.due.pop();
                own.listed_due = false;
                self.drop_if_idle(user);
                continue;
            };
            let tier = view.tiers.get(entry.job.tier.0 as usize);
            let bound = tier.map_or(f64::MAX, |tier| tier.aging_s);
            let turn = parties.last_turn(user, entry.job.guild, view.lane);
            let clock = entry.job.submitted.max(turn);
            let due = clock.after(bound);
            if due > listed {
                self.due.pop();
                self.due.push(Reverse((due, user)));
                continue;
            }
            if tier.is_some_and(|tier| parties.running(user) >= tier.running) {
                self.due.pop();
                own.listed_due = false;
                parties.park(user, view.lane, view.key);
                continue;
            }
            return Some((due, *own.jobs.front()?));
        }
    }

    fn promised_head(
        &mut self,
        view: &View<'_>,
        parties: &mut Parties,
        now: Moment,
    ) -> Option<(Moment, u32)> {
        loop {
            let Reverse((listed, user)) = *self.nervous.peek()?;
            if listed > now {
                return None;
            }
            let own = self.own.get_mut(&user)?;
            let entry = own.first(view.entries);
            let Some((since, entry)) = entry.and_then(|entry| Some((entry.nervous(now)?, entry)))
            else {
                // Lost, or gone: the next of his jobs is listed when this one is taken out.
                self.nervous.pop();
                own.listed_nervous = false;
                self.drop_if_idle(user);
                continue;
            };
            if since > listed {
                self.nervous.pop();
                self.nervous.push(Reverse((since, user)));
                continue;
            }
            let tier = view.tiers.get(entry.job.tier.0 as usize);
            if tier.is_some_and(|tier| parties.running(user) >= tier.running) {
                self.nervous.pop();
                own.listed_nervous = false;
                parties.park(user, view.lane, view.key);
                continue;
            }
            return Some((since, *own.jobs.front()?));
        }
    }

    fn fair_head(
        &mut self,
        view: &View<'_>,
        parties: &mut Parties,
        now: Moment,
    ) -> Option<(u64, u64, u32)> {
        loop {
            let Reverse((listed, guild)) = *self.guilds.peek()?;
            let served = parties.guild_served(guild, view.lane);
            if served > listed {
                self.guilds.pop();
                self.guilds.push(Reverse((served, guild)));
                continue;
            }
            let aged = self.aged_head(guild, view, parties, now);
            match aged.unwrap_or_else(|| self.member_head(guild, view, parties)) {
                Turn::Of(user_served, index) => return Some((served, user_served, index)),
                Turn::Moves(user, elsewhere) => {
                    self.list(user, elsewhere, view.lane, parties);
                }
                Turn::Nobody => {
                    self.guilds.pop();
                    self.drop_members(guild);
                }
            }
        }
    }

    fn member_head(&mut self, guild: GuildIx, view: &View<'_>, parties: &mut Parties) -> Turn {
        let Some(members) = self.members.get_mut(&guild) else {
            return Turn::Nobody;
        };
        loop {
            let Some(Reverse((listed, user))) = members.users.peek().copied() else {
                return Turn::Nobody;
            };
            let served = parties.user_served(user, view.lane);
            if served > listed {
                members.users.pop();
                members.users.push(Reverse((served, user)));
                continue;
            }
            let Some(own) = self.own.get_mut(&user) else {
                members.users.pop();
                continue;
            };
            let first = own.jobs.front().copied();
            let entry = first.and_then(|first| view.entries[first as usize].as_ref());
            let Some((index, entry)) = first.zip(entry) else {
                members.users.pop();
                own.listed = false;
                if own.is_idle() {
                    self.own.remove(&user);
                }
                continue;
            };
            let tier = view.tiers.get(entry.job.tier.0 as usize);
            if tier.is_some_and(|tier| parties.running(user) >= tier.running) {
                members.users.pop();
                own.listed = false;
                parties.park(user, view.lane, view.key);
                continue;
            }
            // He asks in another guild now: that one pays.
            if entry.job.guild != guild {
                members.users.pop();
                own.listed = false;
                return Turn::Moves(user, entry.job.guild);
            }
            return Turn::Of(served, index);
        }
    }

    pub(super) fn drop_if_idle(&mut self, user: UserIx) {
        if self.own.get(&user).is_some_and(Own::is_idle) {
            self.own.remove(&user);
        }
    }
}
