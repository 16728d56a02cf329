//! Members and guilds: what each was served, and what each has running.

mod shares;

use std::collections::BTreeSet;

use super::lately::{Asked, Lately};
use super::rank::LineKey;
use crate::job::{GuildIx, Job, UserIx};
use crate::moment::Moment;
pub(super) use shares::Asks;

/// Who is past his bound by his own clock alone goes first in his guild at most so many seconds late.
const LOOKED_AT_EVERY_S: f64 = 1.0;

/// One member.
#[derive(Debug, Clone)]
struct User {
    /// Served so far in each lane, in weighted microseconds of GPU time.
    served: [u64; 4],
    last_start: [Moment; 4],
    waiting: [u32; 4],
    /// When what he asked for within his share is paid off by it.
    even: [Moment; 4],
    asked: [Asked; 4],
    running: u32,
    /// The guild that he asks in, and others that he asked in while he had jobs waiting.
    guild: [GuildIx; 4],
    others: Vec<(usize, GuildIx)>,
    /// Lines from which he was taken because all that he may run is running.
    parked: Vec<(usize, LineKey)>,
}

impl Default for User {
    fn default() -> Self {
        Self {
            served: [0; 4],
            last_start: [Moment::START; 4],
            waiting: [0; 4],
            even: [Moment::START; 4],
            asked: [Asked::default(); 4],
            running: 0,
            guild: [GuildIx(0); 4],
            others: Vec::new(),
            parked: Vec::new(),
        }
    }
}

impl User {
    /// Where he has jobs waiting in a lane, or had.
    fn guilds(&self, lane: usize) -> impl Iterator<Item = GuildIx> + '_ {
        let others = self.others.iter().filter(move |(of, _)| *of == lane);
        std::iter::once(self.guild[lane]).chain(others.map(|(_, guild)| *guild))
    }
}

/// One guild.
#[derive(Debug, Clone)]
struct Guild {
    served: [u64; 4],
    waiting: [u32; 4],
    /// Members who have asked lately.
    members: [u32; 4],
    asked: [Asked; 4],
    /// When what its members asked for within their shares is paid off by its own.
    even: [Moment; 4],
    /// Where its members are in each lane.
    clock: [u64; 4],
    last_start: [Moment; 4],
    /// No member of it is past his bound by his own clock before.
    soonest: [Moment; 4],
}

impl Default for Guild {
    fn default() -> Self {
        Self {
            served: [0; 4],
            waiting: [0; 4],
            members: [0; 4],
            asked: [Asked::default(); 4],
            even: [Moment::START; 4],
            clock: [0; 4],
            last_start: [Moment::START; 4],
            soonest: [Moment::NEVER; 4],
        }
    }
}

/// All of them, and the clock of the guilds in each lane.
#[derive(Debug, Clone, Default)]
pub(super) struct Parties {
    users: Vec<User>,
    guilds: Vec<Guild>,
    clock: [u64; 4],
    /// Guilds with jobs that wait in each lane, by what they were served.
    order: [BTreeSet<(u64, GuildIx)>; 4],
    /// Guilds that have asked lately, and members with the guild that they count for.
    guilds_lately: [Lately<GuildIx>; 4],
    users_lately: [Lately<(UserIx, GuildIx)>; 4],
    /// Members of each guild with jobs that wait in each lane, by what they were served.
    members: [BTreeSet<(GuildIx, u64, UserIx)>; 4],
}

impl Parties {
    /// The guilds of a lane that were served least, with what that is; as many as there is room for.
    pub fn least_served(&self, lane: usize, into: &mut [(u64, GuildIx)]) -> usize {
        let first = self.order[lane].iter().zip(&mut *into);
        first.map(|(least, room)| *room = *least).count()
    }

    /// The members of a guild that were served least, with what that is; as many as there is room for.
    pub fn least_served_of(
        &self,
        guild: GuildIx,
        lane: usize,
        into: &mut [(u64, UserIx)],
    ) -> usize {
        let all = (guild, 0, UserIx(0))..=(guild, u64::MAX, UserIx(u32::MAX));
        let first = self.members[lane].range(all).zip(&mut *into);
        first
            .map(|((_, served, user), room)| *room = (*served, *user))
            .count()
    }

    /// A member of a guild is past his bound from this moment on, or later.
    pub fn will_age(&mut self, guild: GuildIx, lane: usize, at: Moment) {
        let soonest = &mut self.guild_mut(guild).soonest[lane];
        *soonest = (*soonest).min(at);
    }

    /// Nobody was found who is past his bound: it is looked again in a second.
    pub fn none_is_aged(&mut self, guild: GuildIx, lane: usize, now: Moment) {
        self.guild_mut(guild).soonest[lane] = now.after(LOOKED_AT_EVERY_S);
    }

    /// Whether a member of a guild may be past his bound.
    pub fn may_be_aged(&self, guild: GuildIx, lane: usize, now: Moment) -> bool {
        let known = self.guilds.get(guild.0 as usize);
        known.is_none_or(|guild| guild.soonest[lane] <= now)
    }

    fn user_mut(&mut self, user: UserIx) -> &mut User {
        let index = user.0 as usize;
        if index >= self.users.len() {
            self.users.resize_with(index + 1, User::default);
        }
        &mut self.users[index]
    }

    fn guild_mut(&mut self, guild: GuildIx) -> &mut Guild {
        let index = guild.0 as usize;
        if index >= self.guilds.len() {
            self.guilds.resize_with(index + 1, Guild::default);
        }
        &mut self.guilds[index]
    }

