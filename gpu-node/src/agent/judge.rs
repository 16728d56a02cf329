//! The verdicts on finished pictures: nothing is visible unchecked.

use std::sync::Arc;
use std::time::Instant;

use easel_domain::picture::PictureVerdict;
use easel_moderation::{Evidence, PicturePolicy, RgbPicture};

use super::job::Stop;
use crate::checker::{Checkers, Scores};
use crate::engine::Picture;
use crate::metric;

/// What a node does with its pictures before it lets them go.
pub struct PictureCheck {
    /// What scores mean.
    pub policy: PicturePolicy,
    /// Where they come from.
    pub checkers: Checkers,
}

/// Where pictures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'m> {
    /// Hash of the weights that drew them.
    pub model: &'m str,
    /// Whether these are marked safe.
    pub safe: bool,
    /// Whether they were drawn from words alone.
    pub from_words: bool,
}

impl PictureCheck {
    /// The verdicts on pictures. A model that is marked safe is safe while it draws from words alone; everything else is
    /// looked at, where there is anything that can look.
    ///
    /// # Errors
    ///
    /// The checker did not say anything: then another try may find one that does, and meanwhile nothing is shown.
    pub(super) async fn judge(
        &self,
        origin: Origin<'_>,
        pictures: &Arc<Vec<Picture>>,
    ) -> Result<Vec<PictureVerdict>, Stop> {
        let Origin {
            model,
            safe,
            from_words,
        } = origin;
        let checker = self.checkers.of(model).filter(|_| !(safe && from_words));
        let Some(checker) = checker else {
            let evidence = if safe {
                Evidence::SafeModel
            } else {
                Evidence::Unchecked
            };
            return Ok(self.verdicts(pictures, |_| evidence));
        };
        let (began, seen) = (Instant::now(), Arc::clone(pictures));
        let its_checker = Arc::clone(checker);
        let looked = tokio::task::spawn_blocking(move || {
            let pictures = seen.iter();
            pictures
                .map(|picture| its_checker.scores(picture))
                .collect::<Result<Vec<Scores>, String>>()
        });
        let scores = match looked.await {
            Ok(scores) => scores.map_err(|message| not_checked(&message))?,
            // The library behind it panics where others return errors.
            Err(error) => return Err(not_checked(&error.to_string())),
        };
        metrics::histogram!(metric::PART_SECONDS, "part" => "check")
            .record(began.elapsed().as_secs_f64());
        let classifier = checker.id();
        Ok(self.verdicts(pictures, |at| Evidence::Classified {
            classifier,
            scores: &scores[at],
        }))
    }

    fn verdicts<'e>(
        &self,
        pictures: &[Picture],
        evidence: impl Fn(usize) -> Evidence<'e>,
    ) -> Vec<PictureVerdict> {
        let numbered = pictures.iter().enumerate();
        numbered
            .filter_map(|(at, picture)| {
                let seen = RgbPicture::new(picture.width, picture.height, &picture.rgb)?;
                Some(self.policy.judge(seen, evidence(at)))
            })
            .collect()
    }
}

fn not_checked(message: &str) -> Stop {
    Stop::retryable_because("check the pictures", message)
}

#[cfg(test)]
mod tests {
    use easel_domain::failure::FailureKind;
    use easel_domain::picture::PictureOutcome;
    use easel_moderation::Category;

    use super::*;
    use crate::checker::Checker;

    /// Takes the first byte of a picture for how sexual it is, from 0 to 255; breaks at 254 and says nothing at 255.
    struct FirstByte;

    impl Checker for FirstByte {
        fn id(&self) -> &'static str {
            "first-byte"
        }

