//! How evenly equal members were served, and who waited too long.

use super::books::{Books, Record};
use crate::moment::Moment;
use crate::scenario::Scenario;

/// Jain's index (Jain, Chiu & Hawe 1984) over GPU-seconds by member: 1 when all were given the same.
///
/// Members of one tier are equals. Compared are those that had jobs waiting for at least half as long as the one who had
/// them longest, over the spans in which all of these had jobs waiting at once. Tiers count by what was served in their
/// spans; one whose spans are too short to say anything, less than ten average jobs for each member, does not. Where
/// none is left nobody was kept waiting for others, and the index is 1.
pub(super) fn jain(scenario: &Scenario, books: &Books) -> f64 {
    let mut tier_of = vec![None; books.backlogged.len()];
    for record in &books.records {
        tier_of[record.user as usize].get_or_insert(record.tier);
    }
    let (mut sum, mut weight) = (0.0, 0.0);
    for tier in 0..scenario.tiers.len() {
        let members: Vec<u32> = (0..)
            .zip(&tier_of)
            .filter(|(_, of)| of.is_some_and(|of| of.0 as usize == tier))
            .map(|(user, _)| user)
            .collect();
        if let Some((index, served)) = of_tier(books, &members) {
            sum += index * served;
            weight += served;
        }
    }
    if weight > 0.0 { sum / weight } else { 1.0 }
}

fn of_tier(books: &Books, members: &[u32]) -> Option<(f64, f64)> {
    let time = |user: u32| -> f64 {
        books.backlogged[user as usize]
            .chunks(2)
            .map(|span| span.get(1).map_or(0.0, |end| end.since(span[0])))
            .sum()
    };
    let longest = members.iter().map(|user| time(*user)).fold(0.0, f64::max);
    let compared: Vec<u32> = members
        .iter()
        .copied()
        .filter(|user| longest > 0.0 && time(*user) >= longest / 2.0)
        .collect();
    if compared.len() < 2 {
        return None;
    }
    let spans = common_spans(books, &compared);
    let mut place = vec![usize::MAX; books.backlogged.len()];
    for (at, user) in compared.iter().enumerate() {
        place[*user as usize] = at;
    }
    let mut given = vec![0.0; compared.len()];
    let (mut jobs, mut cost) = (0_u64, 0.0);
    for served in &books.served {
        let at = place[served.user as usize];
        if at == usize::MAX {
            continue;
        }
        jobs += 1;
        cost += f64::from(served.gpu_s);
        let length = served.to.since(served.from);
        let inside = overlap(&spans, served.from, served.to);
        if length > 0.0 {
            given[at] += f64::from(served.gpu_s) * inside / length;
        }
    }
    let total: f64 = given.iter().sum();
    let average_job = cost / jobs.max(1) as f64;
    if total < 10.0 * average_job * compared.len() as f64 || total <= 0.0 {
        return None;
    }
    let squares: f64 = given.iter().map(|x| x * x).sum();
    Some((total * total / (given.len() as f64 * squares), total))
}

/// Spans in which all of these members had jobs waiting, in order.
fn common_spans(books: &Books, members: &[u32]) -> Vec<(Moment, Moment)> {
    let mut changes: Vec<(Moment, i32)> = Vec::new();
    for user in members {
        for (at, moment) in books.backlogged[*user as usize].iter().enumerate() {
            changes.push((*moment, if at % 2 == 0 { 1 } else { -1 }));
        }
    }
    changes.sort_unstable();
    let all = i32::try_from(members.len()).unwrap_or(i32::MAX);
    let (mut spans, mut waiting, mut began) = (Vec::new(), 0, None);
    for (at, change) in changes {
        waiting += change;
        if waiting == all {
            began.get_or_insert(at);
        } else if let Some(from) = began.take() {
            spans.push((from, at));
        }
    }
    spans
}

/// Seconds of a stretch that lie in the spans.
fn overlap(spans: &[(Moment, Moment)], from: Moment, to: Moment) -> f64 {
    let first = spans.partition_point(|span| span.1 <= from);
    spans[first..]
        .iter()
        .take_while(|span| span.0 < to)
        .map(|span| span.1.min(to).since(span.0.max(from)))
        .sum()
}

/// The longest that a member with jobs waiting was past his tier's aging bound, in seconds: counted for each job from
/// its submit, or from the start of the one that he had before it if that was later.
pub(super) fn max_starvation_s(scenario: &Scenario, books: &Books) -> f64 {
    let mut turns: Vec<(u32, Moment, &Record)> = books
        .records
        .iter()
        .filter(|record| !record.state.is_refused())
        .filter_map(|record| {
            let until = record.started.or(record.ended)?;
            Some((record.user, until, record))
        })
        .collect();
    turns.sort_by_key(|(user, until, _)| (*user, *until));
    let mut longest = 0.0_f64;
    let mut last: Option<(u32, Moment)> = None;
    for (user, until, record) in turns {
        let before = last
            .filter(|(other, _)| *other == user)
            .map_or(Moment::START, |(_, at)| at);
        let waited = until.since(record.submitted.max(before));
        longest = longest.max(waited - scenario.tiers[record.tier.0 as usize].aging_s);
        last = Some((user, until));
    }
    longest.max(0.0)
}