    /// One more job of a member waits.
    pub fn arrives(&mut self, user: UserIx, guild: GuildIx, lane: usize) {
        let clock = self.clock[lane];
        let g = self.guild_mut(guild);
        g.waiting[lane] += 1;
        if g.waiting[lane] == 1 {
            g.served[lane] = g.served[lane].max(clock);
            let place = (g.served[lane], guild);
            self.order[lane].insert(place);
        }
        let clock = self.guild_mut(guild).clock[lane];
        let u = self.user_mut(user);
        u.waiting[lane] += 1;
        if u.waiting[lane] == 1 {
            u.served[lane] = u.served[lane].max(clock);
            u.guild[lane] = guild;
        } else if u.guilds(lane).all(|known| known != guild) {
            u.others.push((lane, guild));
        } else {
            return;
        }
        let place = (guild, u.served[lane], user);
        self.members[lane].insert(place);
    }

    /// One job fewer of a member waits.
    pub fn leaves(&mut self, user: UserIx, guild: GuildIx, lane: usize) {
        let g = self.guild_mut(guild);
        g.waiting[lane] = g.waiting[lane].saturating_sub(1);
        if g.waiting[lane] == 0 {
            let place = (g.served[lane], guild);
            g.soonest[lane] = Moment::NEVER;
            self.order[lane].remove(&place);
        }
        let u = self.user_mut(user);
        u.waiting[lane] = u.waiting[lane].saturating_sub(1);
        if u.waiting[lane] == 0 {
            self.relist(user, lane, None);
        }
    }

    /// A job of a member starts. Where that was so because he had been served least, those who arrive start where he was.
    pub fn starts(&mut self, job: &Job, cost: u64, was_fair: bool, now: Moment) {
        let lane = job.lane as usize;
        let g = self.guild_mut(job.guild);
        let guild_clock = g.served[lane];
        g.served[lane] = guild_clock.saturating_add(cost);
        g.last_start[lane] = now;
        let place = (g.served[lane], job.guild);
        if self.order[lane].remove(&(guild_clock, job.guild)) {
            self.order[lane].insert(place);
        }
        let u = self.user_mut(job.user);
        let user_clock = u.served[lane];
        u.last_start[lane] = now;
        u.running += 1;
        self.relist(job.user, lane, Some(user_clock.saturating_add(cost)));
        if was_fair {
            let g = self.guild_mut(job.guild);
            g.clock[lane] = g.clock[lane].max(user_clock);
            self.clock[lane] = self.clock[lane].max(guild_clock);
        }
    }

    /// A member was served so much by now, or has no jobs waiting any more.
    fn relist(&mut self, user: UserIx, lane: usize, served: Option<u64>) {
        let Some(u) = self.users.get_mut(user.0 as usize) else {
            return;
        };
        let members = &mut self.members[lane];
        let before = u.served[lane];
        for guild in u.guilds(lane) {
            if !members.remove(&(guild, before, user)) {
                continue;
            }
            if let Some(served) = served {
                members.insert((guild, served, user));
            }
        }
        match served {
            Some(served) => u.served[lane] = served,
            None => u.others.retain(|(of, _)| *of != lane),
        }
    }

    pub fn runs(&mut self, user: UserIx) {
        self.user_mut(user).running += 1;
    }

    /// A job of a member ends. Returns the lines that he was taken from.
    pub fn ends(&mut self, user: UserIx) -> Vec<(usize, LineKey)> {
        let u = self.user_mut(user);
        u.running = u.running.saturating_sub(1);
        std::mem::take(&mut u.parked)
    }

    /// As if nobody had anything running.
    pub fn forget_running(&mut self) {
        for user in &mut self.users {
            user.running = 0;
        }
    }

    /// Everybody may be listed again.
    pub fn unpark_all(&mut self) -> Vec<(UserIx, usize, LineKey)> {
        let mut all = Vec::new();
        for (index, user) in (0..).zip(&mut self.users) {
            all.extend(
                user.parked
                    .drain(..)
                    .map(|(lane, key)| (UserIx(index), lane, key)),
            );
        }
        all
    }

    pub fn park(&mut self, user: UserIx, lane: usize, key: LineKey) {
        let parked = &mut self.user_mut(user).parked;
        if !parked.contains(&(lane, key)) {
            parked.push((lane, key));
        }
    }

    /// Jobs of a member that wait in a lane.
    pub fn waiting(&self, user: UserIx, lane: usize) -> u32 {
        let known = self.users.get(user.0 as usize);
        known.map_or(0, |u| u.waiting[lane])
    }

    pub fn running(&self, user: UserIx) -> u32 {
        self.users.get(user.0 as usize).map_or(0, |u| u.running)
    }

    pub fn user_served(&self, user: UserIx, lane: usize) -> u64 {
        self.users
            .get(user.0 as usize)
            .map_or(0, |u| u.served[lane])
    }

    pub fn guild_served(&self, guild: GuildIx, lane: usize) -> u64 {
        self.guilds
            .get(guild.0 as usize)
            .map_or(0, |g| g.served[lane])
    }

    /// When it was last the turn of a member.
    pub fn last_start(&self, user: UserIx, lane: usize) -> Moment {
        let own = self.users.get(user.0 as usize);
        own.map_or(Moment::START, |u| u.last_start[lane])
    }

    /// When it was last the turn of a member, or of his guild.
    pub fn last_turn(&self, user: UserIx, guild: GuildIx, lane: usize) -> Moment {
        let own = self.users.get(user.0 as usize);
        let all = self.guilds.get(guild.0 as usize);
        own.map_or(Moment::START, |u| u.last_start[lane])
            .max(all.map_or(Moment::START, |g| g.last_start[lane]))
    }
}