        fn scores(&self, picture: &Picture) -> Result<Scores, String> {
            match picture.rgb[0] {
                254 => panic!("broken"),
                255 => Err("out of memory".to_owned()),
                byte => Ok(Scores::from([(Category::Sexual, f32::from(byte) / 255.0)])),
            }
        }
    }

    fn check(checkers: Checkers) -> PictureCheck {
        let policy = PicturePolicy::built_in().unwrap();
        PictureCheck { policy, checkers }
    }

    fn pictures(bytes: &[u8]) -> Arc<Vec<Picture>> {
        let picture = |byte: &u8| Picture {
            width: 1,
            height: 1,
            rgb: vec![*byte; 3],
        };
        Arc::new(bytes.iter().map(picture).collect())
    }

    const DRAWN: Origin<'static> = Origin {
        model: "m",
        safe: false,
        from_words: true,
    };

    async fn outcomes(
        check: &PictureCheck,
        origin: Origin<'_>,
        bytes: &[u8],
    ) -> Vec<(PictureOutcome, String)> {
        let verdicts = check.judge(origin, &pictures(bytes)).await.unwrap();
        let verdicts = verdicts.into_iter();
        verdicts
            .map(|verdict| (verdict.outcome, verdict.checker))
            .collect()
    }

    #[tokio::test]
    async fn each_picture_gets_the_verdict_that_its_own_scores_deserve() {
        let check = check(Checkers::for_all(Arc::new(FirstByte)));
        let found = outcomes(&check, DRAWN, &[0, 110, 200, 250]).await;
        let wanted = [
            PictureOutcome::Pass,
            PictureOutcome::Spoiler,
            PictureOutcome::Hold,
            PictureOutcome::Block,
        ];
        assert_eq!(
            found,
            wanted.map(|outcome| (outcome, "first-byte".to_owned()))
        );
    }

    #[tokio::test]
    async fn a_safe_model_is_looked_at_once_it_starts_from_a_picture() {
        let check = check(Checkers::for_all(Arc::new(FirstByte)));
        let safe = Origin {
            safe: true,
            ..DRAWN
        };
        assert_eq!(outcomes(&check, safe, &[250]).await[0].1, "safe-model");
        let repainted = Origin {
            from_words: false,
            ..safe
        };
        assert_eq!(
            outcomes(&check, repainted, &[250]).await[0].0,
            PictureOutcome::Block
        );
    }

    #[tokio::test]
    async fn where_nobody_looks_only_safe_models_pass() {
        let own = Checkers::own([("other".to_owned(), Arc::new(FirstByte) as _)].into());
        let check = check(own);
        assert_eq!(
            outcomes(&check, DRAWN, &[0]).await,
            [(PictureOutcome::Hold, "none".to_owned())]
        );
        let repainted = Origin {
            safe: true,
            from_words: false,
            ..DRAWN
        };
        assert_eq!(
            outcomes(&check, repainted, &[0]).await[0].0,
            PictureOutcome::Pass
        );
        let other = Origin {
            model: "other",
            ..DRAWN
        };
        assert_eq!(outcomes(&check, other, &[0]).await[0].1, "first-byte");
    }

    #[tokio::test]
    async fn the_own_checker_of_a_safe_model_looks_at_what_it_makes_of_pictures() {
        let own = Checkers::own([("m".to_owned(), Arc::new(FirstByte) as _)].into());
        let check = check(own);
        let safe = Origin {
            safe: true,
            ..DRAWN
        };
        assert_eq!(outcomes(&check, safe, &[250]).await[0].1, "safe-model");
        let repainted = Origin {
            from_words: false,
            ..safe
        };
        assert_eq!(
            outcomes(&check, repainted, &[250]).await,
            [(PictureOutcome::Block, "first-byte".to_owned())]
        );
        let not_marked = Origin {
            safe: false,
            ..repainted
        };
        assert_eq!(
            outcomes(&check, not_marked, &[250]).await[0].0,
            PictureOutcome::Block
        );
    }

    #[tokio::test]
    async fn a_checker_that_breaks_costs_a_try_and_shows_nothing() {
        let check = check(Checkers::for_all(Arc::new(FirstByte)));
        for byte in [254, 255] {
            let stop = check.judge(DRAWN, &pictures(&[0, byte])).await.unwrap_err();
            let Stop::Failed { kind, message } = stop else {
                panic!("{stop:?}");
            };
            assert_eq!(kind, FailureKind::Retryable);
            assert!(message.starts_with("check the pictures: "), "{message}");
        }
    }
}
