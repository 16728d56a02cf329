//! Members by a moment from which they matter: past a bound, or with a promise in danger.
//!
//! Clocks only move on, so a list may hold moments that are too early: one that comes to the top is put right then. A
//! member is listed with his true moment when his job comes, so that this is rare.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::line::{Line, View};
use super::own::Own;
use super::parties::Parties;
use crate::job::GuildIx;
use crate::moment::Moment;

/// Places of members in a line by a moment.
pub(super) type Moments = BinaryHeap<Reverse<(Moment, u32)>>;

/// Which moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// Past his bound, counted from the last turn of his own or of his guild's.
    Turn,
    /// A promise to him is in danger.
    Promise,
    /// He asks for no more than his share.
    Within,
    /// Among the members of this guild: past his bound, counted from his own last turn.
    Own(GuildIx),
}

impl List {
    fn place(self) -> usize {
        match self {
            Self::Turn => 0,
            Self::Promise => 1,
            Self::Own(_) => 2,
            Self::Within => 3,
        }
    }

    /// The moment of a member's first job; nothing where it does not matter, or not any more.
    fn moment(self, own: &Own, view: &View<'_>, parties: &Parties, now: Moment) -> Option<Moment> {
        if own.is_empty() {
            return None;
        }
        let turn = match self {
            Self::Turn => parties.last_turn(own.user, own.guild, view.lane),
            Self::Promise => return view.rows[own.first].nervous(now),
            Self::Within if !own.within => return None,
            Self::Within => return Some(view.patience(own)),
            Self::Own(guild) if guild != own.guild => return None,
            Self::Own(_) => parties.last_start(own.user, view.lane),
        };
        let tier = view.tiers.get(own.tier.0 as usize);
        let bound_s = tier.map_or(f64::MAX, |tier| tier.aging_s);
        Some(own.submitted.max(turn).after(bound_s))
    }
}

impl Line {
    fn list_of(&mut self, list: List) -> Option<&mut Moments> {
        match list {
            List::Turn => Some(&mut self.due),
            List::Promise => Some(&mut self.nervous),
            List::Within => Some(&mut self.within),
            List::Own(guild) => self
                .members
                .get_mut(&guild)
                .map(|members| &mut members.aged),
        }
    }

    /// Puts a member on a list, or further to the front where his moment comes earlier than it says.
    pub(super) fn list_by(
        &mut self,
        slot: u32,
        list: List,
        view: &View<'_>,
        parties: &mut Parties,
    ) {
        let own = &self.own[slot as usize];
        // Whatever is lost by now was lost before: the moment it was in danger from is as good as any.
        let Some(moment) = list.moment(own, view, parties, Moment::START) else {
            return;
        };
        if moment < own.listed[list.place()] {
            self.own[slot as usize].listed[list.place()] = moment;
            match list {
                List::Turn | List::Promise => self.soonest = self.soonest.min(moment),
                List::Within => {}
                List::Own(guild) => parties.will_age(guild, view.lane, moment),
            }
            if let Some(moments) = self.list_of(list) {
                moments.push(Reverse((moment, slot)));
            }
        }
    }

    /// The first member of a list whose moment has come and who may start something, with the row of his job.
    pub(super) fn first_of(
        &mut self,
        list: List,
        view: &View<'_>,
        parties: &mut Parties,
        now: Moment,
    ) -> Option<(Moment, u32)> {
        let place = list.place();
        loop {
            let Reverse((listed, slot)) = *self.list_of(list)?.peek()?;
            if listed > now && list != List::Within {
                return None;
            }
            let own = &self.own[slot as usize];
            let counts = own.listed[place] == listed;
            match list.moment(own, view, parties, now).filter(|_| counts) {
                Some(moment) if moment > listed => {
                    self.own[slot as usize].listed[place] = moment;
                    if let Some(mut top) = self.list_of(list)?.peek_mut() {
                        top.0.0 = moment;
                    }
                }
                Some(moment) if view.may_run(own, parties) => return Some((moment, own.first)),
                Some(_) => {
                    let user = own.user;
                    self.unlist(slot, list);
                    parties.park(user, view.lane, view.key);
                }
                // Replaced by an earlier one.
                None if !counts => {
                    self.list_of(list)?.pop();
                }
                None => {
                    self.unlist(slot, list);
                    if matches!(list, List::Own(_)) {
                        // He may ask in another guild now: that is where he is looked for.
                        self.list(slot, view, parties);
                    }
                    self.drop_if_idle(slot);
                }
            }
        }
    }

    /// Takes the first of a list off it.
    fn unlist(&mut self, slot: u32, list: List) {
        self.own[slot as usize].listed[list.place()] = Moment::NEVER;
        if let Some(moments) = self.list_of(list) {
            moments.pop();
        }
    }
}
