//! Which weights are served, and what becomes of jobs that wait for others.

use std::collections::HashMap;
use std::time::Duration;

use easel_domain::message::NodeModel;
use easel_domain::model::ModelRef;
use time::OffsetDateTime;

use crate::scheduler::skill;

/// Weights that nobody has spoken of for this long are forgotten.
const FORGET_AFTER: Duration = Duration::from_hours(24);

/// What a job that waits may hope for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prospect {
    /// Its weights are served, or have been not long ago.
    Waits,
    /// Nobody has its weights any more, and others go by the same name.
    Replaced(ModelRef),
    /// Nobody has its weights, or any others of their name.
    Homeless,
}

#[derive(Debug)]
struct Served {
    id: String,
    at: OffsetDateTime,
}

/// When nodes last spoke of which weights.
#[derive(Debug)]
pub(super) struct Weights {
    by_hash: HashMap<String, Served>,
    /// Before this moment nobody listened.
    since: OffsetDateTime,
}

impl Weights {
    /// Nobody has been heard yet.
    pub fn new(since: OffsetDateTime) -> Self {
        Self {
            by_hash: HashMap::new(),
            since,
        }
    }

    /// A node that takes jobs has these weights.
    pub fn heard(&mut self, models: &[NodeModel], now: OffsetDateTime) {
        for model in models {
            self.serves(model.hash.clone(), model.profile.id.clone(), now);
            for question in skill::answered(model) {
                let name = |weights: &str| skill::named(weights, Some(question));
                self.serves(name(&model.hash), name(&model.profile.id), now);
            }
        }
        self.by_hash
            .retain(|_, served| now - served.at < FORGET_AFTER);
    }

    fn serves(&mut self, name: String, id: String, at: OffsetDateTime) {
        let served = self.by_hash.entry(name).or_insert(Served { id, at });
        served.at = at;
    }

    /// The silence of the nodes may have been ours: all weights count as spoken of now.
    pub fn forgive_silence(&mut self, now: OffsetDateTime) {
        self.since = now;
        for served in self.by_hash.values_mut() {
            served.at = now;
        }
    }

    /// What a job may hope for that was submitted at `submitted_at` and needs `model`.
    pub fn prospect(
        &self,
        model: &ModelRef,
        submitted_at: OffsetDateTime,
        now: OffsetDateTime,
        replaced_after: Duration,
        patience: Duration,
    ) -> Prospect {
        let served = self.by_hash.get(&model.hash);
        let last = served.map_or(self.since, |served| served.at);
        // A job that came later was made for weights that the bot knew of then.
        let silence = now - last.max(submitted_at);
        if silence < replaced_after {
            return Prospect::Waits;
        }
        let successor = self
            .by_hash
            .iter()
            .filter(|(hash, other)| {
                **hash != model.hash && other.id == model.id && now - other.at < replaced_after
            })
            .max_by_key(|(hash, other)| (other.at, *hash));
        match successor {
            Some((hash, _)) => Prospect::Replaced(ModelRef {
                id: model.id.clone(),
                hash: hash.clone(),
            }),
            None if silence >= patience => Prospect::Homeless,
            None => Prospect::Waits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_domain::model::ModelProfile;
    use easel_domain::spec::{Question, Sampler};

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const SOON: Duration = Duration::from_secs(15);
    const LONG: Duration = Duration::from_mins(15);

    fn announced(hash: &str, id: &str) -> NodeModel {
        let profile = ModelProfile {
            id: id.into(),
            native_width: 64,
            native_height: 64,
            max_side: 96,
            multiple: 16,
            default_steps: 20,
            default_guidance: 5.0,
            default_sampler: Sampler::Default,
            safe: true,
            finish_scale: 1,
            aliases: vec![],
        };
        NodeModel::resident(hash, profile)
    }

    fn prospect(weights: &Weights, hash: &str, seconds: u64) -> Prospect {
        let model = ModelRef {
            id: "tiny".into(),
            hash: hash.into(),
        };
        let now = START + Duration::from_secs(seconds);
        weights.prospect(&model, START, now, SOON, LONG)
    }

    #[test]
    fn weights_are_replaced_once_nobody_has_them_and_somebody_has_others_of_their_name() {
        let mut weights = Weights::new(START);
        weights.heard(&[announced("old", "tiny")], START);
        let later = START + Duration::from_secs(10);
        weights.heard(&[announced("new", "tiny"), announced("else", "big")], later);
        assert_eq!(prospect(&weights, "old", 14), Prospect::Waits);
        let new = ModelRef {
            id: "tiny".into(),
            hash: "new".into(),
        };
        assert_eq!(prospect(&weights, "old", 16), Prospect::Replaced(new));
    }

    #[test]
    fn without_a_successor_a_job_waits_for_as_long_as_it_is_told_to() {
        let mut weights = Weights::new(START);
        weights.heard(&[announced("else", "big")], START);
        assert_eq!(prospect(&weights, "old", 15 * 60 - 1), Prospect::Waits);
        assert_eq!(prospect(&weights, "old", 15 * 60), Prospect::Homeless);
        weights.forgive_silence(START + LONG);
        assert_eq!(prospect(&weights, "old", 15 * 60 + 5), Prospect::Waits);
    }

    #[test]
    fn a_question_waits_for_nodes_that_can_answer_and_not_for_ever() {
        let mut weights = Weights::new(START);
        weights.heard(&[announced("old", "tiny")], START);
        let able = NodeModel {
            weighs: true,
            ..announced("new", "tiny")
        };
        let asked = |weights: &Weights, hash: &str, seconds| {
            let model = ModelRef {
                id: skill::named("tiny", Some(Question::Words)),
                hash: skill::named(hash, Some(Question::Words)),
            };
            let now = START + Duration::from_secs(seconds);
            weights.prospect(&model, START, now, SOON, LONG)
        };
        assert_eq!(asked(&weights, "old", 14 * 60), Prospect::Waits);
        assert_eq!(asked(&weights, "old", 15 * 60), Prospect::Homeless);
        weights.heard(&[able], START + Duration::from_secs(20));
        let new = ModelRef {
            id: skill::named("tiny", Some(Question::Words)),
            hash: skill::named("new", Some(Question::Words)),
        };
        assert_eq!(asked(&weights, "old", 21), Prospect::Replaced(new.clone()));
        assert_eq!(skill::weights(&new.hash), "new");
    }

    #[test]
    fn a_new_leader_lets_the_nodes_speak_first() {
        let mut weights = Weights::new(START + Duration::from_secs(100));
        weights.heard(
            &[announced("new", "tiny")],
            START + Duration::from_secs(101),
        );
        assert_eq!(prospect(&weights, "old", 110), Prospect::Waits);
    }
}
