//! Members and guilds: what each was served, and what each has running.

use super::rank::LineKey;
use crate::job::{GuildIx, Job, UserIx};
use crate::moment::Moment;

/// One member.
#[derive(Debug, Clone, Default)]
struct User {
    /// Served so far in each lane, in weighted microseconds of GPU time.
    served: [u64; 4],
    last_start: [Moment; 4],
    waiting: [u32; 4],
    running: u32,
    /// Lines from which he was taken because all that he may run is running.
    parked: Vec<(usize, LineKey)>,
}

/// One guild.
#[derive(Debug, Clone, Default)]
struct Guild {
    served: [u64; 4],
    waiting: [u32; 4],
    /// Where its members are in each lane.
    clock: [u64; 4],
    last_start: [Moment; 4],
}

/// All of them, and the clock of the guilds in each lane.
#[derive(Debug, Clone, Default)]
pub(super) struct Parties {
    users: Vec<User>,
    guilds: Vec<Guild>,
    clock: [u64; 4],
}

impl Parties {
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
        if g.waiting[lane] == 0 {
            g.served[lane] = g.served[lane].max(clock);
        }
        g.waiting[lane] += 1;
        let clock = g.clock[lane];
        let u = self.user_mut(user);
        if u.waiting[lane] == 0 {
            u.served[lane] = u.served[lane].max(clock);
        }
        u.waiting[lane] += 1;
    }

    /// One job fewer of a member waits.
    pub fn leaves(&mut self, user: UserIx, guild: GuildIx, lane: usize) {
        let g = self.guild_mut(guild);
        g.waiting[lane] = g.waiting[lane].saturating_sub(1);
        let u = self.user_mut(user);
        u.waiting[lane] = u.waiting[lane].saturating_sub(1);
    }

    /// A job of a member starts. Where that was so because he had been served least, those who arrive start where he was.
    pub fn starts(&mut self, job: &Job, cost: u64, was_fair: bool, now: Moment) {
        let lane = job.lane as usize;
        let g = self.guild_mut(job.guild);
        let guild_clock = g.served[lane];
        g.served[lane] = guild_clock.saturating_add(cost);
        g.last_start[lane] = now;
        let u = self.user_mut(job.user);
        let user_clock = u.served[lane];
        u.served[lane] = user_clock.saturating_add(cost);
        u.last_start[lane] = now;
        u.running += 1;
        if was_fair {
            let g = self.guild_mut(job.guild);
            g.clock[lane] = g.clock[lane].max(user_clock);
            self.clock[lane] = self.clock[lane].max(guild_clock);
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
